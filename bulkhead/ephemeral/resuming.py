"""Resuming: what comes first where an earlier command was killed while it created something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bulkhead import residue, state
from bulkhead.ephemeral import lost, servers
from bulkhead.ephemeral.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bulkhead.ephemeral.back_end import BackEnd
    from bulkhead.live import Live
    from bulkhead.residue import Left


def standing(back_end: BackEnd, name: str, exported: Mapping[str, Any]) -> tuple[Live, dict[str, str]]:
    """The servers that an environment stands on, known to be those that it was made on, and their ids.

    Args:
        back_end: the program's stacks.
        name: the environment's.
        exported: its state, as it is stored.

    Raises:
        ServersError: they are others, or not known.
        LiveError: one does not answer.
    """
    known = state.parse(exported, name)
    record = Record(name=name, tags=back_end.tags(name))
    live = servers.live_of(known, record, back_end.folder)
    found = servers.identity(live)
    servers.refuse_others(known.identity or record.servers, found, name)
    return live, found


def half_made(back_end: BackEnd, name: str, exported: Mapping[str, Any]) -> set[Left]:
    """What killed commands had begun to create of an environment, and nobody is creating now.

    Args:
        back_end: the program's stacks.
        name: the environment's.
        exported: its state, as it is stored.

    Raises:
        EngineError: somebody works on the stack; what is pending may be theirs.
    """
    begun = lost.begun(exported)
    if not begun:
        return begun
    for root in state.parse(exported, name).of_type("pulumi:pulumi:Stack"):
        back_end.engine(name).take_lock(root.urn)
    return begun & lost.begun(back_end.exported(name))


def clear(live: Live, things: set[Left], system: str, name: str, note: Callable[[str], None]) -> None:
    """Take away what was half made, as far as it is there under a name of this environment.

    Args:
        live: the environment's servers.
        things: what was half made.
        system: the program's name.
        name: the environment's.
        note: told what is taken away.
    """
    if found := things and things & set(residue.find(live, system, name)):
        note(f"half made, taken away: {', '.join(map(str, sorted(found)))}")
        lost.take_away(live, found)
