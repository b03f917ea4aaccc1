"""`bulkhead ephemeral`: five at once, killed at any point and resumed, collected, and no row of anybody else."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from bulkhead.ephemeral.record import EXPIRES, SERVERS
from bulkhead.residue import Left
from tests.e2e.engine import Outcome, Project
from tests.e2e.ephemerals import Ephemerals, Killed
from tests.e2e.residue import residue
from tests.e2e.servers import Servers
from tests.e2e.small import OPENING, small_project

SYSTEM = "brief"
DEV = {
    "kind": "development",
    "images": {"api": "ghcr.io/brief/api:v1"},
    "credentials": {"mode": "dynamic", "ttl": "1h", "refresh": "15m"},
}
FIVE = tuple(f"pr-{number}" for number in range(11, 16))
OURS, STUCK = FIVE[:4], FIVE[4]
KINDS = {
    "Kubernetes Namespace",
    "PostgreSQL database",
    "PostgreSQL leased login",
    "PostgreSQL role",
    "Vault auth role",
    "Vault lease",
    "Vault mount",
    "Vault policy",
}
PAST = "2020-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def brief(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Ephemerals:
    """A small system with a database and a leased login, whose DEV was never applied."""
    folder, program = tmp_path_factory.mktemp(SYSTEM), OPENING + 'login("brief")\n'
    project = small_project(folder, servers, SYSTEM, program, {"dev": DEV})
    return Ephemerals(project, SYSTEM, servers)


def kinds(left: list[Left]) -> set[str]:
    """What was found, by server and kind."""
    return {f"{one.server} {one.kind}" for one in left}


@dataclass(frozen=True)
class Lives:
    """What was seen of five environments that were created and collected at once."""

    created: tuple[int, Any]
    files: dict[str, Any]
    alive: dict[str, list[Left]]
    listed: list[dict[str, Any]]
    dry: tuple[int, Any]
    still: set[str]
    first: tuple[int, Any]
    left_of_stuck: list[Left]
    second: tuple[int, Any]
    stacks: set[str]
    left: dict[str, list[Left]]


@pytest.fixture(scope="module")
def lives(brief: Ephemerals) -> Iterator[Lives]:
    """Five at once; one has something of its name that no state knows; a sixth has a mark that is no time."""
    project = brief.project
    planted = 'CREATE ROLE "brief_planted_pr__15"'
    project.init("pr-16")
    brief.tag("pr-16", EXPIRES, "next Tuesday")
    project.init("someones")
    try:
        created = brief.json("create", *FIVE, "--from", "dev", "--ttl", "90m")
        files = {name: project.folder.joinpath(f"Pulumi.{name}.yaml").exists() for name in FIVE}
        alive = {name: brief.left(name) for name in FIVE}
        for name in FIVE:
            brief.tag(name, EXPIRES, PAST)
        listed = brief.json("list")[1]
        dry = brief.json("collect", "--dry-run")
        still = project.stacks()
        execute(brief.servers, planted)
        first = brief.json("collect")
        left_of_stuck = brief.left(STUCK)
        execute(brief.servers, planted.replace("CREATE", "DROP"))
        project.pulumi("stack", "rm", "--yes", "pr-16")
        second = brief.json("collect")
        left = {name: brief.left(name) for name in FIVE}
        yield Lives(
            created, files, alive, listed, dry, still, first, left_of_stuck, second, project.stacks(), left
        )
    finally:
        execute(brief.servers, planted.replace("CREATE ROLE", "DROP ROLE IF EXISTS"))
        for name in (*FIVE, "pr-16", "someones"):
            project.remove(name)


def execute(servers: Servers, statement: str, database: str = "postgres") -> None:
    with servers.database(database) as session:
        session.execute(statement.encode())


def test_five_are_created_at_once(lives: Lives) -> None:
    """Each is complete, has what the program makes, and an expiry."""
    status, rows = lives.created
    assert status == 0
    assert [row["name"] for row in rows] == list(FIVE)
    assert all(row["complete"] and row["resources"] > 20 and row["expires"] for row in rows)
    assert set(lives.files.values()) == {True}


def test_the_search_for_residue_sees_all_of_each(lives: Lives) -> None:
    """While one is there, something of every kind is found, and nothing of another one."""
    for name, found in lives.alive.items():
        assert kinds(found) >= KINDS - {"PostgreSQL leased login", "Vault lease"}
        assert not [
            one for one in found if any(other.replace("-", "__") in one.name for other in FIVE if other != name)
        ]
    assert set.union(*map(kinds, lives.alive.values())) >= KINDS


def test_a_list_shows_what_the_back_end_has(lives: Lives) -> None:
    """The expired, the undecided, and nobody else's stack."""
    rows = {row["name"]: row["expired"] for row in lives.listed}
    assert rows == {**dict.fromkeys(FIVE, True), "pr-16": None}


def test_a_dry_run_names_them_and_destroys_none(lives: Lives) -> None:
    status, found = lives.dry
    assert [row["name"] for row in found["expired"]] == list(FIVE)
    assert list(found["undecided"]) == ["pr-16"]
    assert status == 1, "what is undecided is no success"
    assert lives.still >= {*FIVE, "pr-16", "someones"}


def test_five_are_destroyed_at_once_and_one_that_fails_stops_no_other(lives: Lives) -> None:
    """Four are gone; the fifth has something left, which is named, and its stack is kept."""
    status, found = lives.first
    rows = {row["name"]: row for row in found["collected"]}
    assert status == 1
    assert [name for name in FIVE if rows[name]["gone"]] == list(OURS)
    assert "PostgreSQL role brief_planted_pr__15" in rows[STUCK]["failure"]
    assert kinds(lives.left_of_stuck) == {"PostgreSQL role"}


def test_the_one_that_failed_is_collected_once_the_reason_is_gone(lives: Lives) -> None:
    """The second run has it alone to do, and then nothing is left of any; nobody else's stack was touched."""
    status, found = lives.second
    assert status == 0
    assert [(row["name"], row["residue"]) for row in found["collected"]] == [(STUCK, 0)]
    assert lives.left == {name: [] for name in FIVE}
    assert lives.stacks & {*FIVE, "someones"} == {"someones"}


@pytest.fixture
def one(brief: Ephemerals) -> Iterator[str]:
    """The name of an environment that is gone at the end, whatever happens."""
    yield "pr-17"
    brief.run("list")
    if "pr-17" in brief.project.stacks():
        brief.project.pulumi("cancel", "--yes", "--stack", "pr-17")
        brief.project.remove("pr-17")


POINTS: tuple[tuple[float, Killed], ...] = ((0.8, "engine"), (0.5, "command"), (0.25, "both"))
"""At which part of its resources a destruction is killed, and what of it."""


def test_a_destruction_that_is_killed_at_any_point_is_resumed(brief: Ephemerals, one: str, tmp_path: Path) -> None:
    """Killed at three points, then run on a machine that has no stack file: nothing is left."""
    assert brief.run("create", one, "--from", "dev").status == 0
    whole = len(brief.deployment(one)["resources"])
    for part, how in POINTS:
        limit = whole * part

        def reached(deployment: dict[str, Any], limit: float = limit) -> bool:
            return 0 < len(deployment.get("resources") or []) <= limit

        brief.killed("destroy", one, name=one, when=reached, how=how)
    ended = brief.run("destroy", one, folder=brief.elsewhere(tmp_path))
    assert ended.status == 0, ended.output
    assert "residue 0" in ended.output
    assert brief.left(one) == []
    assert one not in brief.project.stacks()


def begun(deployment: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The creations of a type that a state has as begun and not ended."""
    pending = deployment.get("pending_operations") or deployment.get("pendingOperations") or []
    return [one["resource"] for one in pending if one["type"] == "creating" and one["resource"]["type"] == kind]


def test_a_creation_that_is_killed_is_collected_without_residue(brief: Ephemerals, one: str) -> None:
    """What the engine had begun and never noted is gone as well: here a role that nothing deletes any more."""
    role = "postgresql:index/role:Role"
    state = brief.killed(
        "create", one, "--from", "dev", name=one, when=lambda found: begun(found, role), how="both"
    )
    for resource in begun(state, role):
        with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            execute(brief.servers, f'CREATE ROLE "{resource["inputs"]["name"]}"')
    assert "PostgreSQL role" in kinds(brief.left(one))
    brief.tag(one, EXPIRES, PAST)
    status, found = brief.json("collect")
    assert (status, [row["name"] for row in found["collected"]]) == (0, [one])
    assert brief.left(one) == []


def test_a_creation_that_is_killed_is_completed_by_the_same_command(brief: Ephemerals, one: str) -> None:
    """What was half made is taken away first, so that nothing "already exists"."""
    database = "postgresql:index/database:Database"
    state = brief.killed(
        "create", one, "--from", "dev", name=one, when=lambda found: begun(found, database), how="both"
    )
    for resource in begun(state, database):
        with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            execute(brief.servers, f'CREATE DATABASE "{resource["inputs"]["name"]}"')
    again = brief.run("create", one, "--from", "dev")
    assert again.status == 0, again.output
    assert brief.project.changes(one) == []
    assert brief.run("destroy", one).status == 0
    assert brief.left(one) == []


def test_a_side_file_that_a_killed_engine_left_empty_hides_no_stack(brief: Ephemerals, one: str) -> None:
    """Pulumi itself reads no stack at all then."""
    brief.project.init(one)
    brief.side_file(one).write_text("")
    assert "EOF" in brief.project.pulumi("stack", "ls", check=False).output
    assert brief.run("list").status == 0
    assert one in brief.project.stacks()


def test_other_servers_than_its_own_are_refused(brief: Ephemerals, one: str) -> None:
    """On servers that are not those of its creation all would seem to be gone: nothing is done at all."""
    brief.project.init(one)
    brief.tag(one, "bulkhead:platform", "minimal")
    brief.tag(one, EXPIRES, PAST)
    brief.tag(one, SERVERS, json.dumps({"kubernetes": "another", "vault": "another", "postgresql": "another"}))
    refused = brief.run("destroy", one)
    assert refused.status == 1
    assert "was applied to another" in refused.output
    assert one in brief.project.stacks()


ROW = "somebody's real name"


@dataclass(frozen=True)
class Preview:
    """What was seen of one environment of KeyBuzz."""

    created: Outcome
    listed: list[dict[str, Any]]
    extended: Outcome
    tables: dict[str, int]
    texts: str
    in_dev: int
    alive: set[str]
    refused: dict[str, Outcome]
    destroyed: Outcome
    left: dict[str, list[str]]
    others: dict[str, Any]


@pytest.fixture(scope="module")
def preview(applied: Project, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preview]:
    """KeyBuzz's pr-71 from DEV, while DEV and PROD have a row that must stay there; destroyed elsewhere."""
    keybuzz = Ephemerals(applied, "keybuzz", servers)
    plant = "INSERT INTO public.tenants (name) VALUES ('somebody''s real name')"
    uproot = "DELETE FROM public.tenants WHERE name = 'somebody''s real name'"
    databases = {stack: str(_database(applied, stack)) for stack in ("dev", "prod")}
    for stack, database in databases.items():
        execute(servers, f"SET ROLE keybuzz_api_owner_{stack}; {plant}", database)
    try:
        created = keybuzz.run("create", "pr-71", "--from", "dev", "--ttl", "48h", "--no-seeds")
        extended = keybuzz.run("extend", "pr-71", "--ttl", "72h")
        listed = keybuzz.json("list")[1]
        tables, texts = _contents(servers, "keybuzz_pr__71")
        alive = set(residue(servers, "pr-71"))
        refused = {name: keybuzz.run("destroy", name) for name in ("dev", "prod")}
        destroyed = keybuzz.run("destroy", "pr-71", folder=keybuzz.elsewhere(tmp_path_factory.mktemp("elsewhere")))
        others = {stack: applied.changes(stack) for stack in ("dev", "prod")}
        in_dev = _contents(servers, databases["dev"])[0]["users"]
        left = residue(servers, "pr-71")
        yield Preview(created, listed, extended, tables, texts, in_dev, alive, refused, destroyed, left, others)
    finally:
        for stack, database in databases.items():
            execute(servers, f"SET ROLE keybuzz_api_owner_{stack}; {uproot}", database)
        applied.remove("pr-71")


def _database(project: Project, stack: str) -> str:
    [name] = {
        one["outputs"]["database"]
        for one in project.state(stack)["deployment"]["resources"]
        if one["urn"].endswith("bulkhead:index:EnvironmentDatabase::api")
    }
    return name


def _contents(servers: Servers, database: str) -> tuple[dict[str, int], str]:
    """How many rows each table of a database has, and all of them as one text."""
    with servers.database(database) as session:
        names = [
            name for (name,) in session.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ]
        every = sql.SQL("SELECT t::text FROM public.{} AS t")
        rows = {name: session.execute(every.format(sql.Identifier(name))).fetchall() for name in names}
    return {name: len(found) for name, found in rows.items()}, str(rows)


def test_it_comes_up_with_hosts_of_its_own(preview: Preview) -> None:
    assert preview.created.status == 0, preview.created.output
    assert "https://api-pr-71.keybuzz.io" in preview.created.output


def test_its_databases_have_the_structure_and_no_row(preview: Preview) -> None:
    """Neither PROD's nor DEV's rows, and with --no-seeds none at all; DEV has those of the seeds."""
    assert preview.tables.keys() >= {"tenants", "users"}
    assert set(preview.tables.values()) == {0}
    assert ROW not in preview.texts
    assert preview.in_dev > 0


def test_its_life_is_extended(preview: Preview) -> None:
    assert preview.extended.status == 0
    [row] = [row for row in preview.listed if row["name"] == "pr-71"]
    assert row["says"].startswith("in 2 d 23 h")


def test_what_is_not_ephemeral_is_never_destroyed(preview: Preview) -> None:
    """DEV and PROD are refused as wrong usage, and nothing of them changes."""
    assert {name: outcome.status for name, outcome in preview.refused.items()} == {"dev": 2, "prod": 2}
    assert "kind development" in preview.refused["dev"].output
    assert "production's" in preview.refused["prod"].output
    assert preview.others == {"dev": [], "prod": []}


def test_a_machine_without_its_stack_file_destroys_it_without_residue(preview: Preview) -> None:
    """By the command's own search, and by the one of these tests, which shares nothing with it."""
    assert preview.destroyed.status == 0, preview.destroyed.output
    assert "residue 0" in preview.destroyed.output
    assert preview.alive == {"databases", "roles", "policies", "auth roles", "secrets", "namespaces"}
    assert preview.left == {}
