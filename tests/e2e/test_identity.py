"""First-apply identity: a stack remembers its cluster, Vault and PostgreSQL system, and refuses other ones."""

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hvac
import psycopg
import pytest
import yaml

from tests.e2e.engine import CHECKOUT, Outcome, Project
from tests.e2e.servers import Servers
from tests.e2e.waiting import eventually

PROGRAM = Path(__file__).parent / "programs" / "veteran"
STACK = "pr-11"
URN = f"urn:pulumi:{STACK}::veteran::pulumi:index:Stash::identity"
ANOTHER = {
    "kubernetes": ("6f1d4cf8-0000-4000-8000-000000000000", "the cluster of context"),
    "vault": ("11111111-2222-3333-4444-555555555555", "Vault http://127.0.0.1"),
    "postgresql": ("7412345678901234567", "PostgreSQL 127.0.0.1"),
}
COMMANDS = {
    "preview": ("preview",),
    "preview --refresh": ("preview", "--refresh"),
    "up": ("up", "--yes", "--skip-preview"),
    "up --refresh": ("up", "--yes", "--skip-preview", "--refresh", "--run-program"),
    "up --target": ("up", "--yes", "--skip-preview", "--target", "**::api-owner"),
    "refresh": ("refresh", "--yes", "--skip-preview", "--run-program"),
    "destroy": ("destroy", "--yes", "--skip-preview", "--run-program"),
}


@pytest.fixture(scope="module")
def applied(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Two databases, applied; gone in the end."""
    folder = tmp_path_factory.mktemp("identity")
    shutil.copytree(PROGRAM, folder, dirs_exist_ok=True)
    for name in ("components", ".venv"):
        (folder / name).symlink_to(CHECKOUT / name)
    project = Project(folder, {**os.environ, **servers.environment})
    project.remove(STACK)  # an earlier run was broken off
    shutil.copy(PROGRAM / f"Pulumi.{STACK}.yaml", folder)  # which goes with the stack
    try:
        project.init(STACK)
        project.up(STACK)
        yield project
    finally:
        project.remove(STACK)


def remembered(project: Project) -> dict[str, str]:
    [entry] = [one for one in resources(project) if one["urn"] == URN]
    return dict(entry["outputs"]["output"])


def resources(project: Project) -> list[dict[str, Any]]:
    """All that the state has, by URN; a secret is encrypted anew each time that it is written."""
    text = json.dumps(project.state(STACK)["deployment"]["resources"])
    found = json.loads(re.sub(r'"ciphertext": "[^"]*"', '"ciphertext": ""', text))
    return sorted(found, key=lambda entry: str(entry["urn"]))


@contextmanager
def remembering(project: Project, server: str, identity: str) -> Iterator[None]:
    """As if the stack had been applied to another server, which is forgotten again in the end."""
    before = remembered(project)[server]
    _remember(project, server, identity)
    try:
        yield
    finally:
        _remember(project, server, before)


def _remember(project: Project, server: str, identity: str) -> None:
    state = project.state(STACK)
    for entry in state["deployment"]["resources"]:
        if entry["urn"] == URN:
            entry["outputs"]["output"][server] = identity
    file = project.folder / "state.json"
    file.write_text(json.dumps(state), encoding="utf-8")
    project.pulumi("stack", "import", "--stack", STACK, "--file", str(file))


def seen(project: Project, servers: Servers) -> dict[str, Any]:
    """What a refused command must leave alone."""
    with servers.database() as session:
        roles = session.execute(
            "SELECT rolname, rolconfig::text FROM pg_roles WHERE rolname ~ '^veteran_.*pr__11$'"
        ).fetchall()
        databases = session.execute(
            "SELECT datname, datconnlimit FROM pg_database WHERE datname ~ '^veteran_.*pr__11$'"
        ).fetchall()
    return {"state": resources(project), "roles": sorted(roles), "databases": sorted(databases)}


def refused(outcome: Outcome, *words: str) -> None:
    assert outcome.status != 0
    for word in (*words, "this stack was first applied to", f"pulumi up --replace '{URN}'"):
        assert word in outcome.output
    assert "Traceback" not in outcome.output
    assert outcome.output.count("this stack was first applied to") <= 4, "each line of the engine says it once"


def test_the_first_apply_remembers_the_three_servers(applied: Project, servers: Servers) -> None:
    with servers.database() as session:
        [system] = session.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone()
    assert remembered(applied) == {
        "kubernetes": servers.core.read_namespace("kube-system").metadata.uid,
        "vault": servers.vault.sys.read_health_status(method="GET")["cluster_id"],
        "postgresql": system,
    }
    assert applied.changes(STACK) == []
    assert applied.changes(STACK, "--refresh") == []


@pytest.mark.parametrize("server", ANOTHER)
def test_another_server_is_refused_before_any_change(applied: Project, servers: Servers, server: str) -> None:
    identity, place = ANOTHER[server]
    found = remembered(applied)[server]
    with remembering(applied, server, identity):
        before = seen(applied, servers)
        for command in ("preview", "up"):
            outcome = applied.pulumi(*COMMANDS[command], "--stack", STACK, check=False)
            refused(outcome, place, f"is {found}, this stack was first applied to {identity}")
        after = seen(applied, servers)
        assert [a for a, b in zip(after["state"], before["state"], strict=True) if a != b] == []
        assert after == before


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_runs_the_program_refuses(applied: Project, servers: Servers, command: str) -> None:
    with remembering(applied, "postgresql", ANOTHER["postgresql"][0]):
        before = seen(applied, servers)
        refused(applied.pulumi(*COMMANDS[command], "--stack", STACK, check=False))
        after = seen(applied, servers)
        outputs = [{one["urn"]: one.get("outputs") for one in each.pop("state")} for each in (before, after)]
        assert outputs[0] == outputs[1]
        assert after == before


def test_a_real_second_vault_is_refused(applied: Project, servers: Servers, tmp_path: Path) -> None:
    """A Vault that has all that is asked for, but is not the one that the stack's secrets are in."""
    home = Path(servers.environment["BULKHEAD_SANDBOX"])
    platform = yaml.safe_load((home / "platform.yaml").read_text(encoding="utf-8"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    platform["vault"]["address"] = address
    (tmp_path / "platform.yaml").write_text(yaml.safe_dump(platform), encoding="utf-8")
    words = ("server", "-dev", f"-dev-listen-address=127.0.0.1:{port}", "-dev-root-token-id=another")
    with subprocess.Popen(
        [str(servers.sandbox.setting.binary("vault")), *words],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as another:
        try:
            eventually(lambda: _answers(address), "a second Vault")
            before = seen(applied, servers)
            for command in ("preview", "up"):
                outcome = applied.pulumi(
                    *COMMANDS[command],
                    "--stack",
                    STACK,
                    check=False,
                    BULKHEAD_SANDBOX=str(tmp_path),
                    VAULT_ADDR=address,
                    VAULT_TOKEN="another",
                )
                refused(outcome, f"Vault {address} is ", remembered(applied)["vault"])
            assert seen(applied, servers) == before
        finally:
            another.terminate()


def _answers(address: str) -> bool:
    try:
        return hvac.Client(url=address).sys.is_initialized()
    except OSError:
        return False


def test_a_stack_is_moved_on_purpose_by_one_documented_word(applied: Project) -> None:
    with remembering(applied, "kubernetes", ANOTHER["kubernetes"][0]):
        applied.pulumi("up", "--yes", "--skip-preview", "--stack", STACK, "--replace", URN)
        assert remembered(applied)["kubernetes"] != ANOTHER["kubernetes"][0]
        assert applied.changes(STACK) == []


def test_destroy_stays_plain(applied: Project, servers: Servers) -> None:
    """It runs no program: what the state names is what goes."""
    own = remembered(applied)["vault"]
    _remember(applied, "vault", ANOTHER["vault"][0])
    try:
        applied.destroy(STACK)
        assert applied.resources(STACK) == {}
        with servers.database() as session, pytest.raises(psycopg.errors.UndefinedObject):
            session.execute("SELECT 'veteran_api_owner_pr__11'::regrole")
    finally:
        if URN in applied.resources(STACK):
            _remember(applied, "vault", own)
        applied.up(STACK)
