"""What keeps data: protected in production, and neither deleted nor replaced without leave."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policy.resource import Place, Resource, Unknown
from policy.rule import Answer, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policy.steps import Step
    from policy.world import World

KINDS = frozenset(
    {
        "postgresql:index/database:Database",
        "postgresql:index/schema:Schema",
        "kubernetes:core/v1:PersistentVolumeClaim",
        "kubernetes:core/v1:PersistentVolume",
        "random:index/randomBytes:RandomBytes",
    }
)
"""Types whose resources are data, or without which data cannot be read: RandomBytes are keys of encryption."""

_PROTECTED_BY_ANOTHER = frozenset({"postgresql:index/schema:Schema"})
"""A schema goes with its database alone, and that is protected."""


def keeps_data(resource: Resource) -> bool:
    """Whether data is lost with a resource; what cannot be told keeps data."""
    if resource.type in KINDS:
        return True
    if resource.type == "kubernetes:apps/v1:StatefulSet":
        spec = Place("spec", resource.props.get("spec"))
        return isinstance(spec.value, Unknown) or bool(spec.entries.get("volumeClaimTemplates"))
    if resource.type == "postgresql:index/role:Role":
        name = resource.props.get("name")
        return isinstance(name, Unknown) or bool(re.search(r"_owner(_|$)", str(name or "")))
    return resource.type == "vault:index/mount:Mount" and resource.props.get("type") in {"kv", "kv-v2", "transit"}


def stateful_protected(resource: Resource, _: World) -> Iterator[Answer]:
    """What keeps data refuses to be deleted."""
    if keeps_data(resource) and resource.type not in _PROTECTED_BY_ANOTHER and not resource.protect:
        yield Fault("it keeps data and is not protected; give it protect=True")


def stateful_kept(steps: Sequence[Step], world: World) -> Iterator[Answer]:
    """What keeps data is neither deleted nor replaced, unless somebody has said so for now."""
    told: set[str] = set()
    for step in steps:
        one = step.resource
        if not step.destroys or one.urn in told or not keeps_data(one):
            continue
        if world.exempt(one, world.declared.allowances):
            continue
        told.add(one.urn)
        because = f", because of {', '.join(step.because)}" if step.because else ""
        yield Fault(f"{step.operation} of {one.label}, which keeps data{because}", one.urn)


def declarations(_: Sequence[Resource], world: World) -> Iterator[Answer]:
    """An exception is explicit, has a reason, and ends."""
    for fault in world.declared.faults:
        yield Fault(f"policies.yaml: {fault}")
