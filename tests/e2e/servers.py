"""The sandbox's three servers, looked at and changed as a person would: kubernetes, hvac, psycopg."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any

import hvac
import psycopg
from kubernetes import client, config

from sandbox.platform import Sandbox


@dataclass
class Servers:
    """Administrators' access to one sandbox."""

    sandbox: Sandbox
    environment: Mapping[str, str]

    @cached_property
    def kubernetes(self) -> Any:
        """An API client with the administrator's rights; make the API that is needed from it."""
        return config.new_client_from_config(config_file=self.environment["KUBECONFIG"])

    @cached_property
    def core(self) -> Any:
        return client.CoreV1Api(self.kubernetes)

    @cached_property
    def vault(self) -> hvac.Client:
        return hvac.Client(url=self.environment["VAULT_ADDR"], token=self.environment["VAULT_TOKEN"])

    @contextmanager
    def database(self, name: str = "postgres", *, user: str = "", password: str = "") -> Iterator[Any]:
        """A session, the administrator's unless a user is given; each statement commits by itself."""
        env = self.environment
        with psycopg.connect(
            host=env["PGHOST"],
            port=env["PGPORT"],
            dbname=name,
            user=user or env["PGUSER"],
            password=password or env["PGPASSWORD"],
            sslmode=env["PGSSLMODE"],
            connect_timeout=5,
            autocommit=True,
        ) as connection:
            yield connection

    def secret(self, namespace: str, name: str) -> dict[str, str]:
        """A Kubernetes Secret's values in the clear."""
        data = self.core.read_namespaced_secret(name, namespace).data or {}
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def object(self, address: str, patch: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The object of any kind at an address of the API, after a change of it if there is one to make."""
        api = self.kubernetes
        headers = {"Accept": "application/json"}
        if patch is not None:
            headers["Content-Type"] = "application/merge-patch+json"
        api.update_params_for_auth(headers, [], ["BearerToken"], address, "", None)
        method, url = "GET" if patch is None else "PATCH", api.configuration.host + address
        answer = api.call_api(method, url, headers, patch)
        said = json.loads(answer.read())
        assert answer.status == HTTPStatus.OK, said
        return said

    def token(self, namespace: str, service_account: str) -> str:
        """A token of a service account, as the cluster gives it to a pod."""
        request = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=[]))
        answer = self.core.create_namespaced_service_account_token(service_account, namespace, request)
        return str(answer.status.token)

    def vault_as(self, namespace: str, service_account: str, role: str) -> hvac.Client:
        """Vault with the rights that a service account has there once it has logged in for an auth role."""
        mine = hvac.Client(url=self.environment["VAULT_ADDR"])
        mine.auth.kubernetes.login(role=role, jwt=self.token(namespace, service_account))
        return mine

    def kubernetes_as(self, token: str) -> Any:
        """An API client with a token's rights alone."""
        settings = client.Configuration()
        mine = self.kubernetes.configuration
        settings.host, settings.ssl_ca_cert = mine.host, mine.ssl_ca_cert
        settings.api_key = {"authorization": f"Bearer {token}"}
        return client.ApiClient(settings)
