"""Mentions: what a resource's properties name, read by what each property is for.

A text such as `keybuzz` may be a system in a label and a database in a connection's URL. Where the property says
what it names, the name is taken as it stands; anywhere else only a name that can be nothing but a name is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from bulkhead.isolation.identities import Family, Identity, is_patch, namespace_of, vault_path
from bulkhead.isolation.plain import mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkhead.state import Resource

WORD = re.compile(r"[A-Za-z0-9_*](?:[A-Za-z0-9_.*-]*[A-Za-z0-9_*])?")
"""What can be a name, between quotes, slashes, commas, colons and spaces; a host is one word."""

PATH = re.compile(r"[A-Za-z0-9_.*+-]+(?:/[A-Za-z0-9_.*+-]+)+")
"""Words that slashes join: a path at Vault, with the wildcards of a policy."""

HCL_PATH = re.compile(r"path\s+\"([^\"]+)\"")

_URL = re.compile(r"postgres(?:ql)?(?:\+\w+)?://(?:([^:/?#@\s]+)(?::[^@/\s]*)?@)?[^/\s@]+/([A-Za-z0-9_-]+)")
_CONNINFO = re.compile(r"\bdbname=['\"]?([A-Za-z0-9_-]+)")
_SQL = re.compile(
    r"(?:\bDATABASE\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?|\\c(?:onnect)?\s+)\"?([A-Za-z0-9_-]+)", re.IGNORECASE
)
_ACCOUNT = re.compile(r"system:serviceaccounts?:([a-z0-9-]+)(?::([a-z0-9-]+))?")

ROLE: tuple[Family, str] = ("postgresql", "role")
AUTH_ROLE: tuple[Family, str] = ("vault", "auth role")
LOCAL = frozenset({"Secret", "ConfigMap", "ServiceAccount", "PersistentVolumeClaim"})
"""Kinds that are named without a namespace by what is in the same one."""

_KEYS: dict[str, tuple[Family, str]] = {
    **dict.fromkeys(
        ("database", "databases", "dbname", "pgdatabase", "postgresdb", "postgresdatabase", "databasename"),
        ("postgresql", "database"),
    ),
    **dict.fromkeys(
        ("role", "roles", "owner", "grantrole", "assumerole", "pguser", "dbuser", "postgresuser", "databaseuser"),
        ROLE,
    ),
    **dict.fromkeys(
        ("namespace", "namespaces", "matchnames", "boundserviceaccountnamespaces", "kubernetesiometadataname"),
        ("kubernetes", "Namespace"),
    ),
    **dict.fromkeys(("serviceaccountname", "serviceaccount"), ("kubernetes", "ServiceAccount")),
    "secretname": ("kubernetes", "Secret"),
    "tokenpolicies": ("vault", "policy"),
}
_REFERRED: dict[str, tuple[Family, str]] = {
    "secretref": ("kubernetes", "Secret"),
    "secretkeyref": ("kubernetes", "Secret"),
    "imagepullsecrets": ("kubernetes", "Secret"),
    "configmapref": ("kubernetes", "ConfigMap"),
    "configmapkeyref": ("kubernetes", "ConfigMap"),
    "serviceaccountref": ("kubernetes", "ServiceAccount"),
    "persistentvolumeclaim": ("kubernetes", "PersistentVolumeClaim"),
}
"""What `name` names below these keys."""

_PASSED_BY = frozenset({"managedFields", "uid", "resourceVersion"})


@dataclass(frozen=True)
class Text:
    """One text of a resource.

    Args:
        urn: the resource.
        where: the property, such as `spec.egress[0].to[0]`.
        key: the nearest key, or the `name` beside a `value`.
        above: the key above that.
        text: what it says.
    """

    urn: str
    where: str
    key: str
    above: str
    text: str


@dataclass(frozen=True)
class Selector:
    """A choice of namespaces by their labels; an empty one is all of them."""

    urn: str
    where: str
    labels: Mapping[str, str]
    expressions: tuple[Mapping[str, Any], ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether a namespace with these labels is chosen."""
        return all(labels.get(key) == value for key, value in self.labels.items()) and all(
            _satisfied(one, labels) for one in self.expressions
        )


def _satisfied(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = str(expression.get("key")), cast("list[str]", expression.get("values") or [])
    there = labels.get(key)
    return {
        "In": there in values,
        "NotIn": there not in values,
        "Exists": there is not None,
        "DoesNotExist": there is None,
    }.get(str(expression.get("operator")), True)


def selector(value: Mapping[str, Any], urn: str = "", where: str = "") -> Selector:
    """A label selector as Kubernetes writes it."""
    expressions = cast("list[Mapping[str, Any]]", value.get("matchExpressions") or [])
    return Selector(urn, where, mapping(value.get("matchLabels")), tuple(expressions))


def texts(one: Resource) -> Iterator[Text]:
    """All texts of a resource: those that were declared, and those that the provider answered besides."""
    declared = list(_texts(one.inputs, "", "", "", one.urn))
    yield from declared
    answered = {key: value for key, value in one.outputs.items() if one.inputs.get(key) != value}
    if answered:
        seen = {(found.where, found.text) for found in declared}
        yield from (
            found for found in _texts(answered, "", "", "", one.urn) if (found.where, found.text) not in seen
        )


def _texts(value: object, where: str, key: str, above: str, urn: str) -> Iterator[Text]:
    if isinstance(value, str):
        if value:
            yield Text(urn, where, key, above, value)
    elif isinstance(value, list):
        for index, inner in enumerate(cast("list[object]", value)):
            yield from _texts(inner, f"{where}[{index}]", key, above, urn)
    elif isinstance(value, dict):
        held = cast("dict[str, object]", value)
        named = held.get("name") if "value" in held else None
        for name, inner in held.items():
            if name in _PASSED_BY:
                continue
            called = str(named) if named and name == "value" else name
            yield from _texts(inner, f"{where}.{name}" if where else name, called, key, urn)


def selectors(one: Resource) -> Iterator[Selector]:
    """All choices of namespaces that a resource makes."""
    yield from _selectors(one.inputs, "", one.urn)


def _selectors(value: object, where: str, urn: str) -> Iterator[Selector]:
    if isinstance(value, list):
        for index, inner in enumerate(cast("list[object]", value)):
            yield from _selectors(inner, f"{where}[{index}]", urn)
    elif isinstance(value, dict):
        for name, inner in cast("dict[str, object]", value).items():
            place = f"{where}.{name}" if where else name
            if name != "namespaceSelector" or not isinstance(inner, dict):
                yield from _selectors(inner, place, urn)
            elif "matchNames" not in inner and mapping(cast("object", inner)).get("any") is not False:
                yield selector(mapping(cast("object", inner)), urn, place)


@cache
def _plain(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())


def typed(text: Text, one: Resource, mounts: Mapping[tuple[str, str], str]) -> Iterator[Identity]:
    """What a text names because of the property that it stands in.

    Args:
        text: a text of the resource.
        one: the resource.
        mounts: the KV mount behind each SecretStore, by namespace and name.
    """
    key, above = _plain(text.key), _plain(text.above)
    namespace = namespace_of(one) if one.package == "kubernetes" else ""
    found = _KEYS.get(key) or (_REFERRED.get(above) if key == "name" else None)
    if one.package == "vault" and key not in ("boundserviceaccountnamespaces", "tokenpolicies"):
        found = None
    if one.package == "kubernetes" and found == ROLE and not key.endswith("user"):
        found = AUTH_ROLE if text.where.endswith("kubernetes.role") else None
    if found and WORD.fullmatch(text.text):
        yield Identity(*found, namespace if found[1] in LOCAL else "", text.text)
    yield from _inside(text)
    if is_patch(one) and text.where == "metadata.name":
        kind = one.type.rpartition(":")[2].removesuffix("Patch")
        yield Identity("kubernetes", kind, namespace, text.text)
    yield from _at_vault(text, one, mounts, namespace)


def _inside(text: Text) -> Iterator[Identity]:
    """What a text names by its own grammar, wherever it stands."""
    if "postgres" in text.text:
        for user, database in _URL.findall(text.text):
            yield Identity("postgresql", "database", "", database)
            if WORD.fullmatch(user):
                yield Identity("postgresql", "role", "", user)
    for database in _CONNINFO.findall(text.text):
        yield Identity("postgresql", "database", "", database)
    if "system:serviceaccount" in text.text:
        for namespace, account in _ACCOUNT.findall(text.text):
            kind, scope, name = ("ServiceAccount", namespace, account) if account else ("Namespace", "", namespace)
            yield Identity("kubernetes", kind, scope, name)


def guessed(text: Text) -> Iterator[Identity]:
    """What a text names if it is SQL, and if not, not: comments speak of databases too."""
    for database in _SQL.findall(text.text):
        yield Identity("postgresql", "database", "", database)


def _at_vault(
    text: Text, one: Resource, mounts: Mapping[tuple[str, str], str], namespace: str
) -> Iterator[Identity]:
    plain = one.type.rpartition(":")[2]
    if plain == "Policy" and one.package == "vault" and text.where == "policy":
        for path in HCL_PATH.findall(text.text):
            yield Identity("vault", "path", "", canonical(path))
    elif plain == "ExternalSecret" and text.key == "key" and text.above in ("extract", "remoteRef"):
        store = mapping(mapping(one.inputs.get("spec")).get("secretStoreRef"))
        mount = mounts.get((namespace, str(store.get("name"))), "")
        yield Identity("vault", "path", "", vault_path(mount, text.text))
    elif plain == "VaultDynamicSecret" and text.where == "spec.path":
        yield Identity("vault", "path", "", canonical(text.text))


def canonical(path: str) -> str:
    """A path of Vault's API as identities have it: without `v1`, KV's `data`, and leases' `creds`."""
    parts = path.strip("/").split("/")
    if parts[:1] == ["v1"]:
        parts = parts[1:]
    if len(parts) > 2 and parts[1] in ("data", "metadata", "delete", "undelete", "destroy", "subkeys"):  # noqa: PLR2004
        parts.pop(1)
    if len(parts) > 2 and parts[-2] in ("creds", "static-creds"):  # noqa: PLR2004
        parts[-2] = "roles"
    return "/".join(parts)
