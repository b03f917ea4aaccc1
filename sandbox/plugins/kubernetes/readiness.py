"""When an object of a built-in kind has done what it was made for: rolled out, bound, reachable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from sandbox.plugins.kubernetes.conditions import condition, is_stale
from sandbox.plugins.kubernetes.objects import Object, metadata, name_of, namespace_of

if TYPE_CHECKING:
    from sandbox.plugins.kubernetes.client import Client

#: Asks the server what else it needs to know; says what is missing, nothing when the object is ready.
Readiness: TypeAlias = Callable[["Client", Object], list[str]]


class FailedError(Exception):
    """Waiting longer cannot help: a Job has failed, a Pod has ended."""


def _part(item: Object, name: str) -> Object:
    return cast("Object", item.get(name) or {})


def _list(item: Object, name: str) -> list[Object]:
    return cast("list[Object]", item.get(name) or [])


def _count(item: Object, name: str) -> int:
    return int(_part(item, "status").get(name) or 0)


def _observed(item: Object) -> list[str]:
    unseen = _part(item, "status").get("observedGeneration") is None or is_stale(item)
    return ["its controller has not looked at it yet"] if unseen else []


def _complaints(item: Object, healthy: Mapping[str, str]) -> list[str]:
    """The messages of conditions that are not as they should be."""
    conditions = _list(_part(item, "status"), "conditions")
    return [
        f"[{one.get('reason')}] {one.get('message')}"
        for one in conditions
        if one.get("type") in healthy and one.get("status") != healthy[str(one["type"])]
    ]


def deployment(_: Client, item: Object) -> list[str]:
    """Every replica runs the current template and is available, and no replica of an earlier one is left."""
    if unseen := _observed(item):
        return unseen
    wanted = int(_part(item, "spec").get("replicas", 1))
    updated, available = _count(item, "updatedReplicas"), _count(item, "availableReplicas")
    is_available = (condition(item, "Available") or {}).get("status") == "True"
    if is_available and updated >= wanted and available >= wanted and _count(item, "replicas") <= updated:
        return []
    healthy = {"Available": "True", "Progressing": "True", "ReplicaFailure": "False"}
    return [f"{available} of {wanted} replicas are available, {updated} updated", *_complaints(item, healthy)]


def stateful_set(_: Client, item: Object) -> list[str]:
    """Every replica is ready in the current revision."""
    if unseen := _observed(item):
        return unseen
    spec, status = _part(item, "spec"), _part(item, "status")
    wanted = int(spec.get("replicas", 1))
    strategy = _part(spec, "updateStrategy")
    partition = int(_part(strategy, "rollingUpdate").get("partition") or 0)
    rolled = (
        strategy.get("type") == "OnDelete"
        or partition > 0
        or status.get("currentRevision") == status.get("updateRevision")
    )
    ready = _count(item, "readyReplicas")
    return [] if rolled and ready >= wanted else [f"{ready} of {wanted} replicas are ready"]


def daemon_set(_: Client, item: Object) -> list[str]:
    """Every node that should run a pod runs the current one."""
    if unseen := _observed(item):
        return unseen
    wanted = _count(item, "desiredNumberScheduled")
    updated, available = _count(item, "updatedNumberScheduled"), _count(item, "numberAvailable")
    if available >= wanted and updated >= wanted:
        return []
    return [f"{available} of {wanted} pods are available, {updated} updated"]


#: The official plugin takes no other reason for a failure; a Job that ended for another one is waited for.
_JOB_FAILURES: Final = frozenset({"BackoffLimitExceeded", "DeadlineExceeded"})


def job(client: Client, item: Object) -> list[str]:
    """The job is complete; a failure says what the containers of its pods said."""
    failed = condition(item, "Failed") or {}
    if failed.get("status") == "True" and failed.get("reason") in _JOB_FAILURES:
        said = [f"[{failed['reason']}] {failed.get('message')}", *_last_words(client, item)]
        raise FailedError("; ".join(said))
    complete = condition(item, "Complete")
    if complete and complete.get("status") == "True":
        return []
    return [f"{_count(item, 'succeeded')} pods have succeeded, {_count(item, 'active')} are active"]


def _last_words(client: Client, item: Object) -> list[str]:
    """How the containers of a job's pods ended, each pod's first one that failed."""
    query = {"labelSelector": f"batch.kubernetes.io/job-name={name_of(item)}"}
    said: list[str] = []
    for one in client.objects("v1", "Pod", namespace_of(item), query):
        status = _part(one, "status")
        statuses = [*_list(status, "initContainerStatuses"), *_list(status, "containerStatuses")]
        ends = [(state["name"], _part(_part(state, "state"), "terminated")) for state in statuses]
        for name, end in ends:
            if end.get("exitCode"):
                text = str(end.get("message") or f"container {name} completed with exit code {end['exitCode']}")
                said.append(f"[Pod {namespace_of(one)}/{name_of(one)}]: [{end.get('reason')}] {text}")
                break
    return said


def pod(_: Client, item: Object) -> list[str]:
    """The pod is ready, or has done its work."""
    phase = _part(item, "status").get("phase")
    if phase == "Failed":
        raise FailedError(str(_part(item, "status").get("message") or "the pod has failed"))
    ready = (condition(item, "Ready") or {}).get("status") == "True"
    if ready or phase == "Succeeded":
        return []
    statuses = _list(_part(item, "status"), "containerStatuses")
    waiting = [_part(_part(one, "state"), "waiting") for one in statuses]
    reasons = [f"[{one.get('reason')}] {one.get('message', '')}".rstrip() for one in waiting if one]
    return [f"the pod is {phase}", *_complaints(item, {"PodScheduled": "True"}), *reasons]


def service(client: Client, item: Object) -> list[str]:
    """What it selects is there and ready; a load balancer has given it an address."""
    spec = _part(item, "spec")
    if spec.get("type") == "LoadBalancer" and not _addresses(item):
        return ["no load balancer has given it an address"]
    if spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None" or not spec.get("selector"):
        return []
    query = {"labelSelector": f"kubernetes.io/service-name={name_of(item)}"}
    slices = client.objects("discovery.k8s.io/v1", "EndpointSlice", namespace_of(item), query)
    points = [point for one in slices for point in _list(one, "endpoints")]
    pending = [point for point in points if _part(point, "conditions").get("ready") is False]
    if slices and not pending:
        return []
    return ["the pods that it selects are not ready"] if slices else ["it has no end points yet"]


def ingress(client: Client, item: Object) -> list[str]:
    """The services behind it exist and a controller has given it an address."""
    missing = sorted(
        name
        for name in _backends(_part(item, "spec"))
        if client.get("v1", "Service", namespace_of(item), name) is None
    )
    reasons = [f"there is no Service {name}" for name in missing]
    return reasons if _addresses(item) else [*reasons, "no ingress controller has given it an address"]


def _backends(spec: Object) -> set[str]:
    paths = [path for rule in _list(spec, "rules") for path in _list(_part(rule, "http"), "paths")]
    backends = [_part(path, "backend") for path in paths] + [_part(spec, "defaultBackend")]
    return {str(name) for one in backends if (name := _part(one, "service").get("name"))}


def _addresses(item: Object) -> list[Object]:
    return _list(_part(_part(item, "status"), "loadBalancer"), "ingress")


def volume_claim(client: Client, item: Object) -> list[str]:
    """The claim is bound, or waits, as its class says, for the first pod that uses it."""
    phase = _part(item, "status").get("phase")
    if phase == "Bound":
        return []
    name = _part(item, "spec").get("storageClassName")
    storage = client.get("storage.k8s.io/v1", "StorageClass", None, name) if name else None
    if storage and storage.get("volumeBindingMode") == "WaitForFirstConsumer" and phase == "Pending":
        return []
    return [f"the claim is {phase}"]


def volume(_: Client, item: Object) -> list[str]:
    """The volume can be claimed, or is."""
    phase = _part(item, "status").get("phase")
    return [] if phase in ("Available", "Bound") else [f"the volume is {phase}"]


def replication_controller(_: Client, item: Object) -> list[str]:
    """Every replica is available."""
    wanted, available = int(_part(item, "spec").get("replicas", 1)), _count(item, "availableReplicas")
    return [] if available >= wanted else [f"{available} of {wanted} replicas are available"]


def resource_quota(_: Client, item: Object) -> list[str]:
    """The quota is enforced."""
    enforced = _part(item, "status").get("hard") == _part(item, "spec").get("hard")
    return [] if enforced else ["the quota is not enforced yet"]


def service_account_token(_: Client, item: Object) -> list[str]:
    """A Secret that asks for a service account's token has one; other Secrets need nothing."""
    waits = item.get("type") == "kubernetes.io/service-account-token" and not item.get("data")
    about = _part(metadata(item), "annotations").get("kubernetes.io/service-account.name", "")
    return [f"there is no token of service account {about} yet"] if waits else []


#: What is awaited after a creation or an update.
READINESS: Final[Mapping[tuple[str, str], Readiness]] = {
    ("apps/v1", "DaemonSet"): daemon_set,
    ("apps/v1", "Deployment"): deployment,
    ("apps/v1", "StatefulSet"): stateful_set,
    ("batch/v1", "Job"): job,
    ("networking.k8s.io/v1", "Ingress"): ingress,
    ("v1", "PersistentVolume"): volume,
    ("v1", "PersistentVolumeClaim"): volume_claim,
    ("v1", "Pod"): pod,
    ("v1", "ReplicationController"): replication_controller,
    ("v1", "ResourceQuota"): resource_quota,
    ("v1", "Secret"): service_account_token,
    ("v1", "Service"): service,
}
#: What a refresh looks at too: an object that has stopped working shows in the next preview.
SHOWN_BY_REFRESH: Final = frozenset({"DaemonSet", "Deployment", "Ingress", "Job", "Pod", "Service", "StatefulSet"})
#: Kinds whose deletion is not awaited either where waiting is switched off.
DELETION_NOT_AWAITED: Final = frozenset(
    {"DaemonSet", "Deployment", "Job", "Namespace", "Pod", "ReplicationController", "StatefulSet"}
)
