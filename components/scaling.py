"""Scaling: how many pods a workload has, and how few of them may be missing."""

from components.environment import Environment
from components.manifest import Object, manifest
from components.network import selector
from components.values import Replicas, Workload

CALM_SECONDS = 300
"""Seconds that the load must stay low before pods go: the length of a lull between two bursts."""


def least_replicas(workload: Workload) -> int:
    """The smallest number of pods."""
    return workload.replicas.min if isinstance(workload.replicas, Replicas) else workload.replicas


def render_scaler(environment: Environment, namespace: str, app: str, workload: Workload) -> Object | None:
    """The HorizontalPodAutoscaler, where the stack gives a range.

    Up at once, doubling every 30 s, since a client waits meanwhile; down after a lull and by a quarter a
    minute, since a pod that comes back is a cold one.
    """
    replicas = workload.replicas
    if not isinstance(replicas, Replicas):
        return None
    return manifest(
        environment,
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        app,
        namespace=namespace,
        labels=selector(app),
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": app},
            "minReplicas": replicas.min,
            "maxReplicas": replicas.max,
            "metrics": [_below("cpu", replicas.cpu), _below("memory", replicas.memory)],
            "behavior": {
                "scaleUp": {
                    "stabilizationWindowSeconds": 0,
                    "selectPolicy": "Max",
                    "policies": [_step("Percent", 100, 30), _step("Pods", 4, 30)],
                },
                "scaleDown": {
                    "stabilizationWindowSeconds": CALM_SECONDS,
                    "selectPolicy": "Max",
                    "policies": [_step("Percent", 25, 60), _step("Pods", 1, 60)],
                },
            },
        },
    )


def _below(resource: str, percent: int) -> Object:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": resource, "target": target}}


def _step(kind: str, value: int, seconds: int) -> Object:
    return {"type": kind, "value": value, "periodSeconds": seconds}


def render_disruption(environment: Environment, namespace: str, app: str, workload: Workload) -> Object | None:
    """The PodDisruptionBudget, where there is more than one pod to keep: one may be missing."""
    if least_replicas(workload) < 2:  # noqa: PLR2004 - with one pod, a budget would block every node's maintenance
        return None
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": selector(app)}}
    return manifest(
        environment, "policy/v1", "PodDisruptionBudget", app, namespace=namespace, labels=selector(app), spec=spec
    )
