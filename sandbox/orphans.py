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


@dataclass(frozen=True)
class Orphan:
    """A process of a sandbox, held by a descriptor."""

    pid: int
    name: str
    descriptor: int


def end_orphans(layout: Layout) -> list[str]:
    """End every process of a sandbox, gently at first, and return their names once they are gone."""
    ended: list[str] = []
    for urgent in (False, True):
        found = list(_orphans(layout))
        try:
            for orphan in found:
                # PostgreSQL takes TERM as "when everybody has left".
                wish = signal.SIGINT if orphan.name == "postgres" else signal.SIGTERM
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(orphan.descriptor, signal.SIGKILL if urgent else wish)
            ended += [orphan.name for orphan in found if orphan.name not in ended]
            _wait([orphan.descriptor for orphan in found])
        finally:
            for orphan in found:
                os.close(orphan.descriptor)
    return ended


def running(layout: Layout) -> list[str]:
    """The names of a sandbox's processes."""
    found = list(_orphans(layout))
    for orphan in found:
        os.close(orphan.descriptor)
    return [orphan.name for orphan in found]


def _orphans(layout: Layout) -> Iterator[Orphan]:
    mark = os.fsencode(f"{MARKER}={layout.home}")
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            descriptor = os.pidfd_open(int(folder.name))
        except OSError:
            continue
        # Read after the descriptor was opened: what is read is what the descriptor stands for.
        if _belongs(folder, mark, layout) and not _is_dead(folder):
            with contextlib.suppress(OSError):
                yield Orphan(int(folder.name), (folder / "comm").read_text().strip(), descriptor)
                continue
        os.close(descriptor)


def _belongs(process: Path, mark: bytes, layout: Layout) -> bool:
    with contextlib.suppress(OSError):
        if mark in (process / "environ").read_bytes().split(b"\0"):
            return True
        # PostgreSQL's sessions write their title over their environment, but all of them work in the data.
        return (process / "comm").read_text() == "postgres\n" and (process / "cwd").readlink() == (
            layout.postgresql_data / "data"
        )
    return False


def _is_dead(process: Path) -> bool:
    """Whether it has ended and only waits to be reaped, which is for its parent to do."""
    with contextlib.suppress(OSError, IndexError):
        return (process / "stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
    return True


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
