"""Drawing a random password that keeps to rules: how long it is and which kinds of characters it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from secrets import SystemRandom

SPECIAL: Final = "!@#$%&*()-_=+[]{}<>:?"


class RuleError(ValueError):
    """Rules that no password can keep."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of characters: whether it may be drawn, and how many must be."""

    characters: str
    allowed: bool = True
    at_least: int = 0


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a password looks like."""

    length: int
    kinds: tuple[Kind, ...]

    def problem(self) -> str | None:
        """Why no password can keep these rules, if so."""
        if self.length < 1:
            return f"length must be at least 1, not {self.length}"
        if any(kind.at_least < 0 for kind in self.kinds):
            return "a minimum must not be negative"
        needed = sum(kind.at_least for kind in self.kinds)
        if needed > self.length:
            return f"length is {self.length}, but the minimums add up to {needed}"
        if not any(kind.allowed for kind in self.kinds):
            return "at least one of special, upper, lower and numeric must be true"
        return None


def draw(rules: Rules, source: SystemRandom) -> str:
    """A password after the rules, from the operating system's random source.

    As in the official plugin a minimum counts even for a kind that is not allowed otherwise.
    """
    problem = rules.problem()
    if problem:
        raise RuleError(problem)
    alphabet = "".join(kind.characters for kind in rules.kinds if kind.allowed)
    drawn = [source.choice(kind.characters) for kind in rules.kinds for _ in range(kind.at_least)]
    drawn += [source.choice(alphabet) for _ in range(rules.length - len(drawn))]
    source.shuffle(drawn)
    return "".join(drawn)
