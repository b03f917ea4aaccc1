"""Refusals: what the real engine must not do, and says so: exit code, one clear message, nothing touched."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Quiet
from tests.e2e.engine import Outcome, Project
from tests.e2e.residue import residue
from tests.e2e.servers import Servers
from tests.e2e.waiting import eventually

FOREIGN, KILLED = "pr-8", "pr-9"
CREDENTIALS = 5
"""How many credentials KeyBuzz has, each with a SecretStore."""


def refused(outcome: Outcome, *words: str) -> None:
    """A command that failed with these words in its answer, and without a traceback."""
    assert outcome.status != 0
    for word in words:
        assert word in outcome.output
    assert "Traceback" not in outcome.output


@pytest.fixture
def copy(applied: Project, tmp_path: Path) -> Project:
    """Another copy of the program, on the same state, that may be spoiled."""
    folder = tmp_path / "copy"
    folder.mkdir()
    return Project.copy(folder, applied.environment)


def edit(project: Project, file: str, old: str, new: str) -> None:
    """Change what a file of a copy says."""
    path = project.folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("words", ["preview", "up --yes --skip-preview", "destroy --yes"])
def test_a_wrong_passphrase(applied: Project, words: str) -> None:
    """The stack's secrets stay shut, and the passphrase is not repeated."""
    outcome = applied.pulumi(
        *words.split(), "--stack", "prod", check=False, PULUMI_CONFIG_PASSPHRASE="not-the-word"
    )
    refused(outcome, "incorrect passphrase")
    assert "not-the-word" not in outcome.output


def test_the_sandbox_with_another_state(copy: Project, tmp_path: Path) -> None:
    """What PROD's state describes is not looked for on a toy."""
    other = tmp_path / "state"
    other.mkdir()
    elsewhere = Project(copy.folder, {**copy.environment, "PULUMI_BACKEND_URL": f"file://{other}"})
    elsewhere.init("dev")
    refused(elsewhere.pulumi("preview", "--stack", "dev", check=False), "PULUMI_BACKEND_URL", f"file://{other}")


def test_the_sandboxs_state_with_another_platform(copy: Project) -> None:
    """What the sandbox's state describes is not looked for on the real servers."""
    outcome = copy.pulumi("preview", "--stack", "dev", check=False, BULKHEAD_PLATFORM="")
    refused(outcome, "PULUMI_BACKEND_URL", "BULKHEAD_PLATFORM=sandbox")


def test_a_node_as_the_write_end_point(copy: Project) -> None:
    """A node may be a replica tomorrow: the load balancer's address alone is taken."""
    edit(copy, "platforms/keybuzz.yaml", "host: 10.0.0.10,", "host: 10.0.0.121,")
    refused(copy.pulumi("preview", "--stack", "dev", check=False), "10.0.0.121", "is a node")


def test_the_end_point_in_use_is_a_node(copy: Project) -> None:
    """The sandbox's end point is measured by the same rule."""
    edit(copy, "platforms/keybuzz.yaml", "nodes: [", "nodes: [127.0.0.1, ")
    refused(copy.pulumi("preview", "--stack", "dev", check=False), "127.0.0.1", "is a node")


def test_a_wrong_value_in_a_stack_file(copy: Project) -> None:
    """The key, the value and what is allowed, as the whole answer of the program."""
    edit(copy, "Pulumi.dev.yaml", "replicas: 2", "replicas: 0")
    outcome = copy.pulumi("up", "--yes", "--skip-preview", "--stack", "dev", check=False)
    refused(outcome, "bulkhead:apps.api.replicas", "0", "1")


def test_an_unknown_key_in_a_stack_file(copy: Project) -> None:
    """The key that was probably meant is named."""
    edit(copy, "Pulumi.dev.yaml", "replicas: 2", "replica: 2")
    refused(copy.pulumi("preview", "--stack", "dev", check=False), "bulkhead:apps.api.replica", "replicas")


@contextmanager
def branch(project: Project, stack: str) -> Iterator[None]:
    """An ephemeral environment that is not yet applied, and gone in the end."""
    project.branch(stack)
    try:
        yield
    finally:
        project.pulumi("cancel", "--yes", "--stack", stack, check=False)
        project.remove(stack)


def test_a_namespace_that_belongs_to_somebody_else(applied: Project, servers: Servers) -> None:
    """Server-side apply would merge with it: it is refused before anything is made, and stays as it is."""
    name = f"keybuzz-api-{FOREIGN}"
    servers.core.create_namespace({"metadata": {"name": name, "labels": {"owner": "somebody"}}})
    try:
        with branch(applied, FOREIGN):
            refused(applied.up(FOREIGN, check=False), f"namespace {name} exists", "belongs to")
            assert residue(servers, FOREIGN) == {"namespaces": [name]}
            labels = servers.core.read_namespace(name).metadata.labels
            assert labels == {"owner": "somebody", "kubernetes.io/metadata.name": name}
    finally:
        servers.core.delete_namespace(name)


def _pending(project: Project, stack: str) -> dict[str, dict[str, Any]]:
    """What an engine has begun and not finished, as its state says while it runs: the resources, by URN."""
    folder = Path(project.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    try:
        state = json.loads((folder / f".pulumi/stacks/keybuzz/{stack}.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    operations: list[dict[str, Any]] = state["checkpoint"]["latest"].get("pending_operations") or []
    return {operation["resource"]["urn"]: operation["resource"] for operation in operations}


def _kill_while_it_waits(project: Project, servers: Servers, stack: str) -> None:
    """Begin an `up`, and kill the engine once it waits for an operator that is not there."""

    def waits_for_stores_alone() -> bool:
        stores = [entry["type"].endswith(":SecretStore") for entry in _pending(project, stack).values()]
        return len(stores) == CREDENTIALS and all(stores)

    servers.sandbox.stop("external-secrets")
    try:
        with subprocess.Popen(
            ["pulumi", "--non-interactive", "up", "--yes", "--skip-preview", "--stack", stack],
            cwd=project.folder,
            env=dict(project.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as engine:
            try:
                eventually(waits_for_stores_alone, "an engine that waits for the stores alone")
            finally:
                os.kill(engine.pid, signal.SIGKILL)
    finally:
        servers.sandbox.start("external-secrets", Quiet())


def _adopt(project: Project, stack: str) -> None:
    """Import what an engine had begun, which is there: the Kubernetes provider does not create it once more."""
    names: dict[str, str] = {}
    resources: list[dict[str, str]] = []
    for urn, entry in _pending(project, stack).items():
        name, metadata = urn.rsplit("::", 1)[1], entry["inputs"]["metadata"]
        names |= {f"parent-of-{name}": entry["parent"], "kubernetes": entry["provider"].rsplit("::", 1)[0]}
        resources.append(
            {
                "type": entry["type"],
                "name": name,
                "id": f"{metadata['namespace']}/{metadata['name']}",
                "parent": f"parent-of-{name}",
                "provider": "kubernetes",
            }
        )
    file = project.folder / "begun.json"
    file.write_text(json.dumps({"nameTable": names, "resources": resources}), encoding="utf-8")
    project.pulumi("refresh", "--yes", "--skip-preview", "--clear-pending-creates", "--stack", stack)
    words = ("--yes", "--skip-preview", "--protect=false", "--generate-code=false", "--file", str(file))
    project.pulumi("import", *words, "--stack", stack)


def test_a_killed_engine(applied: Project, servers: Servers) -> None:
    """Its lock and what it had begun are reported; once that is adopted, `up` goes on where it was."""
    with branch(applied, KILLED):
        _kill_while_it_waits(applied, servers, KILLED)
        refused(applied.up(KILLED, check=False), "the stack is currently locked", "pulumi cancel")

        applied.pulumi("cancel", "--yes", "--stack", KILLED)
        refused(applied.up(KILLED, check=False), f"{CREDENTIALS} pending operations", "already exists")

        _adopt(applied, KILLED)
        assert _pending(applied, KILLED) == {}
        applied.up(KILLED)
        assert applied.changes(KILLED, "--refresh") == []
        assert set(servers.secret(f"keybuzz-api-{KILLED}", "keybuzz-api-postgres")) >= {"PGUSER", "PGPASSWORD"}
        applied.destroy(KILLED)
        assert residue(servers, KILLED) == {}
