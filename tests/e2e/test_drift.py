"""Drift: one declared value of every kind of resource, changed by hand, is shown and repaired.

All changes are made at once, so that one preview shows them and one `up` repairs them. What each value is, was
and is again is read from the servers themselves, not from what the plugins say.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.engine import Project, Step
from tests.e2e.servers import Servers

KV_PATH = "keybuzz/prod/db_worker"

NOWHERE = {
    "random:index/randomPassword:RandomPassword": "it is in the state alone; no server has it that could change it",
}
"""Types without a case, with the reason."""


@dataclass(frozen=True)
class Drift:
    """A change by hand.

    Args:
        type: the type token of the resource.
        name: the resource, in the stack prod, which has every type that dev has.
        shown: the operation and the field that a preview names; a resource that is gone has no field.
        look: the declared value, as its server holds it.
        change: what a person does.
        along: other resources that the change reaches, and that a preview may name for it.
    """

    type: str
    name: str
    shown: tuple[str, str]
    look: Callable[[Servers], Any]
    change: Callable[[Servers], object]
    along: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.type.rsplit(":", 1)[-1]


def _at(thing: Any, path: str) -> Any:
    for part in path.split("."):
        thing = thing[int(part)] if part.isdigit() else thing.get(part)
    return thing


def on_kubernetes(
    type_: str, name: str, plural: str, place: str, path: str, value: Any, *, patch: dict[str, Any], field: str = ""
) -> Drift:
    """A field of an object, changed as `kubectl patch --type=merge` does.

    Args:
        type_: the type token, which has the API group and version.
        name: the resource.
        plural: the kind, as the API's addresses name it.
        place: namespace and name, with a slash between them.
        path: the field that is looked at.
        value: what it becomes.
        patch: the change that makes it so.
        field: how a preview names the field, where that is not `path`.
    """
    group = type_.split(":")[1]
    namespace, _, object_name = place.rpartition("/")
    address = f"/api/{group.removeprefix('core/')}" if group.startswith("core/") else f"/apis/{group}"
    address += f"/namespaces/{namespace}/{plural}/{object_name}" if namespace else f"/{plural}/{object_name}"

    def look(servers: Servers) -> Any:
        return _at(servers.object(address), path)

    def change(servers: Servers) -> None:
        servers.patch(address, patch)
        assert look(servers) == value, "the change by hand did not come about"

    return Drift(type_, name, ("update", field or path), look, change)


def on_postgresql(
    type_: str, name: str, statement: str, query: str, *, shown: tuple[str, str], database: str = "postgres", **more: Any
) -> Drift:
    """A statement that the administrator executes in a database, and the query that shows what it did."""

    def look(servers: Servers) -> Any:
        with servers.database(database) as session:
            return session.execute(query).fetchall()

    def change(servers: Servers) -> None:
        with servers.database(database) as session:
            session.execute(statement)

    return Drift(type_, name, shown, look, change, **more)


def on_vault(
    type_: str, name: str, path: str, key: str, value: Any, *, field: str, written: dict[str, Any] | None = None
) -> Drift:
    """A key of what is at a path, written anew; Vault keeps the keys that are not given."""

    def look(servers: Servers) -> Any:
        return servers.vault.read(path)["data"][key]

    def change(servers: Servers) -> None:
        servers.vault.write_data(path, data=written or {key: value})

    return Drift(type_, name, ("update", field), look, change)


def _deleted_kv() -> Drift:
    """A KV secret's data is never read back, nor is a changed value shown: that the secret is gone is."""

    def look(servers: Servers) -> bool:
        listed = servers.vault.list(f"secret/metadata/{KV_PATH.rpartition('/')[0]}")
        return bool(listed) and KV_PATH.rpartition("/")[2] in listed["data"]["keys"]

    def change(servers: Servers) -> None:
        servers.vault.delete(f"secret/metadata/{KV_PATH}")

    return Drift("vault:kv/secretV2:SecretV2", "worker-kv", ("create", ""), look, change)


DRIFTS = (
    on_kubernetes(
        "kubernetes:core/v1:Namespace",
        "client-namespace",
        "namespaces",
        "keybuzz-client-prod",
        "metadata.labels.pod-security~enforce",
        "privileged",
        patch={"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
        field='metadata.labels["pod-security.kubernetes.io/enforce"]',
    ),
)
