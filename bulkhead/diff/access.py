"""Access: what a resource allows somebody, as a set of plain words; widened is what comes to that set.

One reader a kind. A reader says everything that its resource allows, so comparing two states is a difference of
sets, and nobody has to foresee in which way a rule may be opened.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from bulkhead.diff.pods import powers
from bulkhead.diff.properties import UNKNOWN
from bulkhead.state import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

UNDECIDED = "cannot be decided: "
"""How a right begins that is not readable: always taken for wider."""

_PATH = re.compile(r'path\s+"((?:[^"\\]|\\.)*)"\s*\{(.*?)\}', re.DOTALL)
_CAPABILITIES = re.compile(r"capabilities\s*=\s*\[(.*?)\]", re.DOTALL)
_HOST = re.compile(r"Host(?:SNI|Regexp)?\(([^)]*)\)")


def allowed(type_token: str, inputs: Mapping[str, Any]) -> frozenset[str]:
    """Everything that a resource of some type allows; empty for kinds that give nobody access.

    Args:
        type_token: its type.
        inputs: its inputs, secrets and unknown values as marks.
    """
    reader = _READERS.get(type_token) or _READERS.get(type_token.rpartition(":")[2])
    return frozenset(reader(inputs)) if reader and inputs else frozenset()


def _items(value: object) -> list[Any]:
    """A list's items; an unknown or secret value as one item that says so."""
    if isinstance(value, str) and value in {SECRET, UNKNOWN}:
        return [f"{UNDECIDED}{value}"]
    return list(cast("list[Any]", value)) if isinstance(value, list) else []


def _map(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _network_policy(inputs: Mapping[str, Any]) -> Iterator[str]:
    spec = _map(inputs.get("spec"))
    types = _items(spec.get("policyTypes")) or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    who = _selector(spec.get("podSelector"))
    for direction, peers, word in (("Ingress", "from", "from"), ("Egress", "to", "to")):
        if direction not in types:
            yield f"{direction.lower()} {word} anywhere (the policy does not say)"
            continue
        for rule in map(_map, _items(spec.get(direction.lower()))):
            ports = [_port(_map(port)) for port in _items(rule.get("ports"))] or ["any port"]
            for peer in _items(rule.get(peers)) or [{}]:
                for port in ports:
                    yield f"{direction.lower()} of {who} {word} {_peer(_map(peer))}, {port}"


def _peer(peer: Mapping[str, Any]) -> str:
    if block := _map(peer.get("ipBlock")):
        without = ", ".join(map(str, _items(block.get("except"))))
        return f"{block.get('cidr')}{f' but not {without}' if without else ''}"
    if not peer:
        return "anywhere"
    parts = [
        f"{word} {_selector(peer[key])}"
        for key, word in (("namespaceSelector", "namespaces"), ("podSelector", "pods"))
        if key in peer
    ]
    return " and ".join(parts) or "anywhere"


def _selector(value: object) -> str:
    selector = _map(value)
    labels = [f"{key}={of}" for key, of in sorted(_map(selector.get("matchLabels")).items())]
    more = [
        f"{one.get('key')} {one.get('operator')} {one.get('values') or ''}".strip()
        for one in map(_map, _items(selector.get("matchExpressions")))
    ]
    return ",".join([*labels, *more]) or "all"


def _port(port: Mapping[str, Any]) -> str:
    number = port.get("port", "any port")
    last = f"-{port['endPort']}" if "endPort" in port else ""
    return f"{port.get('protocol', 'TCP')} {number}{last}"


def _rbac_role(inputs: Mapping[str, Any]) -> Iterator[str]:
    for rule in map(_map, _items(inputs.get("rules"))):
        names = _items(rule.get("resourceNames")) or ["every one"]
        groups = _items(rule.get("apiGroups"))
        targets = [
            f"{resource}{f'.{group}' if group else ''}"
            for group in groups
            for resource in _items(rule.get("resources"))
        ] + _items(rule.get("nonResourceURLs"))
        for verb in _items(rule.get("verbs")):
            for target in targets:
                yield from (f"{verb} {target}, {name}" for name in names)
    if inputs.get("aggregationRule"):
        yield "whatever roles it gathers by label"


def _rbac_binding(inputs: Mapping[str, Any]) -> Iterator[str]:
    role = _map(inputs.get("roleRef"))
    for subject in map(_map, _items(inputs.get("subjects"))):
        place = f"{subject['namespace']}/" if subject.get("namespace") else ""
        yield f"{role.get('kind')} {role.get('name')} to {subject.get('kind')} {place}{subject.get('name')}"


def _service(inputs: Mapping[str, Any]) -> Iterator[str]:
    spec = _map(inputs.get("spec"))
    kind = str(spec.get("type") or "ClusterIP")
    if kind not in {"ClusterIP", "ExternalName"}:
        yield f"reached from outside the cluster, as {kind}"
    yield from (f"reached at the address {one}" for one in _items(spec.get("externalIPs")))
    if kind == "LoadBalancer":
        yield from (f"from {one}" for one in _items(spec.get("loadBalancerSourceRanges")) or ["anywhere"])


_LEVELS = ("restricted", "baseline", "privileged")


def _namespace(inputs: Mapping[str, Any]) -> Iterator[str]:
    labels = _map(_map(inputs.get("metadata")).get("labels"))
    level = str(labels.get("pod-security.kubernetes.io/enforce") or "privileged")
    reached = _LEVELS.index(level) if level in _LEVELS else len(_LEVELS) - 1
    yield from (f"pods of the level {one}" for one in _LEVELS[1 : reached + 1])


def _routes(inputs: Mapping[str, Any]) -> Iterator[str]:
    """The hosts of an Ingress, a route of the Gateway API, or one of Traefik's or NGINX's own kinds."""
    spec = _map(inputs.get("spec"))
    hosts = [*_items(spec.get("hostnames")), spec.get("host")]
    for rule in map(_map, [*_items(spec.get("rules")), *_items(spec.get("routes"))]):
        hosts.append(rule.get("host"))
        hosts += [
            one.strip("`\"' ") for found in _HOST.findall(str(rule.get("match", ""))) for one in found.split(",")
        ]
    yield from (f"reached from outside at {host}" for host in hosts if host)


def _vault_policy(inputs: Mapping[str, Any]) -> Iterator[str]:
    text = str(inputs.get("policy", ""))
    text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(("#", "//")))
    rules = _PATH.findall(text)
    if not rules or _PATH.sub("", text).strip():
        # What is not understood may allow anything; changed, it counts as wider.
        yield f"{UNDECIDED}{' '.join(text.split())}"
    for path, body in rules:
        listed = _CAPABILITIES.search(body)
        if listed is None:
            yield f"{UNDECIDED}{path}: {' '.join(body.split())}"
            continue
        words = re.findall(r'"([^"]*)"', listed[1])
        yield from (f"{word} {path}" for word in words if word != "deny")
        if rest := " ".join(_CAPABILITIES.sub("", body).split()):
            yield f"{UNDECIDED}{path}: {rest}"


def _vault_auth_role(inputs: Mapping[str, Any]) -> Iterator[str]:
    places = _items(inputs.get("boundServiceAccountNamespaces"))
    policies = [*_items(inputs.get("tokenPolicies")), *_items(inputs.get("policies"))]
    selector = inputs.get("boundServiceAccountNamespaceSelector")
    for account in _items(inputs.get("boundServiceAccountNames")):
        for place in [*places, *([f"namespaces {selector}"] if selector else [])]:
            yield from (f"policy {policy} for {place}/{account}" for policy in policies)


def _vault_database_role(inputs: Mapping[str, Any]) -> Iterator[str]:
    for key in ("creationStatements", "rotationStatements"):
        yield from (f"logins made by: {' '.join(str(one).split())}" for one in _items(inputs.get(key)))


def _vault_connection(inputs: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"logins of the role {one}" for one in _items(inputs.get("allowedRoles")))


_POWERS = {
    "superuser": "superuser",
    "createDatabase": "may create databases",
    "createRole": "may create roles",
    "bypassRowLevelSecurity": "passes row level security by",
    "replication": "may replicate",
    "login": "may log in",
}


def _role(inputs: Mapping[str, Any]) -> Iterator[str]:
    yield from (word for key, word in _POWERS.items() if inputs.get(key) in (True, "true", UNKNOWN))
    yield from (f"member of {one}" for one in _items(inputs.get("roles")))


def _grant_role(inputs: Mapping[str, Any]) -> Iterator[str]:
    yield f"{inputs.get('role')} is a member of {inputs.get('grantRole')}"
    if inputs.get("withAdminOption") in (True, "true"):
        yield f"{inputs.get('role')} may make others members of {inputs.get('grantRole')}"


def _grant(inputs: Mapping[str, Any]) -> Iterator[str]:
    place = ".".join(str(inputs[key]) for key in ("database", "schema") if inputs.get(key))
    objects = _items(inputs.get("objects")) + _items(inputs.get("columns"))
    of = f"{inputs.get('objectType')} {', '.join(map(str, objects)) or 'of all'} in {place}"
    owner = f" that {inputs['owner']} makes" if inputs.get("owner") else ""
    for privilege in _items(inputs.get("privileges")):
        yield f"{privilege} on {of}{owner} to {inputs.get('role')}"
        if inputs.get("withGrantOption") in (True, "true"):
            yield f"{inputs.get('role')} may give {privilege} on {of}{owner} to others"


_READERS: dict[str, Callable[[Mapping[str, Any]], Iterator[str]]] = {
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": _network_policy,
    "kubernetes:rbac.authorization.k8s.io/v1:Role": _rbac_role,
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole": _rbac_role,
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": _rbac_binding,
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": _rbac_binding,
    "kubernetes:core/v1:Service": _service,
    "kubernetes:core/v1:Namespace": _namespace,
    "kubernetes:core/v1:ServiceAccount": powers,
    "Ingress": _routes,
    "IngressRoute": _routes,
    "IngressRouteTCP": _routes,
    "HTTPRoute": _routes,
    "TLSRoute": _routes,
    "VirtualServer": _routes,
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"), powers),
    "vault:index/policy:Policy": _vault_policy,
    "vault:kubernetes/authBackendRole:AuthBackendRole": _vault_auth_role,
    "vault:database/secretBackendRole:SecretBackendRole": _vault_database_role,
    "vault:database/secretBackendConnection:SecretBackendConnection": _vault_connection,
    "postgresql:index/role:Role": _role,
    "postgresql:index/grantRole:GrantRole": _grant_role,
    "postgresql:index/grant:Grant": _grant,
    "postgresql:index/defaultPrivileges:DefaultPrivileges": _grant,
}
"""By type token; a kind alone where several groups and versions have it."""
