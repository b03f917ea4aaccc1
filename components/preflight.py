"""Preflight: one look at each server before anything is registered.

An unreachable cluster can give a green preview, and a PostgreSQL end point may lead to a replica; both are
errors here, all of them in one message, before any resource is touched. What else is to be known of a server
(which one it is, what it is set to, what was there before us) is asked over the same connection.
"""

import os
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import Any, LiteralString, TypeVar, cast

from components import adoption_survey, audit, expected_secrets, kubeconfig, requirements, rotation
from components.adoption_plan import Plan
from components.database_session import open_database
from components.environment import Environment
from components.errors import PlatformError
from components.identity import Identity
from components.platform import Platform
from components.server import Server
from components.values import Credentials

Answer = TypeVar("Answer")

_VAULT_STATES = {501: "not initialised", 503: "sealed"}
_CAPACITY = ("max_connections", "superuser_reserved_connections", "reserved_connections")

_POSTGRESQL: LiteralString = """
SELECT pg_is_in_recovery(),
  (SELECT system_identifier::text FROM pg_control_system()),
  (SELECT json_object_agg(name, json_build_object('name', name, 'setting', setting, 'unit', unit, 'kind', vartype,
     'choices', coalesce(enumvals, '{}'), 'shown', coalesce(current_setting(name, true), setting)))
     FROM pg_settings WHERE name = ANY (%(settings)s)),
  (SELECT json_agg(name) FROM pg_settings WHERE %(asks)s),
  (SELECT json_object_agg(name, versions) FROM (SELECT name, json_agg(version ORDER BY version) AS versions
     FROM pg_available_extension_versions GROUP BY name) AS extension),
  ("""


@dataclass(frozen=True, kw_only=True)
class Questions:
    """What is asked of the servers.

    Args:
        platform: the servers.
        environment: whose databases that were there before are looked for.
        secrets: keys that Vault must have, by path below the KV mount.
        credentials: the stack's, whose rotation must be the present one or the next.
    """

    platform: Platform
    environment: Environment | None = None
    secrets: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    credentials: Credentials | None = None

    @property
    def is_production(self) -> bool:
        """Whether what is not as it should be is an error."""
        return self.environment is not None and self.environment.is_production


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the servers say.

    Args:
        identity: which servers they are.
        max_connections: how many connections PostgreSQL has for those who are no superuser; None where it is not
            known.
        extensions: the versions of each extension that PostgreSQL has; None where it is not known.
        warnings: what is not as it should be, or could not be decided, and stops nobody.
        adoptions: how databases that were there before are adopted, by part.
    """

    identity: Identity
    max_connections: int | None = None
    extensions: Mapping[str, Sequence[str]] | None = None
    warnings: tuple[str, ...] = ()
    adoptions: Mapping[str, Plan] = field(default_factory=dict[str, Plan])


@dataclass(frozen=True, kw_only=True)
class _OfVault:
    identity: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _OfPostgresql:
    identity: str
    max_connections: int
    extensions: Mapping[str, Sequence[str]] | None
    warnings: tuple[str, ...]
    adoptions: Mapping[str, Plan]


def check(asked: Questions) -> Found:
    """Ask the API server, Vault and PostgreSQL whether they are ready and what they are, side by side.

    Raises:
        PlatformError: a line for each server that is not, with its address and what to look at.
    """
    with ThreadPoolExecutor(3) as threads:
        cluster = threads.submit(_tried, kubernetes, asked)
        secrets = threads.submit(_tried, vault, asked)
        databases = threads.submit(_tried, postgresql, asked)
    answers = (cluster.result(), secrets.result(), databases.result())
    if faults := [str(answer) for answer in answers if isinstance(answer, PlatformError)]:
        raise PlatformError("\n".join(faults))
    of_cluster, of_vault, of_postgresql = cast("tuple[str, _OfVault, _OfPostgresql]", answers)
    return Found(
        identity=Identity(kubernetes=of_cluster, vault=of_vault.identity, postgresql=of_postgresql.identity),
        max_connections=of_postgresql.max_connections,
        extensions=of_postgresql.extensions,
        warnings=(*of_vault.warnings, *of_postgresql.warnings),
        adoptions=of_postgresql.adoptions,
    )


def _tried(probe: Callable[[Questions], Answer], asked: Questions) -> Answer | PlatformError:
    try:
        return probe(asked)
    except PlatformError as error:
        return error


def kubernetes(asked: Questions) -> str:
    """The API server is ready; the uid of its namespace kube-system, which tells it from every other cluster."""
    context = kubeconfig.read(asked.platform.kubernetes.context)
    trust = context.trust()
    headers = context.identify(trust)
    with Server("Kubernetes API server", context.server, trust) as server:
        # Who may not ask this is answered with 401 or 403, which shows as well that it is there.
        status, _ = server.get("/readyz", headers)
        if status not in (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise PlatformError(f"Kubernetes API server {context.server} is not ready: /readyz answers {status}")
        status, body = server.get("/api/v1/namespaces/kube-system", headers)
        if status != HTTPStatus.OK:
            raise PlatformError(
                f"which cluster {context.server} is cannot be told: namespace kube-system answers {status}; "
                f"the user of context {context.name!r} needs get on namespaces"
            )
        return str(server.read(body)["metadata"]["uid"])


def vault(asked: Questions) -> _OfVault:
    """Vault is unsealed, takes our token, logs who asks it, and has what people had to put into it."""
    platform = asked.platform
    try:
        trust = ssl.create_default_context(cafile=os.environ.get("VAULT_CACERT") or None)
    except OSError as error:
        raise PlatformError(
            f"VAULT_CACERT is {os.environ['VAULT_CACERT']!r}, which cannot be used: {error}"
        ) from None
    with Server("Vault", platform.vault.address, trust) as server:
        status, body = server.get("/v1/sys/health?standbyok=true")
        if status != HTTPStatus.OK:
            state = _VAULT_STATES.get(status, f"unhealthy, /v1/sys/health answers {status}")
            raise PlatformError(f"Vault {server.address} is {state}")
        identity = server.read(body).get("cluster_id")
        if not identity:
            raise PlatformError(
                f"which Vault {server.address} is cannot be told: /v1/sys/health has no cluster_id"
            )
        token = os.environ.get("VAULT_TOKEN", "") or _token_file()
        if not token:
            raise PlatformError("VAULT_TOKEN is not set and there is no ~/.vault-token; log in with: vault login")
        headers = {"X-Vault-Token": token}
        status, _ = server.get("/v1/auth/token/lookup-self", headers)
        if status != HTTPStatus.OK:
            raise PlatformError(
                f"Vault {server.address} refuses the token ({status}); log in again with: vault login"
            )
        expected_secrets.refuse_missing(server, headers, platform.vault.kv_mount, asked.secrets)
        if asked.environment and asked.credentials:
            mount = platform.vault.kv_mount
            rotation.refuse_leap(server, headers, mount, asked.environment, asked.credentials)
        said = audit.unaudited(server, headers, demanded=asked.is_production)
    return _OfVault(identity=str(identity), warnings=(said,) if said else ())


def postgresql(asked: Questions) -> _OfPostgresql:
    """The write end point leads to a primary that is set as it must be, for the administrator of PG* variables."""
    psycopg: Any = import_module("psycopg")  # its import overlaps with the other servers' answers
    platform, environment = asked.platform, asked.environment
    where = f"PostgreSQL {platform.postgresql.write.host}:{platform.postgresql.write.port}"
    for name in ("PGUSER", "PGPASSWORD"):
        if not os.environ.get(name):
            raise PlatformError(f"{name} is not set; it gives the administrator of {where}")
    required = platform.postgresql.requires
    values = {
        "settings": [*_CAPACITY, *required],
        "asks": bool(required),
        **(adoption_survey.survey_of(environment) if environment else {"databases": [], "roles": []}),
    }
    try:
        with open_database(platform, os.environ.get("PGDATABASE", "postgres")) as connection:
            row: Any = connection.execute(_POSTGRESQL + adoption_survey.SURVEY + ")", values).fetchone()
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
        raise PlatformError(f"{where} cannot be used: {reason[0]}") from None
    recovering, identity, settings, known, extensions, survey = row
    if recovering:
        raise PlatformError(f"{where} is a replica; the write end point must lead to the primary")
    found = {name: requirements.Setting(**about) for name, about in settings.items()}
    faults = [f"{where}: {fault}" for fault in requirements.unmet(required, found, known or ())]
    if faults and asked.is_production:
        raise PlatformError("\n".join(faults))
    capacity, *reserved = (int(found[name].setting) if name in found else 0 for name in _CAPACITY)
    return _OfPostgresql(
        identity=identity,
        max_connections=capacity - sum(reserved),
        extensions=extensions,
        warnings=tuple(faults),
        adoptions=adoption_survey.plans(platform, environment, survey) if environment else {},
    )


def refuse_foreign_namespaces(platform: Platform, environment: Environment, names: Iterable[str]) -> None:
    """Refuse a namespace that is there already and is not this environment's.

    Server-side apply would merge with it instead of failing.

    Raises:
        PlatformError: the namespace, and what to do.
    """
    context = kubeconfig.read(platform.kubernetes.context)
    trust = context.trust()
    headers = context.identify(trust)
    wanted = {"bulkhead.dev/system": environment.system, "bulkhead.dev/environment": environment.name}
    with Server("Kubernetes API server", context.server, trust) as server:
        for name in names:
            status, body = server.get(f"/api/v1/namespaces/{name}", headers)
            if status == HTTPStatus.NOT_FOUND:
                continue
            if status != HTTPStatus.OK:
                raise PlatformError(f"namespace {name} cannot be read: {context.server} answers {status}")
            labels: dict[str, str] = server.read(body)["metadata"].get("labels", {})
            if any(labels.get(key) != value for key, value in wanted.items()):
                owner = f"{labels.get('bulkhead.dev/system', '?')}/{labels.get('bulkhead.dev/environment', '?')}"
                raise PlatformError(
                    f"namespace {name} exists and belongs to {owner}, "
                    f"not to {environment.system}/{environment.name}; delete it, or label it to hand it over: "
                    f"kubectl label namespace {name} " + " ".join(f"{k}={v}" for k, v in wanted.items())
                )


def _token_file() -> str:
    file = Path.home() / ".vault-token"
    return file.read_text(encoding="utf-8").strip() if file.is_file() else ""
