"""SchemaMigration and the structure's copy on real servers: a chat system of its own, DEV and PROD.

Its migrations are what a system with row-level security, partitions, vectors and concurrent indexes needs.
"""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from kubernetes import client

from tests.e2e.chat import (
    LEGACY,
    ME,
    OTHER,
    STACKS,
    SYSTEM,
    add,
    application,
    dump,
    image,
    job,
    lay_out,
    psql_process,
    release,
    rows,
)
from tests.e2e.engine import Project
from tests.e2e.servers import Servers
from tests.e2e.waiting import eventually


@pytest.fixture(scope="module")
def chat(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The system with both stacks applied; gone at the end."""
    project = lay_out(tmp_path_factory.mktemp("chat"), servers.environment)
    try:
        for stack in STACKS:
            project.init(stack)
            project.up(stack)
        yield project
    finally:
        for stack in STACKS:
            project.pulumi("state", "unprotect", "--all", "--yes", "--stack", stack, check=False)
            project.remove(stack)


@pytest.fixture
def added(chat: Project, servers: Servers) -> Iterator[Callable[[str, str], Path]]:
    """Adds a migration. In the end it is gone if no database has it; what one has, which needs it, both have."""
    files: list[Path] = []

    def adds(name: str, text: str) -> Path:
        files.append(add(chat, name, text))
        return files[-1]

    yield adds
    query = "SELECT name FROM bulkhead.migrations"
    applied = {name for stack in STACKS for (name,) in rows(servers, stack, query)}
    for file in files:
        if file.name not in applied:
            file.unlink(missing_ok=True)
    for stack in STACKS:
        chat.up(stack)


BOTH = pytest.mark.parametrize("stack", STACKS)


@BOTH
def test_partitions_vectors_and_concurrent_indexes_are_there(chat: Project, servers: Servers, stack: str) -> None:
    indexes = dict(
        rows(
            servers,
            stack,
            "SELECT indexrelid::regclass::text, indisvalid FROM pg_index "
            "JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = 'public'::regnamespace",
        )
    )
    assert {"users_name", "embeddings_nearest", "messages_pkey", "messages_2026_pkey"} <= indexes.keys()
    assert all(indexes.values())
    partitions = rows(servers, stack, "SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class "
                            "ON pg_class.oid = inhrelid WHERE relkind = 'r' ORDER BY 1")  # fmt: skip
    assert partitions == [("messages_2026",), ("messages_2027",)]
    published = rows(servers, stack, "SELECT pubname, tablename FROM pg_publication_tables ORDER BY 2")
    assert published == [("chat_pub", "conversations"), ("chat_pub", "messages")]


@BOTH
def test_everything_belongs_to_the_owner_role(chat: Project, servers: Servers, stack: str) -> None:
    owners = rows(
        servers,
        stack,
        "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relnamespace::regnamespace::text IN "
        "('public', 'bulkhead') UNION SELECT pubowner::regrole::text FROM pg_publication",
    )
    assert owners == [(f"chat_api_owner_{stack}",)]


@BOTH
def test_sessions_begin_with_the_databases_settings(chat: Project, servers: Servers, stack: str) -> None:
    with application(servers, stack) as session:
        assert session.execute("SHOW work_mem").fetchone() == ("12MB",)
        session.execute("SELECT '[1,2,3]'::vector")
        assert session.execute("SHOW ivfflat.probes").fetchone() == ("10",)


@BOTH
def test_the_application_sees_its_users_rows_alone_and_alters_nothing(
    chat: Project, servers: Servers, stack: str
) -> None:
    with application(servers, stack) as session, session.transaction(force_rollback=True):
        for user in (ME, OTHER):
            session.execute("INSERT INTO users (id, name) VALUES (%s, 'x') ON CONFLICT DO NOTHING", (user,))
            session.execute("SELECT set_config('app.user_id', %s, true)", (user,))
            session.execute("INSERT INTO conversations (user_id) VALUES (%s)", (user,))
        assert session.execute("SELECT DISTINCT user_id::text FROM conversations").fetchall() == [(OTHER,)]
        for statement, error in (
            (f"INSERT INTO messages (user_id, content) VALUES ('{ME}', '')", "row-level security"),  # noqa: S608
            ("ALTER TABLE conversations NO FORCE ROW LEVEL SECURITY", "must be owner"),
            ("DROP INDEX users_name", "must be owner"),
            ("CREATE TABLE mine ()", "permission denied"),
            ("SELECT FROM bulkhead.migrations", "permission denied"),
        ):
            with pytest.raises(psycopg.Error, match=error), session.transaction():
                session.execute(statement)
    with application(servers, stack) as session:
        assert session.execute("SELECT count(*) FROM conversations").fetchone() == (0,), "nobody is named"


@BOTH
@pytest.mark.parametrize("words", [(), ("--refresh",)], ids=["preview", "refresh"])
def test_nothing_changes_when_nothing_was_changed(chat: Project, stack: str, words: tuple[str, ...]) -> None:
    assert chat.changes(stack, *words) == []


def test_seeds_are_in_dev_once_and_nowhere_in_prod(chat: Project, servers: Servers) -> None:
    """Though the Job, which somebody has deleted, runs a second time."""
    name = job(servers, "dev")["metadata"]["name"]
    client.BatchV1Api(servers.kubernetes).delete_namespaced_job(
        name, f"{SYSTEM}-dev", propagation_policy="Background"
    )
    chat.up("dev", "--refresh")
    assert job(servers, "dev")["status"]["succeeded"] == 1
    assert rows(servers, "dev", "SELECT name FROM users") == [("demo-seed-canary",)]
    assert rows(servers, "dev", "SELECT name FROM bulkhead.migrations WHERE kind = 'seed'") == [("0001_demo.sql",)]
    assert rows(servers, "prod", "SELECT count(*) FROM users") == [(0,)]
    maps = servers.core.list_namespaced_config_map(f"{SYSTEM}-prod").items
    jobs = servers.object(f"/apis/batch/v1/namespaces/{SYSTEM}-prod/jobs")
    said = json.dumps([one.to_dict() for one in maps], default=str) + json.dumps(jobs)
    assert "0001_tables.sql" in said, "the migration was looked at"
    assert "seed" not in said
    assert "canary" not in json.dumps(chat.state("prod"))


def test_the_login_of_a_migration_is_prods_for_an_hour_and_devs_for_good(chat: Project, servers: Servers) -> None:
    secrets = {
        stack: next(
            servers.secret(f"{SYSTEM}-{stack}", one.metadata.name)
            for one in servers.core.list_namespaced_secret(f"{SYSTEM}-{stack}").items
            if one.metadata.name.startswith("chat-api-migration-")
        )
        for stack in STACKS
    }
    assert secrets["dev"]["PGUSER"] == "chat_api_migration_login_dev"
    assert secrets["prod"]["PGUSER"].startswith("v-chat_api_owner_prod-")
    with servers.database() as session:
        found = session.execute(
            "SELECT rolvaliduntil IS NOT NULL, rolsuper, rolcreaterole FROM pg_roles WHERE rolname = %s",
            (secrets["prod"]["PGUSER"],),
        ).fetchone()
    assert found == (True, False, False)


def test_a_migration_that_fails_leaves_the_old_version_running_and_a_corrected_one_goes_on(
    chat: Project, servers: Servers, added: Callable[[str, str], Path]
) -> None:
    """In PROD, where each version has a login of its own; the new version's pods start after its migration."""
    before = job(servers, "prod")["metadata"]["name"]
    release(chat, "prod", "v2")
    file = added("invoices", "CREATE TABLE invoices ();\nSELECT 'found' FROM nowhere;\n")
    failed = chat.up("prod", check=False)
    assert failed.status != 0
    assert f"/migrations/{file.name}:2: ERROR:" in failed.output
    assert 'relation "nowhere" does not exist' in failed.output
    assert image(servers, "prod").endswith(":v1")
    assert rows(servers, "prod", "SELECT to_regclass('invoices') IS NULL") == [(True,)], "half of a file was kept"
    file.write_text("CREATE TABLE invoices ();\n")
    chat.up("prod")
    assert image(servers, "prod").endswith(":v2")
    assert rows(servers, "prod", "SELECT to_regclass('invoices') IS NULL") == [(False,)]
    done = job(servers, "prod")
    assert done["metadata"]["name"] != before
    assert len(servers.object(f"/apis/batch/v1/namespaces/{SYSTEM}-prod/jobs")["items"]) == 1, "old ones are gone"
    sets = servers.object(f"/apis/apps/v1/namespaces/{SYSTEM}-prod/replicasets")["items"]
    (started,) = (
        one["metadata"]["creationTimestamp"]
        for one in sets
        if one["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":v2")
    )
    assert started >= done["status"]["completionTime"]
    by = rows(servers, "prod", "SELECT by FROM bulkhead.migrations ORDER BY name")
    assert by[-1] != by[0], "each version has a login of its own"
    assert chat.changes("prod", "--refresh") == []


def test_going_back_after_a_failed_migration_is_an_ordinary_update(
    chat: Project, servers: Servers, added: Callable[[str, str], Path]
) -> None:
    """What bears the old version's name is not in its own way."""
    before = job(servers, "prod")["metadata"]["name"]
    file = added("nothing", "SELECT 'found' FROM nowhere;\n")
    assert chat.up("prod", check=False).status != 0
    file.unlink()
    chat.up("prod")
    assert job(servers, "prod")["metadata"]["name"] == before
    assert chat.changes("prod", "--refresh") == []


def test_a_retry_after_the_lease_has_ended_takes_a_new_one_where_the_secret_was_deleted(
    chat: Project, servers: Servers, added: Callable[[str, str], Path]
) -> None:
    """PROD's login is leased for one version; a later attempt at the same version needs another."""
    file = added("late", "CREATE TABLE late ();\nSELECT 1 / count(*) FROM users;\n")
    assert chat.up("prod", check=False).status != 0
    name = job(servers, "prod")["metadata"]["name"]
    first = servers.secret(f"{SYSTEM}-prod", name)["PGUSER"]
    servers.vault.sys.revoke_prefix(f"{SYSTEM}/prod/db_api_migration/creds")
    with servers.database(f"{SYSTEM}_api_prod") as session:
        session.execute("INSERT INTO users (name) VALUES ('somebody')")
    try:
        late = chat.up("prod", check=False)
        assert "authentication failed" in late.output
        servers.core.delete_namespaced_secret(name, f"{SYSTEM}-prod")
        chat.up("prod")
        assert servers.secret(f"{SYSTEM}-prod", name)["PGUSER"] != first
    finally:
        with servers.database(f"{SYSTEM}_api_prod") as session:
            session.execute("DELETE FROM users WHERE name = 'somebody'")
    assert (file.name,) in rows(servers, "prod", "SELECT name FROM bulkhead.migrations")


def test_an_index_whose_build_is_broken_off_is_built_by_the_next_up(
    chat: Project, servers: Servers, added: Callable[[str, str], Path]
) -> None:
    """The Job's process is killed while the build waits for a session that has the table open."""
    added(
        "users_by_name",
        "-- bulkhead: no transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS by_name ON users (name);\n",
    )
    outcome: list[Any] = []
    building = "SELECT state FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%%'"
    with servers.database(f"{SYSTEM}_api_dev") as session, session.transaction():
        session.execute("LOCK TABLE users IN ROW EXCLUSIVE MODE")
        going = threading.Thread(target=lambda: outcome.append(chat.up("dev", check=False)))
        going.start()
        eventually(lambda: rows(servers, "dev", building) == [("active",)], "the index is being built")
        process = psql_process(servers)
        assert process
        os.kill(process, signal.SIGKILL)
        going.join(120)
        assert outcome[0].status != 0
        assert "[BackoffLimitExceeded]" in outcome[0].output
        eventually(lambda: not rows(servers, "dev", building), "the server has noticed that nobody waits for it")
    state = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('by_name')"
    assert rows(servers, "dev", state) == [(False,)], "what was broken off is there"
    chat.up("dev")
    assert rows(servers, "dev", state) == [(True,)]
    assert chat.changes("dev") == []


def test_a_structure_goes_from_dev_to_prod_without_a_row(chat: Project, servers: Servers, tmp_path: Path) -> None:
    """DEV, which was made by hand, keeps what it has; PROD begins with the same structure and nothing in it."""
    with servers.database(f"{SYSTEM}_crm_dev") as session:
        session.execute(LEGACY)
    file = chat.folder / "database" / "crm" / "structure.sql"
    file.parent.mkdir()
    told = dump(chat, "dev", file)
    assert "chat_crm_dev (stack dev)" in told.stderr
    assert "no row" in told.stderr
    text = file.read_text()
    for stranger in (
        "canary",
        "chat_crm",
        servers.environment["PGPASSWORD"],
        "EXTENSION",
        "PUBLICATION",
        "INSERT",
    ):
        assert stranger not in text
    assert 'CREATE POLICY everything ON public.customers TO :"read_write"' in text
    for stack in STACKS:
        chat.up(stack)
    assert rows(servers, "dev", "SELECT count(*) FROM customers", "crm") == [(40,)]
    assert rows(servers, "prod", "SELECT count(*) FROM customers", "crm") == [(0,)]
    assert rows(servers, "prod", "SELECT is_called FROM customers_id_seq", "crm") == [(False,)]
    owner = "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'customers'"
    assert rows(servers, "prod", owner, "crm") == [("chat_crm_owner_prod",)]
    for stack in STACKS:
        dump(chat, stack, tmp_path / f"{stack}.sql")
        assert (tmp_path / f"{stack}.sql").read_text() == text
        assert chat.changes(stack) == []
