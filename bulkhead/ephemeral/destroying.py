"""Destroying: everything that an environment has, in an order that a kill at any point only delays.

The order itself is the engine's, of the program's own dependencies: pods, ExternalSecrets, leases, Vault's roles
and mounts, grants, databases, roles, namespaces. Here is what comes before and after: that these are its servers,
what an earlier kill had half made, and a search on the three servers that must find nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bulkhead import residue
from bulkhead.ephemeral import resuming
from bulkhead.ephemeral.lock import held
from bulkhead.ephemeral.record import SERVERS, Record, servers_tag
from bulkhead.errors import CommandError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bulkhead.ephemeral.back_end import BackEnd
    from bulkhead.residue import Left

PATIENCE = 60
"""Seconds for what ends in its own time: a namespace's finalizers, Vault's revocation of leases."""


class Refused(UsageError):  # noqa: N818 - read as a sentence
    """The stack may not be destroyed here."""


class Remains(CommandError):  # noqa: N818 - read as a sentence
    """Something is left on the servers; the stack is kept, so that the command can be run again."""


@dataclass(frozen=True, kw_only=True)
class Gone:
    """An environment of which nothing is left.

    Args:
        name: its name.
        deleted: how many resources its state had.
        seconds: what it took.
    """

    name: str
    deleted: int
    seconds: float


def permitted(record: Record | None, name: str, known: list[str]) -> Record:
    """A stack that may be destroyed, or extended: one that is an environment of ours.

    Args:
        record: the stack; None where there is none.
        name: what was asked for.
        known: the ephemeral environments that there are.

    Raises:
        Refused: why.
    """
    if record is None:
        there = ", ".join(known) or "none"
        raise Refused(f"there is no stack {name!r}; ephemeral environments are: {there}")
    if refusal := record.refusal():
        raise Refused(refusal)
    return record


def destroy(
    back_end: BackEnd,
    record: Record,
    *,
    force: bool = False,
    expired_at: datetime | None = None,
    note: Callable[[str], None] = lambda _: None,
    patience: float = PATIENCE,
) -> Gone | None:
    """Destroy one environment and prove that nothing is left; again and again until that is so.

    Args:
        back_end: the program's stacks.
        record: the environment's stack, which is `permitted`.
        force: take away a lock that is not known to be stale.
        expired_at: only if its time is over then; it may have been extended since the record was read.
        note: told what is being done.
        patience: seconds to wait for what ends in its own time.

    Returns:
        None if its time is not over any more.

    Raises:
        Remains: something is left.
        CommandError: the engine failed, or a server does not answer; everything is kept.
    """
    began, name = time.monotonic(), record.name
    if expired_at and not Record(name=name, tags=back_end.tags(name)).is_expired(expired_at):
        return None
    live, found = resuming.standing(back_end, name, back_end.exported(name))
    if record.servers != found:
        back_end.tag(name, SERVERS, servers_tag(found))
    engine = back_end.engine(name)

    def work() -> set[Left]:
        things = resuming.half_made(back_end, name, back_end.exported(name))
        resuming.clear(live, things, back_end.system, name, note)
        engine.destroy(lambda count: note(f"{count} of {record.resources} resources deleted"))
        return things

    things = held(work, engine.cancel, note, force=force)
    note("looking for residue")
    # A server may end a statement after its client was killed, and after the first look: it is looked for again.
    resuming.clear(live, things, back_end.system, name, note)
    left = residue.settled(lambda: residue.find(live, back_end.system, name), patience)
    if left:
        raise Remains(
            f"{len(left)} left of {name}: {'; '.join(map(str, left))}. "
            f"Run `bulkhead ephemeral destroy {name}` again, or take them away by hand and run it then"
        )
    back_end.remove(name)
    return Gone(name=name, deleted=record.resources, seconds=time.monotonic() - began)
