"""Permissions: what a workload may do at the API server, each declared, in its own namespace alone."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from components.environment import Environment
from components.errors import InputError, nearest
from components.manifest import Object, manifest
from components.network import selector

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
"""What may be declared; escalate, bind and impersonate would give what nobody declared."""

_NAMELESS = ("list", "watch", "create", "deletecollection")
"""Verbs that names do not narrow: a new object has none yet, and a list is of all."""

_CLUSTER_WIDE = frozenset(
    {
        *("apiservices", "certificatesigningrequests", "clusterissuers", "clusterrolebindings", "clusterroles"),
        *("clustersecretstores", "componentstatuses", "csidrivers", "csinodes", "customresourcedefinitions"),
        *("flowschemas", "gatewayclasses", "ingressclasses", "mutatingwebhookconfigurations", "namespaces"),
        *("nodes", "persistentvolumes", "priorityclasses", "prioritylevelconfigurations", "runtimeclasses"),
        *("storageclasses", "subjectaccessreviews", "tokenreviews", "validatingadmissionpolicies"),
        *("validatingwebhookconfigurations", "volumeattachments"),
    }
)
_OTHERS_RIGHTS = frozenset({"roles", "rolebindings", "serviceaccounts/token"})
_GROUP = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*)?")
_RESOURCE = re.compile(r"[a-z][a-z0-9]*(/[a-z]+)?")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:_-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True, kw_only=True)
class Permission:
    """One thing that a workload may do in its namespace.

    Args:
        api_group: the API group, such as `batch`; empty for the core.
        resources: kinds in the plural, such as `configmaps` or `pods/log`.
        verbs: get, list, watch, create, update, patch, delete, deletecollection.
        names: the objects that it is about; none for all of these kinds, which secrets refuse.

    Raises:
        InputError: it is a wildcard, about the whole cluster, about every secret, or about others' rights.
    """

    api_group: str = ""
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for what, given in (("resources", self.resources), ("verbs", self.verbs), ("names", self.names)):
            _refuse_list(what, given, may_be_empty=what == "names")
        if not _GROUP.fullmatch(self.api_group):
            raise InputError(
                f"permissions.api_group is {self.api_group!r}; use a group such as batch, no wildcard"
            )
        for verb in self.verbs:
            if verb not in VERBS:
                raise InputError(
                    f"permissions.verbs has {verb!r}{nearest(verb, VERBS)}; use one of {', '.join(VERBS)}"
                )
        for resource in self.resources:
            self._refuse_resource(resource)
        for name in self.names:
            if not _NAME.fullmatch(name):
                raise InputError(f"permissions.names has {name!r}; use an object's name, no wildcard")
        idle = [verb for verb in self.verbs if self.names and verb in _NAMELESS]
        if idle:
            raise InputError(
                f"permissions.verbs has {idle[0]!r} with names, which do not narrow it; declare it apart"
            )

    def _refuse_resource(self, resource: str) -> None:
        key = f"permissions.resources has {resource!r}"
        if not _RESOURCE.fullmatch(resource):
            raise InputError(f"{key}; use a kind in the plural such as configmaps or pods/log, no wildcard")
        if resource.partition("/")[0] in _CLUSTER_WIDE:
            raise InputError(f"{key}, which is the cluster's; a workload may do things in its namespace alone")
        if resource in _OTHERS_RIGHTS:
            raise InputError(f"{key}, which gives the rights of others; declare what it needs itself")
        if resource == "secrets" and not self.api_group and not self.names:
            raise InputError(f"{key} without names; name the secrets, or take them by `secrets`")


def _refuse_list(what: str, given: object, *, may_be_empty: bool) -> None:
    if not isinstance(given, tuple) or not (given or may_be_empty):
        raise InputError(f"permissions.{what} is {given!r}; use a tuple of texts")


def render_account(
    environment: Environment, namespace: str, name: str, labels: Mapping[str, str] | None = None
) -> Object:
    """The service account: what pods are to the cluster. It mounts no token by itself."""
    return manifest(
        environment,
        "v1",
        "ServiceAccount",
        name,
        namespace=namespace,
        labels=labels,
        automountServiceAccountToken=False,
    )


def render_role(environment: Environment, namespace: str, app: str, permissions: tuple[Permission, ...]) -> Object:
    """The Role: exactly what is declared."""
    rules: list[Object] = []
    for permission in permissions:
        rule: Object = {
            "apiGroups": [permission.api_group],
            "resources": list(permission.resources),
            "verbs": list(permission.verbs),
        }
        if permission.names:
            rule["resourceNames"] = list(permission.names)
        rules.append(rule)
    return manifest(
        environment,
        "rbac.authorization.k8s.io/v1",
        "Role",
        app,
        namespace=namespace,
        labels=selector(app),
        rules=rules,
    )


def render_binding(environment: Environment, namespace: str, app: str) -> Object:
    """The RoleBinding: to the workload's own service account alone."""
    return manifest(
        environment,
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        app,
        namespace=namespace,
        labels=selector(app),
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": app},
        subjects=[{"kind": "ServiceAccount", "name": app, "namespace": namespace}],
    )
