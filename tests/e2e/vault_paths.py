"""Every path that a Vault has, as root finds them, and what one token may do with each."""

import http.client
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

OPERATIONS = {"read": "GET", "list": "LIST", "create or update": "POST", "patch": "PATCH", "delete": "DELETE"}
"""What may be done with a path, and how it is asked for."""

_IMPOSSIBLE = (HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED)
"""The answers to what a token may not do, and to what nobody can do with such a path."""

KV = ("data", "metadata", "subkeys", "delete", "undelete", "destroy")
DATABASE = (
    "config",
    "roles",
    "creds",
    "static-roles",
    "static-creds",
    "rotate-root",
    "rotate-role",
    "reset",
    "reload",
)
TOKENS = (
    "create",
    "create-orphan",
    "lookup",
    "accessors",
    "roles",
    "renew-self",
    "renew",
    "revoke",
    "revoke-orphan",
    "tidy",
)
IDENTITY = (
    "entity",
    "entity/id",
    "entity/name",
    "entity-alias",
    "group",
    "group/id",
    "group/name",
    "oidc/key",
    "oidc/config",
    "lookup/entity",
    "persona",
)
SYSTEM = (
    "audit",
    "auth",
    "capabilities",
    "capabilities-self",
    "capabilities-accessor",
    "config/auditing/request-headers",
    "config/cors",
    "config/ui/headers",
    "ha-status",
    "host-info",
    "in-flight-req",
    "internal/counters/activity",
    "internal/counters/tokens",
    "key-status",
    "leader-history",
    "leases",
    "leases/count",
    "leases/lookup",
    "leases/renew",
    "leases/revoke",
    "loggers",
    "metrics",
    "mounts",
    "plugins/catalog",
    "policies/acl",
    "policies/password",
    "policy",
    "quotas/config",
    "quotas/rate-limit",
    "raw",
    "remount",
    "renew",
    "revoke",
    "rotate",
    "seal",
    "storage/raft/configuration",
    "sync",
    "tools/hash",
    "tools/random",
    "version-history",
    "wrapping/wrap",
)
"""The end points of `sys` that need a right; health answers anybody, and so does step-down of one server alone."""


class Asker:
    """One token, and one connection to ask with."""

    def __init__(self, address: str, token: str) -> None:
        url = urlsplit(address)
        self._connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=30)
        self._headers = {"X-Vault-Token": token, "Content-Type": "application/merge-patch+json"}

    def ask(self, method: str, path: str) -> tuple[int, Any]:
        """The status and the answer of one request; what may be changed is sent nothing."""
        body = "{}" if method in ("POST", "PATCH") else None
        self._connection.request(method, f"/v1/{quote(path)}", body, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else {}

    def may(self, path: str) -> Iterator[str]:
        """What this token may do with a path: what is not refused, and can be done with it at all."""
        for operation, method in OPERATIONS.items():
            if self.ask(method, path)[0] not in _IMPOSSIBLE:
                yield operation

    def names(self, path: str) -> list[str]:
        """What stands below a path."""
        status, answer = self.ask("LIST", path)
        return list(answer["data"]["keys"]) if status == HTTPStatus.OK else []

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


@dataclass(frozen=True)
class Survey:
    """All paths of one Vault.

    Args:
        root: who may see them all.
    """

    root: Asker

    def paths(self) -> set[str]:
        """Every path, folders among them, whose holder could read or change something."""
        return {path.strip("/") for path in self._all()}

    def _all(self) -> Iterator[str]:
        mounts = self.root.ask("GET", "sys/mounts")[1]["data"]
        for mount, about in mounts.items():
            yield f"sys/mounts/{mount}"
            yield f"sys/mounts/{mount}tune"
            yield f"sys/leases/lookup/{mount}"
            yield f"sys/leases/revoke-prefix/{mount}"
            yield f"sys/leases/revoke-force/{mount}"
            if about["type"] == "kv":
                yield from self._kv(mount.strip("/"))
            if about["type"] == "database":
                yield from self._database(mount.strip("/"))
        for method in self.root.ask("GET", "sys/auth")[1]["data"]:
            yield from (
                f"sys/auth/{method}",
                f"sys/auth/{method}tune",
                f"auth/{method}config",
                f"auth/{method}role",
            )
            yield from (f"auth/{method}role/{name}" for name in self.root.names(f"auth/{method}role"))
        yield from (f"auth/token/{name}" for name in TOKENS)
        yield from (f"identity/{name}" for name in IDENTITY)
        yield from (f"identity/{kind}/id/{one}" for kind in ("entity", "group") for one in self._ids(kind))
        yield from (f"sys/{name}" for name in SYSTEM)
        yield from (f"sys/policies/acl/{name}" for name in self.root.names("sys/policies/acl"))
        yield from (f"sys/audit/{name}" for name in self.root.ask("GET", "sys/audit")[1]["data"])
        yield from (f"cubbyhole/{name}" for name in ("", "any"))

    def _ids(self, kind: str) -> list[str]:
        return self.root.names(f"identity/{kind}/id")

    def _kv(self, mount: str) -> Iterator[str]:
        yield f"{mount}/config"
        for path in self._below(f"{mount}/metadata"):
            yield from (f"{mount}/{kind}{path}" for kind in KV)

    def _below(self, top: str, folder: str = "") -> Iterator[str]:
        yield folder
        for name in self.root.names(f"{top}{folder}"):
            path = f"{folder}/{name.strip('/')}"
            yield from self._below(top, path) if name.endswith("/") else (path,)

    def _database(self, mount: str) -> Iterator[str]:
        yield from (f"{mount}/{kind}" for kind in DATABASE)
        names = {name for kind in ("config", "roles") for name in self.root.names(f"{mount}/{kind}")}
        yield from (f"{mount}/{kind}/{name}" for kind in DATABASE for name in names)


def rights(asker: Asker, paths: Iterable[str]) -> set[str]:
    """What a token may do with these paths: `read secret/data/keybuzz/dev/db_api`."""
    return {f"{operation} {path}" for path in sorted(paths) for operation in asker.may(path)}
