"""Credentials: what the pods of one environment really hold, taken from the live servers for the attack."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bulkhead.isolation.identities import described, namespace_of
from bulkhead.isolation.plain import listed, mapping
from bulkhead.live import LiveError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkhead.isolation.territory import Territory
    from bulkhead.live import Kubernetes

TIMEOUT = 5
"""Seconds that a server has to take or refuse an attempt."""

TOKEN_SECONDS = 600
"""How long a service account's token for an attack lives: the shortest that the API server gives."""

_ENDED = ("password authentication failed", "is not permitted to log in", "does not exist")
"""What PostgreSQL says to a login that is gone; of a role that does not exist as of a wrong password."""

_LIBPQ = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "dbname"}


@dataclass(frozen=True, kw_only=True)
class Credential:
    """A Secret as External Secrets delivered it to one namespace.

    Args:
        environment: whose it is.
        namespace: where it is.
        secret: its name.
        account: the service account that reads it from Vault.
        auth_role: as what that account logs in at Vault: `auth/kubernetes/role/a`.
        paths: the KV secrets that it is made from, below their mount.
        values: PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD and what else it has.
    """

    environment: str
    namespace: str
    secret: str
    account: str
    auth_role: str
    paths: tuple[str, ...]
    values: Mapping[str, str] = field(repr=False)

    @property
    def opens_database(self) -> bool:
        """Whether it has a login to a database; a cache's has none."""
        return "PGDATABASE" in self.values

    def __str__(self) -> str:
        return f"{self.namespace}/{self.secret}"


def delivered(territory: Territory, cluster: Kubernetes) -> list[Credential]:
    """All credentials that were delivered to one environment: those for good first, in order of their namespaces.

    Raises:
        LiveError: a Secret cannot be read.
    """
    stores = dict(_stores(territory))
    found: list[tuple[bool, Credential]] = []
    for one in territory.state.resources:
        if not one.type.endswith(":ExternalSecret"):
            continue
        spec, namespace = mapping(described(one).get("spec")), namespace_of(one)
        name = str(mapping(described(one).get("metadata")).get("name"))
        secret = str(mapping(spec.get("target")).get("name") or name)
        account, auth_role = stores.get(
            (namespace, str(mapping(spec.get("secretStoreRef")).get("name"))), ("", "")
        )
        held = cluster.get(f"/api/v1/namespaces/{namespace}/secrets/{secret}")
        if held is None or not account:
            continue
        data = {key: base64.b64decode(value).decode() for key, value in mapping(held.get("data")).items()}
        credential = Credential(
            environment=territory.name,
            namespace=namespace,
            secret=secret,
            account=account,
            auth_role=auth_role,
            paths=tuple(_paths(spec)),
            values=with_login(data),
        )
        found.append((spec.get("refreshPolicy") == "OnChange", credential))
    return [one for _, one in sorted(found, key=lambda pair: (pair[0], pair[1].namespace, pair[1].secret))]


def _stores(territory: Territory) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """The service account and the role at Vault of each SecretStore."""
    for one in territory.state.resources:
        if one.type.endswith(":SecretStore"):
            about = described(one)
            vault = mapping(mapping(mapping(about.get("spec")).get("provider")).get("vault"))
            login = mapping(mapping(vault.get("auth")).get("kubernetes"))
            account = str(mapping(login.get("serviceAccountRef")).get("name") or "")
            key = namespace_of(one), str(mapping(about.get("metadata")).get("name"))
            yield key, (account, f"auth/{login.get('mountPath') or 'kubernetes'}/role/{login.get('role')}")


def _paths(spec: Mapping[str, Any]) -> Iterator[str]:
    for source in map(mapping, [*listed(spec.get("dataFrom")), *listed(spec.get("data"))]):
        key = mapping(source.get("extract")).get("key") or mapping(source.get("remoteRef")).get("key")
        if key:
            yield str(key)


def with_login(values: dict[str, str]) -> dict[str, str]:
    """A Secret's values, and those of libpq's variables that stand in a database's URL among them."""
    url = next((value for value in values.values() if value.startswith(("postgresql://", "postgres://"))), None)
    if url is None or "PGDATABASE" in values:
        return values
    psycopg: Any = import_module("psycopg.conninfo")
    parts: dict[str, Any] = psycopg.conninfo_to_dict(url)
    return {**values, **{name: str(parts.get(part, "")) for name, part in _LIBPQ.items()}}


def open_database(credential: Credential, database: str = "", *, sslmode: str = "prefer") -> Any:
    """A session with a delivered credential.

    Raises:
        psycopg.OperationalError: the server refuses.
    """
    psycopg: Any = import_module("psycopg")
    values = {part: credential.values[name] for name, part in _LIBPQ.items()}
    return psycopg.connect(
        **{**values, "dbname": database or values["dbname"]},
        sslmode=sslmode,
        connect_timeout=TIMEOUT,
        autocommit=True,
        options="-c default_transaction_read_only=on",
    )


def has_ended(credential: Credential, *, sslmode: str) -> bool:
    """Whether a login is one no more: its lease is over, and its Secret is still there, as a migration's is."""
    psycopg: Any = import_module("psycopg")
    try:
        open_database(credential, sslmode=sslmode).close()
    except psycopg.OperationalError as error:
        return any(said in str(error) for said in _ENDED)
    return False


def logged_in_as(credential: Credential) -> str:
    """Log in with a delivered credential; the session's user."""
    with open_database(credential) as session:
        row = session.execute("SELECT session_user").fetchone()
    return str(row[0]) if row else ""


def token_of(cluster: Kubernetes, namespace: str, account: str) -> str:
    """A token of a service account, as a pod would have it.

    Raises:
        LiveError: the cluster gives none.
    """
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    request: dict[str, Any] = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": [], "expirationSeconds": TOKEN_SECONDS},
    }
    status, said = cluster.send("POST", path, request)
    if status != HTTPStatus.CREATED:
        raise LiveError(f"no token of service account {namespace}/{account}: {said.get('message', status)}")
    return str(mapping(said.get("status")).get("token"))
