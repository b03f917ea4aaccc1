"""What the containers of a cache have in common: what they take, and how long they may take to stop."""

import hashlib
import json
from typing import Final

from components import pod_standard
from components.manifest import Object
from components.quantities import memory
from components.redis_configuration import Redis

RESERVE: Final = 128 * 2**20
"""Bytes beside the data: the process itself, the connections' buffers and the replicas'."""

SAVED_EACH_SECOND: Final = 32 * 2**20
"""Bytes that even a slow volume takes a second, when a stopping server saves what it has."""

STOP_SECONDS: Final = 30


def most_memory(redis: Redis) -> str:
    """The limit of a container: twice the data, since a child that saves shares pages until they are written.

    In the worst case everything is written while it saves, and every page is there twice.
    """
    return memory(2 * redis.memory + RESERVE)


def usual_memory(redis: Redis) -> str:
    """What the scheduler sets aside: the data and what is beside it."""
    return memory(redis.memory + RESERVE)


def stop_seconds(redis: Redis) -> int:
    """Seconds that a pod has to hand over, to save and to end."""
    return STOP_SECONDS + redis.memory // SAVED_EACH_SECOND


def digest_of(configuration: dict[str, str]) -> str:
    """A text that changes with a ConfigMap's data, for the template of the pods that read it at their start."""
    return hashlib.sha256(json.dumps(configuration, sort_keys=True).encode()).hexdigest()[:16]


def pod_security() -> Object:
    """As every pod's; the volume belongs to the group."""
    return {**pod_standard.pod_security(), "fsGroup": pod_standard.USER}


def resources(*, cpu: str, memory: str, most_cpu: str, most_memory: str) -> Object:
    """Requests and limits of a container that writes no files of its own outside its volume."""
    return {
        "requests": {"cpu": cpu, "memory": memory, "ephemeral-storage": "16Mi"},
        "limits": {"cpu": most_cpu, "memory": most_memory, "ephemeral-storage": "64Mi"},
    }
