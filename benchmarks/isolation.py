"""Isolation over ten environments of 300 resources each: how long the comparison takes, once states are read."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

from bulkhead.isolation.comparison import compare
from bulkhead.isolation.identities import Identity
from bulkhead.isolation.servers import Declared
from bulkhead.state import State, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STACKS, RESOURCES = 10, 300
GOAL = 5.0
"""Seconds."""

SHARED = Declared(
    identities=frozenset(Identity("kubernetes", "Namespace", "", name) for name in ("ingress", "monitoring"))
)


def states(pattern: Mapping[str, Any], stack: str, system: str) -> list[State]:
    """Ten environments, each a copy of a recorded one under names of its own, with as many resources as wanted.

    A further copy within an environment is one of another system, so that every resource has names of its own.

    Args:
        pattern: what `pulumi stack export` prints of a real stack, all of whose names have the stack's in them: an
            ephemeral one.
        stack: its name.
        system: its system's name.
    """
    text = json.dumps(pattern)
    return [_environment(text, stack, system, f"e{number}") for number in range(STACKS)]


def _environment(text: str, stack: str, system: str, name: str) -> State:
    found: dict[str, Any] = json.loads(_renamed(text, stack, system, name, system))
    resources: list[dict[str, Any]] = found["deployment"]["resources"]
    copies = 1
    while len(resources) < RESOURCES:
        copies += 1
        resources += _servers_own(json.loads(_renamed(text, stack, system, name, f"{system}{copies}")))
    del resources[RESOURCES:]
    return parse(found, name)


def _servers_own(copy: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What a further copy adds: a stack has its providers once."""
    for one in copy["deployment"]["resources"]:
        if not str(one["type"]).startswith("pulumi:"):
            yield one


def _renamed(text: str, stack: str, system: str, name: str, other: str) -> str:
    """The text with another stack's name, and another system's, wherever a whole word is one."""
    spellings = "|".join({re.escape(stack), re.escape(stack.replace("-", "__"))})
    return re.sub(rf"(?<=[-_/:\"])({spellings})(?![A-Za-z0-9])", name, text).replace(system, other)


def measure(
    pattern: Mapping[str, Any], stack: str, system: str
) -> list[tuple[str, str, float, str, float | None]]:
    """Rows for the table: the time of the comparison, and what it had to look through.

    Args:
        pattern: what `pulumi stack export` prints of an ephemeral stack.
        stack: its name.
        system: its system's name.
    """
    made = states(pattern, stack, system)
    began, before = time.monotonic(), time.process_time()
    found = compare(made, declared=[SHARED] * len(made))
    seconds, spent = time.monotonic() - began, time.process_time() - before
    what = f"isolation, {STACKS} stacks of {RESOURCES} resources"
    return [
        (what, "wall clock", seconds, "s", GOAL),
        (what, "processor", spent, "s", None),
        (what, "identities", float(found.identities), "", None),
        (what, "found", float(len(found.shared) + len(found.references)), "", None),
    ]
