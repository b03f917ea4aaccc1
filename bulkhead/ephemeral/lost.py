"""Lost: what the engine had begun to create when it was killed, and will therefore never delete.

The state names each such creation, and whoever resumes must take away what came of it: an `up` would meet it as
"already exists", a `destroy` would leave it. Only what the state says was begun, and what was found on the servers
under a name of this environment, is touched.
"""

from __future__ import annotations

from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bulkhead.errors import CommandError
from bulkhead.residue import Left, collections

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bulkhead.live import Kubernetes, Live


class LostError(CommandError):
    """What a killed command left half made cannot be taken away."""


def begun(exported: Mapping[str, Any]) -> set[Left]:
    """What creations that were begun and not ended may have made, as far as it would be in the way, or stay.

    A grant and an engine's role are made again and go with their database and mount: they are not named, and
    neither is what a later command has made all the same.

    Args:
        exported: what `pulumi stack export` prints.
    """
    deployment: dict[str, Any] = exported.get("deployment") or {}
    resources: list[dict[str, Any]] = deployment.get("resources") or []
    there = {one["urn"] for one in resources}
    pending: list[dict[str, Any]] = deployment.get("pending_operations") or []
    return {
        left
        for operation in pending
        if operation.get("type") == "creating" and operation["resource"]["urn"] not in there
        for left in _made(operation["resource"]["type"], operation["resource"].get("inputs") or {})
    }


def _made(kind: str, inputs: Mapping[str, Any]) -> Iterator[Left]:
    match kind, inputs:
        case "postgresql:index/database:Database", {"name": str(name)}:
            yield Left("PostgreSQL", "database", name)
        case "postgresql:index/role:Role", {"name": str(name)}:
            yield Left("PostgreSQL", "role", name)
        case "vault:index/mount:Mount", {"path": str(path)}:
            yield Left("Vault", "mount", path)
        case "vault:index/policy:Policy", {"name": str(name)}:
            yield Left("Vault", "policy", name)
        case "vault:kubernetes/authBackendRole:AuthBackendRole", {"backend": str(method), "roleName": str(name)}:
            yield Left("Vault", "auth role", f"{method}/{name}")
        case "vault:kv/secretV2:SecretV2", {"mount": str(mount), "name": str(name)}:
            yield Left("Vault", "secret", f"{mount}/{name}")
        case _, {"metadata": {"name": str(name), **metadata}} if kind.startswith("kubernetes:"):
            place = metadata.get("namespace", "")
            yield Left("Kubernetes", kind.rpartition(":")[2], f"{place}/{name}" if place else name)
        case _:
            pass


_ORDER = ("secret", "mount", "auth role", "policy", "database", "role", "Namespace")
"""The order in which they are taken away, after the cluster's other objects; nothing stands on them yet."""


def take_away(live: Live, things: Iterable[Left]) -> None:
    """Take things away from their servers; what is not there any more is passed over.

    Raises:
        LostError: a server refuses; the thing, and what it said.
    """
    psycopg: Any = import_module("psycopg")
    hvac: Any = import_module("hvac")
    for one in sorted(things, key=lambda one: _ORDER.index(one.kind) if one.kind in _ORDER else -1):
        try:
            _take_away(live, one)
        except (psycopg.Error, hvac.exceptions.VaultError, OSError) as error:
            raise LostError(f"{one} was half made, and cannot be taken away: {error}") from None


def _take_away(live: Live, one: Left) -> None:
    sql: Any = import_module("psycopg.sql")
    match one.kind:
        case "database":
            with live.database() as session:
                session.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(one.name))
                )
        case "role":
            with live.database() as session:
                session.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(one.name)))
        case "mount":
            live.vault.sys.disable_secrets_engine(one.name)
        case "policy":
            live.vault.sys.delete_policy(one.name)
        case "auth role":
            method, _, role = one.name.rpartition("/")
            live.vault.delete(f"auth/{method}/role/{role}")
        case "secret":
            mount, _, path = one.name.partition("/")
            live.vault.secrets.kv.v2.delete_metadata_and_all_versions(path, mount_point=mount)
        case _:
            _delete(live.kubernetes, one)


def _delete(api: Kubernetes, one: Left) -> None:
    """Delete an object of a cluster, in whichever group its kind is."""
    place, _, name = one.name.rpartition("/")
    for path in [path for path, kind in collections(api) if kind == one.kind]:
        version, _, plural = path.rpartition("/")
        within = f"{version}/namespaces/{place}/{plural}" if place else path
        status, said = api.send("DELETE", f"{within}/{name}")
        if status not in (HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.NOT_FOUND):
            raise LostError(f"{one} was half made, and cannot be taken away: {status} {said.get('message', '')}")
