"""How property values look to a plugin: plain Python data, with secrets and unknowns kept apart.

The SDK's PropertyValue knows neither integers nor the engine's mark for an unknown value, and it says at
every level whether something is secret. Plugins work on plain data, and put the marks back at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from pulumi.provider.experimental.property_value import Computed, PropertyValue

Properties: TypeAlias = dict[str, PropertyValue]
PropertyPath: TypeAlias = tuple[str | int, ...]

#: What the engine sends, as a string, for a value that is known only after another resource's update.
UNKNOWN_MARK: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class _Unknown:
    """The type of Unknown; there is one instance."""

    def __repr__(self) -> str:
        return "Unknown"

    def __deepcopy__(self, memo: dict[int, Any]) -> _Unknown:
        return self


#: A value that is known only after another resource's update. Compare with `is`.
Unknown: Final = _Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that must be encrypted in state, whatever lies inside it."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(…)"


def plain(value: PropertyValue | None) -> Any:
    """Plain data without secret marks; whole numbers are int, unknowns are Unknown."""
    if value is None:
        return None
    inner = value.value
    if isinstance(inner, Computed) or inner == UNKNOWN_MARK:
        return Unknown
    if isinstance(inner, float):
        return int(inner) if inner.is_integer() else inner
    if isinstance(inner, Mapping):
        return {key: plain(item) for key, item in inner.items()}
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return [plain(item) for item in inner]
    return inner


def plain_map(values: Mapping[str, PropertyValue]) -> dict[str, Any]:
    """Plain data of a resource's inputs or outputs, without secret marks."""
    return {key: plain(value) for key, value in values.items()}


def property_value(value: Any) -> PropertyValue:  # noqa: PLR0911 - one return a kind of value
    """The SDK's form of plain data; Secret and Unknown may stand anywhere in it."""
    if isinstance(value, PropertyValue):
        return value
    if value is Unknown:
        return PropertyValue(UNKNOWN_MARK)
    if isinstance(value, Secret):
        return property_value(value.value).with_secret(is_secret=True)
    if isinstance(value, int) and not isinstance(value, bool):
        return PropertyValue(float(value))
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return PropertyValue({key: property_value(item) for key, item in fields.items()})
    if isinstance(value, (list, tuple, set, frozenset)):
        return PropertyValue([property_value(item) for item in cast("Sequence[Any]", value)])
    return PropertyValue(value)


def property_map(values: Mapping[str, Any]) -> Properties:
    """The SDK's form of a resource's inputs or outputs."""
    return {key: property_value(value) for key, value in values.items()}


def secret_paths(values: Mapping[str, PropertyValue]) -> frozenset[PropertyPath]:
    """Where secrets begin: the outermost marked value on each way down."""
    found: set[PropertyPath] = set()

    def walk(value: PropertyValue, path: PropertyPath) -> None:
        if value.is_secret:
            found.add(path)
        elif isinstance(value.value, Mapping):
            for key, item in value.value.items():
                walk(item, (*path, key))
        elif isinstance(value.value, Sequence) and not isinstance(value.value, str):
            for index, item in enumerate(value.value):
                walk(item, (*path, index))

    for key, value in values.items():
        walk(value, (key,))
    return frozenset(found)


def with_secrets(value: Any, paths: frozenset[PropertyPath], path: PropertyPath = ()) -> Any:
    """Plain data with Secret around what stands at the paths; a path that leads nowhere is ignored."""
    if isinstance(value, Secret):
        return value
    if path in paths:
        return Secret(value)
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return {key: with_secrets(item, paths, (*path, key)) for key, item in fields.items()}
    if isinstance(value, list):
        return [with_secrets(item, paths, (*path, i)) for i, item in enumerate(cast("list[Any]", value))]
    return value


def has_unknown(value: Any) -> bool:
    """Whether anything in plain data is unknown."""
    if isinstance(value, Secret):
        return has_unknown(value.value)
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in cast("Mapping[str, Any]", value).values())
    if isinstance(value, (list, tuple)):
        return any(has_unknown(item) for item in cast("Sequence[Any]", value))
    return value is Unknown
