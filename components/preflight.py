"""Preflight: one look at each server before anything is registered.

An unreachable cluster can give a green preview, and a PostgreSQL end point may lead to a replica; both are
errors here, all of them in one message, before any resource is touched.
"""

import http.client
import json
import os
import ssl
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from components import kubeconfig
from components.environment import Environment
from components.errors import PlatformError
from components.platform import Platform

TIMEOUT = 5
"""Seconds that one server has for one answer."""

_VAULT_STATES = {501: "not initialised", 503: "sealed"}


def check(platform: Platform) -> None:
    """Ask the API server, Vault and PostgreSQL whether they are ready, side by side.

    Raises:
        PlatformError: a line for each server that is not, with its address and what to look at.
    """
    probes = (kubernetes, vault, postgresql)
    with ThreadPoolExecutor(len(probes)) as threads:
        answers = [threads.submit(_fault, probe, platform) for probe in probes]
    if faults := [fault for answer in answers if (fault := answer.result())]:
        raise PlatformError("\n".join(faults))


def _fault(probe: Callable[[Platform], None], platform: Platform) -> str:
    try:
        probe(platform)
    except PlatformError as error:
        return str(error)
    return ""


def kubernetes(platform: Platform) -> None:
    """The API server says that it is ready; an answer of 401 or 403 shows as well that it is there."""
    context = kubeconfig.read(platform.kubernetes.context)
    status, _ = _get(context.server, "/readyz", context.trust(), what="Kubernetes API server")
    if status not in (200, 401, 403):
        raise PlatformError(f"Kubernetes API server {context.server} is not ready: /readyz answers {status}")


def vault(platform: Platform) -> None:
    """Vault is unsealed, and there is a token that it takes."""
    address = platform.vault.address
    try:
        trust = ssl.create_default_context(cafile=os.environ.get("VAULT_CACERT") or None)
    except OSError as error:
        raise PlatformError(
            f"VAULT_CACERT is {os.environ['VAULT_CACERT']!r}, which cannot be used: {error}"
        ) from None
    status, _ = _get(address, "/v1/sys/health?standbyok=true", trust, what="Vault")
    if status != http.client.OK:
        state = _VAULT_STATES.get(status, f"unhealthy, /v1/sys/health answers {status}")
        raise PlatformError(f"Vault {address} is {state}")
    token = os.environ.get("VAULT_TOKEN", "") or _token_file()
    if not token:
        raise PlatformError("VAULT_TOKEN is not set and there is no ~/.vault-token; log in with: vault login")
    status, _ = _get(address, "/v1/auth/token/lookup-self", trust, what="Vault", headers={"X-Vault-Token": token})
    if status != http.client.OK:
        raise PlatformError(f"Vault {address} refuses the token ({status}); log in again with: vault login")


def postgresql(platform: Platform) -> None:
    """The write end point leads to a primary, for the administrator that PG* variables name."""
    import psycopg  # noqa: PLC0415 - its import overlaps with the other servers' answers

    write = platform.postgresql.write
    where = f"PostgreSQL {write.host}:{write.port}"
    for name in ("PGUSER", "PGPASSWORD"):
        if not os.environ.get(name):
            raise PlatformError(f"{name} is not set; it gives the administrator of {where}")
    try:
        with psycopg.connect(
            host=write.host,
            port=write.port,
            dbname=os.environ.get("PGDATABASE", "postgres"),
            sslmode=platform.postgresql.sslmode,
            connect_timeout=TIMEOUT,
        ) as connection:
            row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
        raise PlatformError(f"{where} cannot be used: {reason[0]}") from None
    if row != (False,):
        raise PlatformError(f"{where} is a replica; the write end point must lead to the primary")


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
    for name in names:
        path = f"/api/v1/namespaces/{name}"
        status, body = _get(context.server, path, trust, what="Kubernetes API server", headers=headers)
        if status == http.client.NOT_FOUND:
            continue
        if status != http.client.OK:
            raise PlatformError(f"namespace {name} cannot be read: {context.server} answers {status}")
        labels: dict[str, str] = json.loads(body)["metadata"].get("labels", {})
        if any(labels.get(key) != value for key, value in wanted.items()):
            owner = f"{labels.get('bulkhead.dev/system', '?')}/{labels.get('bulkhead.dev/environment', '?')}"
            raise PlatformError(
                f"namespace {name} exists and belongs to {owner}, "
                f"not to {environment.system}/{environment.name}; delete it, or label it to hand it over: "
                f"kubectl label namespace {name} " + " ".join(f"{k}={v}" for k, v in wanted.items())
            )


def _get(
    address: str,
    path: str,
    trust: ssl.SSLContext | None = None,
    *,
    what: str,
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes]:
    """The status and the body with which a server answers a GET."""
    url = urlsplit(address)
    host = url.hostname or ""
    connection = (
        http.client.HTTPSConnection(host, url.port, timeout=TIMEOUT, context=trust)
        if url.scheme == "https"
        else http.client.HTTPConnection(host, url.port, timeout=TIMEOUT)
    )
    try:
        connection.request("GET", url.path + path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise PlatformError(f"{what} {address} does not answer: {error}") from None
    finally:
        connection.close()


def _token_file() -> str:
    file = Path.home() / ".vault-token"
    return file.read_text(encoding="utf-8").strip() if file.is_file() else ""
