"""Drawing a random password that keeps to rules: how long it is and which kinds of characters it has."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass

SPECIAL = "!@#$%&*()-_=+[]{}<>:?"


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

    @classmethod
    def of(
        cls,
        *,
        length: int,
        lower: bool = True,
        upper: bool = True,
        numeric: bool = True,
        special: bool = True,
        min_lower: int = 0,
        min_upper: int = 0,
        min_numeric: int = 0,
        min_special: int = 0,
        override_special: str = "",
    ) -> Rules:
        """The rules that the inputs of a RandomPassword describe."""
        return cls(
            length=length,
            kinds=(
                Kind(characters=string.ascii_lowercase, allowed=lower, at_least=min_lower),
                Kind(characters=string.ascii_uppercase, allowed=upper, at_least=min_upper),
                Kind(characters=string.digits, allowed=numeric, at_least=min_numeric),
                Kind(characters=override_special or SPECIAL, allowed=special, at_least=min_special),
            ),
        )

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


def draw(rules: Rules) -> str:
    """A password after the rules, from the operating system's random source.

    As in the official plugin a minimum counts even for a kind that is not allowed otherwise.
    """
    problem = rules.problem()
    if problem:
        raise RuleError(problem)
    alphabet = "".join(kind.characters for kind in rules.kinds if kind.allowed)
    drawn = [secrets.choice(kind.characters) for kind in rules.kinds for _ in range(kind.at_least)]
    drawn += [secrets.choice(alphabet) for _ in range(rules.length - len(drawn))]
    secrets.SystemRandom().shuffle(drawn)
    return "".join(drawn)
