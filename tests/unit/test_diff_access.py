"""Access: every way to widen it that is claimed is planted here and found."""

from typing import Any

import pytest

from bulkhead.diff.danger import dangers
from tests.unit.diff_events import DATABASE, preview, step, workload

POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
RBAC = "kubernetes:rbac.authorization.k8s.io/v1"


def network(
    *ingress: dict[str, Any], types: tuple[str, ...] = ("Ingress", "Egress"), **more: Any
) -> dict[str, Any]:
    return {"spec": {"podSelector": {}, "policyTypes": list(types), "ingress": list(ingress), **more}}


def peer(label: str) -> dict[str, Any]:
    return {"from": [{"podSelector": {"matchLabels": {"app": label}}}], "ports": [{"port": 80}]}


def rules(*verbs: str) -> dict[str, Any]:
    return {"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": list(verbs)}]}


def binding(*names: str) -> dict[str, Any]:
    subjects = [{"kind": "ServiceAccount", "namespace": "a", "name": name} for name in names]
    return {"roleRef": {"kind": "Role", "name": "r"}, "subjects": subjects}


def vault(text: str) -> dict[str, Any]:
    return {"policy": text}


def labelled(level: str | None) -> dict[str, Any]:
    labels = {} if level is None else {"pod-security.kubernetes.io/enforce": level}
    return {"metadata": {"labels": labels}}


READ = 'path "secret/data/a" {\n  capabilities = ["read"]\n}'
LOGIN = {"boundServiceAccountNames": ["api"], "boundServiceAccountNamespaces": ["a"], "tokenPolicies": ["p"]}
GRANT = {"database": "d", "objectType": "table", "schema": "s", "role": "rw", "privileges": ["SELECT"]}

WIDENED = [
    (POLICY, network(peer("a")), network(peer("a"), peer("b")), "app=b"),
    (POLICY, network(peer("a")), network({"from": []}), "from anywhere, any port"),
    (POLICY, network(peer("a")), network({"from": peer("a")["from"]}), "any port"),
    (POLICY, network(), network(types=("Ingress",)), "egress to anywhere"),
    (f"{RBAC}:Role", rules("get"), rules("get", "list"), "list secrets"),
    (f"{RBAC}:ClusterRole", rules("get"), rules("*"), "* secrets"),
    (f"{RBAC}:RoleBinding", binding("api"), binding("api", "other"), "ServiceAccount a/other"),
    ("kubernetes:core/v1:Service", {"spec": {}}, {"spec": {"type": "NodePort"}}, "NodePort"),
    ("kubernetes:core/v1:Service", {"spec": {}}, {"spec": {"type": "LoadBalancer"}}, "from anywhere"),
    ("kubernetes:core/v1:Service", {"spec": {}}, {"spec": {"externalIPs": ["192.0.2.1"]}}, "192.0.2.1"),
    ("kubernetes:core/v1:Namespace", labelled("restricted"), labelled("baseline"), "baseline"),
    ("kubernetes:core/v1:Namespace", labelled("baseline"), labelled(None), "privileged"),
    (
        "kubernetes:networking.k8s.io/v1:Ingress",
        {"spec": {"rules": [{"host": "a.example.com"}]}},
        {"spec": {"rules": [{"host": "a.example.com"}, {"host": "b.example.com"}]}},
        "b.example.com",
    ),
    (
        "kubernetes:traefik.io/v1alpha1:IngressRoute",
        {"spec": {"routes": []}},
        {"spec": {"routes": [{"match": "Host(`b.example.com`) && PathPrefix(`/`)"}]}},
        "b.example.com",
    ),
    ("kubernetes:apps/v1:Deployment", workload("a:1"), workload("a:1", hostNetwork=True), "Network"),
    ("kubernetes:apps/v1:Deployment", workload("a:1"), workload("a:1", securityContext={}), "may run as root"),
    (
        "kubernetes:apps/v1:Deployment",
        workload("a:1"),
        workload("a:1", volumes=[{"hostPath": {"path": "/etc"}}]),
        "/etc",
    ),
    (
        "kubernetes:core/v1:ServiceAccount",
        {"kind": "ServiceAccount", "automountServiceAccountToken": False},
        {"kind": "ServiceAccount"},
        "token for the API server",
    ),
    ("vault:index/policy:Policy", vault(READ), vault(READ.replace("read", 'read", "list')), "list secret/data/a"),
    ("vault:index/policy:Policy", vault(READ), vault(READ + READ.replace("data/a", "data/*")), "secret/data/*"),
    ("vault:index/policy:Policy", vault(READ), vault('{"path": {"a": {}}}'), "cannot be decided"),
    ("vault:index/policy:Policy", vault(READ), vault(READ.replace("]", "] # sudo")), "cannot be decided"),
    (
        "vault:kubernetes/authBackendRole:AuthBackendRole",
        LOGIN,
        {**LOGIN, "boundServiceAccountNamespaces": ["a", "*"]},
        "policy p for */api",
    ),
    (
        "vault:kubernetes/authBackendRole:AuthBackendRole",
        LOGIN,
        {**LOGIN, "tokenPolicies": ["p", "admin"]},
        "policy admin",
    ),
    (
        "vault:database/secretBackendRole:SecretBackendRole",
        {"creationStatements": ["CREATE ROLE a"]},
        {"creationStatements": ["CREATE ROLE a SUPERUSER"]},
        "SUPERUSER",
    ),
    (
        "vault:database/secretBackendConnection:SecretBackendConnection",
        {"allowedRoles": ["a"]},
        {"allowedRoles": ["*"]},
        "role *",
    ),
    ("postgresql:index/role:Role", {"superuser": False}, {"superuser": True}, "superuser"),
    ("postgresql:index/role:Role", {"roles": ["a"]}, {"roles": ["a", "b"]}, "member of b"),
    ("postgresql:index/role:Role", {"roles": ["a"]}, {"roles": "[secret]"}, "cannot be decided"),
    ("postgresql:index/grant:Grant", GRANT, {**GRANT, "privileges": ["SELECT", "DELETE"]}, "DELETE on table"),
    ("postgresql:index/grant:Grant", GRANT, {**GRANT, "role": "public"}, "to public"),
    ("postgresql:index/grant:Grant", GRANT, {**GRANT, "withGrantOption": True}, "to others"),
    (
        "postgresql:index/defaultPrivileges:DefaultPrivileges",
        {**GRANT, "owner": "o"},
        {**GRANT, "owner": "o", "role": "public"},
        "that o makes to public",
    ),
    (
        "postgresql:index/grantRole:GrantRole",
        {"role": "a", "grantRole": "rw"},
        {"role": "a", "grantRole": "owner"},
        "a is a member of owner",
    ),
]


@pytest.mark.parametrize(("kind", "before", "after", "said"), WIDENED)
def test_a_planted_widening_is_found(kind: str, before: dict[str, Any], after: dict[str, Any], said: str) -> None:
    found = dangers(preview(step("update", "x", kind, old=before, new=after)))
    assert [one.kind for one in found] == ["access"] * len(found)
    assert any(said in one.text for one in found), [one.text for one in found]


@pytest.mark.parametrize(("kind", "before", "after", "said"), WIDENED)
def test_what_stays_open_is_not_said_again(
    kind: str, before: dict[str, Any], after: dict[str, Any], said: str
) -> None:
    assert not dangers(preview(step("update", "x", kind, old={**after, "z": 1}, new=after)))


def test_what_is_closed_is_no_danger() -> None:
    assert not dangers(
        preview(step("update", "x", POLICY, old=network(peer("a"), peer("b")), new=network(peer("a"))))
    )
    assert not dangers(preview(step("update", "x", f"{RBAC}:Role", old=rules("get", "list"), new=rules("get"))))


def test_a_policy_that_goes_opens_what_it_closed() -> None:
    (found,) = dangers(preview(step("delete", "x", POLICY, old=network(peer("a")))))
    assert found.kind == "access"


def test_a_first_policy_that_closes_everything_opens_nothing() -> None:
    database = step("same", "d", DATABASE, old={"name": "d"}, new={"name": "d"})
    assert not dangers(preview(database, step("create", "x", POLICY, new=network())))
    assert not dangers(preview(database, step("create", "x", POLICY, new=network(types=("Ingress",)))))
    assert dangers(preview(database, step("create", "x", POLICY, new=network(peer("a")))))


def test_a_new_stack_has_nothing_to_widen() -> None:
    assert not dangers(preview(step("create", "x", f"{RBAC}:Role", new=rules("get"))))
    grown = preview(
        step("same", "d", DATABASE, old={"name": "d"}, new={"name": "d"}),
        step("create", "x", f"{RBAC}:Role", new=rules("get")),
    )
    assert [one.kind for one in dangers(grown)] == ["access"]


def test_a_new_workload_in_an_old_stack_is_judged_by_its_powers() -> None:
    database = step("same", "d", DATABASE, old={"name": "d"}, new={"name": "d"})
    assert not dangers(preview(database, step("create", "x", new=workload("a:1", serviceAccountName="x"))))
    (found,) = dangers(preview(database, step("create", "x", new=workload("a:1", hostNetwork=True))))
    assert "Network" in found.text
