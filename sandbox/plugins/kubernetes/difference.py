"""What a change of the program would change in an object: paths, kinds, and whether it must be replaced."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from pulumi.provider.experimental.provider import PropertyDiff, PropertyDiffKind

from sandbox.plugins.kubernetes.immutable import Path, touches
from sandbox.plugins.process import Unknown, has_unknown

if TYPE_CHECKING:
    from sandbox.plugins.kubernetes.objects import Object

Differences: TypeAlias = dict[Path, PropertyDiff]

_ABSENT: Final = object()
_REPLACING: Final = {
    PropertyDiffKind.ADD: PropertyDiffKind.ADD_REPLACE,
    PropertyDiffKind.DELETE: PropertyDiffKind.DELETE_REPLACE,
    PropertyDiffKind.UPDATE: PropertyDiffKind.UPDATE_REPLACE,
}
_STEP: Final = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|([^.\[\]]+)')


def differences(old: Object, new: Object, immutable: tuple[str, ...]) -> Differences:
    """Every place where the declared object differs from the live one, as far as that was declared before."""
    found: Differences = {}
    _compare((), old, new, immutable, found)
    return found


def replaces(found: Differences) -> list[str]:
    """The places that force a replacement."""
    return [text(path) for path, one in found.items() if one.kind in _REPLACING.values()]


def without(found: Differences, ignored: list[str]) -> Differences:
    """What is left when changes at and below some places are ignored."""
    patterns = [parse(one) for one in ignored]
    return {path: one for path, one in found.items() if not any(_contains(p, path) for p in patterns)}


def text(path: Path) -> str:
    """A path as Pulumi writes it: spec.containers[0].env, metadata.labels["app.kubernetes.io/name"]."""
    result = ""
    for step in path:
        if isinstance(step, int):
            result += f"[{step}]"
        elif any(character in step for character in '."[]'):
            result += '["' + step.replace('"', '\\"') + '"]'
        else:
            result += f".{step}" if result else step
    return result


def parse(path: str) -> tuple[str | int, ...]:
    """The steps of a path as Pulumi writes it; `*` stands for any."""
    steps: list[str | int] = []
    for quoted, index, name in _STEP.findall(path):
        if quoted:
            steps.append(quoted.replace('\\"', '"'))
        elif index:
            steps.append(int(index) if index != "*" else "*")
        else:
            steps.append(name)
    return tuple(steps)


def _contains(pattern: Path, path: Path) -> bool:
    return len(pattern) <= len(path) and all(
        want in ("*", step) for want, step in zip(pattern, path, strict=False)
    )


def _compare(path: Path, old: Any, new: Any, immutable: tuple[str, ...], found: Differences) -> None:
    if isinstance(old, dict) and isinstance(new, dict):
        before, after = cast("Object", old), cast("Object", new)
        for key in sorted(before.keys() | after.keys()):
            _compare((*path, key), before.get(key, _ABSENT), after.get(key, _ABSENT), immutable, found)
    elif isinstance(old, list) and isinstance(new, list):
        lives, wanted = cast("list[Any]", old), cast("list[Any]", new)
        for index in range(max(len(lives), len(wanted))):
            was = lives[index] if index < len(lives) else _ABSENT
            to_be = wanted[index] if index < len(wanted) else _ABSENT
            _compare((*path, index), was, to_be, immutable, found)
    elif kind := _kind(old, new):
        value = None if new is _ABSENT else new
        if touches(immutable, path, value):
            kind = _REPLACING[kind]
        found[path] = PropertyDiff(kind, input_diff=new is _ABSENT)


def _kind(old: Any, new: Any) -> PropertyDiffKind | None:
    if new is Unknown:
        return PropertyDiffKind.ADD if old is _ABSENT else PropertyDiffKind.UPDATE
    if new is _ABSENT or new is None:
        return None if old in (_ABSENT, None) else PropertyDiffKind.DELETE
    if old is _ABSENT:
        return PropertyDiffKind.ADD
    if type(old) is type(new) and old == new and not has_unknown(new):
        return None
    numbers = (int, float)
    if isinstance(old, numbers) and isinstance(new, numbers) and not isinstance(old, bool) and old == new:
        return None
    return PropertyDiffKind.UPDATE
