"""The difference between two states of a resource, property by property, in the official plugins' terms."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from pulumi.provider.experimental.provider import PropertyDiffKind

from sandbox.plugins.values import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.plugins.bridged.schema import Property, Schema, Values

Difference: TypeAlias = dict[str, PropertyDiffKind]

REPLACING: Final = {
    PropertyDiffKind.ADD: PropertyDiffKind.ADD_REPLACE,
    PropertyDiffKind.DELETE: PropertyDiffKind.DELETE_REPLACE,
    PropertyDiffKind.UPDATE: PropertyDiffKind.UPDATE_REPLACE,
}


def difference(schema: Schema, old: Values, new: Values, inputs: Values) -> Difference:
    """What changes from the old state to the planned one, by property path.

    The inputs give the indices of a set's new elements: a state orders them, the program does not.
    """
    found: Difference = {}
    for key in sorted(key for key, definition in schema.items() if not definition.write_only):
        found |= _property(schema[key], key, old.get(key), new.get(key), inputs.get(key))
    return found


def top_level(path: str) -> str:
    """The property that a path leads into."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def without_ignored(found: Difference, ignored: Iterable[str]) -> Difference:
    """A difference without what `ignoreChanges` names, and whatever lies in it."""
    names = list(ignored)
    if "*" in names:
        return {}

    def is_ignored(path: str) -> bool:
        return any(path == name or path.startswith((f"{name}.", f"{name}[")) for name in names)

    return {path: kind for path, kind in found.items() if not is_ignored(path)}


def is_replacing(kind: PropertyDiffKind) -> bool:
    """Whether this difference makes the resource be replaced."""
    return kind in REPLACING.values()


def _property(definition: Property, path: str, old: Any, new: Any, given: Any) -> Difference:
    old, new = _present(old), _present(new)
    if old is None or new is None or new is Unknown:
        return _whole(definition, path, old, new)
    if isinstance(old, list) and isinstance(new, list):
        before, after = cast("list[Any]", old), cast("list[Any]", new)
        if definition.type == "set":
            return _set(definition, path, before, after, given)
        return _list(definition, path, before, after)
    if isinstance(old, dict) and isinstance(new, dict):
        return _map(definition, path, cast("Values", old), cast("Values", new), given)
    return {} if old == new else _one(definition, path, PropertyDiffKind.UPDATE)


def _whole(definition: Property, path: str, old: Any, new: Any) -> Difference:
    """The difference of a property that appears, vanishes or is not known yet."""
    if new is None:
        return {} if old is None else _one(definition, path, PropertyDiffKind.DELETE)
    return _one(definition, path, PropertyDiffKind.ADD if old is None else PropertyDiffKind.UPDATE)


def _present(value: Any) -> Any:
    """An empty list means that there is none: it is not told apart in the states either."""
    return None if value == [] else value


def _one(definition: Property, path: str, kind: PropertyDiffKind) -> Difference:
    return {path: REPLACING[kind] if definition.force_new else kind}


def _list(definition: Property, path: str, old: list[Any], new: list[Any]) -> Difference:
    element = definition.element()
    if element.type == "object":
        found: Difference = {}
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            found |= _property(element, f"{path}[{index}]", before, after, None)
        return found
    removed: set[int] = set()
    added: set[int] = set()
    keys = [[repr(item) for item in items] for items in (old, new)]
    for tag, i1, i2, j1, j2 in SequenceMatcher(a=keys[0], b=keys[1], autojunk=False).get_opcodes():
        if tag != "equal":
            removed |= set(range(i1, i2))
            added |= set(range(j1, j2))
    return _elements(definition, path, removed, added)


def _elements(definition: Property, path: str, removed: set[int], added: set[int]) -> Difference:
    found: Difference = {}
    for index in sorted(removed | added):
        kind = PropertyDiffKind.ADD if index in added else PropertyDiffKind.DELETE
        if index in added and index in removed:
            kind = PropertyDiffKind.UPDATE
        found |= _one(definition, f"{path}[{index}]", kind)
    return found


def _set(definition: Property, path: str, old: list[Any], new: list[Any], given: Any) -> Difference:
    """Removed elements by their place in the old state, added ones by their place in the inputs."""
    removed = {index for index, item in enumerate(old) if item not in new}
    added = [item for item in new if item not in old]
    if not removed and not added:
        return {}
    inputs = cast("list[Any]", given) if isinstance(given, list) else []
    places: set[int] = set()
    for item in added:
        place = next((i for i, x in enumerate(inputs) if i not in places and _stems_from(x, item)), None)
        if place is None or len(inputs) < len(new):
            return _one(definition, path, PropertyDiffKind.UPDATE)
        places.add(place)
    return _elements(definition, path, removed, places)


def _stems_from(given: Any, planned: Any) -> bool:
    """Whether a planned element is what this input leads to; the server may have added to it."""
    if isinstance(given, dict) and isinstance(planned, dict):
        fields = cast("Values", planned)
        own = {k: v for k, v in cast("Values", given).items() if not k.startswith("__")}
        return all(_stems_from(value, fields.get(key)) for key, value in own.items())
    return bool(given == planned)


def _map(definition: Property, path: str, old: Values, new: Values, given: Any) -> Difference:
    found: Difference = {}
    inputs = cast("Values", given) if isinstance(given, dict) else {}
    for key in sorted({*old, *new} - {"__defaults"}):
        fields = definition.fields if definition.type == "object" else None
        inner = fields.get(key) if fields is not None else definition.element()
        if inner is None:
            continue
        part = _property(inner, f"{path}{_step(key)}", old.get(key), new.get(key), inputs.get(key))
        if definition.force_new:
            part = {p: REPLACING.get(kind, kind) for p, kind in part.items()}
        found |= part
    return found


def _step(key: str) -> str:
    """A key as a step of a property path, quoted where it would be read otherwise."""
    return f".{key}" if re.fullmatch(r"[A-Za-z0-9_$-]+", key) else f'["{key}"]'
