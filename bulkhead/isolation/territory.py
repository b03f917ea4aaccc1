"""Territory: what of one environment can be reached on its servers, read from its recorded state."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bulkhead.isolation.identities import described, kind_of, of_resource, owned
from bulkhead.isolation.plain import mapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkhead.isolation.identities import Family, Owned
    from bulkhead.state import Resource, State


@dataclass(frozen=True, order=True)
class Edge:
    """One way from one environment to what is another one's.

    Args:
        mechanism: `network`, `rbac`, `vault` or `postgresql`.
        source: the environment that it begins in.
        target: the environment that it leads to.
        who: what of the first can go it.
        what: what of the second it reaches.
        why: the object on the server that opens it, and what that says.
        decided: whether it is known to be open; if not, it could not be shown to be closed.
    """

    mechanism: str
    source: str
    target: str
    who: str
    what: str
    why: str
    decided: bool = True

    def __str__(self) -> str:
        maybe = "" if self.decided else " (undecided)"
        return f"{self.source} → {self.target}: {self.who} reaches {self.what}: {self.why}{maybe}"


@dataclass(frozen=True)
class Territory:
    """What one environment has on its servers.

    Args:
        name: what reports call it.
        state: what is recorded of it.
    """

    name: str
    state: State

    def _named(self, family: Family, kind: str) -> frozenset[str]:
        return frozenset(
            one.identity.name for one in self._owned if (one.identity.family, one.identity.kind) == (family, kind)
        )

    @cached_property
    def _owned(self) -> list[Owned]:
        return list(owned(self.state))

    @cached_property
    def namespaces(self) -> frozenset[str]:
        """Its namespaces."""
        return self._named("kubernetes", "Namespace")

    @cached_property
    def databases(self) -> frozenset[str]:
        """Its databases."""
        return self._named("postgresql", "database")

    @cached_property
    def roles(self) -> frozenset[str]:
        """Its roles at PostgreSQL."""
        return self._named("postgresql", "role")

    @cached_property
    def accounts(self) -> frozenset[tuple[str, str]]:
        """Its service accounts, by namespace and name; each namespace has a default one."""
        made = {
            (one.identity.scope, one.identity.name) for one in self._owned if one.identity.kind == "ServiceAccount"
        }
        return frozenset(made | {(namespace, "default") for namespace in self.namespaces})

    @cached_property
    def cluster_wide(self) -> frozenset[tuple[str, str]]:
        """The kinds and names of its objects that are in no namespace."""
        found = (one.identity for one in self._owned)
        return frozenset((one.kind, one.name) for one in found if one.family == "kubernetes" and not one.scope)

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The kinds of its objects on the cluster."""
        return frozenset(kind_of(one) for one in self.state.resources if one.package == "kubernetes")

    @cached_property
    def auth_roles(self) -> frozenset[str]:
        """The paths of what its service accounts log in as at Vault."""
        return frozenset(path for path, _ in self._at_vault() if "/role/" in path and path.startswith("auth/"))

    @cached_property
    def vault(self) -> dict[str, str]:
        """The paths of Vault's API that are its own, each with the request that would be the breach."""
        return dict(self._at_vault())

    def _at_vault(self) -> Iterator[tuple[str, str]]:
        for one in self.state.resources:
            if one.package == "vault" and one.custom:
                for found in of_resource(one):
                    yield from _requests(one, found.identity.name)


def _requests(one: Resource, path: str) -> Iterator[tuple[str, str]]:
    kind, about = one.type.rpartition(":")[2], described(one)
    if kind == "SecretV2":
        mount, name = str(about.get("mount")), str(about.get("name"))
        yield f"{mount}/data/{name}", "read"
        yield f"{mount}/metadata/{name}", "read"
        yield f"{mount}/destroy/{name}", "update"
    elif kind == "Policy":
        yield f"sys/policies/acl/{path}", "read"
    elif kind == "Mount":
        yield f"sys/mounts/{path}", "update"
    elif kind == "SecretBackendConnection":
        yield path, "read"
        yield path.replace("/config/", "/rotate-root/"), "update"
    elif kind == "SecretBackendRole":
        yield path, "read"
        yield path.replace("/roles/", "/creds/"), "read"
    else:
        yield path, "read"


def labels_of(item: object) -> dict[str, str]:
    """The labels of an object on the cluster."""
    return {
        str(key): str(value)
        for key, value in mapping(mapping(mapping(item).get("metadata")).get("labels")).items()
    }
