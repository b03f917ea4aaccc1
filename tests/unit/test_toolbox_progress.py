"""Progress: how long yet, in words, and a sign of life where lines can't change in place."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from sandbox.toolbox.catalogue import tool
from sandbox.toolbox.progress import ConsoleProgress, duration, remaining


class Clock:
    """A clock that stands until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (0.4, "0 s"), (89, "89 s"), (90, "2 min"), (300, "5 min"), (3900, "1 h 5 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_remaining_is_what_is_planned_until_the_machine_is_known() -> None:
    assert remaining([10, 100, 200], 0, 0, 4) == 306


def test_remaining_follows_the_pace_of_the_machine() -> None:
    assert remaining([100, 100, 200], 1, 200, 50) == 150 + 400


def test_remaining_learns_from_a_tool_that_takes_longer() -> None:
    assert remaining([100, 200], 0, 0, 300) == 600


def test_remaining_is_never_negative() -> None:
    assert remaining([10, 100], 1, 10, 500) == 0


def test_remaining_when_all_is_done() -> None:
    assert remaining([10, 100], 2, 110, 0) == 0


def test_plain_lines_and_a_sign_of_life_every_quarter_of_a_minute() -> None:
    clock, out = Clock(), io.StringIO()
    progress = ConsoleProgress([tool("etcd"), tool("vault")], Console(file=out, soft_wrap=True), clock)
    progress.begin(tool("etcd"))
    progress.step("building etcd")
    for clock.now in range(47):
        progress.tick()
    progress.done("built")
    progress.begin(tool("vault"))
    progress.close()
    assert out.getvalue().splitlines() == [
        "[1/2] etcd 3.6.8: what Kubernetes keeps its objects in, about 40 s",
        "[1/2] etcd 3.6.8: building etcd, 15 s of about 40 s; about 9 min left in all",
        "[1/2] etcd 3.6.8: building etcd, 30 s of about 40 s; about 9 min left in all",
        "[1/2] etcd 3.6.8: building etcd, 45 s (usually about 40 s); about 9 min left in all",
        "[1/2] etcd 3.6.8: built in 46 s",
        "[2/2] vault 1.21.0: keeps and leases credentials, about 9 min",
    ]


def test_one_changing_line_on_a_terminal() -> None:
    clock, out = Clock(), io.StringIO()
    console = Console(file=out, force_terminal=True, width=120, highlight=False, _environ={"TERM": "xterm"})
    progress = ConsoleProgress([tool("etcd")], console, clock)
    progress.begin(tool("etcd"))
    progress.step("building etcd")
    progress.done("built")
    progress.close()
    assert "building etcd, 0 s of about 40 s" in out.getvalue()
    assert "[1/1] etcd 3.6.8: built in 0 s" in out.getvalue()
