"""Secrets: none in the clear, none that lives for ever, none that opens more than was meant."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from policy.addresses import unknown_leaves
from policy.resource import SECRET, Place, Resource, Unknown
from policy.rule import Answer, Fault, Undecided

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policy.world import World

_KEPT = {
    "vault:kv/secretV2:SecretV2": ("dataJson",),
    "vault:generic/secret:Secret": ("dataJson",),
    "vault:kv/secret:Secret": ("dataJson",),
    SECRET: ("data", "stringData"),
    "pulumi:providers:postgresql": ("password",),
    "pulumi:providers:vault": ("token",),
}
"""Properties that are secret whatever is in them."""

_KEY = re.compile(
    r"(^|[a-z_.-])(password|passwd|passphrase|secret[_-]?key|api[_-]?key|access[_-]?token)$", re.IGNORECASE
)
_VARIABLE = re.compile(
    r"(^|_)(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|(API|ACCESS|SECRET|PRIVATE|ENCRYPTION)_?KEY)$"
)
_LOOKS = {
    "a URL with a password": re.compile(r"[a-z][a-z0-9+.-]*://[^\s:/@{}$()<>]*:(?!\{\{|\$\(|\$\{|<)[^\s@/{}$]+@"),
    "a kubeconfig": re.compile(r"client-key-data|(?m:^\s*-?\s*token:)|\"token\":"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a token of Vault": re.compile(r"\bhv[sb]\.[A-Za-z0-9_-]{20,}"),
    "a token of GitHub": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}"),
    "a key of AWS": re.compile(r"\bAKIA[0-9A-Z]{16}\b"),
    "a JSON web token": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+"),
}
_PASSWORDS = re.compile(r"^(PG|POSTGRES_?|DB_?|DATABASE_?)?PASSWORD$|^DATABASE_URL$", re.IGNORECASE)


_OF_VAULT = ("allowedRoles", "boundServiceAccountNames", "boundServiceAccountNamespaces")
_OF_A_RULE = ("apiGroups", "resources", "verbs", "nonResourceURLs", "resourceNames")


def plain_secret(resource: Resource, _: World) -> Iterator[Answer]:
    """What opens something is marked as a secret, and on the cluster it stands in a Secret."""
    for key in _KEPT.get(resource.type, ()):
        if resource.props.get(key) not in (None, {}, "") and not _all_secret(
            resource, Place(key, resource.props[key])
        ):
            yield Fault(f"{key} is not marked as a secret; wrap it in pulumi.Output.secret")
    for place in resource.leaves:
        if not isinstance(place.value, str) or not place.value:
            continue
        hidden = resource.is_secret(place.path)
        if hidden and not _on_the_cluster(resource):
            continue
        if not hidden and _is_password(place):
            yield Fault(f"{place.path} is not marked as a secret; wrap it in pulumi.Output.secret")
        for what, pattern in _LOOKS.items():
            if pattern.search(place.value):
                yield Fault(f"{place.path} has {what} in the clear; keep it in Vault and refer to its Secret")
    yield from _variables(resource.place)
    yield from (answer for answer in unknown_leaves(resource) if not _hidden(resource, answer))


def dynamic_credential(resource: Resource, world: World) -> Iterator[Answer]:
    """Logins to PostgreSQL are leased: nobody's password is kept."""
    if resource.type == "postgresql:index/role:Role":
        if str(resource.place.at("login").value).lower() != "true":
            return
        name, ending = resource.place.at("name"), f"_vault_{world.environment.replace('-', '__')}"
        if not name.text.endswith(ending) and name.text not in _logins_by_exception(world):
            yield Fault(f"{name.path} {name.text!r} logs in by a password that stays; let Vault lease its login")
    elif resource.type == "vault:database/secretBackendStaticRole:SecretBackendStaticRole":
        yield Fault("its login is one that stays; use a SecretBackendRole, whose logins end")
    elif resource.type in {"vault:kv/secretV2:SecretV2", "vault:kv/secret:Secret", "vault:generic/secret:Secret"}:
        yield from _kept_passwords(resource.place.at("dataJson"))


def wildcard(resource: Resource, _: World) -> Iterator[Answer]:
    """Rights name what they are about."""
    if resource.type == "vault:index/policy:Policy":
        yield from _vault_policy(resource.place.at("policy"))
    elif resource.package == "vault":
        yield from _lists(resource.place, _OF_VAULT)
    elif resource.is_object and resource.kind in {"Role", "ClusterRole"}:
        for rule in resource.place.each("rules"):
            yield from _lists(rule, _OF_A_RULE)
    elif resource.is_object and resource.kind in {"RoleBinding", "ClusterRoleBinding"}:
        role = resource.place.at("roleRef", "name")
        if role.text in {"cluster-admin", "admin", "edit"}:
            yield Fault(f"{role.path} is {role.text!r}, which may do everything; bind a Role of its own")


def _lists(place: Place, keys: tuple[str, ...]) -> Iterator[Answer]:
    for key in keys:
        if any("*" in one.text for one in place.each(key)):
            yield Fault(f"{place.path}{'.' if place.path else ''}{key} has a '*'; name each")


def _logins_by_exception(world: World) -> set[str]:
    """Logins that were there before, and go on working for a while."""
    if world.platform is None:
        return set()
    mine = world.platform.legacy.get(world.environment) or {}
    return set((mine.get("logins") or {}).values())


def _vault_policy(policy: Place) -> Iterator[Answer]:
    for path in re.findall(r'path\s+"([^"]*)"', policy.text):
        if "*" in path or "+" in path.split("/"):
            yield Fault(f"{policy.path} has the path {path!r}; name each path")
    for right in re.findall(r'"(sudo|root)"', policy.text):
        yield Fault(f"{policy.path} has the capability {right!r}")


def _all_secret(resource: Resource, place: Place) -> bool:
    """Whether a value is marked, by itself or in each of its entries."""
    if resource.is_secret(place.path) or isinstance(place.value, Unknown):
        return True
    return bool(place.entries) and all(resource.is_secret(f"{place.path}.{key}") for key in place.entries)


def _on_the_cluster(resource: Resource) -> bool:
    """Whether whoever may read the object reads its properties, however Pulumi marks them."""
    return resource.is_object and resource.type != SECRET


def _is_password(place: Place) -> bool:
    key = re.sub(r"\[\d+\]$", "", place.path).rpartition(".")[2]
    value = str(place.value)
    return value != key and bool(_KEY.search(key)) and "{{" not in value and "$(" not in value


def _variables(place: Place) -> Iterator[Answer]:
    """A container's variables that hold a secret by their names: they come from a Secret."""
    name, value = place.entries.get("name"), place.entries.get("value")
    if isinstance(name, str) and isinstance(value, str) and _VARIABLE.search(name) and value and "$(" not in value:
        yield Fault(f"{place.path}.value gives {name} in the clear; take it from a Secret by valueFrom")
    for one in place.inside:
        yield from _variables(one)


def _hidden(resource: Resource, answer: Answer) -> bool:
    """Whether what is unknown is marked as a secret, which is all that this rule asks."""
    return resource.is_secret(answer.says.partition(" is ")[0]) and not _on_the_cluster(resource)


def _kept_passwords(place: Place) -> Iterator[Answer]:
    try:
        kept: object = json.loads(place.text or "{}")
    except ValueError:
        yield Undecided(f"{place.path} is no JSON")
        return
    for key, value in Place(place.path, kept).entries.items():
        if _PASSWORDS.search(key) and value:
            yield Fault(f"{place.path}.{key} is a database password that stays; let Vault lease it")
