"""The Redis servers of a cache on the cluster: StatefulSet, Services, configuration and disruption budget."""

from dataclasses import dataclass
from typing import Any, Final

from components.environment import Environment
from components.manifest import Object, manifest
from components.network import instance
from components.network import selector as app_selector
from components.pod_standard import apart, container_security, spread
from components.quantities import memory
from components.redis_configuration import (
    CONFIGURATION,
    CREDENTIALS,
    DATA,
    OWN,
    PORT,
    SENTINEL_PORT,
    Redis,
    render_redis,
    render_sentinel,
)
from components.redis_containers import (
    digest_of,
    most_memory,
    pod_security,
    resources,
    stop_seconds,
    usual_memory,
)
from components.redis_scripts import render_scripts

SETTLE_SECONDS: Final = 10
"""Seconds for which a replica must have been in step before the next pod is replaced."""


@dataclass(frozen=True, kw_only=True)
class Servers:
    """How the Redis servers of a cache are run.

    Args:
        environment: whose they are.
        image: Redis'.
        secret: the Secret with users.acl, auth.conf, internal and probe.
        storage: the size of each volume.
        storage_class: the volumes' class; None for the cluster's own.
    """

    environment: Environment
    image: str
    secret: str
    storage: str
    storage_class: str | None


def selector(redis: Redis) -> dict[str, str]:
    """The label by which the Redis pods are known, the same in both forms: a StatefulSet's cannot change."""
    return instance(redis.servers)


def name_label(redis: Redis) -> dict[str, str]:
    """What policies and the write Service know the pods by: as the cache itself where no proxy is before it."""
    return app_selector(redis.servers if redis.is_replicated else redis.app)


def render_configuration(redis: Redis, environment: Environment) -> Object:
    """The ConfigMap: configurations and scripts, no password."""
    data = {"redis.conf": render_redis(redis), **render_scripts(redis)}
    if redis.is_replicated:
        data["sentinel.conf"] = render_sentinel()
    return _object(redis, environment, "v1", "ConfigMap", data=dict(sorted(data.items())))


def render_service_account(redis: Redis, environment: Environment) -> Object:
    """Whom the servers are to the cluster: somebody without a token."""
    return _object(redis, environment, "v1", "ServiceAccount", automountServiceAccountToken=False)


def render_names(redis: Redis, environment: Environment) -> Object:
    """The headless Service: a DNS name for each pod, and not only once it is ready, which needs the others."""
    ports = [{"name": "redis", "port": PORT, "targetPort": "redis"}]
    if redis.is_replicated:
        ports.append({"name": "sentinel", "port": SENTINEL_PORT, "targetPort": "sentinel"})
    spec = {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": selector(redis), "ports": ports}
    return _object(redis, environment, "v1", "Service", spec=spec)


def render_end_point(redis: Redis, environment: Environment) -> Object:
    """The Service that applications use: the one Redis, or the proxies before several."""
    spec = {
        "type": "ClusterIP",
        "selector": app_selector(redis.app),
        "ports": [{"name": "redis", "port": PORT, "targetPort": "redis"}],
    }
    return _object(redis, environment, "v1", "Service", name=redis.app, spec=spec)


def render_disruption(redis: Redis, environment: Environment) -> Object:
    """The PodDisruptionBudget of several servers: one may be missing."""
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": selector(redis)}}
    return _object(redis, environment, "policy/v1", "PodDisruptionBudget", spec=spec)


def render_stateful_set(redis: Redis, servers: Servers) -> Object:
    """The StatefulSet; a change of the configuration rolls its pods, a change of the Secret does not."""
    digest = digest_of(render_configuration(redis, servers.environment)["data"])
    ephemeral = servers.environment.kind == "ephemeral"
    labels = {**servers.environment.labels, **selector(redis), **name_label(redis)}
    return _object(
        redis,
        servers.environment,
        "apps/v1",
        "StatefulSet",
        spec={
            "replicas": redis.replicas,
            "serviceName": redis.servers,
            "selector": {"matchLabels": selector(redis)},
            "podManagementPolicy": "Parallel",  # two Sentinels must agree before a server starts
            "updateStrategy": {"type": "RollingUpdate"},
            **({"minReadySeconds": SETTLE_SECONDS} if redis.is_replicated else {}),
            "persistentVolumeClaimRetentionPolicy": {
                "whenDeleted": "Delete" if ephemeral else "Retain",
                "whenScaled": "Delete" if ephemeral else "Retain",
            },
            "template": {
                "metadata": {"labels": labels, "annotations": {"bulkhead.dev/configuration": digest}},
                "spec": _pod(redis, servers),
            },
            "volumeClaimTemplates": [
                {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "metadata": {"name": "data", "labels": servers.environment.labels},
                    "spec": {
                        "accessModes": ["ReadWriteOnce"],
                        **({"storageClassName": servers.storage_class} if servers.storage_class else {}),
                        "resources": {"requests": {"storage": memory(servers.storage)}},
                    },
                }
            ],
        },
    )


def _pod(redis: Redis, servers: Servers) -> Object:
    own = [{"name": "own", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}] if redis.is_replicated else []
    together = {"topologySpreadConstraints": [spread(selector(redis))], "affinity": apart(selector(redis))}
    return {
        "serviceAccountName": redis.servers,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": stop_seconds(redis),
        "securityContext": {**pod_security(), "fsGroupChangePolicy": "OnRootMismatch"},
        **(together if redis.is_replicated else {}),
        "containers": [
            _redis(redis, servers),
            *([_sentinel(redis, servers)] if redis.is_replicated else []),
            _users(servers),
        ],
        "volumes": [
            {"name": "configuration", "configMap": {"name": redis.servers}},
            {"name": "credentials", "secret": {"secretName": servers.secret, "defaultMode": 0o440}},
            *own,
        ],
    }


def _redis(redis: Redis, servers: Servers) -> Object:
    script = _script("start") if redis.is_replicated else ["redis-server", f"{CONFIGURATION}/redis.conf"]
    limits = {"most_cpu": "2", "most_memory": most_memory(redis)}
    container = _container("redis", servers, script, "data", *(["own"] if redis.is_replicated else []))
    container |= {
        "ports": [{"name": "redis", "containerPort": PORT}],
        "resources": resources(cpu="100m", memory=usual_memory(redis), **limits),
        "startupProbe": _probe("live", period=2, failures=60),
        "livenessProbe": _probe("live", period=10, failures=6),
        "readinessProbe": _probe("ready", period=5, failures=2),
    }
    if redis.is_replicated:
        container["livenessProbe"] = {**_probe("follows", period=10, failures=6), "timeoutSeconds": 9}
        container["lifecycle"] = {"preStop": {"exec": {"command": _script("stop")}}}
        container["env"] = _self(redis)
    return container


def _sentinel(redis: Redis, servers: Servers) -> Object:
    return {
        **_container("sentinel", servers, _script("sentinel"), "data"),
        "env": _self(redis),
        "ports": [{"name": "sentinel", "containerPort": SENTINEL_PORT}],
        "resources": resources(cpu="20m", memory="32Mi", most_cpu="200m", most_memory="64Mi"),
        "livenessProbe": _probe("live", str(SENTINEL_PORT), period=10, failures=6),
        "readinessProbe": {"tcpSocket": {"port": "sentinel"}, "periodSeconds": 5},
        "lifecycle": {"preStop": {"exec": {"command": _script("last")}}},
    }


def _users(servers: Servers) -> Object:
    return {
        **_container("users", servers, _script("users")),
        "resources": resources(cpu="10m", memory="16Mi", most_cpu="100m", most_memory="32Mi"),
    }


def _container(name: str, servers: Servers, command: list[str], *volumes: str) -> Object:
    places = {"data": DATA, "own": OWN}
    return {
        "name": name,
        "image": servers.image,
        "imagePullPolicy": "Always",
        "command": command,
        "securityContext": container_security(),
        "volumeMounts": [
            {"name": "configuration", "mountPath": CONFIGURATION, "readOnly": True},
            {"name": "credentials", "mountPath": CREDENTIALS, "readOnly": True},
            *({"name": volume, "mountPath": places[volume]} for volume in volumes),
        ],
    }


def _self(redis: Redis) -> list[Object]:
    """What a pod is called by the others: its own name within the headless Service."""
    name = {"name": "POD", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}}
    return [name, {"name": "SELF", "value": redis.host_of("$(POD)")}]


def _script(name: str, *words: str) -> list[str]:
    return ["sh", f"{CONFIGURATION}/{name}.sh", *words]


def _probe(script: str, *words: str, period: int, failures: int) -> Object:
    return {
        "exec": {"command": _script(script, *words)},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _object(
    redis: Redis, environment: Environment, api_version: str, kind: str, *, name: str = "", **content: Any
) -> Object:
    return manifest(
        environment,
        api_version,
        kind,
        name or redis.servers,
        namespace=redis.namespace,
        labels={**selector(redis), "app.kubernetes.io/name": redis.app},
        **content,
    )
