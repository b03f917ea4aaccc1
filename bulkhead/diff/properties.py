"""Properties: the paths at which two values differ, and what stands there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, cast

from bulkhead.diff.model import PropertyChange
from bulkhead.state import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNKNOWN = "[known once it is applied]"
"""What stands in the place of a value that only the update will tell."""
_UNKNOWN_SENTINELS = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
"""How the engine writes an unknown string, bool, number, list, asset, archive and map."""
_STEP = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.\[\]]+)')
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the engine's name for the kind of value

Path = tuple[str | int, ...]


def shown(value: object) -> Any:
    """A value of an engine's event as it may be shown: secrets and unknown values are marks.

    The engine blinds secrets in its events already; a secret that came in another form is one all the same.
    """
    if isinstance(value, str):
        return UNKNOWN if value in _UNKNOWN_SENTINELS else value
    if isinstance(value, list):
        return [shown(one) for one in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    mapping = cast("dict[str, object]", value)
    if signature := mapping.get(_SIGNATURE):
        return SECRET if signature == _SECRET_SIGNATURE else f"[{signature}]"
    return {key: shown(inner) for key, inner in mapping.items() if not key.startswith("__")}


def parsed(path: str) -> Path:
    """The steps of a path: keys, and numbers of lists."""
    steps: list[str | int] = []
    for quoted, number, plain in _STEP.findall(path):
        steps.append(int(number) if number else plain or quoted.replace('\\"', '"').replace("\\\\", "\\"))
    return tuple(steps)


def written(path: Path) -> str:
    """A path as the engine writes it."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.search(r'[.\[\]"]', step):
            escaped = step.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{escaped}"]'
        else:
            text += f".{step}" if text else step
    return text


def at(value: object, path: Path) -> object:
    """What stands at a path; None where nothing does. A secret on the way hides all below it."""
    for step in path:
        if value == SECRET:
            return SECRET
        if isinstance(value, dict):
            value = cast("dict[str | int, object]", value).get(step)
        elif isinstance(value, list) and isinstance(step, int):
            items = cast("list[object]", value)
            value = items[step] if step < len(items) else None
        else:
            return None
    return value


def differences(before: object, after: object, path: Path = ()) -> Iterator[Path]:
    """The paths at which two values differ, as deep as both have the same shape."""
    if isinstance(before, dict) and isinstance(after, dict):
        old, new = cast("dict[str, object]", before), cast("dict[str, object]", after)
        for key in (*old, *(key for key in new if key not in old)):
            yield from differences(old.get(key), new.get(key), (*path, key))
    elif isinstance(before, list) and isinstance(after, list):
        olds, news = cast("list[object]", before), cast("list[object]", after)
        for place in range(max(len(olds), len(news))):
            one = olds[place] if place < len(olds) else None
            other = news[place] if place < len(news) else None
            yield from differences(one, other, (*path, place))
    elif before != after:
        yield path


def changed(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    outputs: Mapping[str, Any],
    detailed: Mapping[str, tuple[str, bool]],
    replacing: frozenset[str] = frozenset(),
) -> tuple[PropertyChange, ...]:
    """What differs in one resource.

    The provider's word decides; what it does not name, but differs in the inputs, is added: nothing is left out.

    Args:
        before: the inputs as they were applied.
        after: the inputs of the program.
        outputs: what the provider answered last.
        detailed: by path, the engine's kind of difference, and whether it is one of inputs alone.
        replacing: the top-level properties because of which the resource is replaced.
    """
    found: dict[Path, PropertyChange] = {}
    for text, (kind, of_inputs) in detailed.items():
        path = parsed(text)
        old = at(before, path) if of_inputs else _first(at(before, path), at(outputs, path))
        new = at(after, path)
        found[path] = _change(path, old, new, replaces=kind.endswith("-replace"))
    for path in differences(before, after):
        if not any(path[: len(known)] == known or known[: len(path)] == path for known in found):
            found[path] = _change(path, at(before, path), at(after, path))
    return tuple(
        one if one.replaces or not path or str(path[0]) not in replacing else _replacing(one)
        for path, one in sorted(found.items(), key=lambda item: written(item[0]))
    )


def _first(*values: object) -> object:
    return next((value for value in values if value is not None), None)


def _change(path: Path, old: object, new: object, *, replaces: bool = False) -> PropertyChange:
    kind: Literal["add", "update", "delete"] = "add" if old is None else "delete" if new is None else "update"
    return PropertyChange(path=written(path), kind=kind, replaces=replaces, before=old, after=new)


def _replacing(one: PropertyChange) -> PropertyChange:
    return PropertyChange(path=one.path, kind=one.kind, replaces=True, before=one.before, after=one.after)
