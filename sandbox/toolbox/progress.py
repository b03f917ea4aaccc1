"""What a person sees while tools are installed: what is being done, for how long, and about how long yet.

On a terminal one line changes in place; elsewhere (CI, a log file) plain lines are printed, and a sign of
life every quarter of a minute.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.toolbox.kinds import Tool

HEARTBEAT = 15.0
"""Seconds between signs of life where lines can't change in place."""
_TELLING = 60.0
"""Seconds that must be planned before what they took says anything about the machine."""


class Progress(Protocol):
    """How an installation is told about; it never decides anything."""

    def begin(self, entry: Tool) -> None:
        """A tool's turn has come."""

    def step(self, text: str) -> None:
        """What is being done for it now."""

    def tick(self) -> None:
        """Time has passed."""

    def done(self, how: str) -> None:
        """The tool is in place."""

    def note(self, text: str) -> None:
        """Something to know that belongs to no tool."""

    def close(self) -> None:
        """Nothing more will come."""


def duration(seconds: float) -> str:
    """A length of time for people: `40 s`, `3 min`, `1 h 5 min`."""
    if seconds < 90:  # noqa: PLR2004 - up to there seconds say more than minutes
        return f"{max(seconds, 0):.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004


def remaining(expected: Sequence[float], finished: int, spent_before: float, spent_now: float) -> float:
    """About how many seconds are left, from what each tool should take and how this machine kept to it.

    Args:
        expected: what each tool takes on the machine that was measured.
        finished: how many of them are done.
        spent_before: seconds that those took here.
        spent_now: seconds spent on the current one.
    """
    known, spent = finished, spent_before
    if finished < len(expected) and spent_now > expected[finished]:  # its overrun says something already
        known, spent = finished + 1, spent_before + spent_now
    planned = sum(expected[:known])
    pace = min(max(spent / planned, 0.7), 5.0) if planned >= _TELLING else 1.0
    current = max(expected[finished] * pace - spent_now, 0.0) if finished < len(expected) else 0.0
    return current + pace * sum(expected[finished + 1 :])


class ConsoleProgress:
    """Progress on a console: a changing line on a terminal, plain lines elsewhere."""

    def __init__(
        self,
        tools: Sequence[Tool],
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tools = tools
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._clock = clock
        self._status: Status | None = None
        self._finished = 0
        self._started = self._tool_started = self._last_sign = clock()
        self._step = ""

    def begin(self, entry: Tool) -> None:
        """Announces a tool and about how long it takes."""
        self._tool_started = self._last_sign = self._clock()
        self._step = ""
        if not self._console.is_terminal:
            self._print(f"{self._head(entry)}: {entry.purpose}, about {duration(entry.seconds)}")

    def step(self, text: str) -> None:
        """Changes what the line says is being done."""
        self._step = text
        self.tick()

    def tick(self) -> None:
        """Renews the line, or gives a sign of life if the last one is long ago."""
        if self._finished >= len(self._tools):
            return
        entry, now = self._tools[self._finished], self._clock()
        spent = now - self._tool_started
        left = remaining(
            [float(tool.seconds) for tool in self._tools],
            self._finished,
            self._tool_started - self._started,
            spent,
        )
        usual = f"of about {duration(entry.seconds)}"
        if spent > entry.seconds:
            usual = f"(usually about {duration(entry.seconds)})"
        text = f"{self._head(entry)}: {self._step or entry.purpose}, {duration(spent)} {usual}"
        if left > 0:
            text += f"; about {duration(left)} left in all"
        if self._console.is_terminal:
            if self._status is None:
                self._status = Status("", console=self._console)
                self._status.start()
            self._status.update(text)
        elif now - self._last_sign >= HEARTBEAT:
            self._last_sign = now
            self._print(text)

    def done(self, how: str) -> None:
        """Leaves a line that says how the tool came to be there, and in what time."""
        entry = self._tools[self._finished]
        self._print(f"{self._head(entry)}: {how} in {duration(self._clock() - self._tool_started)}")
        self._finished += 1

    def note(self, text: str) -> None:
        """Prints a line of its own."""
        self._print(text)

    def close(self) -> None:
        """Ends the changing line."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _head(self, entry: Tool) -> str:
        return f"[{self._finished + 1}/{len(self._tools)}] {entry.name} {entry.version}"

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False)
