"""Reports of drift, as plain data: what was found of one stack, and not a secret in it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

NO_DRIFT, FAILED, DRIFT = 0, 1, 3
"""Exit codes: nothing found and everything looked at; not everything could be looked at or put right; drift."""

HIDDEN: Final = "[hidden]"
"""What stands for a value that is, or may be, a secret."""

_LONGEST = 160

Kind = Literal["changed", "missing", "added"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that the server has otherwise than the program declared it.

    Args:
        path: what it is: a field, a key, a right, a membership.
        declared: what was declared, as text; None for nothing.
        live: what the server has, as text; None for nothing.
    """

    path: str
    declared: str | None = None
    live: str | None = None

    def __str__(self) -> str:
        if self.declared is None:
            return f"{self.path}: {self.live}, declared is nothing" if self.live != "" else f"{self.path}: added"
        if self.live is None:
            return f"{self.path}: nothing, declared is {self.declared}"
        return f"{self.path}: {self.live}, declared is {self.declared}"


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Who made a change by hand and when, as far as a server tells.

    Args:
        who: a field manager, or the one who was logged in; empty where it is not known.
        when: the time in UTC, as the server wrote it; empty where it is not known.
        source: where that stands, or why it is not known.
    """

    who: str = ""
    when: str = ""
    source: str = ""

    def __str__(self) -> str:
        known = ", ".join(part for part in (self.who, self.when) if part)
        return f"{known} ({self.source})" if known else f"unknown: {self.source}"


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One object that is not as it was declared.

    Args:
        urn: the resource's; of an object that nobody declared, that of the resource that it is found by.
        name: the resource's logical name.
        type: the resource's type token.
        object: what the server calls the object: `Deployment keybuzz-api-prod/api`, `role keybuzz_api_prod`.
        kind: whether it is changed, missing, or there without having been declared.
        differences: what is different; none for an object that is missing as a whole.
        cause: who and when.
        remedy: what `--repair` does about it; empty where a person has to.
    """

    urn: str
    name: str
    type: str
    object: str
    kind: Kind = "changed"
    differences: tuple[Difference, ...] = ()
    cause: Cause = Cause()
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """A difference that is on the dated list of what is none (see `noise.KNOWN`).

    Args:
        name: the resource's logical name.
        object: what the server calls the object.
        path: what is different.
        known: the entry's name on the list.
    """

    name: str
    object: str
    path: str
    known: str


@dataclass(frozen=True, kw_only=True)
class Undecided:
    """A resource of which it is not known whether it drifted; it counts as not looked at.

    Args:
        name: the resource's logical name.
        type: its type token.
        reason: why.
    """

    name: str
    type: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Repaired:
    """What `--repair` did about one drift.

    Args:
        name: the resource's logical name.
        object: what the server calls the object.
        done: what was done; empty where nothing was.
        failed: why it could not be done; empty where it was.
        kept: the file that has the object as it was; empty where there is nothing to keep.
    """

    name: str
    object: str
    done: str = ""
    failed: str = ""
    kept: str = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found of one stack.

    Args:
        stack: the stack, as it is named on the command line.
        looked_at: the time in UTC at which the servers were asked.
        seconds: how long that took.
        resources: how many of its resources were compared.
        drifts: what is not as it was declared; after a repair, what still is not.
        noise: differences that are known to be none.
        undecided: what could not be compared.
        failed: why the stack could not be looked at at all; empty where it was.
        repaired: what `--repair` did.
    """

    stack: str
    looked_at: str
    seconds: float = 0.0
    resources: int = 0
    drifts: tuple[Drift, ...] = ()
    noise: tuple[Noise, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    failed: str = ""
    repaired: tuple[Repaired, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether everything could be looked at, and every repair that was tried was made."""
        return not (self.failed or self.undecided or any(one.failed for one in self.repaired))


def exit_code(reports: list[Report]) -> int:
    """What a scheduler is told: drift outranks what could not be decided, and that outranks success."""
    if any(report.drifts for report in reports):
        return DRIFT
    return NO_DRIFT if all(report.is_whole for report in reports) else FAILED


def as_json(reports: list[Report]) -> str:
    """The reports for a program to read."""
    stacks = [{**asdict(report), "whole": report.is_whole} for report in reports]
    return json.dumps({"version": 1, "exit": exit_code(reports), "stacks": stacks}, indent=2, default=str)


def say(value: Any) -> str:
    """A value as a report shows it: one line of JSON, or the text itself, cut where it is long."""
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
