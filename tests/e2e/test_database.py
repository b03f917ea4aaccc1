"""Databases of one environment: extensions by version, sessions, limits, publications; on real servers."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sandbox import postgresql
from tests.e2e.engine import CHECKOUT, Project, Step
from tests.e2e.servers import Servers
from tests.e2e.waiting import eventually

PROGRAM = Path(__file__).parent / "programs" / "ledger"
STACKS = ("dev", "prod")
ASKED = {"trigram": "1.5", "idle": "45s", "published": False}
POOL = 4
"""(1 replica + 1 at a roll-out) × pool 2."""


@pytest.fixture(scope="module")
def ledger(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The program, applied in DEV and PROD without its publication; destroyed in the end."""
    folder = tmp_path_factory.mktemp("ledger")
    for file in PROGRAM.glob("*.*"):
        shutil.copy(file, folder / file.name)
    for name in ("components", "examples/minimal/platforms", ".venv"):
        (folder / Path(name).name).symlink_to(CHECKOUT / name)
    project = Project(folder, {**os.environ, **servers.environment})
    try:
        for stack in STACKS:
            _ask(project, stack)
            _forget(project, stack)  # an earlier run was broken off
            project.init(stack)
            project.up(stack)
        yield project
    finally:
        for stack in STACKS:
            _forget(project, stack)


def _forget(project: Project, stack: str) -> None:
    if stack in project.stacks():
        project.pulumi("cancel", "--yes", "--stack", stack, check=False)
        project.pulumi("state", "unprotect", "--all", "--yes", "--stack", stack, check=False)
        project.destroy(stack)
        project.pulumi("stack", "rm", "--yes", "--preserve-config", "--stack", stack)


def _ask(project: Project, stack: str, **changes: object) -> None:
    """Ask something else of the program."""
    file = project.folder / f"asked.{stack}.json"
    asked = json.loads(file.read_text(encoding="utf-8")) if file.exists() else ASKED
    file.write_text(json.dumps({**asked, **changes}), encoding="utf-8")


def _session(servers: Servers, stack: str, app: str = "api") -> Any:
    """A session as the application opens it, with what its Secret says now."""
    given = servers.secret(f"ledger-{stack}", f"ledger-{app}-db")
    return servers.database(given["PGDATABASE"], user=given["PGUSER"], password=given["PGPASSWORD"])


def _as_owner(servers: Servers, stack: str, *statements: str) -> None:
    """What a migration does: it is the owner while it makes things."""
    with servers.database(f"ledger_{stack}") as session:
        session.execute(f"SET ROLE ledger_api_owner_{stack}".encode())
        for statement in statements:
            session.execute(statement.encode())


def _version(servers: Servers, stack: str, extension: str) -> str:
    with servers.database(f"ledger_{stack}") as session:
        [version] = session.execute(
            "SELECT extversion FROM pg_extension WHERE extname = %s", (extension,)
        ).fetchone()
    return str(version)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("words", [(), ("--refresh",)], ids=["plain", "refresh"])
def test_a_second_preview_has_nothing_to_say(ledger: Project, stack: str, words: tuple[str, ...]) -> None:
    assert ledger.changes(stack, *words) == []


def test_two_databases_of_one_environment_share_no_name(ledger: Project) -> None:
    names: dict[str, set[str]] = {}
    for entry in ledger.state("prod")["deployment"]["resources"]:
        if entry["type"].startswith("postgresql:index/") and entry["type"].endswith((":Role", ":Database")):
            part = "archive" if entry["urn"].rsplit("::", 1)[1].startswith(("archive", "report")) else "api"
            names.setdefault(part, set()).add(entry["outputs"]["name"])
    assert names["api"] >= {"ledger_prod", "ledger_api_prod", "ledger_api_owner_prod"}
    assert names["archive"] >= {"ledger_archive_prod", "ledger_archive_owner_prod"}
    assert not names["api"] & names["archive"]


def test_a_login_of_one_database_cannot_open_the_other(ledger: Project, servers: Servers) -> None:
    given = servers.secret("ledger-prod", "ledger-api-db")
    with (
        pytest.raises(psycopg.OperationalError, match="permission denied for database"),
        servers.database("ledger_archive_prod", user=given["PGUSER"], password=given["PGPASSWORD"]),
    ):
        pass
    assert ledger


@pytest.mark.parametrize("stack", STACKS)
def test_a_session_begins_with_the_roles_settings(ledger: Project, servers: Servers, stack: str) -> None:
    """DEV's login is static, PROD's is leased."""
    assert ledger
    shown = {}
    with _session(servers, stack) as session:
        for name in ("statement_timeout", "idle_in_transaction_session_timeout", "search_path"):
            [shown[name]] = session.execute(f"SHOW {name}".encode()).fetchone()
    assert shown == {
        "statement_timeout": "30s",
        "idle_in_transaction_session_timeout": "45s",
        "search_path": "public, pg_catalog",
    }


@pytest.mark.parametrize("stack", STACKS)
def test_who_says_nothing_may_not_idle_inside_a_transaction_for_ever(
    ledger: Project, servers: Servers, stack: str
) -> None:
    assert ledger
    with _session(servers, stack, "report") as session:
        [timeout] = session.execute("SHOW idle_in_transaction_session_timeout").fetchone()
    assert timeout == "1min"


@pytest.mark.parametrize("stack", STACKS)
def test_the_server_lets_in_as_many_sessions_as_the_workload_may_open(
    ledger: Project, servers: Servers, stack: str
) -> None:
    assert ledger
    with ExitStack() as sessions:
        for _ in range(POOL):
            sessions.enter_context(_session(servers, stack))
        with (
            pytest.raises(psycopg.OperationalError, match="too many connections for role"),
            _session(servers, stack),
        ):
            pass


def test_a_changed_setting_reaches_the_static_login_in_place(ledger: Project, servers: Servers) -> None:
    _ask(ledger, "dev", idle="20s")
    try:
        [step] = ledger.changes("dev")
        assert (step.name, step.operation, step.fields) == (
            "api-login",
            "update",
            ("idleInTransactionSessionTimeout",),
        )
        ledger.up("dev")
        with _session(servers, "dev") as session:
            [timeout] = session.execute("SHOW idle_in_transaction_session_timeout").fetchone()
        assert timeout == "20s"
    finally:
        _ask(ledger, "dev", idle=ASKED["idle"])
        ledger.up("dev")


def test_more_connections_than_the_database_takes_are_refused_before_anything_changes(ledger: Project) -> None:
    file = ledger.folder / "Pulumi.dev.yaml"
    before = file.read_text(encoding="utf-8")
    file.write_text(before.replace("pool: 2", "pool: 24", 1), encoding="utf-8")
    try:
        done = ledger.pulumi("preview", "--stack", "dev", check=False)
    finally:
        file.write_text(before, encoding="utf-8")
    assert done.status != 0
    assert "connectionLimit is 50 for database 'ledger_dev', and its users may open 52" in done.output
    assert "= (1 replicas + 1 at a roll-out) × pool 24" in done.output
    assert "Traceback" not in done.output


class TestExtensions:
    """Every test finds the version that was asked for first; who changes it puts it back."""

    @pytest.fixture
    @staticmethod
    def older_again(ledger: Project, servers: Servers) -> Iterator[None]:
        """Afterwards, the older version: no extension goes back by itself."""
        yield
        for stack in STACKS:
            _ask(ledger, stack, trigram=ASKED["trigram"])
            if _version(servers, stack, "pg_trgm") != ASKED["trigram"]:
                with servers.database(f"ledger_{stack}") as session:
                    session.execute("DROP EXTENSION pg_trgm")
                    session.execute(f"CREATE EXTENSION pg_trgm VERSION '{ASKED['trigram']}'".encode())
                ledger.up(stack, "--refresh")

    @pytest.mark.parametrize("stack", STACKS)
    def test_are_made_in_the_version_that_is_asked_for(
        self, ledger: Project, servers: Servers, stack: str
    ) -> None:
        assert ledger
        assert _version(servers, stack, "pg_trgm") == ASKED["trigram"]
        assert _version(servers, stack, "vector")

    @pytest.mark.usefixtures("older_again")
    def test_a_version_that_a_person_changed_is_shown(self, ledger: Project, servers: Servers) -> None:
        with servers.database("ledger_prod") as session:
            session.execute("ALTER EXTENSION pg_trgm UPDATE TO '1.6'")
        token = "postgresql:index/extension:Extension"
        assert ledger.changes("prod", "--refresh") == [
            Step("api-extension-pg_trgm", token, "update", ("version",))
        ]

    @pytest.mark.usefixtures("older_again")
    def test_another_version_updates_them_in_place(self, ledger: Project, servers: Servers) -> None:
        for stack in STACKS:
            _ask(ledger, stack, trigram="1.6")
            [step] = ledger.changes(stack)
            assert (step.name, step.operation, step.fields) == ("api-extension-pg_trgm", "update", ("version",))
            ledger.up(stack)
            assert _version(servers, stack, "pg_trgm") == "1.6"
            assert ledger.changes(stack, "--refresh") == []

    @pytest.mark.parametrize(
        ("version", "words"),
        [
            ("1.6; DROP", "extensions.pg_trgm is '1.6; DROP'"),
            ("1.", "extensions.pg_trgm is"),
            ("9.9", "extensions.pg_trgm is '9.9', which the server does not have; it has 1.3, 1.4, 1.5, 1.6"),
        ],
    )
    def test_a_version_that_the_server_has_not_is_an_input_error_at_preview(
        self, ledger: Project, version: str, words: str
    ) -> None:
        _ask(ledger, "dev", trigram=version)
        try:
            done = ledger.pulumi("preview", "--stack", "dev", check=False)
        finally:
            _ask(ledger, "dev", trigram=ASKED["trigram"])
        assert done.status != 0
        assert words in done.output
        assert "Traceback" not in done.output


class TestPublication:
    """It comes after the tables, which a migration makes."""

    @pytest.fixture(scope="class", autouse=True)
    @staticmethod
    def published(ledger: Project, servers: Servers) -> Iterator[None]:
        """Tables, one of them in partitions, then the publication; afterwards none of them."""
        for stack in STACKS:
            _as_owner(
                servers,
                stack,
                "CREATE TABLE entry (id bigint PRIMARY KEY)",
                "CREATE TABLE booking (id bigint, booked date, PRIMARY KEY (id, booked)) "
                "PARTITION BY RANGE (booked)",
                "CREATE TABLE booking_2026 PARTITION OF booking FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
            )
            _ask(ledger, stack, published=True)
            ledger.up(stack)
        yield
        for stack in STACKS:
            _ask(ledger, stack, published=False)
            ledger.up(stack)
            _as_owner(servers, stack, "DROP TABLE entry, booking", "DROP TABLE IF EXISTS private")

    def published_tables(self, servers: Servers, stack: str) -> set[str]:
        with servers.database(f"ledger_{stack}") as session:
            rows = session.execute("SELECT tablename FROM pg_publication_tables WHERE pubname = 'ledger_pub'")
            return {name for (name,) in rows.fetchall()}

    @pytest.mark.parametrize("stack", STACKS)
    def test_it_has_one_name_in_every_environment_and_the_databases_owner(
        self, servers: Servers, stack: str
    ) -> None:
        with servers.database(f"ledger_{stack}") as session:
            [found] = session.execute(
                "SELECT pubname, pg_get_userbyid(pubowner), pubinsert, pubupdate, pubdelete, pubtruncate "
                "FROM pg_publication"
            ).fetchall()
        assert found == ("ledger_pub", f"ledger_api_owner_{stack}", True, True, False, False)
        assert self.published_tables(servers, stack) == {"entry", "booking"}

    @pytest.mark.parametrize("stack", STACKS)
    def test_a_new_partition_is_published_and_is_no_difference(
        self, ledger: Project, servers: Servers, stack: str
    ) -> None:
        later = "CREATE TABLE booking_2027 PARTITION OF booking FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')"
        _as_owner(servers, stack, later)
        assert ledger.changes(stack, "--refresh") == []

    def test_a_table_taken_out_by_hand_is_shown_and_put_back(self, ledger: Project, servers: Servers) -> None:
        _as_owner(servers, "prod", "ALTER PUBLICATION ledger_pub DROP TABLE entry")
        [step] = ledger.changes("prod", "--refresh")
        assert (step.name, step.operation) == ("ledger-publication", "update")
        ledger.up("prod", "--refresh")
        assert self.published_tables(servers, "prod") == {"entry", "booking"}
        assert ledger.changes("prod", "--refresh") == []

    def test_subscribers_get_the_changes(self, servers: Servers) -> None:
        """The server decodes what is published: a partition's row as its table's, and nothing unpublished."""
        layout = servers.sandbox.layout
        superuser = {"user": postgresql.SUPERUSER, "password": postgresql.password(layout, "superuser")}
        _as_owner(servers, "dev", "CREATE TABLE private (id bigint PRIMARY KEY)")
        with servers.database("ledger_dev", **superuser) as session:
            session.execute("SELECT pg_create_logical_replication_slot('ledger_test', 'pgoutput', true)")
            _as_owner(
                servers,
                "dev",
                "INSERT INTO entry VALUES (7)",
                "INSERT INTO booking VALUES (1, '2026-05-01')",
                "INSERT INTO private VALUES (9)",
            )
            changes = session.execute(
                "SELECT data FROM pg_logical_slot_peek_binary_changes('ledger_test', NULL, NULL, "
                "'proto_version', '1', 'publication_names', 'ledger_pub')"
            ).fetchall()
            inserted = [int.from_bytes(data[1:5], "big") for (data,) in changes if data[:1] == b"I"]
            [tables] = session.execute("SELECT array_agg(t::regclass::text) FROM unnest(%s::oid[]) t", (inserted,))
        assert tables == (["entry", "booking"],)


@pytest.mark.parametrize("stack", STACKS)
def test_what_the_owner_makes_is_executed_by_writers_alone(ledger: Project, servers: Servers, stack: str) -> None:
    """PostgreSQL lets PUBLIC execute every new function, even one that runs with its owner's rights."""
    assert ledger
    _as_owner(
        servers,
        stack,
        "CREATE OR REPLACE FUNCTION add_one(n int) RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT n + 1'",
    )
    with servers.database(f"ledger_{stack}") as session:
        may = session.execute(
            "SELECT r, has_function_privilege(r, 'add_one(int)', 'EXECUTE') FROM unnest(%s::text[]) r",
            ([f"ledger_api_{stack}", f"ledger_api_readonly_{stack}", f"ledger_archive_{stack}"],),
        ).fetchall()
    assert dict(may) == {
        f"ledger_api_{stack}": True,
        f"ledger_api_readonly_{stack}": False,
        f"ledger_archive_{stack}": False,
    }


def test_the_leased_logins_are_made_anew_with_what_is_asked_for_now(ledger: Project, servers: Servers) -> None:
    """A lease keeps what it was made with; Vault makes the next one with the new settings."""

    def renewed() -> bool:
        answer = servers.vault.read("ledger/prod/db_api/creds/api")["data"]
        with servers.database("ledger_prod", user=answer["username"], password=answer["password"]) as session:
            [timeout] = session.execute("SHOW idle_in_transaction_session_timeout").fetchone()
        return bool(timeout == "20s")

    def put_back() -> bool:
        try:
            with _session(servers, "prod") as session:
                [timeout] = session.execute("SHOW idle_in_transaction_session_timeout").fetchone()
        except psycopg.OperationalError:  # the Secret's login is a revoked one
            return False
        return bool(timeout == ASKED["idle"])

    _ask(ledger, "prod", idle="20s")
    try:
        [step] = ledger.changes("prod")
        assert (step.name, step.operation) == ("api-lease", "update")
        ledger.up("prod")
        servers.vault.sys.revoke_prefix("ledger/prod/db_api/creds")
        eventually(renewed, "a login with the new settings")
    finally:
        _ask(ledger, "prod", idle=ASKED["idle"])
        ledger.up("prod")
        secret = "/apis/external-secrets.io/v1/namespaces/ledger-prod/externalsecrets/ledger-api-db"
        servers.object(secret, {"metadata": {"annotations": {"force-sync": "now"}}})
        eventually(put_back, "the Secret has a login with the settings as before")
        servers.object(secret, {"metadata": {"annotations": {"force-sync": None}}})
