"""Who reaches what at the API server, computed from roles and bindings."""

from typing import Any

import pytest

from bulkhead.isolation.rbac import Rbac, edges
from bulkhead.isolation.territory import Edge
from tests.unit.test_isolation_network import environment

SECRETS = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
CLUSTER_WIDE = {
    "namespaces": "Namespace",
    "nodes": "Node",
    "clusterroles.rbac.authorization.k8s.io": "ClusterRole",
}
ACCOUNT = {"kind": "ServiceAccount", "name": "api", "namespace": "dev"}


def role(namespace: str = "", rules: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    metadata = {"name": "reader", **({"namespace": namespace} if namespace else {})}
    return {"metadata": metadata, "rules": SECRETS if rules is None else rules}


def binding(namespace: str, *subjects: dict[str, str], to: str = "Role") -> dict[str, Any]:
    metadata = {"name": "opened", **({"namespace": namespace} if namespace else {})}
    return {"metadata": metadata, "roleRef": {"kind": to, "name": "reader"}, "subjects": list(subjects)}


def found(roles: list[dict[str, Any]], *bindings: dict[str, Any]) -> list[Edge]:
    rbac = Rbac(roles=roles, bindings=bindings, cluster_wide=CLUSTER_WIDE)
    return list(edges(rbac, environment("dev"), environment("prod")))


def test_a_binding_in_the_others_namespace_is_a_way() -> None:
    (edge,) = found([role("prod")], binding("prod", ACCOUNT))
    assert edge.who == "service account dev/api"
    assert edge.what == "get secrets in namespace prod"
    assert edge.why == "RoleBinding prod/opened binds Role prod/reader"


def test_a_binding_at_home_is_none() -> None:
    assert found([role("dev")], binding("dev", ACCOUNT)) == []
    assert found([role("prod")], binding("prod", {**ACCOUNT, "namespace": "prod"})) == []


@pytest.mark.parametrize(
    ("subject", "who"),
    [
        ({"kind": "User", "name": "system:serviceaccount:dev:api"}, "service account dev/api"),
        ({"kind": "Group", "name": "system:serviceaccounts:dev"}, "every service account of dev"),
        (
            {"kind": "Group", "name": "system:serviceaccounts"},
            "every service account (group system:serviceaccounts)",
        ),
        ({"kind": "Group", "name": "system:authenticated"}, "every service account (group system:authenticated)"),
        ({"kind": "Group", "name": "platform-team"}, None),
        ({"kind": "User", "name": "somebody"}, None),
        ({"kind": "Group", "name": "system:serviceaccounts:prod"}, None),
    ],
)
def test_a_service_account_may_be_named_in_many_ways(subject: dict[str, str], who: str | None) -> None:
    assert [edge.who for edge in found([role("prod")], binding("prod", subject))] == ([who] if who else [])


def test_a_cluster_role_bound_in_one_namespace_reaches_that_one() -> None:
    (edge,) = found([role()], binding("prod", ACCOUNT, to="ClusterRole"))
    assert edge.why == "RoleBinding prod/opened binds ClusterRole reader"


def test_a_cluster_role_bound_for_the_whole_cluster_reaches_all_namespaces() -> None:
    (edge,) = found([role()], binding("", ACCOUNT, to="ClusterRole"))
    assert (edge.what, edge.why) == (
        "get secrets in namespaces prod",
        "ClusterRoleBinding opened binds ClusterRole reader",
    )


@pytest.mark.parametrize(
    ("rule", "ways"),
    [
        ({"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list"]}, 1),
        ({"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"], "resourceNames": ["dev"]}, 0),
        ({"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"], "resourceNames": ["prod"]}, 1),
        ({"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}, 0),
        ({"apiGroups": [""], "resources": ["nodes"], "verbs": ["patch"]}, 1),
        ({"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": ["escalate"]}, 1),
        (
            {
                "apiGroups": ["authorization.k8s.io"],
                "resources": ["selfsubjectaccessreviews"],
                "verbs": ["create"],
            },
            0,
        ),
        ({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, 1),
        ({"nonResourceURLs": ["/version"], "verbs": ["get"]}, 0),
    ],
)
def test_what_is_of_the_whole_cluster_counts_where_it_concerns_the_other(rule: dict[str, Any], ways: int) -> None:
    assert len(found([role(rules=[rule])], binding("", ACCOUNT, to="ClusterRole"))) == ways


def test_a_role_that_is_not_there_leaves_it_undecided() -> None:
    (edge,) = found([], binding("prod", ACCOUNT))
    assert not edge.decided
    assert "which is not there" in edge.why
