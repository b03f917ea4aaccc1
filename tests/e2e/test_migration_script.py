"""The migration's script on a real server, run by psql as the Job runs it: what it does, and what it refuses."""

import os
import subprocess
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from components.environment import DatabaseNames
from components.migration_files import CONTAINS, NO_TRANSACTION, read
from components.migration_script import SEEDS, Plan, render_files, seed_files
from tests.e2e.servers import Servers


@dataclass
class Database:
    """A database of its own, and the files that it is migrated by."""

    servers: Servers
    names: DatabaseNames
    files: Path
    settings: dict[str, str] = field(default_factory=dict[str, str])

    def write(self, **files: str) -> None:
        """SQL files by name; `_0001_a` is 0001_a.sql, and `seeds__0001_a` a seed."""
        for name, text in files.items():
            file = self.files / f"{name.removeprefix('_').replace('__', '/')}.sql"
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)

    def migrate(self, *, check: bool = True, role: str = "") -> str:
        """Run the script; what psql said."""
        seeds = self.files / SEEDS
        migrations = read(self.files, seeds if seeds.exists() else None)
        run = self.files / "run"
        (run / SEEDS).mkdir(parents=True, exist_ok=True)
        plan = Plan(names=self.names, migrations=migrations, settings=self.settings)
        for name, text in render_files(plan).items():
            (run / name).write_text(text)
        for name, text in seed_files(migrations.seeds).items():
            (run / SEEDS / name).write_text(text)
        options = f"-c role={role or self.names.owner} -c lock_timeout=10s -c client_connection_check_interval=1s"
        done = subprocess.run(
            [
                "psql",
                "--no-psqlrc",
                "--no-password",
                "--quiet",
                "--set=ON_ERROR_STOP=1",
                f"--file={run}/migrate.sql",
            ],
            env={
                **os.environ,
                **self.servers.environment,
                "PGDATABASE": self.names.database,
                "PGOPTIONS": options,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode == 0) == check, done.stdout
        return done.stdout

    def ask(self, query: str) -> list[Any]:
        """What the administrator is answered."""
        with self.servers.database(self.names.database) as session:
            return session.execute(query).fetchall()

    def done(self) -> list[str]:
        """What the ledger has."""
        return [name for (name,) in self.ask("SELECT name FROM bulkhead.migrations ORDER BY kind, name")]


@pytest.fixture
def database(servers: Servers, tmp_path: Path) -> Iterator[Database]:
    """An empty database whose owner cannot log in; gone afterwards."""
    word = f"script_{uuid.uuid4().hex[:8]}"
    names = DatabaseNames(
        database=word, owner=f"{word}_owner", read_write=f"{word}_rw", read_only=f"{word}_readonly"
    )
    with servers.database() as session:
        for role in (names.owner, names.read_write, names.read_only):
            session.execute(f'CREATE ROLE "{role}"')
        session.execute(f'CREATE DATABASE "{word}" OWNER "{names.owner}"')
    with servers.database(word) as session:
        session.execute(f'ALTER SCHEMA public OWNER TO "{names.owner}"')
    yield Database(servers, names, tmp_path)
    with servers.database() as session:
        session.execute(f'DROP DATABASE "{word}" WITH (FORCE)')
        for role in (names.owner, names.read_write, names.read_only):
            session.execute(f'DROP ROLE "{role}"')


def test_each_file_runs_once_and_new_ones_follow(database: Database) -> None:
    database.write(_0001_a="CREATE TABLE a ();", seeds__0001_demo="CREATE TABLE seeded ();")
    database.migrate()
    database.migrate()
    database.write(_0002_b="CREATE TABLE b ();")
    database.migrate()
    assert database.done() == ["0001_a.sql", "0002_b.sql", "0001_demo.sql"]


@pytest.mark.parametrize("kind", ["_0001_a", "seeds__0001_a"])
def test_a_file_that_was_changed_after_it_was_applied_is_named(database: Database, kind: str) -> None:
    database.write(_0001_a="CREATE TABLE a ();")
    database.write(**{kind: "CREATE TABLE c ();"})
    database.migrate()
    database.write(**{kind: "CREATE TABLE other ();"})
    said = database.migrate(check=False)
    assert "0001_a.sql was applied at" in said
    assert "has changed since" in said
    assert "write what is new into a new file" in said


def test_a_file_that_was_removed_after_it_was_applied_is_named(database: Database) -> None:
    database.write(_0001_a="CREATE TABLE a ();", _0002_b="CREATE TABLE b ();")
    database.migrate()
    (database.files / "0002_b.sql").unlink()
    assert "0002_b.sql was applied at" in database.migrate(check=False)


def test_half_of_a_file_is_never_kept_and_what_came_before_is(database: Database) -> None:
    database.write(_0001_a="CREATE TABLE a ();", _0002_b="CREATE TABLE b ();\nSELECT nothing;")
    said = database.migrate(check=False)
    assert "0002_b.sql:2: ERROR:" in said
    assert database.done() == ["0001_a.sql"]
    assert database.ask("SELECT to_regclass('b') IS NULL") == [(True,)]
    database.write(_0002_b="CREATE TABLE b ();")
    database.migrate()
    assert database.done() == ["0001_a.sql", "0002_b.sql"]


def test_a_file_that_ends_its_transaction_by_a_trick_is_stopped(database: Database) -> None:
    database.write(_0001_a="SELECT 'COMM' || 'IT' \\gexec\n")
    assert "has ended its transaction itself" in database.migrate(check=False)
    assert database.done() == []


def test_what_a_file_sets_does_not_reach_the_next_one(database: Database) -> None:
    database.write(
        _0001_a="SET search_path = pg_catalog;\n\\set ON_ERROR_STOP off\nSET work_mem = '9MB';",
        _0002_b="CREATE TABLE b AS SELECT current_setting('work_mem'), current_setting('search_path') AS path;",
        _0003_c="SELECT nothing;",
    )
    database.migrate(check=False)
    assert database.ask("SELECT * FROM b") == [("4MB", '"$user", public')]


def test_a_file_may_name_the_roles_and_the_database(database: Database) -> None:
    database.write(_0001_a='CREATE TABLE a ();\nGRANT SELECT ON a TO :"read_write", :"read_only";')
    database.migrate()
    names = database.names
    granted = database.ask("SELECT grantee FROM information_schema.role_table_grants WHERE table_name = 'a'")
    assert {(names.read_write,), (names.read_only,)} <= set(granted)


def test_somebody_elses_role_is_refused(database: Database) -> None:
    database.write(_0001_a="CREATE TABLE a ();")
    said = database.migrate(check=False, role=database.names.read_write)
    assert f"a migration of {database.names.database} runs as {database.names.owner}" in said


def test_indexes_are_built_concurrently_and_a_broken_build_is_cleared_away(database: Database) -> None:
    database.write(
        _0001_a="CREATE TABLE a (n int);\nINSERT INTO a VALUES (1), (1);",
        _0002_b=f"{NO_TRANSACTION}\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS once ON a (n);",
    )
    assert "could not create unique index" in database.migrate(check=False)
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('once')"
    assert database.ask(valid) == [(False,)]
    with database.servers.database(database.names.database) as session:
        session.execute("DELETE FROM a")
    database.migrate()
    assert database.ask(valid) == [(True,)]


def test_an_index_that_is_left_invalid_is_no_success(database: Database) -> None:
    database.write(
        _0001_a="CREATE TABLE a (n int);\nINSERT INTO a VALUES (1), (1);",
        _0002_b=f"{NO_TRANSACTION}\n\\set ON_ERROR_STOP off\nCREATE UNIQUE INDEX CONCURRENTLY once ON a (n);",
    )
    assert "0002_b.sql has left an index that is not valid" in database.migrate(check=False)
    assert database.done() == ["0001_a.sql"]


def test_two_migrations_of_one_database_run_one_after_the_other(database: Database) -> None:
    database.write(_0001_a="CREATE TABLE a ();\nSELECT pg_sleep(2);")
    together = [threading.Thread(target=database.migrate) for _ in range(2)]
    for one in together:
        one.start()
    for one in together:
        one.join(60)
    assert database.done() == ["0001_a.sql"]


def test_settings_come_and_go_and_nobody_elses_is_touched(database: Database) -> None:
    with database.servers.database() as session:
        session.execute(f"ALTER DATABASE \"{database.names.database}\" SET statement_timeout = '7min'")
    database.write(_0001_a="CREATE TABLE a ();")
    shown = (
        "SELECT current_setting('work_mem'), current_setting('statement_timeout'), current_setting('search_path')"
    )
    database.settings = {"work_mem": "11MB", "search_path": 'public, "$user"'}
    database.migrate()
    assert database.ask(shown) == [("11MB", "7min", 'public, "$user"')]
    database.settings = {}
    database.migrate()
    assert database.ask(shown) == [("4MB", "7min", '"$user", public')]


def test_a_setting_that_the_server_refuses_is_named(database: Database) -> None:
    database.write(_0001_a="CREATE TABLE a ();")
    database.settings = {"work_mem": "much"}
    assert 'invalid value for parameter "work_mem": "much"' in database.migrate(check=False)


STRUCTURE = f"{CONTAINS}0001_a.sql\n{CONTAINS}0002_b.sql\nCREATE TABLE a ();\nCREATE TABLE b ();\n"


def test_an_empty_database_takes_the_structure_and_not_what_it_contains(database: Database) -> None:
    database.write(
        structure=STRUCTURE, _0001_a="SELECT nothing;", _0002_b="SELECT nothing;", _0003_c="CREATE TABLE c ();"
    )
    database.migrate()
    assert database.done() == ["0001_a.sql", "0002_b.sql", "0003_c.sql", "structure.sql"]
    database.migrate()


def test_a_database_that_has_something_leaves_the_structure_alone(database: Database) -> None:
    database.write(_0001_a="CREATE TABLE a ();", _0002_b="CREATE TABLE b ();")
    database.migrate()
    database.write(structure=STRUCTURE)
    database.migrate()
    assert database.done() == ["0001_a.sql", "0002_b.sql"]


def test_a_database_that_had_objects_of_its_own_never_gets_seeds(database: Database) -> None:
    with database.servers.database(database.names.database) as session:
        session.execute("CREATE TABLE theirs ()")
    database.write(_0001_a="CREATE TABLE a ();", seeds__0001_demo="CREATE TABLE seeded ();")
    assert "seeds: left out" in database.migrate()
    assert database.ask("SELECT to_regclass('a') IS NULL, to_regclass('seeded') IS NULL") == [(False, True)]


def test_files_that_a_structure_contains_may_go_once_every_database_has_them(database: Database) -> None:
    database.write(_0001_a="CREATE TABLE a ();", _0002_b="CREATE TABLE b ();")
    database.migrate()
    database.write(structure=STRUCTURE, _0003_c="CREATE TABLE c ();")
    for name in ("0001_a", "0002_b"):
        (database.files / f"{name}.sql").unlink()
    database.migrate()
    assert database.done()[-1] == "0003_c.sql"


def test_files_that_went_too_early_are_named(database: Database) -> None:
    database.write(_0001_a="CREATE TABLE a ();")
    database.migrate()
    database.write(structure=STRUCTURE)
    (database.files / "0001_a.sql").unlink()
    assert "0002_b.sql was never applied here" in database.migrate(check=False)


def test_a_lock_that_somebody_holds_is_not_waited_for_for_ever(database: Database) -> None:
    database.write(_0001_a="CREATE TABLE a ();")
    database.migrate()
    database.write(_0002_b="ALTER TABLE a ADD n int;")
    with database.servers.database(database.names.database) as session, session.transaction():
        session.execute("LOCK TABLE a IN SHARE MODE")
        assert "canceling statement due to lock timeout" in database.migrate(check=False)
    database.migrate()


def test_the_groups_see_nothing_of_what_was_done(database: Database) -> None:
    database.write(_0001_a="CREATE TABLE a ();")
    database.migrate()
    with database.servers.database(database.names.database) as session:
        session.execute(f'SET ROLE "{database.names.read_write}"')
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("DELETE FROM bulkhead.migrations")
