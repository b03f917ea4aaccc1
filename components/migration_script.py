"""The script that psql runs in a database: what is due, in order, each file once.

One session does it all and holds an advisory lock meanwhile, so that two migrations of one database cannot run
at once. What was done is kept in the schema `bulkhead` of the database itself.
"""
# ruff: noqa: S608 - SQL is what is made here; names come from Environment, all else is quoted by `literal`

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from components.database_settings import identifier, is_of_extension, literal, value_of
from components.environment import DatabaseNames
from components.migration_files import STRUCTURE, Migrations, SqlFile

SCRIPT, WAIT = "migrate.sql", "wait.sql"
SEEDS = "seeds"
"""The folder of seeds beside the script."""

LEDGER = "bulkhead"
"""The schema that says what was done."""

WAIT_SECONDS = 300
"""How long another migration of the database is waited for."""

_LOCK = int.from_bytes(b"bulkhead")
"""The advisory lock's number; a lock is of one database."""

_BEFORE = "RESET ALL;\nRESET ROLE;\n\\set ON_ERROR_STOP on\n"
"""What an earlier file has set, in the session or in psql, must not reach the next one."""

_INVALID = """\
FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid AND c.relkind = 'i' AND c.relowner = current_user::pg_catalog.regrole"""
"""Indexes that a build which was broken off has left; a partitioned one (`I`) may rightly wait for its parts."""


_LOAD = """\
DO $bulkhead$
DECLARE
  type regtype;
BEGIN
  FOR type IN SELECT objid FROM pg_catalog.pg_depend
    WHERE classid = 'pg_catalog.pg_type'::regclass AND deptype = 'e' LOOP
    BEGIN
      EXECUTE pg_catalog.format('SELECT %L::%s', '', type);
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
END
$bulkhead$;
"""
"""Has the server load all extensions: by a value of each of their types, whether it can be one or not.

An extension's setting is checked by the extension; without it the server takes it from a superuser alone.
"""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a database is to become.

    Args:
        names: what the database and its roles are called.
        migrations: the files.
        settings: what the database's sessions begin with.
    """

    names: DatabaseNames
    migrations: Migrations
    settings: Mapping[str, str]


def render_files(plan: Plan) -> dict[str, str]:
    """The script, and beside it every file that it includes but the seeds."""
    migrations = plan.migrations
    own = {SCRIPT: render_script(plan), WAIT: render_wait()}
    structure = (migrations.structure,) if migrations.structure else ()
    return own | {file.name: file.text for file in (*structure, *migrations.files)}


def render_script(plan: Plan) -> str:
    """The script; a file may name the database and its roles by psql's variables, `:"read_write"`."""
    migrations = plan.migrations
    parts = [
        _variables(plan.names),
        _refuse_stranger(plan.names),
        "\\set bulkhead_waited 0\n\\ir wait.sql\n",
        _ledger(),
        _refuse_contradictions(migrations),
    ]
    if migrations.structure:
        parts.append(_structure(migrations.structure, migrations))
    parts += [_once(file, "migration", file.name) for file in migrations.files]
    parts.append(_settings(plan))
    if migrations.seeds:
        parts.append(_seeds(migrations))
    return "\n".join(parts)


def render_wait() -> str:
    """Waits for the lock, in short statements: one that waited itself would hold up indexes built concurrently."""
    return f"""\
SELECT pg_catalog.pg_try_advisory_lock({_LOCK}) AS bulkhead_locked \\gset
\\if :bulkhead_locked
\\else
  SELECT pg_catalog.pg_sleep(2)::text AS bulkhead_slept, :bulkhead_waited + 2 AS bulkhead_waited,
    :bulkhead_waited + 2 > {WAIT_SECONDS} AS bulkhead_late \\gset
  \\if :bulkhead_late
    {_raise(f"another migration of this database has been running for {WAIT_SECONDS} s; wait for its end")}
  \\endif
  \\ir {WAIT}
\\endif
"""


def _variables(names: DatabaseNames) -> str:
    given = {
        "database": names.database,
        "owner": names.owner,
        "read_write": names.read_write,
        "read_only": names.read_only,
    }
    lines = ["\\set ON_ERROR_STOP on", "\\set SHOW_CONTEXT never"]
    lines += [f"\\set {name} {value}" for name, value in given.items()]
    return "\n".join(lines) + "\n"


def _refuse_stranger(names: DatabaseNames) -> str:
    owner, database = literal(names.owner), literal(names.database)
    return f"""\
SELECT current_user <> {owner} OR pg_catalog.current_database() <> {database} AS bulkhead_stranger \\gset
\\if :bulkhead_stranger
  {_raise(f"a migration of {names.database} runs as {names.owner} and in that database alone")}
\\endif
"""


def _ledger() -> str:
    return f"""\
SELECT pg_catalog.to_regclass('{LEDGER}.settings') IS NULL AS bulkhead_new \\gset
\\if :bulkhead_new
  BEGIN;
  CREATE SCHEMA {LEDGER};
  CREATE TABLE {LEDGER}.migrations (
    kind text NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    by text NOT NULL DEFAULT session_user,
    PRIMARY KEY (kind, name)
  );
  CREATE TABLE {LEDGER}.settings (name text PRIMARY KEY);
  INSERT INTO {LEDGER}.migrations (kind, name, sha256)
    SELECT 'adopted', pg_catalog.current_database(), '' WHERE {_has_objects()};
  COMMENT ON SCHEMA {LEDGER} IS 'What has been done to this database, and when';
  COMMIT;
\\endif
"""


def _refuse_contradictions(migrations: Migrations) -> str:
    """Stop where the files do not fit what was done: nothing can say what would come of it."""
    applied = f"FROM {LEDGER}.migrations AS done LEFT JOIN given USING (kind, name)"
    known = ", ".join(map(literal, migrations.contained)) or "''"
    squashed = sorted(set(migrations.contained) - {file.name for file in migrations.files})
    missing = ", ".join(f"({literal(name)})" for name in squashed) or "(NULL)"
    return f"""\
DO $bulkhead$
DECLARE
  wrong text;
BEGIN
  WITH given (kind, name, sha256) AS (VALUES {_given(migrations)}),
  changed AS (
    SELECT done.kind || ' ' || done.name AS what, done.at {applied}
    WHERE done.kind <> 'structure' AND done.sha256 <> '' AND given.sha256 <> done.sha256
  )
  SELECT string_agg(what || ' was applied at ' || at::timestamptz(0), '; ') INTO wrong FROM changed;
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION '%, and has changed since', wrong
    USING HINT = 'Put it back as it was, and write what is new into a new file.';
  END IF;
  WITH given (kind, name, sha256) AS (VALUES {_given(migrations)})
  SELECT string_agg(done.name || ' was applied at ' || done.at::timestamptz(0), '; ') INTO wrong {applied}
  WHERE done.kind = 'migration' AND given.name IS NULL AND done.name NOT IN ({known});
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION '%, and is gone', wrong
    USING HINT = 'Put it back, or copy the structure anew: bulkhead structure dump';
  END IF;
  SELECT string_agg(given.name, ', ') INTO wrong FROM (VALUES {missing}) AS given (name)
  WHERE given.name IS NOT NULL AND {_has_objects()}
  AND NOT EXISTS (SELECT FROM {LEDGER}.migrations AS done WHERE done.name = given.name);
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION '% was never applied here, and is only in {STRUCTURE}, which an empty database takes', wrong
    USING HINT = 'Put the file back.';
  END IF;
END
$bulkhead$;
"""


def _given(migrations: Migrations) -> str:
    rows = [("migration", file) for file in migrations.files] + [("seed", file) for file in migrations.seeds]
    values = [f"('{kind}', {literal(file.name)}, '{file.digest}')" for kind, file in rows]
    return ", ".join(values) or "(NULL::text, NULL::text, NULL::text)"


def _has_objects() -> str:
    """Whether the database has a table, view, sequence or function that is neither ours nor an extension's."""
    system = f"n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '{LEDGER}')"
    found = [
        f"EXISTS (SELECT FROM pg_catalog.{catalog} AS o JOIN pg_catalog.pg_namespace AS n ON n.oid = o.{column} "
        f"WHERE {system}{kinds} AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d "
        f"WHERE d.classid = 'pg_catalog.{catalog}'::pg_catalog.regclass AND d.objid = o.oid AND d.deptype = 'e'))"
        for catalog, column, kinds in (
            ("pg_class", "relnamespace", " AND o.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')"),
            ("pg_proc", "pronamespace", ""),
        )
    ]
    return f"({' OR '.join(found)})"


def _structure(file: SqlFile, migrations: Migrations) -> str:
    digests = {other.name: other.digest for other in migrations.files}
    contained = [_done("migration", name, digests.get(name, "")) for name in migrations.contained]
    return f"""\
SELECT NOT {_has_objects()} AS bulkhead_due \\gset
\\if :bulkhead_due
{_inside(STRUCTURE)}{_BEFORE}{"".join(contained)}{_done("structure", STRUCTURE, file.digest)}\
COMMIT;
\\echo {STRUCTURE}: applied to an empty database
\\endif
"""


def _once(file: SqlFile, kind: str, path: str) -> str:
    done = _done(kind, file.name, file.digest)
    work = f"{_inside(path)}{_BEFORE}{done}COMMIT;\n" if file.has_transaction else f"{_outside(path)}{done}"
    return f"""\
SELECT NOT EXISTS (SELECT FROM {LEDGER}.migrations WHERE kind = '{kind}' AND name = {literal(file.name)})
  AS bulkhead_due \\gset
\\if :bulkhead_due
{work}\\echo {path}: applied
\\endif
"""


def _seeds(migrations: Migrations) -> str:
    """Rows to begin with, for a database that was empty when it was first seen: others have rows of their own."""
    seeds = "".join(_once(file, "seed", f"{SEEDS}/{file.name}") for file in migrations.seeds)
    return f"""\
SELECT EXISTS (SELECT FROM {LEDGER}.migrations WHERE kind = 'adopted') AS bulkhead_adopted \\gset
\\if :bulkhead_adopted
  \\echo {SEEDS}: left out, the database had objects of its own
\\else
{seeds}\\endif
"""


def _inside(path: str) -> str:
    """A file in one transaction, which it must not end; whether it has is asked of the server."""
    return f"""\
{_BEFORE}BEGIN;
SELECT pg_catalog.pg_current_xact_id() AS bulkhead_transaction \\gset
\\ir {path}
SELECT pg_catalog.pg_current_xact_id() <> :'bulkhead_transaction'::pg_catalog.xid8 AS bulkhead_ended \\gset
\\if :bulkhead_ended
  {_raise(f"{path} has ended its transaction itself; each file is one")}
\\endif
"""


def _outside(path: str) -> str:
    """A file without a transaction; what it left when it was broken off before is cleared away first."""
    return f"""\
{_BEFORE}SET lock_timeout = 0;
SELECT pg_catalog.format('DROP INDEX CONCURRENTLY %I.%I', n.nspname, c.relname) {_INVALID} \\gexec
\\ir {path}
{_BEFORE}SELECT EXISTS (SELECT {_INVALID}) AS bulkhead_invalid \\gset
\\if :bulkhead_invalid
  {_raise(f"{path} has left an index that is not valid")}
\\endif
"""


def _done(kind: str, name: str, digest: str) -> str:
    return (
        f"INSERT INTO {LEDGER}.migrations (kind, name, sha256) VALUES ('{kind}', {literal(name)}, '{digest}');\n"
    )


def _settings(plan: Plan) -> str:
    """What the database's sessions begin with, and what of ours they begin with no more."""
    alter = f"ALTER DATABASE {identifier(plan.names.database)}"
    changes = [
        f"{alter} SET {identifier(name)} TO {value_of(name, value)};\n"
        for name, value in sorted(plan.settings.items())
    ]
    listed = "".join(
        f"INSERT INTO {LEDGER}.settings (name) VALUES ({literal(name)});\n" for name in sorted(plan.settings)
    )
    load = _LOAD if any(map(is_of_extension, plan.settings)) else ""
    reset = literal(f"{alter.replace('%', '%%')} RESET %I")
    return f"""\
{_BEFORE}{load}BEGIN;
SELECT pg_catalog.format({reset}, name) FROM {LEDGER}.settings \\gexec
{"".join(changes)}DELETE FROM {LEDGER}.settings;
{listed}COMMIT;
"""


def _raise(message: str) -> str:
    return f"DO $bulkhead$ BEGIN RAISE EXCEPTION {literal(message.replace('%', '%%'))}; END $bulkhead$;"


def seed_files(seeds: Iterable[SqlFile]) -> dict[str, str]:
    """The seeds, by name."""
    return {file.name: file.text for file in seeds}
