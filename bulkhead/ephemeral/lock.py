"""Lock: who holds a stack, and whether that is anybody any more.

Pulumi's own back end writes a lock file for each command and never asks whether the command still lives. A lock of
this machine whose process is gone is stale, and known to be; one of another machine may only be said to be.
"""

from __future__ import annotations

import os
import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bulkhead.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")

_HOLDER = re.compile(r"created by (?P<user>[^\s@]*)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<since>\S+)")
_LOCKED = "the stack is currently locked by"
PATIENCE = 600
"""Seconds to wait for a command of this machine that works on the same stack."""
_PAUSE = 2


class LockedError(CommandError):
    """Somebody else works on the stack, or was killed doing so on another machine."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock: a process of a machine."""

    user: str
    host: str
    pid: int
    since: str

    def __str__(self) -> str:
        return f"{self.user}@{self.host}, process {self.pid}, since {self.since}"


def holders(said: str) -> list[Holder]:
    """The holders of the locks that an answer of Pulumi names; none where it is about something else."""
    if _LOCKED not in said:
        return []
    return [Holder(one["user"], one["host"], int(one["pid"]), one["since"]) for one in _HOLDER.finditer(said)]


def lives(pid: int) -> bool:
    """Whether a process of this machine is there and is Pulumi's; where that cannot be told, it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        return "pulumi" in Path(f"/proc/{pid}/comm").read_text(encoding="utf-8")
    except OSError:
        return not Path("/proc/self").exists()


def held(
    work: Callable[[], Answer],
    cancel: Callable[[], None],
    note: Callable[[str], None],
    *,
    force: bool = False,
    machine: str = "",
    alive: Callable[[int], bool] = lives,
    patience: float = PATIENCE,
) -> Answer:
    """Do something that takes a stack's lock.

    A lock whose process has ended is taken away; one whose process lives is waited for; one of another machine is
    refused, or with `force` taken away.

    Args:
        work: what takes the lock; raises a CommandError that names the holders where it is not free.
        cancel: takes all locks away.
        note: told what is waited for, or taken away.
        force: take away what is not known to be stale.
        machine: this machine's name; empty to ask for it.
        alive: whether a process of this machine still works.
        patience: seconds to wait for another command of this machine.

    Raises:
        LockedError: who holds the lock.
    """
    machine = machine or socket.gethostname()
    until = time.monotonic() + patience
    while True:
        try:
            return work()
        except CommandError as error:
            found = holders(str(error))
            if not found:
                raise
        if force or all(one.host == machine and not alive(one.pid) for one in found):
            note(f"its lock is taken away: {'; '.join(map(str, found))}")
            cancel()
            force = False
        elif any(one.host != machine for one in found) or time.monotonic() > until:
            raise LockedError(
                f"the stack is locked by {'; '.join(map(str, found))}; wait for the end of that, or, once you "
                "know that it works no more, use --force"
            )
        else:
            note(f"waiting for {'; '.join(map(str, found))}")
            time.sleep(_PAUSE)
