"""Requirements: settings of the PostgreSQL server that a platform file asks for, compared with what it says.

Settings such as max_connections belong to the whole cluster and to no environment: nobody's `pulumi up` may
change them, but a preview says which of them do not hold.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from components.errors import InputError, nearest

_BYTES = {"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_MICROSECONDS = {"us": 1, "ms": 10**3, "s": 10**6, "min": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6}
_TRUE, _FALSE = {"on", "true", "yes", "1"}, {"off", "false", "no", "0"}
_COMPARISONS: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "": operator.eq,
}
_REQUIRED = re.compile(r"(>=|<=|>|<|has\s)?\s*(.*)", re.DOTALL)
_UNIT = re.compile(r"^([0-9]*)\s*([A-Za-z]*)")
_QUANTITY = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One row of pg_settings.

    Args:
        name: the setting.
        setting: its value, in its own unit.
        shown: its value as SHOW says it.
        unit: what a number counts, such as `8kB` or `ms`; None for plain numbers and for everything else.
        kind: `bool`, `enum`, `integer`, `real` or `string`.
        choices: the values of an enum.
    """

    name: str
    setting: str
    shown: str
    unit: str | None = None
    kind: str = "string"
    choices: Sequence[str] = ()


def unmet(required: Mapping[str, str], found: Mapping[str, Setting], known: Iterable[str]) -> list[str]:
    """A sentence for each requirement that does not hold: the setting, what it is, what it must be.

    Args:
        required: values, or bounds such as `>= 200`, by setting; `has x` asks for an entry of a list.
        found: what the server says of these settings.
        known: all settings that it has, to suggest one.

    Raises:
        InputError: a setting that the server does not have, or a value that it could never have.
    """
    return [
        f"{name} is {found[name].shown!r}, required is {wanted!r}"
        for name, wanted in required.items()
        if not _holds(wanted, _one(name, found, known))
    ]


def _one(name: str, found: Mapping[str, Setting], known: Iterable[str]) -> Setting:
    if name not in found:
        raise InputError(f"postgresql.requires.{name} is no setting of the server{nearest(name, known)}")
    return found[name]


def _holds(wanted: str, setting: Setting) -> bool:
    match = _REQUIRED.fullmatch(wanted.strip())
    sign, value = (match.group(1) or "").strip() if match else "", match.group(2).strip() if match else ""
    key = f"postgresql.requires.{setting.name}"
    if setting.kind in ("integer", "real") and sign != "has":
        return _COMPARISONS[sign](_number(setting.setting, setting, key), _number(value, setting, key))
    if sign == "has":
        return value in _entries(setting.setting)
    if sign:
        raise InputError(f"{key} is {wanted!r}; {setting.name} is no number, give the value itself")
    if setting.kind == "bool":
        return _boolean(value, key) == _boolean(setting.setting, key)
    if setting.kind == "enum" and value not in setting.choices:
        allowed = ", ".join(setting.choices)
        raise InputError(f"{key} is {wanted!r}{nearest(value, setting.choices)}; use one of {allowed}")
    return value == setting.setting or _entries(value) == _entries(setting.setting)


def _entries(text: str) -> list[str]:
    return [entry.strip().strip('"') for entry in text.split(",")]


def _boolean(text: str, key: str) -> bool:
    word = text.lower()
    if word not in _TRUE | _FALSE:
        raise InputError(f"{key} is {text!r}; use on or off")
    return word in _TRUE


def _number(text: str, setting: Setting, key: str) -> Decimal:
    """A number in bytes or microseconds, where it counts such; without a unit it is in the setting's own."""
    own, word = cast("tuple[str, str]", _UNIT.findall(setting.unit or "")[0])
    scale = next((units for units in (_BYTES, _MICROSECONDS) if word in units), dict[str, int]())
    match = _QUANTITY.fullmatch(text)
    if match is None or (match.group(2) and match.group(2) not in scale):
        units = f" with one of {', '.join(scale)}" if scale else ""
        raise InputError(f"{key} is {text!r}; use a number{units}, or a bound such as '>= 200'")
    factor = scale[match.group(2)] if match.group(2) else int(own or 1) * scale.get(word, 1)
    return Decimal(match.group(1)) * factor
