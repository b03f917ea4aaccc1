"""Kubernetes: declared objects as the API server would fill them in, beside those it has; and undeclared ones.

The API server here fills nothing in; that a real one does is for tests/e2e.
"""

import copy
from http import HTTPStatus
from typing import Any

import pytest

from bulkhead.drift import added, kubernetes
from bulkhead.drift.cluster import Cluster
from bulkhead.drift.declared import Declaration, parse
from bulkhead.drift.elsewhere import Elsewhere
from bulkhead.drift.finding import Finding, Findings, RepairError
from bulkhead.drift.managers import OWN

KINDS = {
    "/api/v1": {
        "Namespace": ("namespaces", False),
        "ConfigMap": ("configmaps", True),
        "Secret": ("secrets", True),
    },
    "/apis/apps/v1": {"Deployment": ("deployments", True)},
    "/apis/batch/v1": {"Job": ("jobs", True)},
    "/apis/rbac.authorization.k8s.io/v1": {
        "RoleBinding": ("rolebindings", True),
        "ClusterRoleBinding": ("clusterrolebindings", False),
    },
}
KINDS["/api/v1"]["ServiceAccount"] = ("serviceaccounts", True)


class Api:
    """An API server that keeps objects by their paths.

    Args:
        refuse: what is answered to a PUT: a status, by the path's last part; a list is used up.
    """

    host = "https://api"

    def __init__(self, *objects: dict[str, Any], refuse: dict[str, list[int]] | None = None) -> None:
        self.stored: dict[str, dict[str, Any]] = {}
        self.refuse = refuse or {}
        self.sent: list[tuple[str, str, Any]] = []
        for one in objects:
            self.stored[address(one)] = {
                **copy.deepcopy(one),
                "metadata": {"uid": "1", "resourceVersion": "7", **copy.deepcopy(one["metadata"])},
            }

    def get(self, path: str) -> dict[str, Any] | None:
        if path in KINDS:
            listed = [
                {"name": plural, "kind": kind, "namespaced": yes} for kind, (plural, yes) in KINDS[path].items()
            ]
            return {"resources": [*listed, {"name": "deployments/scale", "kind": "Scale", "namespaced": True}]}
        return copy.deepcopy(self.stored.get(path))

    def list(self, path: str) -> list[dict[str, Any]]:
        return [copy.deepcopy(one) for key, one in self.stored.items() if key.rpartition("/")[0] == path]

    def send(self, method: str, path: str, body: Any = None, *, kind: str = "") -> tuple[int, dict[str, Any]]:
        place, _, query = path.partition("?")
        self.sent.append((f"{method} {kind}".strip(), path, copy.deepcopy(body)))
        waiting = self.refuse.get(place.rpartition("/")[2], []) if method == "PUT" else []
        if waiting and waiting[0] != HTTPStatus.OK:
            return waiting.pop(0), {"message": "no"}
        if waiting:
            waiting.pop(0)
        if "dryRun" not in query:
            if method == "DELETE":
                self.stored.pop(place)
            elif method == "POST":
                self.stored[f"{place}/{body['metadata']['name']}"] = body
            elif method == "PUT":
                self.stored[place] = body
        return HTTPStatus.OK, copy.deepcopy(body)


def address(document: dict[str, Any]) -> str:
    version, about = document["apiVersion"], document["metadata"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    plural, namespaced = KINDS[root][document["kind"]]
    return (
        f"{root}/namespaces/{about['namespace']}/{plural}/{about['name']}"
        if namespaced
        else (f"{root}/{plural}/{about['name']}")
    )


def thing(version: str, kind: str, name: str = "x", **content: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": "n"} if kind not in {"Namespace", "ClusterRoleBinding"} else {})}
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {**metadata, **content.pop("metadata", {})},
        **content,
    }


def declaration(*objects: dict[str, Any], **more: Any) -> Declaration:
    entries = []
    for one in objects:
        version = one["apiVersion"]
        kind = f"kubernetes:{version if '/' in version else f'core/{version}'}:{one['kind']}"
        urn = f"urn:pulumi:dev::shop::{kind}::{one['metadata']['name']}"
        entries.append({"urn": urn, "type": kind, "custom": True, "inputs": one, **more})
    return parse({"deployment": {"resources": entries}}, "dev")


def found(api: Api, *declared: dict[str, Any], **more: Any) -> Findings:
    return kubernetes.compare(declaration(*declared, **more), Cluster(api))  # type: ignore[arg-type]


def told(findings: Findings) -> dict[str, list[str]]:
    return {one.drift.object: [part.path for part in one.drift.differences] for one in findings.drifts}


def put_right(finding: Finding) -> None:
    assert finding.repair is not None
    finding.repair()


MAP = thing("v1", "ConfigMap", data={"a": "1"})
DEPLOYMENT = thing("apps/v1", "Deployment", spec={"template": {"metadata": {}}})
JOB = thing("batch/v1", "Job", spec={"image": "v1", "deadline": 60})
BINDING = thing("rbac.authorization.k8s.io/v1", "RoleBinding", roleRef={"name": "reader"})


def test_an_object_as_it_was_declared_has_no_drift() -> None:
    findings = found(Api(MAP), MAP)
    assert (findings.drifts, findings.undecided, findings.compared) == ([], [], 1)


def test_a_look_changes_nothing() -> None:
    api = Api({**MAP, "data": {"a": "2"}})
    found(api, MAP)
    assert [method for method, path, _ in api.sent if "dryRun=All" not in path] == []


def test_what_was_added_and_changed_is_found_and_taken_back() -> None:
    api = Api({**MAP, "data": {"a": "2", "b": "3"}})
    findings = found(api, MAP)
    assert told(findings) == {"ConfigMap n/x": ["data.a", "data.b"]}
    put_right(findings.drifts[0])
    assert api.stored[address(MAP)]["data"] == {"a": "1"}


def test_declared_fields_are_given_back_to_the_providers_manager() -> None:
    api = Api({**MAP, "data": {"a": "2"}})
    findings = found(api, MAP, outputs={"__fieldManager": "pulumi-kubernetes-1"})
    put_right(findings.drifts[0])
    writes = [(method, path.partition("?")[2]) for method, path, _ in api.sent if "dryRun" not in path]
    assert writes == [
        ("PATCH application/apply-patch+yaml", "fieldManager=pulumi-kubernetes-1&force=true"),
        ("PUT application/json", f"fieldManager={OWN}"),
    ]


def test_a_repair_leaves_known_noise_as_it_is() -> None:
    managed = [
        {
            "manager": "kube-controller-manager",
            "fieldsV1": {"f:metadata": {"f:annotations": {"f:deployment.kubernetes.io/revision": {}}}},
        }
    ]
    about = {"annotations": {"deployment.kubernetes.io/revision": "4"}, "managedFields": managed}
    live = {**DEPLOYMENT, "metadata": {**DEPLOYMENT["metadata"], **about}, "spec": {"paused": True}}
    api = Api(live)
    findings = found(api, DEPLOYMENT)
    assert [one.known for one in findings.noise] == ["revision"]
    put_right(findings.drifts[0])
    kept = api.stored[address(DEPLOYMENT)]
    assert kept["metadata"]["annotations"] == about["annotations"]
    assert kept["spec"] == DEPLOYMENT["spec"]


def test_an_object_that_is_gone_is_made_again() -> None:
    api = Api()
    [one] = found(api, MAP).drifts
    assert one.drift.kind == "missing"
    put_right(one)
    assert api.stored[address(MAP)]["data"] == {"a": "1"}


def test_somebody_who_writes_in_between_is_waited_for() -> None:
    assert found(Api(MAP, refuse={"x": [409]}), MAP).drifts == []


def test_where_a_trial_is_refused_nothing_is_decided() -> None:
    findings = found(Api(MAP, refuse={"x": [403]}), MAP)
    assert [one.reason for one in findings.undecided] == [
        "the API server refuses a trial of what was declared: 403: no"
    ]


def test_a_kind_that_the_cluster_does_not_serve_is_undecided() -> None:
    findings = found(Api(), thing("shop.example/v1", "Thing"))
    assert [one.reason for one in findings.undecided] == ["the cluster serves no shop.example/v1 Thing"]


def test_of_an_object_that_never_changes_what_was_declared_is_compared() -> None:
    """What the server filled in (a selector) is no drift; a label of somebody's is."""
    managed = [{"manager": "kubectl", "fieldsV1": {"f:metadata": {"f:labels": {"f:more": {}}}}}]
    live = {
        **JOB,
        "metadata": {**JOB["metadata"], "labels": {"more": "1"}, "managedFields": managed},
        "spec": {**JOB["spec"], "deadline": 9, "selector": {"uid": "1"}},
    }
    api = Api(live, refuse={"x": [422]})
    findings = found(api, JOB)
    assert told(findings) == {"Job n/x": ["spec.deadline", "metadata.labels.more"]}
    put_right(findings.drifts[0])
    written = api.stored[address(JOB)]
    assert written["spec"] == {"image": "v1", "deadline": 60, "selector": {"uid": "1"}}
    assert written["metadata"]["labels"] == {}


def test_what_cannot_be_written_back_is_left_to_a_replacement() -> None:
    api = Api({**JOB, "spec": {"image": "evil", "deadline": 60}}, refuse={"x": [422, 422]})
    [one] = found(api, JOB).drifts
    assert (one.repair, one.drift.remedy) == (None, "")


def test_a_binding_to_another_role_is_made_anew() -> None:
    api = Api({**BINDING, "roleRef": {"name": "cluster-admin"}}, refuse={"x": [422, 422]})
    [one] = found(api, BINDING).drifts
    put_right(one)
    assert api.stored[address(BINDING)]["roleRef"] == {"name": "reader"}
    assert [method for method, path, _ in api.sent if "dryRun" not in path] == [
        "DELETE application/json",
        "POST application/json",
    ]


def test_an_object_that_is_being_deleted_is_drift() -> None:
    live = {**MAP, "metadata": {**MAP["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    [one] = found(Api(live), MAP).drifts
    assert [part.path for part in one.drift.differences] == ["metadata.deletionTimestamp"]
    assert one.repair is None


def test_what_the_program_ignores_is_known_and_its_neighbours_are_not() -> None:
    live = {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "replicas": 3, "replicasMore": 1}}
    findings = found(Api(live), DEPLOYMENT, ignoreChanges=["spec.replicas"])
    assert told(findings) == {"Deployment n/x": ["spec.replicasMore"]}
    assert [one.known for one in findings.noise] == ["ignored"]


def test_a_patch_is_no_object_to_compare() -> None:
    entry = {
        "urn": "urn:pulumi:dev::shop::kubernetes:core/v1:NamespacePatch::p",
        "type": "kubernetes:core/v1:NamespacePatch",
        "custom": True,
        "inputs": thing("v1", "Namespace"),
    }
    findings = kubernetes.compare(
        parse({"deployment": {"resources": [entry]}}, "dev"),
        Cluster(Api()),  # type: ignore[arg-type]
    )
    assert [one.reason for one in findings.undecided] == ["no comparison for kubernetes:core/v1:NamespacePatch"]


def test_a_refused_write_is_an_answer() -> None:
    api = Api({**MAP, "data": {}}, refuse={"x": [200, 403]})
    [one] = found(api, MAP).drifts
    with pytest.raises(RepairError, match="Kubernetes answers 403: no"):
        put_right(one)


NAMESPACE = thing("v1", "Namespace", "n")
OWNED = {"ownerReferences": [{"kind": "ReplicaSet", "name": "r", "controller": True}]}
GROUP = {"kind": "Group", "name": "system:serviceaccounts:n"}


@pytest.mark.parametrize(
    ("one", "is_drift"),
    [
        (thing("apps/v1", "Deployment", "by-hand"), True),
        (thing("apps/v1", "Deployment", "by-hand", metadata=OWNED), False),
        (thing("v1", "ServiceAccount", "default"), False),
        (thing("v1", "ServiceAccount", "by-hand"), True),
        (thing("v1", "Secret", "tls", type="kubernetes.io/tls"), False),
        (thing("v1", "Secret", "token", type="kubernetes.io/service-account-token"), True),
        (thing("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "b", subjects=[GROUP]), True),
        (
            thing(
                "rbac.authorization.k8s.io/v1",
                "ClusterRoleBinding",
                "b",
                subjects=[{"kind": "ServiceAccount", "name": "api", "namespace": "n"}],
            ),
            True,
        ),
        (
            thing(
                "rbac.authorization.k8s.io/v1",
                "ClusterRoleBinding",
                "b",
                subjects=[{"kind": "User", "name": "system:serviceaccount:n:api"}],
            ),
            True,
        ),
        (
            thing(
                "rbac.authorization.k8s.io/v1",
                "ClusterRoleBinding",
                "b",
                subjects=[{"kind": "User", "name": "n", "namespace": "n"}],
            ),
            False,
        ),
    ],
    ids=lambda one: f"{one['kind']} {one['metadata']['name']}" if isinstance(one, dict) else str(one),
)
def test_what_nobody_declared_is_found_where_it_gives_something(one: dict[str, Any], *, is_drift: bool) -> None:
    api = Api(NAMESPACE, one)
    findings = added.compare(declaration(NAMESPACE), Cluster(api))  # type: ignore[arg-type]
    assert bool(findings.drifts) is is_drift
    for drift in findings.drifts:
        assert drift.before is not None
        put_right(drift)
        assert address(one) not in api.stored


def test_what_is_declared_is_not_added() -> None:
    api = Api(NAMESPACE, DEPLOYMENT)
    declared = declaration(NAMESPACE, DEPLOYMENT)
    assert added.compare(declared, Cluster(api)).drifts == []  # type: ignore[arg-type]


def test_what_another_stack_declares_is_not_added() -> None:
    theirs = Elsewhere(objects=frozenset({("Deployment", "n", "x")}))
    cluster = Cluster(Api(NAMESPACE, DEPLOYMENT))  # type: ignore[arg-type]
    assert added.compare(declaration(NAMESPACE), cluster, theirs).drifts == []
    assert len(added.compare(declaration(NAMESPACE), cluster).drifts) == 1


def test_namespaces_of_others_are_not_looked_into() -> None:
    other = thing("apps/v1", "Deployment", metadata={"namespace": "theirs"})
    assert added.compare(declaration(NAMESPACE), Cluster(Api(NAMESPACE, other))).drifts == []  # type: ignore[arg-type]
