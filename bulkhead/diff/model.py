"""Model: what the previews of stacks found, as plain data in which every secret is already a mark."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkhead.stacks import StackReference

Operation = Literal["create", "update", "replace", "delete"]
OPERATIONS: tuple[Operation, ...] = ("create", "update", "replace", "delete")


@dataclass(frozen=True, kw_only=True)
class PropertyChange:
    """One property that would change.

    Args:
        path: as the engine writes it, such as `spec.template.spec.containers[0].image`.
        kind: whether it is added, changed or taken away.
        replaces: whether the resource is replaced because of it.
        before: its value so far; None where there was none.
        after: its value then; None where there is none.
    """

    path: str
    kind: Literal["add", "update", "delete"]
    replaces: bool = False
    before: object = None
    after: object = None


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource, before and after.

    Args:
        urn: its URN.
        type: its type token.
        name: its logical name.
        operation: what would be done with it; None where it stays as it is.
        before: its inputs as they were applied; empty for a new one.
        after: its inputs as the program gives them now; empty for one that goes.
        properties: what differs between the two.
        protected: whether it was protected, and whether it will be.
        imported: whether it is taken over from what exists, and not made.
    """

    urn: str
    type: str
    name: str
    operation: Operation | None = None
    before: Mapping[str, Any] = field(default_factory=dict[str, Any])
    after: Mapping[str, Any] = field(default_factory=dict[str, Any])
    properties: tuple[PropertyChange, ...] = ()
    protected: tuple[bool, bool] = (False, False)
    imported: bool = False

    @property
    def kind(self) -> str:
        """The last word of its type: `Deployment`, `Database`."""
        return self.type.rpartition(":")[2]

    @property
    def package(self) -> str:
        """The provider's package; `pulumi` and `bulkhead` are nobody's but ours."""
        return self.type.partition(":")[0]


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A policy that a stack breaks.

    Args:
        policy: the policy's name.
        mandatory: whether an update is refused because of it.
        text: what the policy says of it.
        urn: the resource; empty for one of the whole stack.
    """

    policy: str
    mandatory: bool
    text: str
    urn: str = ""

    @property
    def resource(self) -> str:
        """The logical name of the resource that it is about."""
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What the preview of one stack found.

    Args:
        stack: which.
        project: the project's name.
        resources: all that the stack has or would have, those that stay the same among them.
        violations: the policies that it breaks.
        warnings: what the engine, the program and the providers warn of.
        failure: why the preview failed; empty where it did not.
        seconds: how long it took.
        plan: the file that an update can be held to; empty where none was asked for.
    """

    stack: StackReference
    project: str = ""
    resources: tuple[Resource, ...] = ()
    violations: tuple[Violation, ...] = ()
    warnings: tuple[str, ...] = ()
    failure: str = ""
    seconds: float = 0.0
    plan: str = ""

    @property
    def changes(self) -> tuple[Resource, ...]:
        """The resources to which something would be done."""
        return tuple(one for one in self.resources if one.operation)

    def count(self, operation: Operation) -> int:
        """To how many resources that would be done."""
        return sum(one.operation == operation for one in self.resources)

    @property
    def unchanged(self) -> int:
        """How many resources stay as they are."""
        return sum(one.operation is None for one in self.resources)

    @property
    def is_new(self) -> bool:
        """Whether the stack has nothing of its providers' yet: what it is given there, nobody had before."""
        return not any(one.before for one in self.resources if one.package not in {"pulumi", "bulkhead"})

    @property
    def failed(self) -> bool:
        """Whether it cannot be said what would be done, or an update would be refused."""
        return bool(self.failure) or any(one.mandatory for one in self.violations)
