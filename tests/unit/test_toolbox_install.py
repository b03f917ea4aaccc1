"""Installing: complete or absent, going on where it was, one at a time, and errors that say what to do."""

from __future__ import annotations

import fcntl
import json
import threading
import time
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from bulkhead.tools import app
from sandbox.toolbox import debian, environments, gomodules, install, kinds, postgresql
from sandbox.toolbox.catalogue import CATALOGUE, is_installed, place, tool, tools_folder
from sandbox.toolbox.workshop import WorkFailed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sandbox.toolbox.kinds import ModuleFiles, Program, Tool
    from sandbox.toolbox.workshop import Workshop


class Notes:
    """A progress that remembers what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, _tools: Sequence[Tool]) -> Notes:
        return self

    def begin(self, entry: Tool) -> None:
        self.lines.append(f"begin {entry.name}")

    def step(self, text: str) -> None:
        self.lines.append(text)

    def tick(self) -> None:
        pass

    def done(self, how: str) -> None:
        self.lines.append(how)

    def note(self, text: str) -> None:
        self.lines.append(text)

    def close(self) -> None:
        self.lines.append("closed")


class Go:
    """Stands in for Go: writes a program that prints its version, or fails as it is told."""

    def __init__(self) -> None:
        self.built: list[str] = []
        self.fails: dict[str, BaseException] = {}

    def build(self, _entry: Tool, program: Program, into: Path, *_: object) -> None:
        if program.name in self.fails:
            raise self.fails[program.name]
        into.mkdir(parents=True, exist_ok=True)
        (into / program.name).write_text("#!/bin/sh\n")
        (into / program.name).chmod(0o755)
        self.built.append(program.name)

    def put(self, entry: Tool, into: Path, *_: object) -> None:
        """All programs of a tool that comes in packages."""
        for program in entry.programs:
            self.build(entry, program, into / "bin")
        if entry.environment:
            (into / "environment" / "bin").mkdir(parents=True)
            (into / "environment" / "bin" / "python").touch(mode=0o755)

    def take_files(self, _entry: Tool, files: ModuleFiles, into: Path, _workshop: Workshop) -> None:
        (into / files.into).mkdir(parents=True, exist_ok=True)
        (into / files.into / "file").touch()


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Go:
    """An empty cache, nothing on PATH, and the stand-in for Go."""
    stand_in = Go()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("BULKHEAD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(install, "ROOM_NEEDED", 1)
    monkeypatch.setattr(gomodules, "check_go", lambda _workshop: None)
    monkeypatch.setattr(gomodules, "build", stand_in.build)
    monkeypatch.setattr(gomodules, "take_files", stand_in.take_files)
    return stand_in


WANTED = [tool("etcd"), tool("kubernetes"), tool("kwok")]


def test_everything_missing_is_made_once(go: Go, tmp_path: Path) -> None:
    notes = Notes()
    assert install.install(WANTED, notes) == WANTED
    assert all(is_installed(entry) for entry in WANTED)
    assert (place(tool("kwok")) / "stages" / "pod-fast" / "file").exists()
    assert notes.lines[-1] == "closed"
    assert list((tmp_path / "temporary").iterdir()) == []
    notes.lines.clear()
    assert install.install(WANTED, notes) == []
    assert notes.lines == []
    assert len(go.built) == 5


def test_failure_names_the_tool_the_reason_and_what_to_do(go: Go) -> None:
    go.fails["kube-scheduler"] = WorkFailed("undefined: foo")
    with pytest.raises(install.InstallFailed) as raised:
        install.install(WANTED, Notes())
    text = str(raised.value)
    assert text.startswith("kubernetes 1.36.3 could not be installed.\nundefined: foo")
    assert "run the same command again" in text
    assert is_installed(tool("etcd"))
    assert not place(tool("kubernetes")).exists()


@pytest.mark.parametrize("reason", [KeyboardInterrupt(), WorkFailed("network")])
def test_the_next_run_goes_on_where_the_last_one_was(go: Go, reason: BaseException) -> None:
    go.fails["kube-scheduler"] = reason
    with pytest.raises((KeyboardInterrupt, install.InstallFailed)):
        install.install(WANTED, Notes())
    go.built.clear()
    go.fails.clear()
    assert [entry.name for entry in install.install(WANTED, Notes())] == ["kubernetes", "kwok"]
    assert "etcd" not in go.built
    assert [path.name for path in tools_folder().glob(".new-*")] == []


def test_an_incomplete_tool_is_made_anew(go: Go) -> None:
    install.install(WANTED, Notes())
    (place(tool("kubernetes")) / "bin" / "kube-scheduler").unlink()
    assert install.install(WANTED, Notes()) == [tool("kubernetes")]
    assert is_installed(tool("kubernetes"))


def test_a_fitting_program_on_path_is_linked(go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = tmp_path / "there"
    there.mkdir()
    (there / "etcd").write_text("#!/bin/sh\necho etcd Version: 3.6.8\n")
    (there / "etcd").chmod(0o755)
    monkeypatch.setenv("PATH", str(there))
    install.install([tool("etcd")], Notes())
    assert (place(tool("etcd")) / "bin" / "etcd").readlink() == there / "etcd"
    assert install.origin(tool("etcd")) == "path"
    assert go.built == []


def test_a_linked_program_that_became_another_version_is_replaced(
    go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_a_fitting_program_on_path_is_linked(go, tmp_path, monkeypatch)
    (tmp_path / "there" / "etcd").write_text("#!/bin/sh\necho etcd Version: 3.7.0\n")
    assert install.install([tool("etcd")], Notes()) == [tool("etcd")]
    assert install.origin(tool("etcd")) == "built"


def test_a_second_installation_waits_for_the_first(go: Go) -> None:
    notes = Notes()
    tools_folder().mkdir(parents=True)
    with (tools_folder() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = threading.Thread(target=install.install, args=([tool("etcd")], notes))
        second.start()
        deadline = time.monotonic() + 60
        while not notes.lines and time.monotonic() < deadline:
            time.sleep(0.01)
        assert "waiting" in notes.lines[0]
        assert go.built == []
        fcntl.flock(lock, fcntl.LOCK_UN)
    second.join(timeout=60)
    assert go.built == ["etcd"]


def test_command_says_which_tool_failed_and_ends_with_1(go: Go) -> None:
    go.fails["etcd"] = WorkFailed("undefined: foo")
    result = CliRunner().invoke(app, ["install", "etcd"])
    assert result.exit_code == 1
    assert "error: etcd 3.6.8 could not be installed.\nundefined: foo" in result.output


def test_command_says_what_is_left_after_an_interruption(go: Go) -> None:
    go.fails["kwok"] = KeyboardInterrupt()
    result = CliRunner().invoke(app, ["install", "etcd", "kwok"])
    assert result.exit_code == 130
    assert "interrupted; 1 of 2 tools are missing" in result.output


def test_command_refuses_a_tool_that_there_is_not(go: Go) -> None:
    result = CliRunner().invoke(app, ["install", "docker"])
    assert result.exit_code == 2
    assert "docker" in result.output


def test_what_comes_in_packages_needs_no_go(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_go(_workshop: Workshop) -> None:
        raise WorkFailed("no `go` on PATH")

    monkeypatch.setattr(gomodules, "check_go", no_go)
    monkeypatch.setattr(debian, "assemble", go.put)
    monkeypatch.setattr(environments, "assemble", go.put)
    wanted = [tool("redis"), tool("haproxy"), tool("checkov")]
    assert install.install(wanted, Notes()) == wanted
    assert {install.origin(entry) for entry in wanted} == {"packages"}
    with pytest.raises(install.InstallFailed, match="no `go`"):
        install.install([tool("etcd")], Notes())


def test_our_own_program_is_made_anew_once_its_sources_are_others(
    go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tool("go-example")
    install.install([own], Notes())
    assert install.origin(own) == "built"
    assert install.missing([own]) == []
    (tmp_path / own.source).mkdir(parents=True)
    (tmp_path / own.source / "main.go").write_text("package main", encoding="utf-8")
    monkeypatch.setattr(kinds, "REPOSITORY", tmp_path)
    assert install.missing([own]) == [own]
    assert install.install([own], Notes()) == [own]
    assert go.built == ["go-example", "go-example"]


def test_without_apt_a_debian_tool_is_refused_with_what_to_do(go: Go) -> None:
    with pytest.raises(install.InstallFailed) as raised:
        install.install([tool("redis")], Notes())
    assert "redis 7.0 could not be installed" in str(raised.value)
    assert "no apt-get" in str(raised.value)
    assert list(tools_folder().glob("redis-*")) == go.built == []


def test_list_tells_programs_what_is_there(go: Go) -> None:
    install.install([tool("etcd")], Notes())
    result = CliRunner().invoke(app, ["list", "--json"])
    rows = {row["name"]: row for row in json.loads(result.output)}
    assert result.exit_code == 1
    assert list(rows) == [entry.name for entry in CATALOGUE]
    assert rows["etcd"]["origin"] == "built"
    assert rows["etcd"]["folder"] == str(place(tool("etcd")))
    assert rows["vault"]["origin"] == "missing"


def test_list_succeeds_once_all_is_there(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "assemble", lambda into, _workshop: go.put(tool("postgresql"), into))
    monkeypatch.setattr(debian, "assemble", go.put)
    monkeypatch.setattr(environments, "assemble", go.put)
    install.install(CATALOGUE, Notes())
    assert [entry.name for entry in CATALOGUE if not is_installed(entry)] == []
    result = CliRunner().invoke(app, ["list"])
    assert result.exit_code == 0
    assert "missing" not in result.output
