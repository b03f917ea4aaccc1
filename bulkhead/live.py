"""Live servers: the three that a stack belongs to, as its administrator sees them.

Addresses come from the providers in the stack's state; credentials too where they stand there in the clear, and
else from where the providers take them: KUBECONFIG, VAULT_TOKEN, PGUSER and PGPASSWORD.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from copy import copy
from functools import cached_property
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bulkhead.errors import CommandError
from bulkhead.state import SECRET

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from bulkhead.state import State

TIMEOUT = 10
"""Seconds that a server has for one answer."""


class LiveError(CommandError):
    """A server cannot be asked."""


class Kubernetes:
    """An API server, asked by the addresses of its objects.

    Args:
        context: the kubeconfig's context; empty for its current one.
        kubeconfig: a kubeconfig's path or its text; empty for what KUBECONFIG names.
    """

    def __init__(self, context: str, kubeconfig: str = "") -> None:
        library: Any = import_module("kubernetes")
        files = kubeconfig or os.environ.get("KUBECONFIG", "~/.kube/config")
        try:
            if "\n" in files or files.startswith("{"):
                known: Any = import_module("yaml").safe_load(files)
                self._client = library.config.new_client_from_config_dict(known, context=context or None)
            else:
                self._client = library.config.new_client_from_config(config_file=files, context=context or None)
        except library.config.ConfigException as error:
            raise LiveError(f"KUBECONFIG: context {context!r}: {error}") from None
        self.host = str(self._client.configuration.host)
        # Only reads are tried again: what is lost on its way back may have been done.
        self._client.configuration.retries = 2

    @property
    def client(self) -> Any:
        """The official client's own session, for its typed APIs."""
        return self._client

    def with_token(self, token: str) -> Kubernetes:
        """The same API server with a service account's rights alone."""
        settings: Any = import_module("kubernetes").client.Configuration()
        known = self._client.configuration
        settings.host, settings.ssl_ca_cert, settings.verify_ssl = known.host, known.ssl_ca_cert, known.verify_ssl
        settings.api_key = {"authorization": f"Bearer {token}"}
        settings.retries = 2
        other = copy(self)
        other._client = import_module("kubernetes").client.ApiClient(settings)  # noqa: SLF001 - its own class
        return other

    def get(self, path: str) -> dict[str, Any] | None:
        """The object at a path such as `/api/v1/namespaces/a`; None where there is none."""
        status, said = self.send("GET", path)
        if status == HTTPStatus.NOT_FOUND:
            return None
        if status != HTTPStatus.OK:
            raise LiveError(f"Kubernetes {self.host}{path} answers {status}: {said.get('message', '')}")
        return said

    def list(self, path: str) -> list[dict[str, Any]]:
        """The objects of a collection, of all pages; none where the cluster does not know the kind."""
        found: list[dict[str, Any]] = []
        more = ""
        while True:
            page = self.get(f"{path}{'&' if '?' in path else '?'}limit=500{more}") or {}
            found += page.get("items") or []
            metadata: dict[str, str] = page.get("metadata") or {}
            token = metadata.get("continue")
            if not token:
                return found
            more = f"&continue={token}"

    def send(
        self, method: str, path: str, body: object = None, *, kind: str = "application/json"
    ) -> tuple[int, dict[str, Any]]:
        """A request; its status and the object that answers it.

        Args:
            method: the HTTP method.
            path: of an object or a collection, with its query.
            body: an object of JSON, if there is one to send.
            kind: the body's content type.
        """
        headers = {"Accept": "application/json", **({"Content-Type": kind} if body is not None else {})}
        self._client.update_params_for_auth(headers, [], ["BearerToken"], path, "", None)
        library: Any = import_module("kubernetes")
        try:
            answer = self._client.call_api(method, self.host + path, headers, body, _request_timeout=TIMEOUT)
        except library.client.ApiException as error:
            return int(error.status or 0), _object(error.body)
        except (OSError, import_module("urllib3").exceptions.HTTPError) as error:
            raise LiveError(f"Kubernetes {self.host} does not answer: {error}") from None
        return int(answer.status), _object(answer.read())


class Live:
    """The servers of one platform.

    Args:
        context: the kubeconfig's context; empty for its current one.
        vault: Vault's address.
        host: the write end point.
        port: the write end point's port.
        sslmode: libpq's.
        kubeconfig: a kubeconfig's path or text, where a provider has one; else KUBECONFIG.
        token: Vault's token, where a provider has one in the clear; else VAULT_TOKEN or `vault login`'s.
        user: PostgreSQL's administrator, where a provider names one; else PGUSER.
    """

    def __init__(
        self,
        *,
        context: str,
        vault: str,
        host: str,
        port: int,
        sslmode: str = "require",
        kubeconfig: str = "",
        token: str = "",
        user: str = "",
    ) -> None:
        self._context, self._kubeconfig = context, kubeconfig
        self._vault, self._token = vault, token
        self.host, self.port, self._sslmode, self._user = host, port, sslmode, user

    @classmethod
    def of(cls, state: State) -> Live:
        """The servers that a stack's providers name.

        Raises:
            LiveError: the state has no provider of one of them.
        """
        inputs = {package: provider.inputs for package, provider in state.providers.items()}
        for package in ("kubernetes", "vault", "postgresql"):
            if package not in inputs:
                raise LiveError(f"stack {state.stack} has no provider of {package}; has it been applied?")
        database = inputs["postgresql"]
        return cls(
            context=_given(inputs["kubernetes"], "context"),
            kubeconfig=_given(inputs["kubernetes"], "kubeconfig"),
            vault=_given(inputs["vault"], "address") or os.environ.get("VAULT_ADDR", ""),
            token=_given(inputs["vault"], "token"),
            host=_given(database, "host") or os.environ.get("PGHOST", ""),
            port=int(_given(database, "port") or os.environ.get("PGPORT", "5432")),
            sslmode=_given(database, "sslmode") or os.environ.get("PGSSLMODE", "require"),
            user=_given(database, "username"),
        )

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What tells one platform from another: two stacks with one key share their servers."""
        return f"{self._kubeconfig}{self._context}", self._vault, self.host, self.port

    @property
    def sslmode(self) -> str:
        """How libpq secures a session."""
        return self._sslmode

    @property
    def user(self) -> str:
        """PostgreSQL's administrator; empty where libpq's own default holds."""
        return self._user or os.environ.get("PGUSER", "")

    @cached_property
    def kubernetes(self) -> Kubernetes:
        """The API server."""
        return Kubernetes(self._context, self._kubeconfig)

    @cached_property
    def vault(self) -> Any:
        """Vault, as an hvac client with the administrator's token.

        Raises:
            LiveError: there is no token, or Vault does not take it.
        """
        hvac: Any = import_module("hvac")
        file = Path.home() / ".vault-token"
        token = (
            self._token
            or os.environ.get("VAULT_TOKEN")
            or (file.read_text(encoding="utf-8").strip() if file.is_file() else "")
        )
        trust = os.environ.get("VAULT_CACERT") or True
        client = hvac.Client(url=self._vault, token=token, timeout=TIMEOUT, verify=trust)
        try:
            if not client.is_authenticated():
                raise LiveError(f"Vault {self._vault} refuses the token; log in again with: vault login")
        except OSError as error:
            raise LiveError(f"Vault {self._vault} does not answer: {error}") from None
        return client

    def vault_as(self, auth_role: str, token: str, *, timeout: int = TIMEOUT) -> Any:
        """Vault with the rights that a service account has there once it has logged in.

        Args:
            auth_role: for what it logs in, such as `auth/kubernetes/role/a`.
            token: the service account's, of the API server.
            timeout: seconds that Vault has for one answer.

        Raises:
            hvac.exceptions.VaultError: Vault refuses.
        """
        hvac: Any = import_module("hvac")
        session = hvac.Client(url=self._vault, timeout=timeout, verify=os.environ.get("VAULT_CACERT") or True)
        session.token = None  # hvac would take the administrator's from the environment
        mount, _, role = auth_role.removeprefix("auth/").rpartition("/role/")
        session.auth.kubernetes.login(role=role, jwt=token, mount_point=mount)
        return session

    @contextmanager
    def database(self, name: str = "postgres") -> Generator[Any]:
        """A session of the administrator in a database; each statement commits by itself.

        Raises:
            LiveError: the server cannot be used.
        """
        psycopg: Any = import_module("psycopg")
        where = f"PostgreSQL {self.host}:{self.port}/{name}"
        try:
            connection = psycopg.connect(
                host=self.host,
                port=self.port,
                dbname=name,
                user=self._user or None,
                sslmode=self.sslmode,
                connect_timeout=TIMEOUT,
                autocommit=True,
            )
        except psycopg.OperationalError as error:
            reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
            raise LiveError(f"{where} cannot be used: {reason[0]}") from None
        with connection:
            yield connection


def _given(inputs: Mapping[str, Any], key: str) -> str:
    """A provider's input; empty where it is left to the environment, or where the state has it encrypted."""
    value = inputs.get(key)
    return "" if value in (None, SECRET) else str(value)


def _object(body: object) -> dict[str, Any]:
    if not body:
        return {}
    try:
        found: object = json.loads(cast("bytes | str", body))
    except ValueError:
        return {"message": str(body)[:500]}
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}  # pyright: ignore[reportReturnType]
