"""Violations, one for each way to break a rule, planted into the recorded registrations of real programs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from policy.resource import Resource
from tests.judged import recorded

Plant = Callable[[list[Resource]], None]


@dataclass(frozen=True)
class Violation:
    """One way to break one rule, and nothing else.

    Args:
        rule: which one.
        what: in words.
        plant: puts it in.
        program: into which program's registrations.
        stack: as which stack.
    """

    rule: str
    what: str
    plant: Plant
    program: str = "keybuzz"
    stack: str = "prod"

    def planted(self) -> list[Resource]:
        """The program's resources with the violation among them."""
        found = recorded(self.program, self.stack)
        self.plant(found)
        return found


def find(found: list[Resource], kind: str, name: str) -> int:
    """Where a resource is."""
    (index,) = [index for index, one in enumerate(found) if (one.kind, one.name) == (kind, name)]
    return index


def put(kind: str, name: str, *path: str | int, value: Any) -> Plant:
    """A property of a resource that is there."""

    def plant(found: list[Resource]) -> None:
        inner: Any = found[find(found, kind, name)].props
        for key in path[:-1]:
            inner = inner.setdefault(key, {}) if isinstance(inner, dict) else inner[key]
        if isinstance(inner, list) and path[-1] == len(inner):
            inner.append(value)
        else:
            inner[path[-1]] = value

    return plant


def exchange(kind: str, name: str, old: str, new: str, *path: str) -> Plant:
    """A part of a text in a property."""

    def plant(found: list[Resource]) -> None:
        inner: Any = found[find(found, kind, name)].props
        for key in path[:-1]:
            inner = inner[key]
        assert old in inner[path[-1]], inner[path[-1]]
        inner[path[-1]] = inner[path[-1]].replace(old, new)

    return plant


def drop(kind: str, name: str, *path: str | int) -> Plant:
    """A property less."""

    def plant(found: list[Resource]) -> None:
        inner: Any = found[find(found, kind, name)].props
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]

    return plant


def change(kind: str, name: str, **fields: Any) -> Plant:
    """What a resource is, besides its properties."""

    def plant(found: list[Resource]) -> None:
        index = find(found, kind, name)
        found[index] = replace(found[index], **fields)

    return plant


def remove(kind: str, name: str) -> Plant:
    """A resource less."""

    def plant(found: list[Resource]) -> None:
        del found[find(found, kind, name)]

    return plant


def add(kind: str, props: dict[str, Any], *, provider: str = "", **more: Any) -> Plant:
    """A resource more; an object on the cluster has the owner labels and is in the first namespace."""

    def plant(found: list[Resource]) -> None:
        origin = "::".join(found[0].urn.split("::")[:2])
        given = dict(props)
        package = kind.partition(":")[0]
        if package == "kubernetes" and not kind.endswith("Patch"):
            model = found[find_first(found, "NetworkPolicy")].props["metadata"]
            given["metadata"] = {**model, "name": "planted", **given.get("metadata", {})}
        resource = Resource(
            urn=f"{origin}::{kind}::planted",
            type=kind,
            name="planted",
            props=given,
            provider=provider or package,
            **more,
        )
        found.append(resource)

    return plant


def find_first(found: list[Resource], kind: str) -> int:
    """Where the first resource of a kind is."""
    return next(index for index, one in enumerate(found) if one.kind == kind)


POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)
API, CLIENT = ("Deployment", "api-deployment"), ("Deployment", "client-deployment")
RBAC = "kubernetes:rbac.authorization.k8s.io/v1:"


def variable(name: str, value: str) -> dict[str, str]:
    """A container's variable."""
    return {"name": name, "value": value}
