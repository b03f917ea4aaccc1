"""Amounts of processor time and memory in the one form in which Kubernetes stores them."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, Final, cast

#: Fields that hold amounts by name: {"cpu": "500m"}.
AMOUNTS: Final = frozenset(
    {"capacity", "default", "defaultRequest", "hard", "limits", "max", "maxLimitRequestRatio", "min", "requests"}
)
#: Fields that are one amount.
AMOUNT: Final = frozenset({"averageValue", "sizeLimit"})

#: Fields whose keys and values are the author's own words.
FREE_TEXT: Final = frozenset(
    {"annotations", "binaryData", "data", "labels", "matchLabels", "nodeSelector", "parameters", "stringData"}
)

BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
FORM: Final = re.compile(r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?P<suffix>[KMGTPE]i|[numkMGTPE]?)")


def canonical(amount: str) -> str:
    """An amount as Kubernetes writes it: 1000m is 1, 1024Mi is 1Gi; what is no amount stays as it is."""
    match = FORM.fullmatch(amount.strip())
    if match is None:
        return amount
    number, suffix = Fraction(match["number"]), match["suffix"]
    if suffix.endswith("i"):
        return _binary(number * 1024 ** BINARY.index(suffix))
    return _decimal(number * Fraction(10) ** DECIMAL[suffix])


def _binary(value: Fraction) -> str:
    if value.denominator != 1 or abs(value) < 1024:  # noqa: PLR2004 - below one Ki there is no binary form
        return _decimal(value)
    power = 0
    while power + 1 < len(BINARY) and value % 1024 == 0:
        value /= 1024
        power += 1
    return f"{value.numerator}{BINARY[power]}"


def _decimal(value: Fraction) -> str:
    if value == 0:
        return "0"
    for suffix, exponent in sorted(DECIMAL.items(), key=lambda item: -item[1]):
        scaled = value / Fraction(10) ** exponent
        if scaled.denominator == 1:
            return f"{scaled.numerator}{suffix}"
    return str(value)


def canonical_quantities(value: Any) -> Any:
    """A built-in object with every amount in its canonical form."""
    if isinstance(value, list):
        return [canonical_quantities(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    result: dict[str, Any] = {}
    for key, item in cast("dict[str, Any]", value).items():
        if key in FREE_TEXT:
            result[key] = item
        elif key in AMOUNTS and isinstance(item, dict):
            amounts = cast("dict[str, Any]", item)
            result[key] = {name: _amount(amount) for name, amount in amounts.items()}
        elif key in AMOUNT:
            result[key] = _amount(item)
        else:
            result[key] = canonical_quantities(item)
    return result


def _amount(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return canonical_quantities(value)
    return canonical(str(value))
