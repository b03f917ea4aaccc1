"""Pods: which image they run, and what they may do on their machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policy.resource import Place, Resource, UndecidedError
from policy.rule import Answer, Fault, Undecided

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from policy.world import World

_SPEC: Mapping[str, tuple[str, ...]] = {
    "Pod": ("spec",),
    "PodTemplate": ("template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    **dict.fromkeys(
        ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "ReplicationController"),
        ("spec", "template", "spec"),
    ),
}
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_MOVING = frozenset(
    {
        "latest",
        "main",
        "master",
        "stable",
        "edge",
        "nightly",
        "dev",
        "develop",
        "prod",
        "production",
        "lts",
        "alpine",
    }
)
_SAID_BY_EITHER: tuple[tuple[tuple[str, ...], tuple[object, ...]], ...] = (
    (("runAsNonRoot",), (True,)),
    (("seccompProfile", "type"), ("RuntimeDefault", "Localhost")),
)
"""What the container or else the pod must say, and what it may."""

_VOLUMES = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)
"""The kinds of volumes that the restricted pod-security standard lets be."""


def pod_spec(resource: Resource) -> Place | None:
    """The specification of the pods that a resource makes; None where it makes none.

    Raises:
        UndecidedError: it is not known.
    """
    keys = _SPEC.get(resource.kind.removesuffix("Patch")) if resource.is_object else None
    return resource.place.at(*keys) if keys else None


def containers(resource: Resource) -> Iterator[Place]:
    """The containers of its pods, those that run first among them."""
    spec = pod_spec(resource)
    for key in ("initContainers", "containers", "ephemeralContainers") if spec else ():
        yield from spec.each(key) if spec else ()


def image_pinned(resource: Resource, _: World) -> Iterator[Answer]:
    """An image is named by what it is, not by what somebody may put there."""
    for container in containers(resource):
        try:
            image = container.at("image")
        except UndecidedError as error:
            yield Undecided(str(error))
            continue
        if _DIGEST.search(image.text):
            continue
        repository, colon, tag = image.text.rpartition(":")
        if not repository or not colon or "/" in tag:
            yield Fault(f"{image.path} is {image.text!r}, with neither tag nor digest")
        elif tag in _MOVING or not re.search(r"\d", tag) or re.fullmatch(r"v?\d+", tag):
            yield Fault(f"{image.path} is {image.text!r}, whose tag moves; use a version's or a digest")


def pod_restricted(resource: Resource, _: World) -> Iterator[Answer]:
    """Pods meet the restricted pod-security standard, and their namespaces enforce it."""
    if resource.type == "kubernetes:core/v1:Namespace":
        enforced = resource.metadata.at("labels").entries.get("pod-security.kubernetes.io/enforce")
        if Place("metadata.labels[pod-security.kubernetes.io/enforce]", enforced).known().value != "restricted":
            yield Fault("metadata.labels[pod-security.kubernetes.io/enforce] is not 'restricted'")
        return
    spec = pod_spec(resource)
    if spec is None:
        return
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.at(key).value:
            yield Fault(f"{spec.path}.{key} is true")
    for volume in spec.each("volumes"):
        for kind in sorted(volume.entries.keys() - {"name"} - _VOLUMES):
            yield Fault(f"{volume.path}.{kind}: volumes of this kind reach outside the pod")
    for container in containers(resource):
        yield from _container(container, spec.at("securityContext"))


def _container(container: Place, pod: Place) -> Iterator[Answer]:
    own = container.at("securityContext")
    for keys, allowed in _SAID_BY_EITHER:
        value = own.at(*keys).value
        value = pod.at(*keys).value if value is None else value
        if value not in allowed:
            yield Fault(f"{own.path}.{'.'.join(keys)} is {value!r}; use {allowed[0]!r}, here or for the pod")
    if 0 in {own.at("runAsUser").value, pod.at("runAsUser").value}:
        yield Fault(f"{own.path}.runAsUser is 0, or the pod's")
    if own.at("allowPrivilegeEscalation").value is not False:
        yield Fault(f"{own.path}.allowPrivilegeEscalation is not false")
    if own.at("privileged").value:
        yield Fault(f"{own.path}.privileged is true")
    yield from _capabilities(own)
    for port in container.each("ports"):
        if port.at("hostPort").value:
            yield Fault(f"{port.path}.hostPort opens a port of the machine")


def _capabilities(own: Place) -> Iterator[Answer]:
    if "ALL" not in {one.text for one in own.each("capabilities", "drop")}:
        yield Fault(f"{own.path}.capabilities.drop does not have ALL")
    for added in own.each("capabilities", "add"):
        if added.text != "NET_BIND_SERVICE":
            yield Fault(f"{added.path} adds {added.text}")


def default_deny(resources: Sequence[Resource], _: World) -> Iterator[Answer]:
    """A namespace is closed both ways before anything in it is opened."""
    closed: set[str] = set()
    used: dict[str, str] = {}
    for one in resources:
        if not one.is_object:
            continue
        try:
            if one.type == "kubernetes:core/v1:Namespace":
                used[one.metadata.at("name").text] = one.urn
                continue
            home = one.metadata.at("namespace").text
            if home and not one.kind.endswith("Patch"):
                used.setdefault(home, one.urn)
            if one.kind == "NetworkPolicy" and _closes(one):
                closed.add(home)
        except UndecidedError as error:
            yield Undecided(f"{one.name}: {error}", one.urn)
    for namespace in sorted(used.keys() - closed):
        yield Fault(f"namespace {namespace!r} has no NetworkPolicy that closes it both ways", used[namespace])


def _closes(policy: Resource) -> bool:
    spec = policy.place.at("spec")
    types = {one.text for one in spec.each("policyTypes")}
    opened = [*spec.each("ingress"), *spec.each("egress")]
    return not spec.at("podSelector").value and {"Ingress", "Egress"} <= types and not opened
