"""Who owns which field of an object: what server-side apply goes by, and where it needs help.

An object is created by a plain request, so that an existing one of its name is an error and not silently taken
over. Its fields then belong to the manager of plain requests; before the first apply they are handed over to the
resource's own manager, as the official plugin does, or fields taken out of the program would stay for ever.
"""

from __future__ import annotations

import copy
import secrets
from typing import Any, Final, cast

from sandbox.plugins.kubernetes.difference import parse
from sandbox.plugins.kubernetes.objects import FIELD_MANAGER, PATCH_FORCE, Object, annotation, is_true, metadata

#: The manager of plain requests.
CREATOR: Final = "pulumi-kubernetes"
#: Whose fields are taken over: plain requests of this plugin, and kubectl's (a prefix of kubectl-edit and so on).
ADOPTED: Final = (
    ("kubectl", "Apply"),
    ("kubectl", "Update"),
    ("before-first-apply", "Update"),
    ("pulumi-kubernetes", "Update"),
    ("pulumi-resource-kubernetes", "Update"),
)
OWN: Final = ("pulumi-kubernetes", "pulumi-kubernetes.exe", "pulumi-resource-kubernetes")


def manager_name(inputs: Object, state: Object) -> str:
    """The resource's own manager: asked for, remembered, or new."""
    remembered = state.get("__fieldManager")
    return (
        annotation(inputs, FIELD_MANAGER) or str(remembered or "") or f"pulumi-kubernetes-{secrets.token_hex(4)}"
    )


def entries(live: Object) -> list[Object]:
    """Which manager owns which fields of an object."""
    return cast("list[Object]", metadata(live).get("managedFields") or [])


def is_forced(inputs: Object, live: Object | None, *, always: bool, preview: bool) -> bool:
    """Whether fields are taken from other managers without asking."""
    if always or is_true(inputs, PATCH_FORCE) or (preview and live is None):
        return True
    if live is None:
        return False
    # The hand-over of plain requests' fields happens in the update itself, not in its preview.
    plain = any(one.get("operation") == "Update" and one.get("manager") in OWN for one in entries(live))
    return (preview and plain) or not entries(live)


def handed_over(live: Object, manager: str) -> list[Object] | None:
    """The owners of an object's fields after the hand-over, None where nothing is to be handed over."""
    others = list[Object]()
    own: Object | None = None
    adopted = list[Object]()
    for entry in entries(live):
        if entry.get("manager") == manager and entry.get("operation") == "Apply":
            own = entry
        elif any(
            str(entry.get("manager", "")).startswith(name) and entry.get("operation") == operation
            for name, operation in ADOPTED
        ) and not entry.get("subresource"):
            adopted.append(entry)
        else:
            others.append(entry)
    if not adopted:
        return None
    merged = copy.deepcopy(own or {**adopted[0], "manager": manager, "operation": "Apply"})
    for entry in adopted:
        merged["fieldsV1"] = _union(_fields(merged), _fields(entry))
    return [*others, merged]


def _fields(entry: Object) -> Object:
    return cast("Object", entry.get("fieldsV1") or {})


def _union(one: Object, other: Object) -> Object:
    result = dict(one)
    for key, value in other.items():
        both = key in result
        result[key] = _union(cast("Object", result[key]), cast("Object", value)) if both else value
    return result


def with_ignored(inputs: Object, live: Object, ignored: list[str], manager: str) -> Object:
    """The inputs of an update with ignored fields left to their owners, or as they are if they are ours."""
    result = copy.deepcopy(inputs)
    for path in ignored:
        steps = [str(step) for step in parse(path)]
        ours = any(_owns(one, steps) for one in entries(live) if one.get("manager") == manager)
        theirs = any(_owns(one, steps) for one in entries(live) if one.get("manager") != manager)
        if theirs and not ours:
            _remove(result, steps)
            continue
        found, value = _find(live, steps)
        if found:
            _put(result, steps, value)
    return result


def _owns(entry: Object, steps: list[str]) -> bool:
    fields = _fields(entry)
    for step in steps:
        if f"f:{step}" not in fields:
            return False
        fields = cast("Object", fields[f"f:{step}"])
    return True


def _find(item: Object, steps: list[str]) -> tuple[bool, Any]:
    value: Any = item
    for step in steps:
        if not isinstance(value, dict) or step not in value:
            return False, None
        value = cast("Object", value)[step]
    return True, value


def _remove(item: Object, steps: list[str]) -> None:
    found, parent = _find(item, steps[:-1])
    if found and isinstance(parent, dict):
        cast("Object", parent).pop(steps[-1], None)


def _put(item: Object, steps: list[str], value: Any) -> None:
    for step in steps[:-1]:
        inner = item.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        item = cast("Object", inner)
    item[steps[-1]] = value
