"""Reachability at the API server: which objects of one environment RBAC gives service accounts of another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bulkhead.isolation.plain import listed, mapping
from bulkhead.isolation.territory import Edge, Territory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_READS = frozenset({"get", "list", "watch"})
_REVIEWS = frozenset({"authorization.k8s.io", "authentication.k8s.io"})
"""API groups in which everyone asks about himself alone."""

_EVERYONE = frozenset({"system:authenticated", "system:unauthenticated", "system:serviceaccounts"})


@dataclass(frozen=True, kw_only=True)
class Rbac:
    """What the cluster says of rights.

    Args:
        roles: Roles of the compared namespaces, and all ClusterRoles.
        bindings: RoleBindings of the compared namespaces, and all ClusterRoleBindings.
        cluster_wide: the resources that are in no namespace, as `resource.group`, with their kinds.
    """

    roles: Sequence[Mapping[str, Any]]
    bindings: Sequence[Mapping[str, Any]]
    cluster_wide: Mapping[str, str]


def edges(rbac: Rbac, mine: Territory, theirs: Territory) -> Iterator[Edge]:
    """The ways through the API server from one environment to another one."""
    roles = {_key(one): one for one in rbac.roles}
    for binding in rbac.bindings:
        metadata, referred = mapping(binding.get("metadata")), mapping(binding.get("roleRef"))
        namespace = str(metadata.get("namespace") or "")
        if namespace and namespace not in theirs.namespaces:
            continue
        who = sorted(
            {found for subject in listed(binding.get("subjects")) for found in _mine(subject, mine, namespace)}
        )
        if not who:
            continue
        title = f"{'RoleBinding' if namespace else 'ClusterRoleBinding'} {_in(namespace)}{metadata.get('name')}"
        role_scope = "" if referred.get("kind") == "ClusterRole" else namespace
        role = roles.get((role_scope, str(referred.get("name"))))
        why = f"{title} binds {referred.get('kind')} {_in(role_scope)}{referred.get('name')}"
        account = ", ".join(who)
        if role is None:
            what = _places(namespace, theirs)
            missing = f"{why}, which is not there: whoever makes it decides"
            yield Edge("rbac", mine.name, theirs.name, account, what, missing, decided=False)
            continue
        for rule in map(mapping, listed(role.get("rules"))):
            for what in _reached(rule, rbac, namespace, theirs):
                yield Edge("rbac", mine.name, theirs.name, account, what, why)


def _key(role: Mapping[str, Any]) -> tuple[str, str]:
    metadata = mapping(role.get("metadata"))
    return str(metadata.get("namespace") or ""), str(metadata.get("name"))


def _in(namespace: str) -> str:
    return f"{namespace}/" if namespace else ""


def _places(namespace: str, theirs: Territory) -> str:
    return f"namespace {namespace}" if namespace else f"namespaces {', '.join(sorted(theirs.namespaces))}"


def _mine(subject: object, mine: Territory, namespace: str) -> Iterator[str]:
    """Which service accounts of an environment a binding's subject is; none where it is somebody else."""
    about = mapping(subject)
    kind, name = about.get("kind"), str(about.get("name"))
    if kind == "ServiceAccount":
        place = str(about.get("namespace") or namespace)
        if place in mine.namespaces:
            yield f"service account {place}/{name}"
    elif kind == "User" and name.startswith("system:serviceaccount:"):
        place, _, account = name.removeprefix("system:serviceaccount:").partition(":")
        if place in mine.namespaces:
            yield f"service account {place}/{account}"
    elif kind == "Group" and name in _EVERYONE:
        yield f"every service account (group {name})"
    elif kind == "Group" and name.removeprefix("system:serviceaccounts:") in mine.namespaces:
        yield f"every service account of {name.removeprefix('system:serviceaccounts:')}"


def _reached(rule: Mapping[str, Any], rbac: Rbac, namespace: str, theirs: Territory) -> Iterator[str]:
    """What a rule lets be done to an environment, in words."""
    verbs = [str(verb) for verb in listed(rule.get("verbs"))]
    groups = [str(group) for group in listed(rule.get("apiGroups"))]
    names = [str(name) for name in listed(rule.get("resourceNames"))]
    if groups and all(group in _REVIEWS for group in groups):
        return
    named = f" {', '.join(names)}" if names else ""
    for resource in map(str, listed(rule.get("resources"))):
        for group in groups:
            kind = _kind_of_cluster(resource, group, rbac)
            words = f"{'/'.join(verbs)} {resource}{f'.{group}' if group else ''}{named}"
            if namespace or kind is None:
                yield f"{words} in {_places(namespace, theirs)}"
            elif _touches(kind, group, verbs, names, theirs):
                yield f"{words} of the whole cluster"


def _kind_of_cluster(resource: str, group: str, rbac: Rbac) -> str | None:
    """The kind of a resource that is in no namespace; None of one that is in one, or may be."""
    plain = resource.partition("/")[0]
    return rbac.cluster_wide.get(f"{plain}.{group}" if group else plain)


def _touches(kind: str, group: str, verbs: Sequence[str], names: Sequence[str], theirs: Territory) -> bool:
    """Whether a right on resources of the whole cluster concerns an environment.

    To change such a resource is to change the cluster that the environment is on; to read one concerns those who
    own such a one.
    """
    if not _READS.issuperset(verbs):
        return True
    full = f"{kind}.{group}" if group else kind
    own = {name for owner_kind, name in theirs.cluster_wide if owner_kind == full}
    return bool(own) and (not names or bool(own & set(names)))
