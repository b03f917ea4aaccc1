"""Strays: what a system's prefix or label is on, and no stack's state has."""

from __future__ import annotations

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bulkhead import state as states
from bulkhead.isolation.identities import Identity, owned
from bulkhead.isolation.mentions import canonical
from bulkhead.isolation.observing import keys, resources
from bulkhead.isolation.plain import listed, mapping
from bulkhead.isolation.postgresql import closure
from bulkhead.isolation.territory import labels_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from bulkhead.isolation.postgresql import Grants
    from bulkhead.live import Kubernetes, Live
    from bulkhead.state import State

_LABEL = "bulkhead.dev/system"
_MADE_BY_CLUSTER = frozenset(
    {
        ("ConfigMap", "kube-root-ca.crt"),
        ("ServiceAccount", "default"),
    }
)
_PASSING = frozenset({"Event", "Lease", "Endpoints", "EndpointSlice", "Pod", "PodMetrics", "CertificateRequest"})
"""Kinds that come and go by themselves."""

_DEEPEST = 8
"""Folders within folders at Vault that are looked into."""


@dataclass(frozen=True, order=True)
class Stray:
    """A thing that nobody manages.

    Args:
        identity: what it is.
        why: by what it was found.
    """

    identity: Identity
    why: str


@dataclass(frozen=True)
class Managed:
    """What stacks manage.

    Args:
        systems: the systems whose things are looked for.
        identities: all that their stacks own.
    """

    systems: tuple[str, ...]
    identities: frozenset[Identity]

    @classmethod
    def by(cls, known: Iterable[State], systems: Iterable[str]) -> Managed:
        """What these states own."""
        return cls(tuple(sorted(set(systems))), frozenset(one.identity for state in known for one in owned(state)))

    def bears(self, name: str, separators: str) -> str:
        """The system whose name another name begins with; empty if none."""
        for system in self.systems:
            for spelled in {system, system.replace("-", "__"), system.replace("-", "_")}:
                if name == spelled or (name.startswith(spelled) and name[len(spelled)] in separators):
                    return system
        return ""


def all_of(systems: Iterable[str], folder: Path) -> list[State]:
    """The states of all stacks of some systems in the back end, whatever file they come from.

    Raises:
        StateError: Pulumi says why not.
    """
    said = subprocess.run(
        ["pulumi", "--non-interactive", "stack", "ls", "--all", "--json"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if said.returncode:
        raise states.StateError(f"the back end's stacks cannot be listed: {said.stderr.strip()}")
    wanted = tuple(systems)
    names = [str(mapping(one)["name"]) for one in listed(json.loads(said.stdout))]
    related = [name for name in names if any(_related(name, system) for system in wanted)]
    with ThreadPoolExecutor(4) as threads:
        exported = [threads.submit(states.export, ["--stack", name], folder) for name in related]
        return [
            states.parse(json.loads(text.result()), name.rpartition("/")[2])
            for name, text in zip(related, exported, strict=True)
        ]


def _related(name: str, system: str) -> bool:
    """Whether a stack's full name is of a system, or of one whose names begin alike."""
    parts = name.split("/")
    project = parts[-2] if len(parts) > 1 else system
    return project == system or project.startswith(f"{system}-")


def find(live: Live, managed: Managed, grants: Grants) -> list[Stray]:
    """What bears a system's name or label on the servers, and is in no state.

    Args:
        live: the servers, as their administrator.
        managed: what is known.
        grants: what PostgreSQL has.

    Raises:
        LiveError: a server cannot be asked.
    """
    return sorted([*_databases(managed, grants), *_at_vault(live.vault, managed), *_on_cluster(live, managed)])


def _databases(managed: Managed, grants: Grants) -> Iterator[Stray]:
    for name in grants.databases:
        identity = Identity("postgresql", "database", "", name)
        if identity not in managed.identities and (system := managed.bears(name, "_")):
            yield Stray(identity, f"its name begins with {system}")
    known = {one.name for one in managed.identities if (one.family, one.kind) == ("postgresql", "role")}
    for name in grants.roles:
        if name in known:
            continue
        identity = Identity("postgresql", "role", "", name)
        leased = re.fullmatch(r"v-(.+)-[A-Za-z0-9]{8}-\d+", name)
        if leased and not closure(grants, name) & known and (system := managed.bears(leased[1], "_")):
            yield Stray(identity, f"a leased login of {system} that is a member of nothing any more")
        elif system := managed.bears(name, "_"):
            yield Stray(identity, f"its name begins with {system}")


def _at_vault(vault: Any, managed: Managed) -> Iterator[Stray]:
    known = {one.name for one in managed.identities if one.family == "vault" and one.kind == "path"}
    mounts: dict[str, Any] = mapping(vault.sys.list_mounted_secrets_engines()["data"])
    for mount, about in mounts.items():
        place = mount.strip("/")
        if place not in known and (system := managed.bears(place, "/-_")):
            yield Stray(Identity("vault", "path", "", place), f"a mount whose path begins with {system}")
        if mapping(about).get("type") != "kv":
            continue
        versioned = mapping(mapping(about).get("options")).get("version") == "2"
        root = f"{place}/metadata" if versioned else place
        for system in managed.systems:
            for path in _below(vault, f"{root}/{system}", _DEEPEST):
                if (stored := canonical(path)) not in known:
                    yield Stray(Identity("vault", "path", "", stored), f"a secret in the folder of {system}")
    yield from _who_may(vault, managed, known)


def _who_may(vault: Any, managed: Managed, known: set[str]) -> Iterator[Stray]:
    """Policies and auth roles at Vault."""
    policies = {one.name for one in managed.identities if one.family == "vault" and one.kind == "policy"}
    for name in keys(vault, "sys/policies/acl"):
        if name not in policies and (system := managed.bears(name, "-_")):
            yield Stray(Identity("vault", "policy", "", name), f"its name begins with {system}")
    mounts: dict[str, Any] = mapping(vault.sys.list_auth_methods()["data"])
    for mount in (mount for mount, about in mounts.items() if mapping(about).get("type") == "kubernetes"):
        for name in keys(vault, f"auth/{mount}role"):
            path = f"auth/{mount}role/{name}"
            if path not in known and (system := managed.bears(name, "-_")):
                yield Stray(Identity("vault", "path", "", path), f"an auth role whose name begins with {system}")


def _below(vault: Any, path: str, depth: int) -> Iterator[str]:
    for name in keys(vault, path) if depth else ():
        inner = f"{path}/{name.rstrip('/')}"
        yield from _below(vault, inner, depth - 1) if name.endswith("/") else (inner,)


def _on_cluster(live: Live, managed: Managed) -> Iterator[Stray]:
    cluster = live.kubernetes
    known = {(one.kind, one.scope, one.name) for one in managed.identities if one.family == "kubernetes"}
    ours: list[str] = []
    for one in cluster.list("/api/v1/namespaces"):
        name, labels = str(mapping(one.get("metadata")).get("name")), labels_of(one)
        labelled = labels.get(_LABEL, "") in managed.systems
        if ("Namespace", "", name) in known:
            ours.append(name)
        elif labelled or managed.bears(name, "-"):
            why = f"it has the label {_LABEL}" if labelled else f"its name begins with {managed.bears(name, '-')}"
            yield Stray(Identity("kubernetes", "Namespace", "", name), why)
    with ThreadPoolExecutor(8) as threads:
        kinds = list(_kinds(cluster, threads))
        places = [(kind, namespace, path.format(namespace)) for kind, path in kinds for namespace in ours]
        answers = [threads.submit(cluster.list, path) for _, _, path in places]
        for (kind, namespace, _), items in zip(places, answers, strict=True):
            for item in items.result():
                if why := unmanaged(item, kind, namespace, known):
                    name = str(mapping(item.get("metadata")).get("name"))
                    yield Stray(Identity("kubernetes", kind, namespace, name), why)


def _kinds(cluster: Kubernetes, threads: ThreadPoolExecutor) -> Iterator[tuple[str, str]]:
    """The kinds of objects in namespaces that can be listed, and where."""
    for path, one in resources(cluster, threads):
        name, verbs = str(one.get("name")), listed(one.get("verbs"))
        if one.get("namespaced") and "/" not in name and "list" in verbs and one.get("kind") not in _PASSING:
            group = path.split("/")[2] if path.startswith("/apis/") else ""
            yield f"{one.get('kind')}{f'.{group}' if group else ''}", f"{path}/namespaces/{{}}/{name}"


def unmanaged(item: Mapping[str, Any], kind: str, namespace: str, known: Iterable[tuple[str, str, str]]) -> str:
    """Why an object in a namespace of ours is a stray; empty if it is none.

    What another object owns, what the cluster puts into every namespace and what cert-manager keeps is somebody's.
    """
    metadata = mapping(item.get("metadata"))
    name, plain = str(metadata.get("name")), kind.partition(".")[0]
    made = mapping(metadata.get("annotations"))
    somebodys = (
        (kind, namespace, name) in known
        or listed(metadata.get("ownerReferences"))
        or plain in _PASSING
        or (plain, name) in _MADE_BY_CLUSTER
        or "cert-manager.io/certificate-name" in made
        or made.get("endpoints.kubernetes.io/last-change-trigger-time")
    )
    return "" if somebodys else f"it is in namespace {namespace}, and no stack has it"
