"""Kubernetes objects that nobody declared, in the namespaces of a stack.

A second network policy opens what the first one closes, and a role binding gives what no other took: kinds that
grant, restrict, run or expose are looked for. What a controller owns belongs to what it was made from.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from bulkhead.drift import managers
from bulkhead.drift.elsewhere import NOTHING, Elsewhere, of
from bulkhead.drift.finding import Finding, Findings
from bulkhead.drift.kubernetes import AT_ONCE
from bulkhead.drift.objects import called, without_free_values
from bulkhead.drift.report import Difference, Drift

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkhead.drift.cluster import Cluster
    from bulkhead.drift.declared import Declaration, Declared
    from bulkhead.drift.objects import Object

_RBAC: Final = "rbac.authorization.k8s.io/v1"
LOOKED_FOR: Final = (
    ("v1", "LimitRange"),
    ("v1", "Pod"),
    ("v1", "ResourceQuota"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "CronJob"),
    ("batch/v1", "Job"),
    ("external-secrets.io/v1", "ExternalSecret"),
    ("external-secrets.io/v1", "SecretStore"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("generators.external-secrets.io/v1alpha1", "VaultDynamicSecret"),
    ("networking.k8s.io/v1", "Ingress"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    (_RBAC, "Role"),
    (_RBAC, "RoleBinding"),
    ("traefik.io/v1alpha1", "IngressRoute"),
)
"""Kinds that grant, restrict, run or expose; of Secrets, those that are a service account's lasting token."""

_GROUP, _USER = "system:serviceaccounts:", "system:serviceaccount:"
"""How Kubernetes calls all service accounts of a namespace, and one of them, as a group and as a user."""

_TOKEN: Final = "kubernetes.io/service-account-token"  # noqa: S105 - a Secret's type


def compare(declaration: Declaration, cluster: Cluster, elsewhere: Elsewhere = NOTHING) -> Findings:
    """What is in a stack's namespaces, or bound to their accounts, and was not declared."""
    namespaces = {
        str(one.shown["metadata"]["name"]): one for one in declaration.of_type("kubernetes:core/v1:Namespace")
    }
    known = of([declaration]).objects | elsewhere.objects
    asked = [(version, kind, namespace) for namespace in namespaces for version, kind in LOOKED_FOR]
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        listed = list(pool.map(partial(_list, cluster), asked))
    found = Findings()
    for (version, kind, namespace), objects in zip(asked, listed, strict=True):
        for one in objects:
            document: Object = {"apiVersion": version, "kind": kind, **one}
            if _is_undeclared(document, known):
                found.drifts.append(_added(namespaces[namespace], document, cluster))
    for binding in _list(cluster, (_RBAC, "ClusterRoleBinding", "")):
        document = {"apiVersion": _RBAC, "kind": "ClusterRoleBinding", **binding}
        given = sorted(_subjects(document) & namespaces.keys())
        if given and _is_undeclared(document, known):
            found.drifts.append(_added(namespaces[given[0]], document, cluster))
    return found


def _list(cluster: Cluster, asked: tuple[str, str, str]) -> list[Object]:
    collection = cluster.collection(*asked)
    return cluster.api.list(collection) if collection else []


def _is_undeclared(document: Mapping[str, Any], known: frozenset[tuple[str, str, str]]) -> bool:
    about: Mapping[str, Any] = document["metadata"]
    kind, name = str(document["kind"]), str(about["name"])
    if (kind, str(about.get("namespace") or ""), name) in known or about.get("ownerReferences"):
        return False
    if kind == "ServiceAccount" and name == "default":  # Kubernetes makes it in every namespace
        return False
    return kind != "Secret" or document.get("type") == _TOKEN


def _subjects(document: Mapping[str, Any]) -> set[str]:
    """The namespaces whose service accounts a binding gives something, however it names them."""
    subjects: list[Mapping[str, Any]] = document.get("subjects") or []
    found: set[str] = set()
    for one in subjects:
        name = str(one.get("name", ""))
        if one.get("kind") == "ServiceAccount":
            found.add(str(one.get("namespace")))
        elif one.get("kind") == "Group" and name.startswith(_GROUP):
            found.add(name.removeprefix(_GROUP))
        elif one.get("kind") == "User" and name.startswith(_USER):
            found.add(name.removeprefix(_USER).partition(":")[0])
    return found


def _added(namespace: Declared, document: Object, cluster: Cluster) -> Finding:
    resource, about = namespace.resource, document["metadata"]
    place = cluster.place(document)

    def delete() -> None:
        if place is not None:
            options = {"preconditions": {"uid": about["uid"]}, "propagationPolicy": "Background"}
            cluster.change("DELETE", place.path, options)

    return Finding(
        drift=Drift(
            urn=resource.urn,
            name=resource.name,
            type=resource.type,
            object=called(document),
            kind="added",
            differences=(Difference(path=called(document), live=_says(document)),),
            cause=managers.cause(document, [()]),
            remedy="deleted; what it was is kept in a file",
        ),
        repair=delete,
        before=without_free_values(document),
    )


def _says(document: Mapping[str, Any]) -> str:
    """What an object that nobody declared does, in one line."""
    from bulkhead.drift.objects import scrubbed  # noqa: PLC0415 - only where there is one
    from bulkhead.drift.report import say  # noqa: PLC0415

    telling = ("spec", "rules", "roleRef", "subjects", "type")
    return say(scrubbed({key: document[key] for key in telling if key in document}))
