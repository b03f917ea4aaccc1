"""Finds and ends what a crashed sandbox left running.

Every process of a sandbox carries the sandbox's home in its environment, which children inherit and nobody
else has; so what belongs to a sandbox is read from the processes themselves, not from a list of numbers that
may have been handed out again. Each is held by a descriptor while it is looked at and signalled, so that the
signal can't reach another process either.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.layout import Layout

MARKER = "BULKHEAD_SANDBOX_SERVER"
"""The variable that says whose a process is."""

_GRACE_SECONDS = 8.0
_DEAD = frozenset("ZX")
"""States of a process that has ended and only waits for its parent to notice."""


@dataclass(frozen=True)
class Orphan:
    """A process of a sandbox, held by a descriptor."""

    name: str
    """The server that it belongs to."""
    descriptor: int


def end_orphans(layout: Layout) -> list[str]:
    """End every process of a sandbox, gently at first, and return the servers' names once they are gone."""
    names: set[str] = set()
    for urgent in (False, True):
        found = list(_orphans(layout))
        try:
            for orphan in found:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(orphan.descriptor, _signal(orphan, urgent=urgent))
            names |= {orphan.name for orphan in found}
            _wait([orphan.descriptor for orphan in found])
        finally:
            for orphan in found:
                os.close(orphan.descriptor)
    return sorted(names)


def running(layout: Layout) -> list[str]:
    """The names of the servers of a sandbox that have processes."""
    found = list(_orphans(layout))
    for orphan in found:
        os.close(orphan.descriptor)
    return sorted({orphan.name for orphan in found})


def _signal(orphan: Orphan, *, urgent: bool) -> signal.Signals:
    if urgent:
        return signal.SIGKILL
    # PostgreSQL takes TERM as "when everybody has left".
    return signal.SIGINT if orphan.name == "postgresql" else signal.SIGTERM


def _orphans(layout: Layout) -> Iterator[Orphan]:
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            descriptor = os.pidfd_open(int(folder.name))
        except OSError:
            continue
        # Read after the descriptor was opened: what is read is what the descriptor stands for.
        name = _server(folder, layout)
        if name is None:
            os.close(descriptor)
        else:
            yield Orphan(name, descriptor)


def _server(process: Path, layout: Layout) -> str | None:
    """The server of a sandbox that a process belongs to; None if it is no process of it, or a dead one."""
    try:
        if (process / "stat").read_text().rpartition(")")[2].split()[0] in _DEAD:
            return None
        variables = dict(
            entry.split(b"=", 1) for entry in (process / "environ").read_bytes().split(b"\0") if b"=" in entry
        )
        if variables.get(MARKER.encode()) == os.fsencode(layout.home):
            # supervisord gives its children their name.
            return variables.get(b"SUPERVISOR_PROCESS_NAME", b"supervisord").decode()
        # PostgreSQL's sessions write their title over their environment, but all of them work in the data.
        if (process / "comm").read_text() == "postgres\n" and (process / "cwd").readlink() == (
            layout.postgresql_data / "data"
        ):
            return "postgresql"
    except (OSError, IndexError):
        pass  # it has just ended, or is somebody else's
    return None


def _wait(descriptors: list[int]) -> None:
    """Wait until the processes have ended, but not for ever."""
    deadline = time.monotonic() + _GRACE_SECONDS
    poll = select.poll()
    left = set(descriptors)
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    while left and (remaining := deadline - time.monotonic()) > 0:
        for descriptor, _ in poll.poll(remaining * 1000):
            poll.unregister(descriptor)
            left.discard(descriptor)
