"""What every pod of ours is: restricted, without a right, and spread over nodes and zones."""

from collections.abc import Mapping
from typing import Any, Final

USER: Final = 10001
"""The user and group of every process: no image's own and none of the node's."""

HOST: Final = "kubernetes.io/hostname"
ZONE: Final = "topology.kubernetes.io/zone"


def pod_security() -> dict[str, Any]:
    """What the restricted pod-security standard asks of a pod."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> dict[str, Any]:
    """What the restricted pod-security standard asks of a container, and a file system that nobody changes."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def spread(labels: Mapping[str, str], key: str = ZONE) -> dict[str, Any]:
    """Pods on as many zones as there are, or on as many of what `key` tells."""
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": dict(labels)},
    }


def apart(labels: Mapping[str, str]) -> dict[str, Any]:
    """Rather not on one node: it outweighs what a scheduler sees in a node that is merely emptier."""
    term = {"topologyKey": HOST, "labelSelector": {"matchLabels": dict(labels)}}
    return {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]
        }
    }
