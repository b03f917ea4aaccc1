"""The sandbox itself, through its command: up, down, crashes, neighbours.

These tests break what they run on, so they have homes of their own, not the sandbox that other tests share.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from kubernetes import client, config

from sandbox import orphans, record
from sandbox.layout import HOME_VARIABLE
from sandbox.services import NAMES
from tests.processes import runs

READY = dict.fromkeys(NAMES, "ready")


@dataclass
class Command:
    """`bulkhead sandbox` for one home."""

    home: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it, whatever its exit code is."""
        return subprocess.run(
            [sys.executable, "-m", "bulkhead.cli", "sandbox", *arguments],
            env={**os.environ, HOME_VARIABLE: str(self.home), "BULKHEAD_PLUGINS": "sandbox"},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def ok(self, *arguments: str) -> str:
        """Run it, expect success, and return what it printed."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def states(self) -> dict[str, str]:
        """Each server's state."""
        return {entry["name"]: entry["state"] for entry in json.loads(self.run("status", "--json").stdout)}

    def pid(self, server: str) -> int:
        """A server's process."""
        (pid,) = (
            entry["pid"] for entry in json.loads(self.run("status", "--json").stdout) if entry["name"] == server
        )
        return pid

    def environment(self) -> dict[str, str]:
        """What `env` prints."""
        return json.loads(self.ok("env", "--json"))

    def ports(self) -> dict[str, int]:
        """The ports of the servers."""
        return record.load(self.home)[1].ports

    def supervisor(self) -> int:
        """The supervisor's process."""
        return int((record.load(self.home)[0].runtime / "supervisord.pid").read_text())

    def kubernetes(self) -> Any:
        """The cluster's API as its administrator."""
        return config.new_client_from_config(config_file=str(self.home / "kubeconfig"))

    def database(self) -> "psycopg.Connection[Any]":
        """A session of the administrator."""
        env = self.environment()
        return psycopg.connect(
            host=env["PGHOST"],
            port=env["PGPORT"],
            user=env["PGUSER"],
            password=env["PGPASSWORD"],
            dbname="postgres",
            sslmode="disable",
            autocommit=True,
        )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """A home that is clean at first, and gone at the end."""
    command = Command(tmp_path_factory.mktemp("own") / ".sandbox")
    yield command
    command.ok("reset", "--yes")


@pytest.fixture
def running(home: Command) -> Command:
    """The home's sandbox with every server ready."""
    home.ok("up")
    return home


def eventually(true: Callable[[], bool], seconds: float) -> bool:
    """Whether something becomes true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_up_brings_every_server_and_starts_none_the_next_time(running: Command) -> None:
    assert running.states() == READY
    before = running.supervisor(), running.pid("vault")
    assert "running already" in running.ok("up")
    assert (running.supervisor(), running.pid("vault")) == before


def test_env_is_what_a_shell_needs(running: Command) -> None:
    script = 'eval "$1"; psql -Atc "select current_user" && vault status -format=json && pulumi whoami --json'
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", running.ok("env")],
        env={"PATH": "/usr/bin:/bin", "HOME": str(running.home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("bulkhead\n")
    assert running.home.as_uri() in done.stdout


def test_no_secret_is_in_the_arguments_of_a_process(running: Command) -> None:
    secrets = [running.environment()[name].encode() for name in ("VAULT_TOKEN", "PGPASSWORD")]
    vault = json.loads((running.home / "vault.json").read_text())
    postgresql = json.loads((running.home / "postgresql.json").read_text())
    kubeconfig = json.loads((running.home / "kubeconfig").read_text())
    secrets += [vault["unseal_key"].encode(), postgresql["superuser"].encode()]
    secrets.append(kubeconfig["users"][0]["user"]["token"].encode())
    seen = b""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            seen += process.read_bytes()
    assert str(running.home).encode() in seen, "the servers' arguments were looked at"
    assert not [secret for secret in secrets if secret in seen]


def test_servers_were_given_none_of_the_persons_variables(home: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    home.ok("down")
    monkeypatch.setenv("VAULT_TOKEN", "planted-canary")
    home.ok("up")
    environment = Path(f"/proc/{home.pid('external-secrets')}/environ").read_bytes()
    assert b"KUBECONFIG=" in environment
    assert b"planted-canary" not in environment


def test_a_password_that_is_hashed_as_plugins_do_does_not_reach_the_log_even_if_the_statement_fails(
    running: Command,
) -> None:
    with running.database() as session:
        hashed = session.pgconn.encrypt_password(b"planted-canary", b"canary", b"scram-sha-256").decode()
        for _ in range(2):
            with contextlib.suppress(psycopg.errors.DuplicateObject):
                session.execute(f"CREATE ROLE canary PASSWORD '{hashed}'")
        session.execute("DROP ROLE canary")
    log = (running.home / "logs" / "postgresql.log").read_text()
    assert 'role "canary" already exists' in log
    assert "planted-canary" not in log


def test_the_administrator_is_what_a_provider_gives(running: Command) -> None:
    with running.database() as session:
        row = session.execute(
            "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row == (False, True, True)
        session.execute("CREATE ROLE owner_of_it")
        session.execute("CREATE DATABASE it OWNER owner_of_it")
        assert session.execute(
            "SELECT has_database_privilege('owner_of_it', 'postgres', 'CONNECT')"
        ).fetchone() == (False,)
        session.execute("DROP DATABASE it")
        session.execute("DROP ROLE owner_of_it")


def test_the_administrator_may_create_the_extensions(running: Command) -> None:
    env = running.environment()
    with running.database() as session:
        session.execute("CREATE DATABASE extended")
    target = f"host={env['PGHOST']} port={env['PGPORT']} dbname=extended sslmode=disable"
    with psycopg.connect(target, user=env["PGUSER"], password=env["PGPASSWORD"], autocommit=True) as session:
        for extension in ("vector", "pg_trgm"):
            session.execute(f"CREATE EXTENSION {extension}")
        assert session.execute("SELECT '[1,2]'::vector <-> '[1,4]'").fetchone() == (2.0,)
        session.execute("DROP EXTENSION vector")
    with running.database() as session:
        session.execute("DROP DATABASE extended")


def test_one_server_stops_and_starts_on_its_port_with_its_data(running: Command) -> None:
    ports = running.ports()
    before = running.environment()["VAULT_TOKEN"]
    for server in ("vault", "postgresql", "kube-apiserver"):
        running.ok("stop", server)
        assert running.states()[server] == "stopped"
        assert running.run("status").returncode == 1
        with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", ports[server])):
            pass
        running.ok("start", server)
        assert running.states()[server] == "ready"
    assert running.ports() == ports
    assert running.environment()["VAULT_TOKEN"] == before
    assert eventually(lambda: running.states() == READY, 20)


def test_a_server_that_died_is_reported_with_its_last_words_and_brought_back(running: Command) -> None:
    os.kill(running.pid("vault"), signal.SIGKILL)
    assert eventually(lambda: running.states()["vault"] == "died", 60)
    told = running.run("status")
    assert told.returncode == 1
    assert "vault died; the end of its log" in told.stdout
    running.ok("up")
    assert running.states() == READY


def test_a_server_that_dies_at_its_start_is_told_with_its_last_words(running: Command) -> None:
    running.ok("stop", "vault")
    with socket.create_server(("127.0.0.1", running.ports()["vault"])):
        for arguments in (("start", "vault"), ("up",)):
            failed = running.run(*arguments)
            assert failed.returncode == 1
            assert "vault died" in failed.stderr
            assert "address already in use" in failed.stderr
            assert "Traceback" not in failed.stderr
    running.ok("up")
    assert running.states() == READY


def test_down_leaves_no_process_and_no_port_and_keeps_data(running: Command) -> None:
    cluster = client.CoreV1Api(running.kubernetes())
    name = f"kept-{time.monotonic_ns()}"
    cluster.create_namespace({"metadata": {"name": name}})
    with running.database() as session:
        session.execute(f'CREATE ROLE "{name}"')
    layout, before = record.load(running.home)
    running.ok("down")
    assert orphans.running(layout) == []
    assert [port for port in before.ports.values() if not record.is_free(port)] == []
    assert running.run("status").returncode == 3
    running.ok("up")
    assert running.ports() == before.ports
    assert cluster.read_namespace(name).metadata.name == name
    with running.database() as session:
        session.execute(f'DROP ROLE "{name}"')


@pytest.mark.parametrize("killed", ["supervisor", "everything"])
def test_a_crashed_sandbox_is_told_cleaned_up_and_started(running: Command, killed: str) -> None:
    servers = [entry["pid"] for entry in json.loads(running.run("status", "--json").stdout)]
    os.kill(running.supervisor(), signal.SIGKILL)
    if killed == "everything":
        for pid in servers:
            os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: running.run("status").returncode == 3, 60)
    running.ok("up")
    assert running.states() == READY
    if killed == "supervisor":
        assert not [pid for pid in servers if runs(pid)]


def test_down_cleans_up_after_a_crash(running: Command) -> None:
    layout, before = record.load(running.home)
    os.kill(running.supervisor(), signal.SIGKILL)
    running.ok("down")
    assert orphans.running(layout) == []
    assert [port for port in before.ports.values() if not record.is_free(port)] == []


def test_two_sandboxes_run_side_by_side(running: Command, tmp_path: Path) -> None:
    other = Command(tmp_path / ".sandbox")
    try:
        other.ok("up")
        assert other.states() == READY
        assert running.states() == READY
        assert not set(running.ports().values()) & set(other.ports().values())
        client.CoreV1Api(other.kubernetes()).create_namespace({"metadata": {"name": "only-here"}})
        names = {item.metadata.name for item in client.CoreV1Api(running.kubernetes()).list_namespace().items}
        assert "only-here" not in names
        layout, _ = record.load(other.home)
        other.ok("down")
        assert orphans.running(layout) == []
        assert running.states() == READY
    finally:
        other.ok("reset", "--yes")
    assert not layout.runtime.exists()
    assert [path.name for path in other.home.iterdir()] == ["lock"]


def test_two_commands_at_once_do_not_disturb_each_other(running: Command) -> None:
    running.ok("down")
    with subprocess.Popen(
        [sys.executable, "-m", "bulkhead.cli", "sandbox", "up", "--json"],
        env={**os.environ, HOME_VARIABLE: str(running.home), "BULKHEAD_PLUGINS": "sandbox"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as first:
        second = running.run("up", "--json")
        assert first.wait(120) == 0
        assert first.stdout
        told = [json.loads(first.stdout.read()), json.loads(second.stdout)]
    assert sorted(entry["already"] for entry in told) == [False, True]


def test_a_changed_secret_restarts_pods_that_ask_for_it(running: Command) -> None:
    api = running.kubernetes()
    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    name = f"reload-{time.monotonic_ns()}"
    core.create_namespace({"metadata": {"name": name}})
    core.create_namespaced_secret(name, {"metadata": {"name": "db"}, "stringData": {"password": "one"}})
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    for deployment, wish in (("asks", "db"), ("does-not", "other")):
        annotations = {"secret.reloader.stakater.com/reload": wish}
        spec = {"selector": {"matchLabels": {"app": "a"}}, "template": template}
        apps.create_namespaced_deployment(
            name, {"metadata": {"name": deployment, "annotations": annotations}, "spec": spec}
        )

    def ready(deployment: str) -> bool:
        return apps.read_namespaced_deployment(deployment, name).status.ready_replicas == 1

    def restarted(deployment: str) -> bool:
        found = apps.read_namespaced_deployment(deployment, name).spec.template.metadata.annotations or {}
        return "reloader.stakater.com/last-reloaded-from" in found

    assert eventually(lambda: ready("asks"), 60)
    assert not restarted("asks")
    core.patch_namespaced_secret("db", name, {"stringData": {"password": "two"}})
    assert eventually(lambda: restarted("asks"), 20)
    assert not restarted("does-not")
    core.delete_namespace(name)


def test_reset_deletes_everything(home: Command) -> None:
    home.ok("up")
    layout, _ = record.load(home.home)
    home.ok("reset", "--yes")
    assert orphans.running(layout) == []
    assert [path.name for path in home.home.iterdir()] == ["lock"]
    assert not layout.runtime.exists()
