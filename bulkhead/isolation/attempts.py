"""Attempts: each way to try the wall, and what a server's answer to it means."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from bulkhead.isolation.credentials import TIMEOUT, open_database
from bulkhead.live import LiveError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bulkhead.isolation.credentials import Credential
    from bulkhead.live import Kubernetes, Live

Outcome = Literal["refused", "through", "undecided"]

_DRY = "dryRun=All"


@dataclass(frozen=True)
class Answer:
    """How an attempt ended.

    Args:
        outcome: `refused` for lack of a right; `through`; `undecided` where something else came between.
        said: what the server said, in one line.
    """

    outcome: Outcome
    said: str


def of_connection(said: str) -> Answer:
    """What PostgreSQL's refusal of a connection means; libpq has no code for it, only its text.

    The right to connect is checked before the database's own limit of connections.
    """
    line = said.rpartition("FATAL:")[2].strip().splitlines()[0] if said.strip() else "no answer"
    if "permission denied for database" in line or "pg_hba.conf" in line:
        return Answer("refused", line)
    if "too many connections for database" in line or "not currently accepting connections" in line:
        return Answer("through", line)
    return Answer("undecided", line)


def of_status(status: int, message: str) -> Answer:
    """What the API server's answer to a request means: it looks for rights before it looks for the object."""
    words = f"{status} {message}".strip()
    if status == HTTPStatus.FORBIDDEN:
        return Answer("refused", words)
    if status in (HTTPStatus.UNAUTHORIZED, 0) or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Answer("undecided", words)
    return Answer("through", words)


def connecting(credential: Credential, database: str, sslmode: str) -> Callable[[], Answer]:
    """Log in to a database with a delivered credential."""

    def run() -> Answer:
        psycopg: Any = import_module("psycopg")
        try:
            open_database(credential, database, sslmode=sslmode).close()
        except psycopg.OperationalError as error:
            return of_connection(str(error))
        return Answer("through", "connected")

    return run


def becoming(credential: Credential, role: str, sslmode: str) -> Callable[[], Answer]:
    """Become a role from a session on the credential's own database."""

    def run() -> Answer:
        psycopg: Any = import_module("psycopg")
        sql: Any = import_module("psycopg.sql")
        try:
            with open_database(credential, sslmode=sslmode) as session:
                session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        except psycopg.errors.InsufficientPrivilege as error:
            return Answer("refused", str(error).strip().splitlines()[0])
        except psycopg.Error as error:
            return Answer("undecided", (str(error).strip().splitlines() or ["no answer"])[0])
        return Answer("through", "it is that role now")

    return run


def logging_in(live: Live, auth_role: str, token: str) -> Callable[[], Answer]:
    """Log in at Vault with a service account's token."""

    def run() -> Answer:
        hvac: Any = import_module("hvac")
        try:
            session = live.vault_as(auth_role, token, timeout=TIMEOUT)
            session.auth.token.revoke_self()
        except hvac.exceptions.Forbidden as error:
            return Answer("refused", _line(error))
        except (hvac.exceptions.VaultError, OSError) as error:
            return Answer("undecided", _line(error))
        return Answer("through", "logged in")

    return run


def reading(session: Any, path: str) -> Callable[[], Answer]:
    """Read a path with a token of Vault's; what is leased by it ends with the token."""

    def run() -> Answer:
        hvac: Any = import_module("hvac")
        try:
            session.adapter.get(f"/v1/{path}")
        except hvac.exceptions.Forbidden as error:
            return Answer("refused", _line(error))
        except (hvac.exceptions.InvalidPath, hvac.exceptions.InvalidRequest) as error:
            return Answer("through", f"allowed, and answered: {_line(error)}")
        except (hvac.exceptions.VaultError, OSError) as error:
            return Answer("undecided", _line(error))
        return Answer("through", "read")

    return run


def asking(session: Kubernetes, method: str, path: str, body: object) -> Callable[[], Answer]:
    """Send a request to the API server in a service account's session."""

    def run() -> Answer:
        try:
            status, said = session.send(method, path, body)
        except LiveError as error:
            return Answer("undecided", str(error))
        reason = "" if status < HTTPStatus.BAD_REQUEST else str(said.get("reason") or said.get("message") or "")
        return of_status(status, reason)

    return run


def requests(
    namespace: str, secrets: Sequence[str], accounts: Sequence[str]
) -> Iterator[tuple[str, str, str, object]]:
    """What is asked of the API server about a namespace: in words, method, path and body; writes are dry runs."""
    place = f"/api/v1/namespaces/{namespace}"
    for what in ("secrets", "configmaps", "pods"):
        yield f"lists {what} of {namespace}", "GET", f"{place}/{what}?limit=1", None
    probe = {"metadata": {"name": "bulkhead-isolation-probe"}}
    config = {"apiVersion": "v1", "kind": "ConfigMap", **probe}
    yield f"writes a ConfigMap into {namespace} (dry run)", "POST", f"{place}/configmaps?{_DRY}", config
    policy: dict[str, Any] = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        **probe,
        "spec": {"podSelector": {}},
    }
    path = f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies?{_DRY}"
    yield f"writes a NetworkPolicy into {namespace} (dry run)", "POST", path, policy
    for secret in secrets:
        yield f"deletes Secret {namespace}/{secret} (dry run)", "DELETE", f"{place}/secrets/{secret}?{_DRY}", None
    asked: dict[str, Any] = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": []},
    }
    for account in accounts:
        path = f"{place}/serviceaccounts/{account}/token?{_DRY}"
        yield f"borrows service account {namespace}/{account} (dry run)", "POST", path, asked


def _line(error: Exception) -> str:
    said = getattr(error, "errors", None) or [str(error)]
    lines = str(said[0]).strip().splitlines() or [type(error).__name__]
    return lines[-1].strip("* \t")
