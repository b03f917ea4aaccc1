"""Inputs of a resource: checked and completed before an update, and derived again from live state."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from sandbox.plugins.values import Secret, Unknown

if TYPE_CHECKING:
    from sandbox.plugins.bridged.schema import Property, Schema, Values

DEFAULTS: Final = "__defaults"
_BOOLEANS: Final = {"true": True, "false": False, "1": True, "0": False}


class Failures(list[tuple[str, str]]):
    """Pairs of the path of a wrong property and what is wrong with it."""

    def add(self, path: str, reason: str) -> None:
        """Note one."""
        self.append((path, reason))


def checked(schema: Schema, old: Values, new: Values, failures: Failures, prefix: str = "") -> Values:
    """The new inputs, of the right types and with defaults, which `__defaults` names.

    A default that an earlier update chose is kept, so that a changed default changes nobody's resources.
    """
    result: Values = {}
    for key, value in new.items():
        if key.startswith("__") or value is None:
            continue
        path = f"{prefix}{key}"
        definition = schema.get(key)
        if definition is None:
            failures.add(path, _unknown_key(key, schema))
        elif definition.output:
            failures.add(path, f"{path} cannot be set: the server decides it")
        else:
            result[key] = _converted(definition, old.get(key), value, failures, path)
            for other in definition.conflicts:
                if new.get(other) is not None:
                    failures.add(path, f'Conflicting configuration arguments: "{key}" and "{other}"')
    for key, definition in schema.items():
        if definition.required and not definition.autoname and key not in result:
            failures.add(f"{prefix}{key}", f'Missing required argument: "{prefix}{key}" is required')
    return _with_defaults(schema, old, result)


def _with_defaults(schema: Schema, old: Values, inputs: Values) -> Values:
    earlier: list[str] | None = old.get(DEFAULTS)
    named: list[str] = []
    for key, definition in schema.items():
        if key in inputs or definition.default is None:
            continue
        value = definition.default
        if old.get(key) is not None and (earlier is None or key in earlier):
            value = old[key]
        if value:
            inputs[key] = value
            named.append(key)
    inputs[DEFAULTS] = sorted(named)
    return inputs


def _unknown_key(key: str, schema: Schema) -> str:
    inputs = [name for name, definition in schema.items() if not definition.output]
    near = difflib.get_close_matches(key, inputs, n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(sorted(inputs))}"
    return f"Invalid or unknown key: {key}{hint}"


def _converted(definition: Property, old: Any, value: Any, failures: Failures, path: str) -> Any:
    if value is Unknown:
        return value
    match definition.type:
        case "list" | "set":
            return _converted_items(definition, old, value, failures, path)
        case "map" if isinstance(value, Mapping):
            fields = cast("Mapping[str, Any]", value)
            return {k: _converted(definition.element(), None, v, failures, path) for k, v in fields.items()}
        case "object" if isinstance(value, Mapping):
            before = cast("Values", old) if isinstance(old, dict) else {}
            nested = dict(cast("Mapping[str, Any]", value))
            return checked(definition.fields or {}, before, nested, failures, f"{path}.")
        case "map" | "object":
            failures.add(path, f"{path} must be a map")
            return value
        case _:
            return _converted_scalar(definition, value, failures, path)


def _converted_items(definition: Property, old: Any, value: Any, failures: Failures, path: str) -> Any:
    if isinstance(value, str) or not isinstance(value, Sequence):
        failures.add(path, f"{path} must be a list")
        return value
    items = cast("Sequence[Any]", value)
    before = cast("list[Any]", old) if isinstance(old, list) else []
    return [
        _converted(definition.element(), before[i] if i < len(before) else None, item, failures, f"{path}[{i}]")
        for i, item in enumerate(items)
    ]


def _converted_scalar(definition: Property, value: Any, failures: Failures, path: str) -> Any:
    try:
        result = _scalar(definition.type, value)
    except (KeyError, TypeError, ValueError):
        shown = "" if definition.secret else f", not {value!r}"
        failures.add(path, f"{path} must be of type {definition.type}{shown}")
        return value
    if definition.allowed and result not in definition.allowed:
        allowed = ", ".join(definition.allowed)
        failures.add(path, f"expected {path} to be one of [{allowed}], got {result}")
    if definition.minimum is not None and result < definition.minimum:
        failures.add(path, f"expected {path} to be at least {definition.minimum}, got {result}")
    return result


def _scalar(kind: str, value: Any) -> Any:
    """The value as the kind; numbers and booleans may be written as strings, and the other way round."""
    if value is None or isinstance(value, (Mapping, list)):
        raise TypeError(kind)
    if kind == "bool":
        return value if isinstance(value, bool) else _BOOLEANS[str(value).lower()]
    if kind == "str":
        return str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, bool):
        raise TypeError(kind)
    if kind == "int":
        number = float(value)
        return int(value) if number.is_integer() else _wrong(kind)
    return float(value)


def _wrong(kind: str) -> Any:
    raise TypeError(kind)


def refreshed(schema: Schema, inputs: Values, state: Values) -> Values:
    """Inputs after a refresh: what was an input before, with its live value.

    A default that no longer holds is a default no more, so that the next check sets it again.
    """
    result: Values = {}
    defaults = set(cast("list[str]", inputs.get(DEFAULTS) or []))
    for key, old in inputs.items():
        if key == DEFAULTS or key not in state:
            continue
        definition = schema.get(key)
        hidden = definition is not None and definition.write_only
        result[key] = old if hidden else _refreshed(definition, old, state[key])
        if result[key] != old:
            defaults.discard(key)
    if DEFAULTS in inputs:
        result[DEFAULTS] = sorted(defaults)
    return result


def _refreshed(definition: Property | None, old: Any, live: Any) -> Any:
    if isinstance(old, list) and isinstance(live, list):
        element = definition.element() if definition else None
        before, after = cast("list[Any]", old), cast("list[Any]", live)
        return [_refreshed(element, a, b) for a, b in zip(before, after, strict=False)]
    if isinstance(old, dict) and isinstance(live, dict):
        before, after = cast("Values", old), cast("Values", live)
        if definition is not None and definition.type == "object":
            return refreshed(definition.fields or {}, before, after)
        element = definition.element() if definition else None
        return {key: _refreshed(element, before[key], after[key]) for key in before if key in after}
    return live


def imported(schema: Schema, state: Values) -> Values:
    """Inputs of a resource that comes from the server: all that can be given and is not at its default."""
    result: Values = {}
    for key, definition in schema.items():
        if definition.output:
            continue
        value = _imported(definition, state.get(key))
        if not definition.required and _is_default(definition, value):
            continue
        result[key] = value
    result[DEFAULTS] = []
    return result


def _imported(definition: Property, value: Any) -> Any:
    if isinstance(value, list):
        return [_imported(definition.element(), item) for item in cast("list[Any]", value)]
    if isinstance(value, dict) and definition.type == "object":
        return imported(definition.fields or {}, cast("Values", value))
    return cast("Any", value)


def _is_default(definition: Property, value: Any) -> bool:
    if definition.default is not None:
        return value == definition.default
    if isinstance(value, dict):
        return not [key for key in cast("Values", value) if key != DEFAULTS]
    return not value


def marked(schema: Schema, values: Values) -> Values:
    """The values with the schema's secrets marked, at every depth."""
    return {key: _marked(schema.get(key), value) for key, value in values.items()}


def _marked(definition: Property | None, value: Any) -> Any:
    if definition is None:
        return value
    if definition.secret:
        return value if value is Unknown else Secret(value)
    if isinstance(value, dict) and definition.type == "object":
        return marked(definition.fields or {}, cast("Values", value))
    if isinstance(value, list):
        return [_marked(definition.element(), item) for item in cast("list[Any]", value)]
    return cast("Any", value)
