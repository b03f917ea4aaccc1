"""Another language: a program in Go has DEV and PROD of a system, through the component provider host."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.toolbox import catalogue
from tests.e2e.engine import CHECKOUT, Outcome, Project
from tests.e2e.servers import Servers

EXAMPLE = CHECKOUT / "examples" / "go"
STACKS = ("dev", "prod")
SECONDS = 300
TRACES = r"Traceback|File \"|<class |Exception"
"""What a user must not see of a mistake in the input."""


@dataclass(frozen=True)
class Gopher:
    """The compiled program, in a folder of its own beside the provider, as in a checkout."""

    project: Project

    def run(self, stack: str, word: str, *, check: bool = True) -> Outcome:
        done = subprocess.run(
            (str(catalogue.binary("go-example")), stack, word),
            cwd=self.project.folder,
            env=dict(self.project.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout[-6000:]
        return Outcome(done.returncode, done.stdout)

    def describe(self, stack: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Write the description of a stack: DEV's, with something else in it."""
        described = json.loads((EXAMPLE / "dev.json").read_text(encoding="utf-8"))
        change(described)
        (self.project.folder / f"{stack}.json").write_text(json.dumps(described), encoding="utf-8")


@pytest.fixture(scope="module")
def gopher(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gopher]:
    checkout = tmp_path_factory.mktemp("checkout")
    (checkout / "provider").symlink_to(CHECKOUT / "provider")
    folder = checkout / "examples" / "go"
    folder.mkdir(parents=True)
    for name in ("Pulumi.yaml", *(f"{stack}.json" for stack in STACKS)):
        shutil.copy(EXAMPLE / name, folder / name)
    gopher = Gopher(Project(folder, {**os.environ, **servers.environment}))
    yield gopher
    for stack in gopher.project.stacks():
        gopher.project.pulumi("state", "unprotect", "--all", "--yes", "--stack", stack, check=False)
        if (gopher.project.folder / f"{stack}.json").is_file():
            gopher.run(stack, "destroy", check=False)
        gopher.project.pulumi("stack", "rm", "--yes", "--stack", stack)


@pytest.fixture(scope="module")
def applied(gopher: Gopher) -> dict[str, Outcome]:
    """DEV and PROD, applied by the Go program."""
    return {stack: gopher.run(stack, "up") for stack in STACKS}


def databases(servers: Servers) -> set[str]:
    with servers.database() as session:
        found = session.execute("SELECT datname FROM pg_database WHERE datname LIKE 'gophers%'").fetchall()
    return {name for (name,) in found}


def namespaces(servers: Servers) -> set[str]:
    found = servers.core.list_namespace(label_selector="bulkhead.dev/system=gophers").items
    return {one.metadata.name for one in found if one.status.phase == "Active"}


@pytest.mark.parametrize("stack", STACKS)
def test_a_go_program_has_namespaces_a_database_and_a_secret_that_logs_in(
    applied: dict[str, Outcome], servers: Servers, stack: str
) -> None:
    host = "web" if stack == "prod" else "web-dev"
    assert f'web: "https://{host}.gophers.example.com"' in applied[stack].output
    assert {f"gophers-web-{stack}", f"gophers-mail-{stack}"} <= namespaces(servers)
    login = servers.secret(f"gophers-web-{stack}", "gophers-web-db")
    assert login["PGDATABASE"] in databases(servers)
    with servers.database(login["PGDATABASE"], user=login["PGUSER"], password=login["PGPASSWORD"]) as session:
        assert session.execute("SELECT extname FROM pg_extension WHERE extname = 'pg_trgm'").fetchone()


@pytest.mark.parametrize("stack", STACKS)
def test_what_is_empty_or_whole_in_the_description_arrives_as_such(
    applied: dict[str, Outcome], servers: Servers, stack: str
) -> None:
    address = f"/apis/apps/v1/namespaces/gophers-mail-{stack}/deployments/mail"
    (container,) = servers.object(address)["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/health"
    assert container["ports"][0]["containerPort"] == 8025


@pytest.mark.parametrize("stack", STACKS)
def test_a_second_preview_of_the_go_program_changes_nothing(
    applied: dict[str, Outcome], gopher: Gopher, stack: str
) -> None:
    said = gopher.run(stack, "preview").output
    made = re.search(r"\+ (\d+) created", applied[stack].output)
    assert made
    assert f"{made[1]} unchanged" in said
    assert not re.search(r"to (create|update|delete|replace)", said)


@pytest.mark.parametrize("stack", STACKS)
def test_no_password_is_in_the_state_or_in_what_the_program_says(
    applied: dict[str, Outcome], gopher: Gopher, servers: Servers, stack: str
) -> None:
    password = servers.secret(f"gophers-web-{stack}", "gophers-web-db")["PGPASSWORD"]
    assert password not in json.dumps(gopher.project.state(stack))
    assert password not in applied[stack].output


def unknown_key(described: dict[str, Any]) -> None:
    described["applications"]["web"]["prot"] = 8080


def unknown_input(described: dict[str, Any]) -> None:
    described["databses"] = described.pop("databases")


def fraction(described: dict[str, Any]) -> None:
    described["applications"]["web"]["port"] = 8080.5


def insecure(described: dict[str, Any]) -> None:
    described["values"]["images"]["web"] = "registry.example.com/gophers/web:latest"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (unknown_key, "applications.web.prot is not a known key; did you mean 'port'?"),
        (unknown_input, "databses is not a known key; did you mean 'databases'?"),
        (fraction, "applications.web.port is 8080.5; use a whole number"),
        (insecure, "values.images.web is 'registry.example.com/gophers/web:latest'; the tag 'latest' moves"),
    ],
)
def test_a_wrong_description_is_refused_in_one_message(
    gopher: Gopher, servers: Servers, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    gopher.describe("wrong", change)
    outcome = gopher.run("wrong", "up", check=False)
    assert outcome.status == 1
    assert f"bulkhead:index:System resource 'system' has a problem: {message}" in outcome.output
    assert not re.search(TRACES, outcome.output)
    assert not [name for name in namespaces(servers) if "wrong" in name]


def test_servers_that_are_others_than_before_are_refused_in_one_message(
    applied: dict[str, Outcome], gopher: Gopher
) -> None:
    state, file = gopher.project.state("dev"), gopher.project.folder / "state.json"
    [memory] = [one for one in state["deployment"]["resources"] if one["urn"].endswith("::system-identity")]
    own = memory["outputs"]["output"]["vault"]
    for remembered in ("another-vault", own):
        memory["outputs"]["output"]["vault"] = remembered
        file.write_text(json.dumps(state), encoding="utf-8")
        gopher.project.pulumi("stack", "import", "--stack", "dev", "--file", str(file))
        try:
            outcome = gopher.run("dev", "preview", check=False)
        finally:
            memory["outputs"]["output"]["vault"] = own
            file.write_text(json.dumps(state), encoding="utf-8")
            gopher.project.pulumi("stack", "import", "--stack", "dev", "--file", str(file))
        assert outcome.status == (0 if remembered == own else 1)
        is_said = f"is {own}, this stack was first applied to another-vault" in outcome.output
        assert is_said == (remembered != own)
        assert not re.search(TRACES, outcome.output)


def test_the_schema_tells_other_languages_what_a_system_takes(servers: Servers, tmp_path: Path) -> None:
    project = Project(tmp_path, {**os.environ, **servers.environment})
    program = CHECKOUT / "provider" / "pulumi-resource-bulkhead"
    schema = json.loads(project.pulumi("package", "get-schema", str(program)).output)
    described = schema["resources"]["bulkhead:index:System"]
    assert described["requiredInputs"] == ["applications", "platform", "values"]
    assert all(one["description"] for one in described["inputProperties"].values())
    assert described["properties"]["urls"]["additionalProperties"] == {"type": "string"}


def test_destroy_leaves_nothing_and_production_refuses_it_until_it_is_unprotected(
    applied: dict[str, Outcome], gopher: Gopher, servers: Servers
) -> None:
    try:
        gopher.run("dev", "destroy")
        assert namespaces(servers) == {"gophers-web-prod", "gophers-mail-prod"}
        assert len(databases(servers)) == 1
        refused = gopher.run("prod", "destroy", check=False)
        assert refused.status == 1
        assert "protect" in refused.output
        assert len(databases(servers)) == 1
        gopher.project.pulumi("state", "unprotect", "--all", "--yes", "--stack", "prod")
        gopher.run("prod", "destroy")
        assert namespaces(servers) == databases(servers) == set()
    finally:
        for stack in STACKS:
            gopher.run(stack, "up")
