"""How a bridged resource type is described: its properties, and what it does on a server."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeAlias, TypeVar, cast

Kind: TypeAlias = Literal["str", "int", "float", "bool", "list", "set", "map", "object"]

#: Plain property values by their Pulumi name (camelCase); a value may be `Unknown` at preview.
Values: TypeAlias = dict[str, Any]

ServerT = TypeVar("ServerT")


@dataclass(frozen=True, kw_only=True)
class Property:
    """One property of a resource type, with the meaning that a Terraform schema gives it.

    Attributes:
        type: What values look like. `object` is a nested block with fields of its own.
        default: What holds if the program is silent. A truthy one is written into the inputs and named in
            `__defaults`; a falsy one (False, 0, "") holds without being written, as in the official plugins.
        required: The program must give it.
        force_new: A change replaces the resource.
        computed: The server may choose the value if the program is silent; then its choice is no difference.
        output: The server alone says it; it cannot be given.
        secret: It is encrypted in state, whether given as a secret or not.
        write_only: It reaches the server, but neither the state nor a comparison.
        autoname: A program that gives no name gets one made of the resource's name and seven random digits.
        allowed: The only values possible; empty if there is no such limit.
        minimum: The smallest number possible.
        conflicts: Properties that cannot be given together with this one.
        items: What a list, set or map contains; None for plain strings.
        fields: The properties of an `object`.
    """

    type: Kind = "str"
    default: Any = None
    required: bool = False
    force_new: bool = False
    computed: bool = False
    output: bool = False
    secret: bool = False
    write_only: bool = False
    autoname: bool = False
    allowed: tuple[str, ...] = ()
    minimum: int | None = None
    conflicts: tuple[str, ...] = ()
    items: Property | None = None
    fields: Mapping[str, Property] | None = None

    def element(self) -> Property:
        """What stands inside a list, set or map."""
        return self.items or STRING


STRING = Property()

#: The properties of a resource type, by their Pulumi name.
Schema: TypeAlias = Mapping[str, Property]


def strings(values: Values, key: str) -> tuple[str, ...]:
    """The strings of a list or set property, which may be missing."""
    return tuple(str(item) for item in cast("list[Any]", values.get(key) or []))


class ResourceType(ABC, Generic[ServerT]):
    """One resource type of a bridged plugin; `server` is whatever the plugin's configuration led to.

    Values are plain (no secret marks). `new` and `inputs` are complete: every property of the schema is
    there, with its default or None. What `create`, `read` and `update` leave out of their answer is taken
    from the inputs (`create`, `update`) or from the last known state (`read`).
    """

    token: ClassVar[str]
    properties: ClassVar[Schema]
    #: Whether a replacement must always begin with the deletion of the old one.
    delete_before_replace: ClassVar[bool] = False

    @abstractmethod
    def create(self, server: ServerT, inputs: Values) -> tuple[str, Values]:
        """Make it; the answer is its id and its outputs."""

    @abstractmethod
    def read(self, server: ServerT, resource_id: str, state: Values) -> Values | None:
        """Its live outputs, or None if it is gone; `state` is empty on import. `id` among them renames it."""

    @abstractmethod
    def update(self, server: ServerT, resource_id: str, old: Values, new: Values) -> Values:
        """Change it from the old outputs to the new inputs; `id` in the answer renames it."""

    @abstractmethod
    def delete(self, server: ServerT, resource_id: str, state: Values) -> None:
        """Remove it; that it is gone already is a success, that the server does not answer is an error."""

    def problems(self, inputs: Values) -> list[tuple[str, str]]:
        """What is wrong with inputs beyond what the schema says: pairs of a property and a reason."""
        del inputs
        return []

    def plan(self, old: Values | None, planned: Values) -> Values:
        """Last say about the planned state, where equal things may be written differently."""
        del old
        return planned
