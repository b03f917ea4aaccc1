"""The example systems on real servers: DEV and PROD of each, as their README's commands make them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.e2e.engine import CHECKOUT, Project
from tests.e2e.servers import Servers

STACKS = ("dev", "prod")
SEEDED = "00000000-0000-4000-8000-000000000001"
"""The person of TwinMe's seeds."""

EXPECTED = {"openai-api-key": "sk-openai-of-{}", "anthropic-api-key": "sk-anthropic-of-{}"}


@dataclass(frozen=True)
class Example:
    """One example system, and what is known of it.

    Args:
        name: its folder, and its project's name.
        secret: the Secret that its application is started with, in its shared namespace.
        deployments: what must be running, by environment-independent name.
    """

    name: str
    secret: str
    deployments: tuple[str, ...]

    def namespace(self, stack: str) -> str:
        return f"{self.name}-{stack}"


TWINME = Example("twinme", "twinme-secrets", ("twinme-api",))
ANSIBLE_BUILDER = Example(
    "ansible-builder", "ansible-builder-secrets", ("ansible-builder-backend", "ansible-builder-frontend")
)
EXAMPLES = (TWINME, ANSIBLE_BUILDER)


@pytest.fixture(scope="module", params=EXAMPLES, ids=lambda example: example.name)
def example(request: pytest.FixtureRequest) -> Example:
    return request.param


@pytest.fixture(scope="module")
def applied(example: Example, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The example with DEV and PROD applied, gone afterwards."""
    project = Project(
        copied(example.name, tmp_path_factory.mktemp("example")), {**os.environ, **servers.environment}
    )
    forget = servers.vault.secrets.kv.v2.delete_metadata_and_all_versions
    with ExitStack() as cleaning:  # runs backwards, and to its end whatever fails on the way
        for stack in STACKS:
            cleaning.callback(forget, f"{example.name}/{stack}/app_app")
            cleaning.callback(project.remove, stack)
            cleaning.callback(unprotect, project, stack)
        for stack in STACKS:
            if example is TWINME:
                put_expected(servers, stack)
            project.init(stack)
            project.up(stack)
        yield project


def copied(name: str, folder: Path) -> Path:
    """An example's folder in a place of its own, with the library beside the program."""
    project = folder / name
    shutil.copytree(CHECKOUT / "examples" / name, project)
    shutil.copytree(CHECKOUT / "components", project / "components")
    (project / ".venv").symlink_to(CHECKOUT / ".venv")
    settings = (project / "Pulumi.yaml").read_text(encoding="utf-8").replace("../../.venv", ".venv")
    (project / "Pulumi.yaml").write_text(settings, encoding="utf-8")
    return project


def unprotect(project: Project, stack: str) -> None:
    """What a person does on purpose before production goes: README, Safety."""
    if stack in project.stacks():
        project.pulumi("state", "unprotect", "--all", "--yes", "--stack", stack, check=False)


def put_expected(servers: Servers, stack: str) -> None:
    """What a person puts into Vault before the first update."""
    values = {key: text.format(stack) for key, text in EXPECTED.items()}
    servers.vault.secrets.kv.v2.create_or_update_secret(f"twinme/{stack}/app_app", values)


@pytest.mark.parametrize("stack", STACKS)
def test_a_second_preview_shows_no_change(applied: Project, stack: str) -> None:
    assert applied.changes(stack) == []


@pytest.mark.parametrize("stack", STACKS)
def test_a_look_at_the_servers_shows_no_change_either(applied: Project, stack: str) -> None:
    assert applied.changes(stack, "--refresh") == []


@pytest.mark.parametrize("stack", STACKS)
def test_every_deployment_is_ready(example: Example, applied: Project, servers: Servers, stack: str) -> None:
    for name in example.deployments:
        address = f"/apis/apps/v1/namespaces/{example.namespace(stack)}/deployments/{name}"
        status = servers.object(address)["status"]
        assert status["readyReplicas"] == status["replicas"] >= 1


@pytest.mark.parametrize("stack", STACKS)
def test_the_delivered_database_url_logs_in(
    example: Example, applied: Project, servers: Servers, stack: str
) -> None:
    delivered = servers.secret(example.namespace(stack), example.secret)
    with psycopg.connect(delivered["database-url"], connect_timeout=5) as connection:
        row: Any = connection.execute("SELECT current_database()").fetchone()
    assert row[0] == f"{example.name.replace('-', '__')}_{stack}"


def asked(servers: Servers, stack: str, query: str) -> list[Any]:
    """What TwinMe's database answers the administrator, who is no superuser and looks as the seeds' person.

    Row-level security holds for the administrator as well: without a person there would be no rows to see.
    """
    with servers.database(f"twinme_{stack}") as connection:
        connection.execute("SELECT set_config('app.user_id', %s, false)", [SEEDED])
        return connection.execute(query).fetchall()


of_twinme = pytest.mark.parametrize("example", [TWINME], indirect=True, ids=["twinme"])


@of_twinme
@pytest.mark.parametrize("stack", STACKS)
def test_messages_have_a_partition_for_each_year_and_one_for_the_rest(
    applied: Project, servers: Servers, stack: str
) -> None:
    query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'messages'::regclass ORDER BY 1"
    years = [f"messages_{year}" for year in (2025, 2026, 2027, 2028)]
    assert [name for (name,) in asked(servers, stack, query)] == [*years, "messages_default"]


@of_twinme
@pytest.mark.parametrize("stack", STACKS)
def test_row_level_security_holds_for_the_owner_as_well(applied: Project, servers: Servers, stack: str) -> None:
    query = (
        "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class"
        " WHERE oid IN ('conversations'::regclass, 'messages'::regclass) ORDER BY relname"
    )
    assert asked(servers, stack, query) == [("conversations", True, True), ("messages", True, True)]


@of_twinme
@pytest.mark.parametrize("stack", STACKS)
def test_the_ivfflat_index_is_valid(applied: Project, servers: Servers, stack: str) -> None:
    query = (
        "SELECT indexrelid::regclass::text, indrelid::regclass::text, indisvalid FROM pg_index"
        " JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_am ON pg_am.oid = relam WHERE amname = 'ivfflat'"
    )
    assert asked(servers, stack, query) == [("embeddings_nearest", "embeddings", True)]


@of_twinme
@pytest.mark.parametrize("stack", STACKS)
def test_the_publication_is_there(applied: Project, servers: Servers, stack: str) -> None:
    query = "SELECT tablename FROM pg_publication_tables WHERE pubname = 'twinme_pub' ORDER BY 1"
    published = [name for (name,) in asked(servers, stack, query)]
    assert published == ["conversations", "embeddings", "messages", "users"]


@of_twinme
@pytest.mark.parametrize(("stack", "rows"), [("dev", 1), ("prod", 0)])
def test_seeds_are_in_development_alone(applied: Project, servers: Servers, stack: str, rows: int) -> None:
    # Every row of the other two belongs to a user, and all users are seen: none of them, none of anything.
    for table in ("users", "conversations", "messages"):
        assert asked(servers, stack, f"SELECT count(*) FROM {table}") == [(rows,)], table  # noqa: S608 - ours


def test_no_environment_s_secret_has_a_value_of_another(
    example: Example, applied: Project, servers: Servers
) -> None:
    dev, prod = (set(servers.secret(example.namespace(stack), example.secret).values()) for stack in STACKS)
    assert not dev & prod


def test_the_keys_that_people_brought_are_delivered(example: Example, applied: Project, servers: Servers) -> None:
    for stack in STACKS:
        delivered = servers.secret(example.namespace(stack), example.secret)
        expected = {key: text.format(stack) for key, text in EXPECTED.items()} if example is TWINME else {}
        assert expected.items() <= delivered.items()


def test_a_missing_key_is_named_before_anything_is_made(servers: Servers, tmp_path: Path) -> None:
    project = Project(copied("twinme", tmp_path), {**os.environ, **servers.environment})
    shutil.copy(project.folder / "Pulumi.dev.yaml", project.folder / "Pulumi.pr-9.yaml")
    project.init("pr-9")
    try:
        outcome = project.up("pr-9", check=False)
        assert outcome.status != 0
        assert "twinme/pr-9/app_app" in outcome.output
        assert "openai-api-key" in outcome.output
        assert "Traceback" not in outcome.output
        assert len(project.resources("pr-9")) <= 1
    finally:
        project.remove("pr-9")
