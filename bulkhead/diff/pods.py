"""Pods: the images of a workload, and what its pods may do to the machine that they run on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"})
RUNS_AS = "pods run as the service account "
_REFERENCE = re.compile(r"^(?P<name>.+?)(?::(?P<tag>[^:/@]+))?(?:@(?P<digest>sha256:[0-9a-f]+))?$")


@dataclass(frozen=True)
class Image:
    """An image as a manifest names it.

    Args:
        name: registry and repository.
        version: its tag, and the beginning of its digest.
    """

    name: str
    version: str

    @classmethod
    def of(cls, reference: str) -> Image:
        """Out of `registry/name:tag@sha256:…`."""
        found = _REFERENCE.match(reference)
        if found is None:
            return cls(reference, "")
        digest = (found["digest"] or "")[: len("sha256:") + 12]
        return cls(found["name"], "@".join(part for part in (found["tag"] or "", digest) if part) or "no version")


def images(inputs: Mapping[str, Any]) -> dict[str, str]:
    """The images of a workload's containers, by container."""
    spec = pod(inputs)
    return {
        str(one.get("name")): str(one.get("image"))
        for key in ("initContainers", "containers")
        for one in _maps(spec.get(key))
        if one.get("image")
    }


def pod(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The pod's specification inside a workload's."""
    spec = _map(inputs.get("spec"))
    if "jobTemplate" in spec:
        spec = _map(_map(spec["jobTemplate"]).get("spec"))
    return _map(_map(spec["template"]).get("spec")) if "template" in spec else spec


def powers(inputs: Mapping[str, Any]) -> Iterator[str]:
    """What a workload's pods, or those of a service account, may do beyond a restricted pod's rights."""
    if inputs.get("kind") == "ServiceAccount":
        if inputs.get("automountServiceAccountToken") is not False:
            yield "pods get a token for the API server"
        return
    spec = pod(inputs)
    yield from (f"pods share the machine's {key.removeprefix('host')}" for key in _HOST if spec.get(key) is True)
    if spec.get("automountServiceAccountToken") is True:
        yield "pods get a token for the API server"
    if account := spec.get("serviceAccountName"):
        yield f"{RUNS_AS}{account}"
    for volume in _maps(spec.get("volumes")):
        if path := _map(volume.get("hostPath")).get("path"):
            yield f"pods see the machine's folder {path}"
    whole = _map(spec.get("securityContext"))
    for container in (one for key in _CONTAINERS for one in _maps(spec.get(key))):
        yield from _container_powers(str(container.get("name")), whole, _map(container.get("securityContext")))


_HOST = ("hostNetwork", "hostPID", "hostIPC")
_CONTAINERS = ("initContainers", "containers")


def _container_powers(name: str, whole: Mapping[str, Any], own: Mapping[str, Any]) -> Iterator[str]:
    if own.get("privileged") is True:
        yield f"{name} is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"{name} may gain privileges"
    if own.get("runAsNonRoot", whole.get("runAsNonRoot")) is not True:
        yield f"{name} may run as root"
    if own.get("readOnlyRootFilesystem") is not True:
        yield f"{name} may write its root file system"
    capabilities = _map(own.get("capabilities"))
    if "ALL" not in (capabilities.get("drop") or []):
        yield f"{name} keeps the default capabilities"
    added: list[str] = capabilities.get("add") or []
    yield from (f"{name} has the capability {one}" for one in added)
    seccomp = _map(own.get("seccompProfile", whole.get("seccompProfile"))).get("type", "Unconfined")
    if seccomp == "Unconfined":
        yield f"{name} may make every system call"


def _map(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _maps(value: object) -> list[dict[str, Any]]:
    return [_map(one) for one in cast("list[object]", value)] if isinstance(value, list) else []
