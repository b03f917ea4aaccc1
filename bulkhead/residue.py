"""Residue: what three servers still have of an environment that should be gone.

Everything is looked for by name and label on the servers themselves, never in a state: a state forgets what was
lost. The patterns are written down here a second time, and wider than the rule by which names are made, so that
a mistake of that rule is seen and not repeated. What a server refuses to tell is an error and never a zero.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar, cast

from bulkhead.live import LiveError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from bulkhead.live import Kubernetes, Live

Answer = TypeVar("Answer")

SYSTEM_LABEL, ENVIRONMENT_LABEL = "bulkhead.dev/system", "bulkhead.dev/environment"

_LEASED = re.compile(r"v-(?P<group>[a-z0-9_]+)-[A-Za-z0-9]+-[0-9]+")
_CUT = 36
"""Characters that Vault keeps of a group's name in a leased login's."""

_PAUSE = 2

_ROLES = """
SELECT member.rolname, coalesce(array_agg(owner.rolname) FILTER (WHERE owner.rolname IS NOT NULL), '{}')::text[]
  FROM pg_roles AS member
  LEFT JOIN pg_auth_members AS link ON link.member = member.oid
  LEFT JOIN pg_roles AS owner ON owner.oid = link.roleid
 GROUP BY member.rolname
"""


@dataclass(frozen=True, order=True)
class Left:
    """One thing that is left.

    Args:
        server: `PostgreSQL`, `Vault` or `Kubernetes`.
        kind: what it is there: `database`, `auth role`, `Namespace`.
        name: what it is called there.
    """

    server: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.server} {self.kind} {self.name}"


@dataclass(frozen=True)
class Names:
    """How things of one environment are called.

    Args:
        system: the product, such as `keybuzz`.
        environment: its name, such as `pr-7`.
    """

    system: str
    environment: str

    def has_sql(self, name: str) -> bool:
        """Whether PostgreSQL's name of a database or role is one of its: `keybuzz_api_owner_pr__7`.

        A system `keybuzz-plus` is spelt `keybuzz__plus`, so that its names are none of `keybuzz`.
        """
        system, environment = (word.replace("-", "__") for word in (self.system, self.environment))
        return bool(re.fullmatch(rf"{re.escape(system)}(_(?!_).*)?_{re.escape(environment)}", name))

    def has_hyphenated(self, name: str) -> bool:
        """Whether a namespace's or a policy's name is one of its: `keybuzz-api-pr-7`, `keybuzz-pr-7`."""
        return bool(re.fullmatch(rf"{re.escape(self.system)}(-[^-]+)?-{re.escape(self.environment)}", name))

    def has_leased(self, login: str, groups: Iterable[str]) -> bool:
        """Whether a login that Vault leased is one of its, or of nobody any more and may have been.

        Args:
            login: what it is called: `v-keybuzz_api_pr__7-Ab3dE6gH-1763730000`.
            groups: the roles that it is a member of.
        """
        groups = list(groups)
        found = _LEASED.fullmatch(login)
        if any(map(self.has_sql, groups)):
            return login.startswith("v-")
        if found is None or groups:
            return False
        group = found["group"]
        cut = len(group) >= _CUT and group.startswith(f"{self.system.replace('-', '__')}_")
        return cut or self.has_sql(group)

    @property
    def folder(self) -> str:
        """Where its things stand below a mount of Vault, and its mounts themselves."""
        return f"{self.system}/{self.environment}"


def find(live: Live, system: str, environment: str) -> list[Left]:
    """Everything that the three servers have of an environment; empty where nothing is left.

    Raises:
        LiveError: a server does not answer, or refuses to tell.
    """
    names = Names(system, environment)
    return sorted({*_postgresql(live, names), *_vault(live.vault, names), *_kubernetes(live.kubernetes, names)})


def settled(
    look: Callable[[], list[Left]],
    patience: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Left]:
    """What is left once what is on its way has gone: a namespace ends in its own time, a lease in Vault's.

    Args:
        look: what tells what is left.
        patience: seconds after which what is left counts.
        clock: seconds that pass.
        sleep: waits that long.
    """
    until = clock() + patience
    while (left := look()) and clock() < until:
        sleep(_PAUSE)
    return left


def _postgresql(live: Live, names: Names) -> Iterator[Left]:
    psycopg: Any = import_module("psycopg")
    try:
        with live.database() as session:
            databases = [str(name) for (name,) in session.execute("SELECT datname FROM pg_database").fetchall()]
            roles = {str(name): list(groups) for name, groups in session.execute(_ROLES).fetchall()}
    except psycopg.Error as error:
        raise LiveError(f"PostgreSQL {live.host}:{live.port} does not tell what it has: {error}") from None
    yield from on_postgresql(databases, roles, names)


def on_postgresql(databases: Iterable[str], roles: Mapping[str, list[str]], names: Names) -> Iterator[Left]:
    """What PostgreSQL has of an environment.

    Args:
        databases: all databases.
        roles: all roles, and the roles that each is a member of.
        names: the environment's.
    """
    for name in databases:
        if names.has_sql(name):
            yield Left("PostgreSQL", "database", name)
    for name, groups in roles.items():
        if names.has_sql(name):
            yield Left("PostgreSQL", "role", name)
        elif names.has_leased(name, groups):
            yield Left("PostgreSQL", "leased login", name)


def _vault(client: Any, names: Names) -> Iterator[Left]:
    hvac: Any = import_module("hvac")

    def read(path: str) -> Mapping[str, Any]:
        return _within(client.read(path), "data", {})

    def names_at(path: str) -> list[str]:
        return _within(_within(client.list(path), "data", {}), "keys", [])

    try:
        yield from on_vault(read, names_at, names)
    except hvac.exceptions.VaultError as error:
        raise LiveError(f"Vault {client.url} does not tell what it has: {error}") from None
    except OSError as error:
        raise LiveError(f"Vault {client.url} does not answer: {error}") from None


def on_vault(
    read: Callable[[str], Mapping[str, Any]], names_at: Callable[[str], list[str]], names: Names
) -> Iterator[Left]:
    """What Vault has of an environment.

    Args:
        read: what stands at a path.
        names_at: what a path lists; none where there is nothing.
        names: the environment's.
    """
    mounts, methods = read("sys/mounts"), read("sys/auth")
    own = f"{names.folder}/"
    yield from (Left("Vault", "mount", path.rstrip("/")) for path in mounts if path.startswith(own))
    yield from (Left("Vault", "auth method", path.rstrip("/")) for path in methods if path.startswith(own))
    policies = filter(names.has_hyphenated, names_at("sys/policies/acl"))
    yield from (Left("Vault", "policy", name) for name in policies)
    for method in _of_type("kubernetes", methods):
        roles = filter(names.has_hyphenated, names_at(f"auth/{method}role"))
        yield from (Left("Vault", "auth role", f"{method}{name}") for name in roles)
    for mount in _of_type("kv", mounts):
        # The metadata outlives a deleted version, and tells what there was.
        versioned = _within(mounts[mount], "options", dict[str, str]()).get("version") == "2"
        root = f"{mount}metadata/" if versioned else mount
        secrets = _below(names_at, f"{root}{names.folder}")
        yield from (Left("Vault", "secret", mount + path.removeprefix(root)) for path in secrets)
    root = "sys/leases/lookup/"
    leases = _below(names_at, f"{root}{names.folder}")
    yield from (Left("Vault", "lease", path.removeprefix(root)) for path in leases)


def _of_type(kind: str, mounted: Mapping[str, Any]) -> Iterator[str]:
    return (path for path, about in mounted.items() if about.get("type") == kind)


def _below(names_at: Callable[[str], list[str]], path: str) -> Iterator[str]:
    """Every leaf of the tree below a path."""
    for name in names_at(path):
        yield from _below(names_at, f"{path}/{name[:-1]}") if name.endswith("/") else (f"{path}/{name}",)


def _kubernetes(api: Kubernetes, names: Names) -> Iterator[Left]:
    wanted = f"{SYSTEM_LABEL}%3D{names.system}%2C{ENVIRONMENT_LABEL}%3D{names.environment}"
    yield from on_kubernetes(api.list("/api/v1/namespaces"), api.list("/api/v1/persistentvolumes"), names)
    for path, kind in collections(api):
        if kind not in ("Namespace", "PersistentVolume"):
            for found in api.list(f"{path}?labelSelector={wanted}"):
                yield Left("Kubernetes", kind, _called(found))


def on_kubernetes(
    namespaces: Iterable[Mapping[str, Any]], volumes: Iterable[Mapping[str, Any]], names: Names
) -> Iterator[Left]:
    """What a cluster has of an environment, besides what carries its labels.

    Args:
        namespaces: all namespaces; one is its by its labels, or without any by its name.
        volumes: all PersistentVolumes, which outlive their namespaces where they are retained.
        names: the environment's.
    """
    for found in namespaces:
        labels: Mapping[str, str] = found["metadata"].get("labels") or {}
        owner = labels.get(SYSTEM_LABEL, ""), labels.get(ENVIRONMENT_LABEL, "")
        name = str(found["metadata"]["name"])
        if owner == (names.system, names.environment) or (owner == ("", "") and names.has_hyphenated(name)):
            yield Left("Kubernetes", "Namespace", name)
    for found in volumes:
        claim = _within(_within(found, "spec", None), "claimRef", dict[str, str]())
        if names.has_hyphenated(claim.get("namespace", "")):
            yield Left("Kubernetes", "PersistentVolume", _called(found))


def collections(api: Kubernetes) -> Iterator[tuple[str, str]]:
    """The path and the kind of every collection that a cluster has, in each group's preferred version.

    Raises:
        LiveError: the cluster does not say; one that serves a group badly cannot be searched.
    """
    groups: list[dict[str, Any]] = _within(api.get("/apis"), "groups", [])
    versions = ["/api/v1", *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups)]
    for version in versions:
        served = api.get(version)
        if served is None:
            raise LiveError(f"Kubernetes {api.host} lists {version} and does not serve it")
        for resource in _within(served, "resources", list[dict[str, Any]]()):
            if "list" in resource.get("verbs", []) and "/" not in resource["name"]:
                yield f"{version}/{resource['name']}", str(resource["kind"])


def _called(found: Mapping[str, Any]) -> str:
    metadata: Mapping[str, str] = found["metadata"]
    return "/".join(word for word in (metadata.get("namespace", ""), metadata["name"]) if word)


def _within(mapping: object, key: str, default: Answer) -> Answer:
    """What an answer has under a key; the default where it has nothing, or is none itself."""
    found: object = cast("Mapping[str, object]", mapping).get(key) if isinstance(mapping, dict) else None
    return cast("Answer", found) or default
