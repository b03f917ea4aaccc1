"""What a comparison finds: a drift together with the way to put it right."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bulkhead.drift.report import Drift, Noise, Undecided
from bulkhead.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bulkhead.drift.declared import Declared


class RepairError(CommandError):
    """A server refuses what would put a drift right."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One drift, and what puts it right.

    Args:
        drift: as it is reported.
        repair: puts it right, and raises RepairError where the server refuses; None where a person has to.
        before: the object as it is now, for the file that keeps it; None where there is nothing to keep.
    """

    drift: Drift
    repair: Callable[[], None] | None = None
    before: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass
class Findings:
    """What was found so far.

    Args:
        drifts: what is not as it was declared.
        noise: what is different and known to be no drift.
        undecided: what could not be compared.
        compared: how many resources were.
    """

    drifts: list[Finding] = field(default_factory=list[Finding])
    noise: list[Noise] = field(default_factory=list[Noise])
    undecided: list[Undecided] = field(default_factory=list[Undecided])
    compared: int = 0

    def add(self, other: Findings) -> None:
        """Take in what another comparison found."""
        self.drifts += other.drifts
        self.noise += other.noise
        self.undecided += other.undecided
        self.compared += other.compared

    def cannot_decide(self, one: Declared, reason: str) -> None:
        """Note a resource that could not be compared."""
        self.undecided.append(Undecided(name=one.name, type=one.type, reason=reason))
