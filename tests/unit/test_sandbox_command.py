"""`bulkhead sandbox` without a sandbox: help, exit codes, messages; and what `env` prints."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bulkhead import cli
from bulkhead.sandbox import app
from sandbox import environment
from sandbox.layout import Layout, write_private
from sandbox.platform import Sandbox

COMMANDS = ("up", "status", "env", "logs", "start", "stop", "down", "reset")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BULKHEAD_SANDBOX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path / "home"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["bulkhead", "sandbox", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert isinstance(end.value.code, int | None)
    return end.value.code or 0


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_its_exit_codes(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, command, "--help") == 0
    assert "Exit codes: 0" in " ".join(capsys.readouterr().out.split())


def test_no_command_is_left_out() -> None:
    assert {entry.callback.__name__ for entry in app.registered_commands if entry.callback} == set(COMMANDS)


@pytest.mark.parametrize("arguments", [("status",), ("env",), ("stop", "vault"), ("start", "vault"), ("logs",)])
def test_what_needs_a_running_sandbox_says_so(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *arguments) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("bulkhead: ")
    assert "Traceback" not in said.err


@pytest.mark.parametrize("command", ["down", "reset"])
def test_nothing_to_stop_is_no_error(command: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    assert run(monkeypatch, command) == 0
    assert not home.exists(), "a command that finds nothing makes nothing"


def test_an_unknown_server_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "stop", "valt") == 2
    assert "no server is called 'valt'" in " ".join(capsys.readouterr().err.split())


def test_missing_tools_are_told_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BULKHEAD_CACHE", str(tmp_path / "empty"))
    assert run(monkeypatch, "up") == 4
    assert "make setup" in capsys.readouterr().err
    assert {path.name for path in home.iterdir()} <= {"lock"}


def test_our_own_faults_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(_: Sandbox) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Sandbox, "status", fault)
    monkeypatch.setattr(sys, "argv", ["bulkhead", "sandbox", "status"])
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_a_shell_takes_every_value_as_it_is(tmp_path: Path) -> None:
    values = {"PLAIN": "a", "ODD": 'it\'s $HOME `id` "x" \\ ;'}
    script = environment.shell(values) + 'printf "%s" "$ODD"'
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True, env={})
    assert done.stdout == values["ODD"]


def test_our_tools_come_first_on_path_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = Layout(home=tmp_path, runtime=tmp_path)
    write_private(layout.environment_file, json.dumps({"variables": {"A": "b"}, "path": ["/ours", "/tools"]}))
    monkeypatch.setenv("PATH", os.pathsep.join(["/usr/bin", "/tools"]))
    assert environment.read(layout) == {"A": "b", "PATH": "/ours:/tools:/usr/bin"}


def test_plugins_are_not_downloaded_over_the_sandboxs_own(tmp_path: Path) -> None:
    layout = Layout(home=tmp_path, runtime=tmp_path)
    write_private(layout.vault_file, '{"root_token": "t"}')
    write_private(layout.postgresql_file, '{"administrator": "p", "superuser": "q"}')
    ports = {"vault": 1, "postgresql": 2}
    name = "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"
    assert environment.variables(layout, ports, "sandbox")[name] == "true"
    official = environment.variables(layout, ports, "official")
    assert name not in official
    assert official["PULUMI_BACKEND_URL"] == environment.platform(layout, ports)["backend"]
    assert "q" not in official.values(), "the superuser is not for programs"
