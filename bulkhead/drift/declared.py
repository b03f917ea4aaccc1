"""What a stack's last `up` declared, with its secrets in memory alone.

`pulumi stack export --show-secrets` is the one place that has them; they are kept behind a type that shows none,
and leave it towards the servers alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from bulkhead import state
from bulkhead.drift.compare import fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkhead.stacks import StackReference

_MARK: Final = "4dabf18193072939515e22adb298388d"
_BOOK_KEEPING: Final = "__"


class Opened:
    """A value that is, or has in it, a secret; what is printed of it is a mark."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    @property
    def value(self) -> Any:
        """The value itself, for a server."""
        return self._value

    def __repr__(self) -> str:
        return state.SECRET

    __str__ = __repr__


@dataclass(frozen=True, kw_only=True)
class Declared:
    """One resource as the last `up` declared it.

    Args:
        resource: as it was recorded, a mark in each secret's place.
        inputs: its inputs with their secrets.
        ignored: the inputs whose changes the program ignores.
        manager: the field manager that Kubernetes' provider applies it as; empty where that is not recorded.
    """

    resource: state.Resource
    inputs: Opened = field(default_factory=lambda: Opened({}))
    ignored: frozenset[str] = frozenset()
    manager: str = ""

    @property
    def type(self) -> str:
        """Its type token."""
        return self.resource.type

    @property
    def name(self) -> str:
        """Its logical name."""
        return self.resource.name

    @property
    def shown(self) -> Mapping[str, Any]:
        """Its inputs, a mark in each secret's place."""
        return self.resource.inputs


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """All that a stack's last `up` declared.

    Args:
        state: the stack's state, without a secret.
        resources: what its providers were asked for, in the order of their making.
    """

    state: state.State
    resources: tuple[Declared, ...]

    def of_type(self, *types: str) -> Iterator[Declared]:
        """Its resources of some types."""
        return (one for one in self.resources if one.type in types)


def read(stack: StackReference) -> Declaration:
    """What a stack's state says was declared.

    Raises:
        StateError: the state, or its secrets, cannot be read.
    """
    exported = state.export(["--show-secrets", "--stack", stack.name], stack.folder)
    return parse(json.loads(exported), stack.name)


def parse(exported: Mapping[str, Any], stack: str) -> Declaration:
    """A declaration out of an export that shows its secrets."""
    recorded = state.parse(exported, stack)
    listed: list[Mapping[str, Any]] = fields(exported.get("deployment")).get("resources") or []
    entries = {str(entry["urn"]): entry for entry in listed if not entry.get("delete")}
    found = [
        Declared(
            resource=one,
            inputs=Opened(opened(entries[one.urn].get("inputs") or {})),
            ignored=frozenset(entries[one.urn].get("ignoreChanges") or ()),
            manager=str(opened(fields(entries[one.urn].get("outputs")).get("__fieldManager") or "")),
        )
        for one in recorded.resources
        if one.custom and not one.external and one.package != "pulumi"
    ]
    return Declaration(state=recorded, resources=tuple(found))


def opened(value: Any) -> Any:
    """A value with each secret in the clear, and without the plugins' own book-keeping."""
    if isinstance(value, list):
        return [opened(one) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    mapping = cast("dict[str, Any]", value)
    if _MARK in mapping:
        return opened(json.loads(mapping["plaintext"])) if "plaintext" in mapping else None
    return {key: opened(inner) for key, inner in mapping.items() if not key.startswith(_BOOK_KEEPING)}
