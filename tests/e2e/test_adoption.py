"""Adoption: databases that were there before, with data and a login that owns everything, come under our roof."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest

from sandbox import postgresql
from tests.e2e.engine import CHECKOUT, Outcome, Project, Step
from tests.e2e.servers import Servers

PROGRAM = Path(__file__).parent / "programs" / "veteran"
DATABASES = ("veteran", "veteran_backend")
OTHER = "veteran_other"
"""A database of the same login that nobody declares."""

LOGIN, GUEST = "veteran", "veteran_guest"
PASSWORD = "planted-for-a-test"
OWNERS = {"veteran": "veteran_api_owner_dev", "veteran_backend": "veteran_backend_owner_dev"}
ROLES = [f"veteran_{part}_{word}dev" for part in ("api", "backend") for word in ("owner_", "", "readonly_")]

GRANT = f'GRANT "{LOGIN}" TO "{postgresql.ADMINISTRATOR}" WITH ADMIN OPTION'
PLANTED = (PROGRAM / "planted.sql").read_text(encoding="utf-8")


@dataclass
class Writer:
    """A client that writes through the old login all the time, over old sessions and new ones."""

    servers: Servers
    database: str
    written: int = 0
    failed: list[str] = field(default_factory=list)
    slowest: float = 0

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        try:
            with self._session() as kept:
                while not self._stop.is_set():
                    self._transact(kept)
                    with self._session() as fresh:
                        self._transact(fresh)
        except psycopg.Error as error:
            self.failed.append(str(error))

    def _session(self) -> Any:
        return self.servers.database(self.database, user=LOGIN, password=PASSWORD)

    def _transact(self, session: Any) -> None:
        with session.transaction():
            session.execute("INSERT INTO tenants (name) VALUES ('written') RETURNING id")
            session.execute("UPDATE orders SET n = n + 1 WHERE id = 1")
        with session.transaction():
            session.execute("UPDATE orders SET n = n + 1 WHERE id = 2")
            session.execute("DELETE FROM tenants WHERE name = 'written'")
        self.written += 2


def superuser(servers: Servers, *statements: str, database: str = "postgres") -> None:
    """What an administrator without superuser rights cannot do."""
    password = postgresql.password(servers.sandbox.layout, "superuser")
    with servers.database(database, user=postgresql.SUPERUSER, password=password) as session:
        for statement in statements:
            session.execute(statement.encode())


@pytest.fixture(scope="module")
def veteran(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The program, not yet applied, and what was there before it."""
    folder = tmp_path_factory.mktemp("veteran")
    shutil.copytree(PROGRAM, folder, dirs_exist_ok=True)
    for name in ("components", ".venv"):
        (folder / name).symlink_to(CHECKOUT / name)
    project = Project(folder, {**os.environ, **servers.environment})
    _uproot(project, servers)  # an earlier run was broken off
    try:
        _plant(servers)
        project.init("dev")
        yield project
    finally:
        _uproot(project, servers)


def _plant(servers: Servers) -> None:
    for role, more in ((LOGIN, "CREATEDB"), (GUEST, "")):
        superuser(servers, f"CREATE ROLE {role} LOGIN {more} PASSWORD '{PASSWORD}'")
    superuser(servers, *(f"CREATE DATABASE {database} OWNER {LOGIN}" for database in (*DATABASES, OTHER)))
    for database in (*DATABASES, OTHER):
        with servers.database(database, user=LOGIN, password=PASSWORD) as session:
            session.execute(PLANTED.encode())


def _uproot(project: Project, servers: Servers) -> None:
    if "dev" in project.stacks():
        project.pulumi("cancel", "--yes", "--stack", "dev", check=False)
        project.destroy("dev", check=False)
        project.pulumi("stack", "rm", "--yes", "--force", "--preserve-config", "--stack", "dev")
    superuser(servers, *(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in (*DATABASES, OTHER)))
    for role in (LOGIN, GUEST, *ROLES):
        with servers.database() as session:
            if session.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
                superuser(servers, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def dump(servers: Servers, database: str, *words: str) -> str:
    """All that a database has, as PostgreSQL's own tool writes it."""
    password = postgresql.password(servers.sandbox.layout, "superuser")
    program = servers.sandbox.setting.binary("postgres").parent / "pg_dump"
    done = subprocess.run(
        [str(program), "--no-owner", "--no-privileges", *words, database],
        env={**os.environ, **servers.environment, "PGUSER": postgresql.SUPERUSER, "PGPASSWORD": password},
        capture_output=True,
        text=True,
        check=True,
    )
    # Newer versions write a random word against injected commands.
    return "\n".join(
        line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))
    )


OURS = f"^(?!.*_pr__).*{LOGIN}"  # test_identity has a pull request's stack of the same system
CATALOGUE = {
    "databases": "SELECT datname, pg_get_userbyid(datdba), datconnlimit, datacl::text "
    "FROM pg_database WHERE datname",
    "roles": "SELECT rolname, rolcanlogin, rolcreatedb, rolinherit, rolconnlimit, rolconfig::text "
    "FROM pg_roles WHERE rolname",
    "settings": "SELECT rolname, datname, setconfig::text FROM pg_db_role_setting "
    "LEFT JOIN pg_roles r ON r.oid = setrole LEFT JOIN pg_database d ON d.oid = setdatabase "
    "WHERE concat(datname, rolname)",
    "members": "SELECT roleid::regrole::text, member::regrole::text, admin_option FROM pg_auth_members "
    "WHERE concat(roleid::regrole, member::regrole)",
}


def catalogue(servers: Servers) -> dict[str, list[Any]]:
    """What the server has of ours by name: databases, roles, settings, memberships."""
    with servers.database() as session:
        return {
            kind: session.execute(f"{query} ~ '{OURS}' ORDER BY 1, 2".encode()).fetchall()
            for kind, query in CATALOGUE.items()
        }


def owners(servers: Servers, database: str) -> dict[str, set[str]]:
    """The owners of everything in a database, system and extensions left out, with what is theirs."""
    with servers.database(database, user=postgresql.SUPERUSER, password=_superusers(servers)) as session:
        rows = session.execute(
            "SELECT r.rolname, i.type || ' ' || i.identity FROM pg_shdepend s "
            "JOIN pg_roles r ON r.oid = s.refobjid "
            "JOIN pg_database d ON d.oid = s.dbid AND d.datname = current_database() "
            "CROSS JOIN LATERAL pg_identify_object(s.classid, s.objid, 0) i "
            "WHERE s.deptype = 'o' AND i.type <> 'default acl' AND NOT EXISTS (SELECT FROM pg_depend e "
            "WHERE e.classid = s.classid AND e.objid = s.objid AND e.deptype = 'e')"
        ).fetchall()
    found: dict[str, set[str]] = {}
    for owner, what in rows:
        found.setdefault(owner, set()).add(what)
    return found


def _superusers(servers: Servers) -> str:
    return postgresql.password(servers.sandbox.layout, "superuser")


@dataclass(frozen=True)
class Before:
    """What was seen before anything was adopted."""

    refused: tuple[Outcome, Outcome]
    catalogues: tuple[dict[str, Any], dict[str, Any], dict[str, Any]]
    preview: Outcome
    steps: list[Step]
    dumps: dict[str, str]
    owners: dict[str, dict[str, set[str]]]


@pytest.fixture(scope="module")
def before(veteran: Project, servers: Servers) -> Before:
    """A first preview and a first `up` of an administrator who may not act for the login, and one who may."""
    dumps = {name: dump(servers, name) for name in (*DATABASES, OTHER)}
    owned = {name: owners(servers, name) for name in (*DATABASES, OTHER)}
    without = catalogue(servers)
    refused = (
        veteran.pulumi("preview", "--stack", "dev", check=False),
        veteran.up("dev", check=False),
    )
    after_refusal = catalogue(servers)
    superuser(servers, GRANT)
    first = catalogue(servers)
    preview = veteran.pulumi("preview", "--stack", "dev")
    steps = veteran.changes("dev")
    assert catalogue(servers) == first
    return Before(refused, (without, after_refusal, first), preview, steps, dumps, owned)


@dataclass(frozen=True)
class After:
    """What was seen of the first `up`."""

    outcome: Outcome
    writers: tuple[Writer, ...]
    second: list[Step]
    refreshed: list[Step]


@pytest.fixture(scope="module")
def after(veteran: Project, servers: Servers, before: Before) -> After:
    """The first `up`, while clients write to both databases through the old login."""
    with Writer(servers, DATABASES[0]) as one, Writer(servers, DATABASES[1]) as two:
        outcome = veteran.up("dev")
        second = veteran.changes("dev")
    return After(outcome, (one, two), second, veteran.changes("dev", "--refresh"))


def test_who_may_not_act_for_the_login_is_told_what_a_superuser_runs(before: Before) -> None:
    for outcome in before.refused:
        assert outcome.status != 0
        assert GRANT in outcome.output
        assert "nothing has been changed" in outcome.output
        assert "Traceback" not in outcome.output
    without, after_refusal, _ = before.catalogues
    assert without == after_refusal


def test_the_first_preview_says_what_it_will_do(before: Before) -> None:
    for words in (
        "adopts database veteran, which is there already",
        "makes role veteran_api_owner_dev, which cannot log in",
        "gives the database from veteran to veteran_api_owner_dev",
        "1 materialized view",
        "1 procedure",
        "5 tables",
        "data stays as it is",
        "makes veteran a member of veteran_backend_owner_dev: it goes on as before",
        f"lets {GUEST} in by name",
        "leaves to veteran what nobody can give away: extension pg_trgm",
    ):
        assert words in before.preview.output


def test_the_first_preview_imports_databases_and_login(before: Before) -> None:
    imported = {step.name for step in before.steps if step.operation == "import"}
    assert imported == {"api-database", "backend-database", "legacy-veteran"}
    assert {step.operation for step in before.steps} == {"import", "create"}


def test_clients_write_on_while_it_happens(after: After) -> None:
    for writer in after.writers:
        assert writer.failed == []
        assert writer.written > 50


def test_the_first_up_imports_databases_and_roles(after: After) -> None:
    assert after.outcome.output.count(" imported (") == 2 + 6 + 1
    assert "updated" not in after.outcome.output


def test_a_second_preview_and_a_refresh_show_no_change(after: After) -> None:
    assert after.second == []
    assert after.refreshed == []


@pytest.mark.parametrize("database", DATABASES)
def test_everything_belongs_to_the_owner_but_what_nobody_can_give_away(
    after: After, before: Before, servers: Servers, database: str
) -> None:
    then, now = before.owners[database], owners(servers, database)
    assert now.pop(LOGIN) == {"extension pg_trgm"}
    assert now[OWNERS[database]] >= then[LOGIN] - {"extension pg_trgm"}


def test_the_logins_other_database_is_left_alone(after: After, before: Before, servers: Servers) -> None:
    assert owners(servers, OTHER) == before.owners[OTHER]
    assert dump(servers, OTHER) == before.dumps[OTHER]


@pytest.mark.parametrize("database", DATABASES)
def test_structure_and_rows_are_as_before(after: After, before: Before, servers: Servers, database: str) -> None:
    """But for the schema `public`, whose owner is another role now, and the rows that the writers change."""

    def compared(text: str) -> list[str]:
        lines = (line for line in text.splitlines() if line and not line.startswith("--"))
        passing = (
            "1\t1\t",
            "2\t2\t",
            "SELECT pg_catalog.setval",
            "CREATE SCHEMA public",
            "COMMENT ON SCHEMA public",
        )
        return [line for line in lines if not line.startswith(passing)]

    assert len(compared(before.dumps[database])) > 1000
    assert sorted(compared(dump(servers, database))) == sorted(compared(before.dumps[database]))


def test_settings_and_attributes_are_as_before(after: After, before: Before, servers: Servers) -> None:
    first, now = before.catalogues[2], catalogue(servers)
    assert now["settings"] == first["settings"]
    assert set(first["roles"]) <= set(now["roles"])
    assert {row[0] for row in now["roles"]} - {row[0] for row in first["roles"]} == set(ROLES)
    limits = {row[0]: row[2] for row in first["databases"]}
    assert {row[0]: row[2] for row in now["databases"]} == limits
    gone = {row[:2] for row in first["members"]} - {row[:2] for row in now["members"]}
    assert gone == set()


def test_the_administrator_keeps_no_membership_that_it_took(after: After, servers: Servers) -> None:
    with servers.database() as session:
        rows = session.execute(
            "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = current_user::regrole "
            "AND grantor = current_user::regrole AND roleid = %s::regrole",
            (LOGIN,),
        ).fetchall()
    assert rows == []


def test_the_groups_may_use_what_was_there(after: After, servers: Servers) -> None:
    with servers.database(DATABASES[0]) as session:
        session.execute("GRANT veteran_api_dev, veteran_api_readonly_dev TO CURRENT_USER")
        session.execute("SET ROLE veteran_api_dev")
        session.execute('INSERT INTO "Odd Schema"."Odd Table" VALUES (1)')
        session.execute("SELECT nextval('loose'), count(*) FROM names")
        session.execute("SET ROLE veteran_api_readonly_dev")
        session.execute('SELECT * FROM "Odd Schema"."Odd Table"')
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute('DELETE FROM "Odd Schema"."Odd Table"')
        session.execute("SET ROLE veteran_api_dev")
        session.execute('DELETE FROM "Odd Schema"."Odd Table"')


def test_a_guest_reads_on(after: After, servers: Servers) -> None:
    with servers.database(DATABASES[0], user=GUEST, password=PASSWORD) as session:
        assert session.execute("SELECT count(*) FROM orders").fetchone() == (500,)


def test_what_the_login_makes_later_is_taken_by_the_next_up(
    after: After, veteran: Project, servers: Servers
) -> None:
    with servers.database(DATABASES[0], user=LOGIN, password=PASSWORD) as session:
        session.execute("CREATE TABLE later (id serial)")
    try:
        outcome = veteran.up("dev", "--expect-no-changes")
        assert "gives 1 table from veteran to veteran_api_owner_dev" in outcome.output
        assert owners(servers, DATABASES[0])[LOGIN] == {"extension pg_trgm"}
    finally:
        superuser(servers, "DROP TABLE later", database=DATABASES[0])


def test_an_up_that_broke_off_goes_on(after: After, veteran: Project) -> None:
    """The databases had changed hands, and the state did not know yet."""
    urns = [urn for urn in veteran.resources("dev") if "::api-" in urn or "::backend-" in urn]
    kinds = ("Database", "Role")
    forgotten = [urn for urn in urns if urn.rsplit("::", 2)[1].endswith(kinds)]
    assert forgotten
    for urn in forgotten:
        veteran.pulumi(
            "state", "delete", "--yes", "--force", "--target-dependents", "--stack", "dev", urn, check=False
        )
    outcome = veteran.up("dev")
    assert "imported" in outcome.output
    assert "updated" not in outcome.output
    assert veteran.changes("dev", "--refresh") == []


def test_destroying_drops_the_databases_and_leaves_the_login_with_its_other_one(
    after: After, veteran: Project, servers: Servers
) -> None:
    try:
        veteran.destroy("dev")
        now = catalogue(servers)
        assert {row[0] for row in now["databases"]} & {*DATABASES, OTHER} == {OTHER}
        assert {row[0] for row in now["roles"]} & {LOGIN, *ROLES} == {LOGIN}
    finally:
        _uproot(veteran, servers)
        _plant(servers)
        superuser(servers, GRANT)
        veteran.init("dev")
        veteran.up("dev")
