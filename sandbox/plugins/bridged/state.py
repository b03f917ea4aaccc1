"""States of a resource: what is planned from inputs, and what is kept of a server's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sandbox.plugins.values import Unknown

if TYPE_CHECKING:
    from sandbox.plugins.bridged.schema import Property, Schema, Values


def planned(schema: Schema, old: Values | None, inputs: Values) -> Values:
    """The state that an update with these inputs leads to.

    What only the server knows is Unknown for a new resource, and stays as it is for an old one.
    """
    return {key: _planned(definition, old, key, inputs.get(key)) for key, definition in schema.items()}


def _planned(definition: Property, old: Values | None, key: str, given: Any) -> Any:
    before = None if old is None else old.get(key)
    if given is None or definition.output:
        return _silent(definition, before, new=old is None)
    if definition.type == "object" and isinstance(given, dict):
        return planned(definition.fields or {}, _nested(before, new=old is None), cast("Values", given))
    if definition.type in ("list", "set") and isinstance(given, list):
        return _planned_items(definition, before, cast("list[Any]", given), new=old is None)
    if given == "" and before is None and not definition.force_new:
        return None
    return given


def _planned_items(definition: Property, before: Any, given: list[Any], *, new: bool) -> list[Any]:
    element = definition.element()
    if element.type == "object":
        olds = cast("list[Any]", before) if isinstance(before, list) else []
        olds = [*olds, *[None] * (len(given) - len(olds))]
        return [
            planned(element.fields or {}, _nested(olds[i], new=new), cast("Values", item))
            if isinstance(item, dict)
            else item
            for i, item in enumerate(given)
        ]
    return ordered(given) if definition.type == "set" else given


def _nested(before: Any, *, new: bool) -> Values | None:
    """The old state of a nested block: None in a new resource."""
    if new:
        return None
    return cast("Values", before) if isinstance(before, dict) else {}


def _silent(definition: Property, before: Any, *, new: bool) -> Any:
    """What a property becomes about which the program says nothing."""
    if definition.computed or definition.output:
        return Unknown if new else before
    if definition.default is not None:
        return definition.default
    return before if is_zero(before) else None


def is_zero(value: Any) -> bool:
    """Whether a value means the same as none at all."""
    return value is None or value in (False, "", 0, [], {})


def ordered(values: list[Any]) -> list[Any]:
    """A set of plain values as a list: sorted, each once; sets of other things keep their order."""
    if not all(isinstance(value, str) for value in values):
        return values
    return sorted(set(cast("list[str]", values)))


def completed(schema: Schema, answer: Values, known: Values) -> Values:
    """A server's answer with the properties that it leaves out, taken from what is known otherwise."""
    return {key: _completed(definition, key, answer, known) for key, definition in schema.items()}


def defaults(schema: Schema) -> Values:
    """What is known of a resource that nobody has described yet."""
    return {key: definition.default for key, definition in schema.items()}


def _completed(definition: Property, key: str, answer: Values, known: Values) -> Any:
    value = answer.get(key)
    if definition.write_only:
        return None
    if key not in answer:
        other = known.get(key)
        return None if other is Unknown else other
    if definition.type == "object" and isinstance(value, dict):
        other = known.get(key)
        nested = cast("Values", other) if isinstance(other, dict) else {}
        return completed(definition.fields or {}, cast("Values", value), nested)
    if definition.type == "set" and isinstance(value, list):
        return ordered(cast("list[Any]", value))
    return value
