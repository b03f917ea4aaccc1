"""Which fields cannot be changed in place: a change of one of them replaces the object.

The same fields as the official plugin's, so that a preview tells the same story with either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

if TYPE_CHECKING:
    from sandbox.plugins.kubernetes.objects import Object

Path: TypeAlias = tuple[str | int, ...]

METADATA: Final = ("metadata.name", "metadata.namespace")

CONTAINER: Final = (
    *("args", "command", "env", "image", "imagePullPolicy", "lifecycle", "livenessProbe", "ports"),
    *("readinessProbe", "resources", "securityContext", "stdin", "stdinOnce", "terminationMessagePath"),
    *("terminationMessagePolicy", "tty", "volumeDevices", "volumeMounts", "workingDir"),
)
POD: Final = (
    *("affinity", "automountServiceAccountToken", "dnsConfig", "dnsPolicy", "enableServiceLinks"),
    *("hostAliases", "hostIPC", "hostNetwork", "hostPID", "hostname", "imagePullSecrets", "nodeName"),
    *("nodeSelector", "overhead", "preemptionPolicy", "priority", "priorityClassName", "readinessGates"),
    *("restartPolicy", "runtimeClassName", "schedulerName", "securityContext", "serviceAccount"),
    *("serviceAccountName", "shareProcessNamespace", "subdomain", "terminationGracePeriodSeconds", "volumes"),
    *(f"{containers}[*].{field}" for containers in ("containers", "initContainers") for field in CONTAINER),
)
VOLUME: Final = (
    *("awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc", "flexVolume"),
    *("flocker", "gcePersistentDisk", "glusterfs", "hostPath", "iscsi", "local", "nfs"),
    *("photonPersistentDisk", "portworxVolume", "quobyte", "rbd", "scaleIO", "storageos", "vsphereVolume"),
)
CLAIM: Final = ("accessModes", "selector", "storageClassName", "volumeName")
STATEFUL_SET: Final = (
    *("podManagementPolicy", "revisionHistoryLimit", "selector", "serviceName", "volumeClaimTemplates"),
)


def _spec(*fields: str) -> tuple[str, ...]:
    return tuple(f"spec.{field}" for field in fields)


#: Fields by group, version and kind.
IMMUTABLE: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("apps/v1", "DaemonSet"): _spec("selector"),
    ("apps/v1", "Deployment"): _spec("selector"),
    ("apps/v1", "StatefulSet"): _spec(*STATEFUL_SET),
    ("batch/v1", "Job"): _spec("completions", "parallelism", "selector", "template"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): ("roleRef",),
    ("storage.k8s.io/v1", "StorageClass"): ("parameters", "provisioner"),
    ("v1", "PersistentVolume"): _spec(*VOLUME),
    ("v1", "PersistentVolumeClaim"): _spec(*CLAIM),
    ("v1", "Pod"): _spec(*POD),
    ("v1", "ResourceQuota"): _spec("scopes"),
    ("v1", "Service"): _spec("clusterIP"),
}


@dataclass(frozen=True, kw_only=True)
class Mutability:
    """The provider's settings: by default a changed ConfigMap or Secret is a new one."""

    config_map: bool = False
    secret: bool = False


def immutable_fields(item: Object, mutability: Mutability) -> tuple[str, ...]:
    """The fields of this object whose change replaces it."""
    key = (str(item.get("apiVersion", "")), str(item.get("kind", "")))
    fixed = item.get("immutable") is True
    if key == ("v1", "Secret"):
        whole = ("type", "stringData", "data") if fixed or not mutability.secret else ("type",)
        return METADATA + whole
    if key == ("v1", "ConfigMap") and (fixed or not mutability.config_map):
        return (*METADATA, "binaryData", "data")
    return METADATA + IMMUTABLE.get(key, ())


def touches(fields: tuple[str, ...], path: Path, value: Any) -> bool:
    """Whether a change at this path, to this value, changes one of the fields."""
    return any(_touches(tuple(_parts(field)), path, value) for field in fields)


def _parts(field: str) -> list[str]:
    return field.replace("[*]", ".*").split(".")


def _touches(field: tuple[str, ...], path: Path, value: Any) -> bool:
    """Walk down field and path together; what is left of the field is looked for in the value."""
    for index, part in enumerate(field):
        if index >= len(path):
            return _holds(field[index:], value)
        step = path[index]
        if (part == "*") != isinstance(step, int) or (part not in ("*", step)):
            return False
    return True


def _holds(field: tuple[str, ...], value: Any) -> bool:
    if not field:
        return True
    if field[0] == "*":
        return isinstance(value, list) and any(_holds(field[1:], one) for one in cast("list[Any]", value))
    if not isinstance(value, Mapping):
        return False
    fields = cast("Mapping[str, Any]", value)
    return field[0] in fields and _holds(field[1:], fields[field[0]])
