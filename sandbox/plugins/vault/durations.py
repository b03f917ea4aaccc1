"""Durations as Vault writes them ("1h30m0s") and as the official plugin shows them ("1h30m")."""

from __future__ import annotations

import re
from fractions import Fraction

_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
_SECONDS = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
}


def seconds(text: str | float) -> int:
    """A duration in whole seconds, whichever way Vault writes it.

    Raises:
        ValueError: The text is no duration.
    """
    if not isinstance(text, str):
        return int(text)
    if text.isdigit():
        return int(text)
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"not a duration: {text!r}")
    return int(sum(Fraction(number) * _SECONDS[unit] for number, unit in _PART.findall(text)))


def short(duration: str | float) -> str:
    """A duration without zeros at its end: 2764800 is "768h", 90 is "1m30s", nothing is "0s"."""
    minutes, left = divmod(seconds(duration), 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}h{minutes}m{left}s" if hours else f"{minutes}m{left}s" if minutes else f"{left}s"
    return re.sub(r"(?<=h)0m$", "", re.sub(r"(?<=m)0s$", "", text))
