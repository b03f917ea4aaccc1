"""Steps: what an update would do, as `pulumi preview --json` lists it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from policy.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Mapping

DESTROYING = frozenset(
    {"delete", "delete-replaced", "replace", "create-replacement", "discard", "discard-replaced"}
)
"""The operations after which what was there is gone."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What would be done with one resource.

    Args:
        operation: `create`, `update`, `replace`, `delete`, `same`.
        resource: what is there now, or what would be made where nothing is.
        because: the properties that make a replacement necessary.
    """

    operation: str
    resource: Resource
    because: tuple[str, ...] = ()

    @property
    def destroys(self) -> bool:
        """Whether what was there is gone afterwards."""
        return self.operation in DESTROYING


def step(entry: Mapping[str, Any]) -> Step:
    """A step out of one entry of `steps`."""
    state: Mapping[str, Any] = entry.get("oldState") or entry.get("newState") or {}
    urn = str(entry["urn"])
    props: dict[str, Any] = state.get("inputs") or {}
    resource = Resource(
        urn=urn,
        type=urn.split("::")[2].rpartition("$")[2],
        name=urn.split("::", 3)[3],
        props=props,
        protect=bool(state.get("protect")),
    )
    return Step(operation=str(entry["op"]), resource=resource, because=tuple(entry.get("replaceReasons") or ()))
