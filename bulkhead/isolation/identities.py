"""Identities: what a stack owns on each server, read from its recorded state and from no rule of naming."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bulkhead.isolation.plain import listed, mapping
from bulkhead.isolation.routes import routes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkhead.state import Resource, State

Family = Literal["kubernetes", "vault", "postgresql", "hosts"]
FAMILIES: tuple[Family, ...] = ("kubernetes", "vault", "postgresql", "hosts")
"""The kinds of server; hosts are names of the whole world's DNS."""

_LOCAL = frozenset({"pulumi", "random", "pulumi-python", "bulkhead"})
"""Packages whose resources are in the state alone."""


@dataclass(frozen=True, order=True)
class Identity:
    """One thing on one kind of server, as the server itself tells it from all others.

    Args:
        family: which kind of server.
        kind: `Secret`, `Certificate.cert-manager.io`, `database`, `role`, `path`, `policy`, `host`.
        scope: the namespace of an object, the database of a schema; empty where there is none.
        name: what it is called there; for a host, with its path.
    """

    family: Family
    kind: str
    scope: str
    name: str

    def __str__(self) -> str:
        titles = {"vault": "Vault ", "postgresql": "PostgreSQL "}
        inside = f"{self.scope}/" if self.scope else ""
        return f"{titles.get(self.family, '')}{self.kind} {inside}{self.name}"


@dataclass(frozen=True, order=True)
class Owned:
    """An identity, and where the state says so.

    Args:
        identity: what is owned.
        urn: the resource that is it, or makes it.
        where: the property that names it.
    """

    identity: Identity
    urn: str
    where: str


def owned(state: State) -> Iterator[Owned]:
    """All identities that a stack's resources are, or make."""
    for one in state.resources:
        if one.custom and not one.external and one.package not in _LOCAL:
            yield from of_resource(one)


def of_resource(one: Resource) -> Iterator[Owned]:
    """The identities that one resource is, or makes."""
    found = {"kubernetes": _kubernetes, "vault": _vault, "postgresql": _postgresql}.get(one.package, _other)
    for identity, where in found(one):
        yield Owned(identity, one.urn, where)


def described(one: Resource) -> dict[str, Any]:
    """What is known of a resource: what its provider answered, and what was declared where that says nothing."""
    return {**one.inputs, **{key: value for key, value in one.outputs.items() if value is not None}}


def is_patch(one: Resource) -> bool:
    """Whether it changes an object that is somebody else's."""
    return one.package == "kubernetes" and one.type.endswith("Patch")


def kind_of(one: Resource) -> str:
    """The kind of a Kubernetes resource with its API group, as `kubectl` writes it."""
    about = described(one)
    token = one.type.split(":")
    version = str(about.get("apiVersion") or token[1])
    group = version.rpartition("/")[0]
    kind = str(about.get("kind") or token[2])
    return f"{kind}.{group}" if group and group != "core" else kind


def namespace_of(one: Resource) -> str:
    """The namespace that a Kubernetes object is in; empty for one of the whole cluster."""
    metadata = mapping(described(one).get("metadata")) or {}
    return str(metadata.get("namespace") or "")


def vault_path(*parts: object) -> str:
    """A path at Vault, without a slash at its ends."""
    return "/".join(str(part).strip("/") for part in parts if part)


def _kubernetes(one: Resource) -> Iterator[tuple[Identity, str]]:
    if is_patch(one):
        return
    about = described(one)
    metadata, spec = mapping(about.get("metadata")), mapping(about.get("spec"))
    name = str(metadata.get("name") or one.id.rpartition("/")[2])
    kind, namespace = kind_of(one), namespace_of(one)
    yield Identity("kubernetes", kind, namespace, name), "metadata.name"
    plain = kind.partition(".")[0]
    if plain == "ExternalSecret":
        target = mapping(spec.get("target")).get("name") or name
        yield Identity("kubernetes", "Secret", namespace, str(target)), "spec.target.name"
    if plain == "Certificate":
        yield Identity("kubernetes", "Secret", namespace, str(spec.get("secretName") or name)), "spec.secretName"
    for host, path, where in routes(plain, spec):
        yield Identity("hosts", "host", "", f"{host}{path if path != '/' else ''}"), where


def _vault(one: Resource) -> Iterator[tuple[Identity, str]]:
    about = described(one)
    kind = one.type.rpartition(":")[2]
    name = about.get("name")
    if kind == "Policy":
        yield Identity("vault", "policy", "", str(name or one.id)), "name"
        return
    if kind == "AuthBackend":
        place = vault_path("auth", about.get("path") or about.get("type"))
    elif kind == "Mount":
        place = vault_path(about.get("path") or one.id)
    elif kind == "SecretV2":
        place = vault_path(about.get("mount"), name)
    elif kind == "AuthBackendRole":
        place = vault_path("auth", about.get("backend"), "role", about.get("roleName"))
    elif kind == "SecretBackendConnection":
        place = vault_path(about.get("backend"), "config", name)
    elif kind == "SecretBackendRole":
        place = vault_path(about.get("backend"), "roles", name)
    else:
        place = vault_path(one.id or about.get("path") or name or one.name)
    yield Identity("vault", "path", "", place), "path"


def _postgresql(one: Resource) -> Iterator[tuple[Identity, str]]:
    about = described(one)
    kind = one.type.rpartition(":")[2]
    name, database = str(about.get("name") or one.id), str(about.get("database") or "")
    if kind == "GrantRole":
        yield _on_postgresql("membership", "", f"{about.get('role')} in {about.get('grantRole')}"), "role"
    elif kind in ("Grant", "DefaultPrivileges"):
        objects = ",".join(map(str, listed(about.get("objects"))))
        parts = (about.get("owner"), about.get("schema"), about.get("objectType"), objects)
        words = " ".join(str(part) for part in parts if part)
        title = "grant" if kind == "Grant" else "default privileges"
        yield _on_postgresql(title, database, f"to {about.get('role')} on {words}"), "role"
    elif kind in ("Database", "Role"):
        yield _on_postgresql(kind.lower(), "", name), "name"
    else:
        yield _on_postgresql(kind.lower(), database, name), "name"


def _on_postgresql(kind: str, scope: str, name: str) -> Identity:
    return Identity("postgresql", kind, scope, name)


def _other(one: Resource) -> Iterator[tuple[Identity, str]]:
    """A provider that is not known here: what it calls the resource is taken for unique in the world."""
    yield Identity("hosts", one.type, "", one.id or one.name), "id"
