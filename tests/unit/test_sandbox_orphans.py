"""What a crashed sandbox left is found and ended, and nothing else is."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import orphans
from sandbox.layout import Layout

SLEEP = [sys.executable, "-c", "print(flush=True); import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)",
]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(home=tmp_path / "home", runtime=tmp_path / "run")


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


def start(started: list[subprocess.Popen[str]], command: list[str], **variables: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(command, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True)
    started.append(process)
    assert process.stdout
    process.stdout.readline()  # it has begun
    return process


def test_a_marked_process_is_found_under_its_servers_name(
    layout: Layout, started: list[subprocess.Popen[str]]
) -> None:
    start(started, SLEEP, **{orphans.MARKER: str(layout.home), "SUPERVISOR_PROCESS_NAME": "vault"})
    assert orphans.running(layout) == ["vault"]


def test_marked_processes_are_ended_and_others_are_not(
    layout: Layout, started: list[subprocess.Popen[str]]
) -> None:
    ours = start(started, SLEEP, **{orphans.MARKER: str(layout.home)})
    neighbour = start(started, SLEEP, **{orphans.MARKER: f"{layout.home}2"})
    stranger = start(started, SLEEP)
    assert orphans.end_orphans(layout) == ["supervisord"]
    assert ours.wait(5) == -15
    assert neighbour.poll() is None
    assert stranger.poll() is None


def test_one_that_does_not_listen_is_killed(
    layout: Layout, started: list[subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orphans, "_GRACE_SECONDS", 0.2)
    deaf = start(started, STUBBORN, **{orphans.MARKER: str(layout.home), "SUPERVISOR_PROCESS_NAME": "etcd"})
    assert orphans.end_orphans(layout) == ["etcd"]
    assert deaf.wait(5) == -9


def test_nothing_left_is_nothing_ended(layout: Layout) -> None:
    assert orphans.end_orphans(layout) == []
