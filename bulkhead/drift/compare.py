"""Compares two documents, such as a Kubernetes object as declared and as it is; pure.

What both sides fill in has to be filled in before: two documents are equal or they are not.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class Absent(Enum):
    """Stands where a document has nothing; None would be a value."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


def fields(value: Any) -> dict[str, Any]:
    """A mapping's fields; none of what is no mapping."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


@dataclass(frozen=True)
class Item:
    """The element of a list that has a name, which finds it wherever it stands."""

    name: str


Path = tuple["str | int | Item", ...]


@dataclass(frozen=True)
class Delta:
    """One difference, with both values.

    Args:
        path: the way to it.
        declared: the declared value; ABSENT where there is none.
        live: the live value; ABSENT where there is none.
    """

    path: Path
    declared: Any = ABSENT
    live: Any = ABSENT

    def __str__(self) -> str:
        return spelled(self.path)


def differences(declared: Any, live: Any, path: Path = ()) -> Iterator[Delta]:
    """What two documents do not have in common, each difference as deep down as it goes.

    Lists whose elements have names of their own (containers, variables, ports) are compared by name; of the other
    lists, those of plain values as a whole, those of objects by position.
    """
    if isinstance(declared, dict) and isinstance(live, dict):
        one, other = cast("Mapping[str, Any]", declared), cast("Mapping[str, Any]", live)
        for key in sorted({*one, *other}):
            yield from differences(one.get(key, ABSENT), other.get(key, ABSENT), (*path, key))
    elif isinstance(declared, list) and isinstance(live, list):
        yield from _lists(cast("list[Any]", declared), cast("list[Any]", live), path)
    elif declared != live or isinstance(declared, bool) != isinstance(live, bool):
        yield Delta(path, declared, live)


def _lists(declared: list[Any], live: list[Any], path: Path) -> Iterator[Delta]:
    one, other = _by_name(declared), _by_name(live)
    if one is not None and other is not None:
        for name in dict.fromkeys((*one, *other)):
            yield from differences(one.get(name, ABSENT), other.get(name, ABSENT), (*path, Item(name)))
        return
    if not all(isinstance(entry, dict) for entry in (*declared, *live)):
        if _text(declared) != _text(live):
            yield Delta(path, declared, live)
        return
    for place in range(max(len(declared), len(live))):
        left = declared[place] if place < len(declared) else ABSENT
        right = live[place] if place < len(live) else ABSENT
        yield from differences(left, right, (*path, place))


def _text(value: Any) -> str:
    """A value as JSON: there true is not 1, as it is in Python."""
    return json.dumps(value, sort_keys=True, default=str)


def _by_name(entries: Sequence[Any]) -> dict[str, Any] | None:
    """A list's elements by their names; None where one has none, or two have the same."""
    named: dict[str, Any] = {}
    for entry in entries:
        name = cast("Mapping[str, Any]", entry).get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or name in named:
            return None
        named[name] = entry
    return named


def spelled(path: Path) -> str:
    """A path as a person reads it: `spec.containers[api].env[0]`, `metadata.labels["a.b/c"]`."""
    text = ""
    for step in path:
        if isinstance(step, Item):
            text += f"[{step.name}]"
        elif isinstance(step, int):
            text += f"[{step}]"
        elif step.isidentifier() or step.replace("-", "_").isidentifier():
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text


def put(document: Any, path: Path, value: Any) -> Any:
    """A copy of a document that has a value at a path, or has nothing there."""
    if not path:
        return copy.deepcopy(value)
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        mapping = dict(cast("Mapping[str, Any]", document)) if isinstance(document, dict) else {}
        if value is ABSENT and not rest:
            mapping.pop(step, None)
            return mapping
        mapping[step] = put(mapping.get(step), rest, value)
        return mapping
    entries = list(cast("list[Any]", document)) if isinstance(document, list) else []
    place = step if isinstance(step, int) else _place(entries, step.name)
    if value is ABSENT and not rest:
        return [entry for number, entry in enumerate(entries) if number != place]
    if place < len(entries):
        entries[place] = put(entries[place], rest, value)
    else:
        entries.append(put(None, rest, value))
    return entries


def _place(entries: Sequence[Any], name: str) -> int:
    found = [number for number, entry in enumerate(entries) if _name(entry) == name]
    return found[0] if found else len(entries)


def _name(entry: Any) -> Any:
    return cast("Mapping[str, Any]", entry).get("name") if isinstance(entry, dict) else None
