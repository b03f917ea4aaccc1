"""Readiness: built-in kinds, pulumi.com/waitFor, time-outs that say what was missing."""

import time
from typing import Any

import pytest

from sandbox.plugins.kubernetes.client import ApiError, Client
from sandbox.plugins.kubernetes.conditions import wait_for
from sandbox.plugins.kubernetes.readiness import READINESS, FailedError
from sandbox.plugins.kubernetes.waiting import NotReadyError, Waiter, seconds_of
from sandbox.plugins.process import PluginError
from tests.unit.kubernetes_api import MemoryApi

READY: dict[str, Any] = {
    "metadata": {"generation": 2},
    "status": {
        "observedGeneration": 2,
        "phase": "Running",
        "ready": True,
        "conditions": [
            {"type": "Ready", "status": "True"},
            {"type": "Synced", "status": "False", "reason": "Why"},
        ],
        "list": [{"a": {"b": "x"}}, {"a": {"b": "y"}}],
        "dotted.key": 1,
    },
}


@pytest.mark.parametrize(
    "expression",
    [
        "condition=Ready",
        "condition=ready=true",
        "condition=Synced=False",
        "jsonpath={.status.phase}",
        "jsonpath={.status.phase}=Running",
        "jsonpath={ $.status.ready }=true",
        "jsonpath={.status.list[0].a.b}=x",
        "jsonpath={.status.list[-1].a['b']}=y",
        "jsonpath={.status.list[*].a.b}=x",
        'jsonpath={.status.conditions[?(@.type=="Synced")].reason}=Why',
        r"jsonpath={.status.dotted\.key}=1",
        '["condition=Ready", "jsonpath={.status.phase}=Running"]',
    ],
)
def test_what_holds(expression: str) -> None:
    """Each form of the annotation, on an object that fits."""
    assert wait_for(expression)(READY) == []


@pytest.mark.parametrize(
    ("expression", "missing"),
    [
        ("condition=Absent", "not reported yet"),
        ("condition=Synced", "is False, not True (Why)"),
        ("jsonpath={.status.absent}", "nothing yet"),
        ("jsonpath={.status.list[7]}", "nothing yet"),
        ("jsonpath={.status.phase}=Done", "'Running', not 'Done'"),
        ('["condition=Ready", "condition=Absent"]', "Absent"),
    ],
)
def test_what_is_missing_is_named(expression: str, missing: str) -> None:
    """The error of a time-out is made of this."""
    [reason] = wait_for(expression)(READY)
    assert missing in reason


@pytest.mark.parametrize("expression", ["Ready", "jsonpath=.a", "jsonpath={.a}=", "jsonpath={.a[b}", "[]"])
def test_what_cannot_be_understood_is_refused(expression: str) -> None:
    """A misspelt annotation must not count as fulfilled."""
    with pytest.raises(PluginError, match="waitFor"):
        wait_for(expression)


@pytest.mark.parametrize("expression", ["condition=Ready", "jsonpath={.status.phase}"])
def test_an_earlier_generations_status_does_not_count(expression: str) -> None:
    """A controller that has not seen the change yet reports what was."""
    changed = {**READY, "metadata": {"generation": 3}}
    assert "earlier generation" in wait_for(expression)(changed)[0]


def deployment(**status: Any) -> dict[str, Any]:
    """A Deployment of two replicas with a status."""
    done = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
    available = [{"type": "Available", "status": "True"}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n", "generation": 1},
        "spec": {"replicas": 2},
        "status": {**done, "conditions": available, **status},
    }


def kind(name: str, api_version: str = "v1", **parts: Any) -> dict[str, Any]:
    """An object of a kind."""
    return {"apiVersion": api_version, "kind": name, "metadata": {"name": "x", "namespace": "n"}, **parts}


def check(item: dict[str, Any], client: Client | None = None) -> list[str]:
    """What an object's own readiness says."""
    return READINESS[item["apiVersion"], item["kind"]](client or MemoryApi(), item)


READY_POINT = {"conditions": {"ready": True}}


@pytest.mark.parametrize(
    "item",
    [
        deployment(),
        kind("StatefulSet", "apps/v1", spec={"replicas": 0}, status={"observedGeneration": 1}),
        kind("DaemonSet", "apps/v1", status={"observedGeneration": 1}),
        kind("Job", "batch/v1", status={"conditions": [{"type": "Complete", "status": "True"}]}),
        kind("Pod", status={"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}),
        kind("Pod", status={"phase": "Succeeded"}),
        kind("Service", spec={}),
        kind("Service", spec={"clusterIP": "None", "selector": {"a": "b"}}),
        kind("PersistentVolume", status={"phase": "Available"}),
        kind("PersistentVolumeClaim", status={"phase": "Bound"}),
        kind("ReplicationController", spec={"replicas": 1}, status={"availableReplicas": 1}),
        kind("ResourceQuota", spec={"hard": {"pods": "1"}}, status={"hard": {"pods": "1"}}),
        kind("Secret", type="Opaque"),
    ],
)
def test_ready_objects(item: dict[str, Any]) -> None:
    """Every kind that is awaited, when it is done."""
    assert check(item) == []


@pytest.mark.parametrize(
    ("item", "missing"),
    [
        (deployment(observedGeneration=0), "controller"),
        (deployment(updatedReplicas=1), "1 updated"),
        (deployment(availableReplicas=1), "1 of 2"),
        (deployment(replicas=3), "2 of 2"),
        (
            deployment(
                conditions=[{"type": "ReplicaFailure", "status": "True", "reason": "F", "message": "quota"}]
            ),
            "available",
        ),
        (kind("StatefulSet", "apps/v1", spec={"replicas": 1}, status={"observedGeneration": 1}), "0 of 1"),
        (kind("Job", "batch/v1", status={}), "succeeded"),
        (kind("Pod", status={"phase": "Pending"}), "Pending"),
        (kind("Service", spec={"selector": {"a": "b"}}), "no end points"),
        (kind("Service", spec={"type": "LoadBalancer"}), "load balancer"),
        (kind("Ingress", "networking.k8s.io/v1", spec={}), "ingress controller"),
        (kind("PersistentVolumeClaim", status={"phase": "Pending"}), "Pending"),
        (kind("ResourceQuota", spec={"hard": {"pods": "1"}}), "quota"),
        (kind("Secret", type="kubernetes.io/service-account-token"), "token"),
    ],
)
def test_objects_that_are_not_ready(item: dict[str, Any], missing: str) -> None:
    """Every kind that is awaited, when something is missing."""
    assert any(missing in reason for reason in check(item))


def failed_job(reason: str) -> dict[str, Any]:
    """A Job that has failed for a reason."""
    ended = {"type": "Failed", "status": "True", "reason": reason, "message": "limit"}
    return kind("Job", "batch/v1", status={"conditions": [ended]})


@pytest.mark.parametrize("reason", ["BackoffLimitExceeded", "DeadlineExceeded"])
def test_a_failed_job_is_not_waited_for(reason: str) -> None:
    """Time does not mend it."""
    with pytest.raises(FailedError, match=rf"\[{reason}\] limit"):
        check(failed_job(reason))


def test_a_job_that_failed_by_its_failure_policy_is_waited_for_as_by_the_official_plugin() -> None:
    """Which knows two reasons of a failure alone; a component must not rely on the third."""
    assert check(failed_job("PodFailurePolicy"))


def test_a_failed_job_says_what_its_pods_said_last() -> None:
    """Each pod's first container that failed, by its message or else by its exit code."""
    api = MemoryApi()
    said = {"exitCode": 3, "reason": "Error", "message": "relation exists"}
    for name, end in (("one", said), ("two", {"exitCode": 137, "reason": "Error"}), ("fine", {"exitCode": 0})):
        pod = kind("Pod", status={"containerStatuses": [{"name": "c", "state": {"terminated": end}}]})
        api.put({**pod, "metadata": {"name": name, "namespace": "n"}})
    with pytest.raises(FailedError) as failed:
        check(failed_job("BackoffLimitExceeded"), api)
    assert str(failed.value).split("; ")[1:] == [
        "[Pod n/one]: [Error] relation exists",
        "[Pod n/two]: [Error] container c completed with exit code 137",
    ]
    assert ("labelSelector", "batch.kubernetes.io/job-name=x") in api.requests[-1][2].items()


def test_a_service_waits_for_the_pods_that_it_selects() -> None:
    """Its end points are there, and none is unready."""
    api = MemoryApi()
    selecting = kind("Service", spec={"selector": {"a": "b"}})
    points: dict[str, Any] = {"endpoints": [READY_POINT, {"conditions": {"ready": False}}]}
    api.put(kind("EndpointSlice", "discovery.k8s.io/v1", **points))
    assert check(selecting, api) == ["the pods that it selects are not ready"]
    api.put(kind("EndpointSlice", "discovery.k8s.io/v1", endpoints=[READY_POINT]))
    assert check(selecting, api) == []


def test_time_out_says_what_was_missing_and_what_happened() -> None:
    """The object's own conditions and the latest warnings about what it made."""
    api, item = MemoryApi(), deployment(availableReplicas=0)
    api.put(item)
    event = {"type": "Warning", "reason": "FailedCreate", "message": "exceeded quota"}
    api.put(kind("Event", **event, involvedObject={"name": "d-5bcd"}))
    with pytest.raises(NotReadyError) as caught:
        Waiter(api).ready(item, {}, 0.1)
    assert "not ready after 0.1 s: 0 of 2" in caught.value.reasons[0]
    assert caught.value.reasons[1:] == ["[FailedCreate] exceeded quota"]


def test_waiting_can_be_switched_off_and_cancelled() -> None:
    """By annotation, and by the engine."""
    api, item = MemoryApi(), deployment(availableReplicas=0)
    api.put(item)
    skipped = {"metadata": {"annotations": {"pulumi.com/skipAwait": "true"}}}
    assert Waiter(api).ready(item, skipped, 60) == item
    waiter = Waiter(api)
    waiter.cancel()
    began = time.monotonic()
    with pytest.raises(NotReadyError, match="cancelled"):
        waiter.ready(item, {}, 60)
    assert time.monotonic() - began < 50


def test_an_object_that_vanishes_is_not_ready() -> None:
    """Somebody deleted it while it was waited for."""
    with pytest.raises(NotReadyError, match="deleted"):
        Waiter(MemoryApi()).ready(deployment(), {}, 60)


def test_a_server_that_goes_away_does_not_lose_the_object() -> None:
    """It exists: the wait goes on, and ends as one that was in vain."""
    api = MemoryApi()
    api.failure = ApiError(500, "InternalError", "the server is starting")
    with pytest.raises(NotReadyError) as caught:
        Waiter(api).ready(deployment(), {}, 0.1)
    assert "the server is starting" in caught.value.reasons[0]


def test_deletion_that_is_held_up_names_its_finalizers() -> None:
    """And another object of the same name is not the one that was deleted."""
    api = MemoryApi()
    held = {**kind("ConfigMap"), "metadata": {"name": "x", "namespace": "n", "uid": "1", "finalizers": ["a/b"]}}
    api.put(held)
    with pytest.raises(PluginError, match="a/b"):
        Waiter(api).gone(held, {}, 0.1)
    Waiter(api).gone({**held, "metadata": {**held["metadata"], "uid": "2"}}, {}, 60)


def test_how_long_to_wait() -> None:
    """The resource's own time-out, then the annotation, then ten minutes."""
    annotated = {"metadata": {"annotations": {"pulumi.com/timeoutSeconds": "7"}}}
    assert [seconds_of(annotated, 5), seconds_of(annotated, 0), seconds_of({}, 0)] == [5, 7, 600]
