"""The wall between two environments, tried with real credentials; each attempt must be refused."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import psycopg
import psycopg.conninfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# These clients have no types, or types that say nothing.
hvac: Any = import_module("hvac")
kubernetes: Any = import_module("kubernetes")
client = kubernetes.client

_TIMEOUT = 5
_FORBIDDEN = 403


@dataclass(frozen=True, kw_only=True)
class Credential:
    """A Secret as External Secrets delivered it to one namespace.

    Args:
        environment: whose it is.
        namespace: where it is.
        secret: its name.
        account: the service account that reads it from Vault.
        principal: that account's role at Vault.
        path: the KV secret's path below its mount.
        values: PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD and what else it has.
    """

    environment: str
    namespace: str
    secret: str
    account: str
    principal: str
    path: str
    values: Mapping[str, str]

    @property
    def opens_database(self) -> bool:
        """Whether it has a login to a database; a cache's has none."""
        return "PGDATABASE" in self.values


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try to cross the wall.

    Args:
        what: what was tried.
        refused: whether it was refused.
        answer: what the server said.
    """

    what: str
    refused: bool
    answer: str


class Cluster:
    """The cluster that all environments stand on, as its administrator."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._session = kubernetes.config.new_client_from_config(config_file=variables["KUBECONFIG"])
        self._core = client.CoreV1Api(self._session)
        self._custom = client.CustomObjectsApi(self._session)

    def credentials(self, system: str, environment: str) -> list[Credential]:
        """All credentials that were delivered to one environment, in order of their namespaces."""
        labels = f"bulkhead.dev/system={system},bulkhead.dev/environment={environment}"
        listed = self._custom.list_cluster_custom_object(
            "external-secrets.io", "v1", "externalsecrets", label_selector=labels
        )
        found = [self._credential(environment, item) for item in listed["items"]]
        return sorted(found, key=lambda credential: credential.namespace)

    def _credential(self, environment: str, item: dict[str, Any]) -> Credential:
        namespace, secret = item["metadata"]["namespace"], item["spec"]["target"]["name"]
        store = self._custom.get_namespaced_custom_object(
            "external-secrets.io", "v1", namespace, "secretstores", item["spec"]["secretStoreRef"]["name"]
        )
        login = store["spec"]["provider"]["vault"]["auth"]["kubernetes"]
        data = self._core.read_namespaced_secret(secret, namespace).data
        return Credential(
            environment=environment,
            namespace=namespace,
            secret=secret,
            account=login["serviceAccountRef"]["name"],
            principal=login["role"],
            path=item["spec"]["dataFrom"][0]["extract"]["key"],
            values=with_login({key: base64.b64decode(value).decode() for key, value in data.items()}),
        )

    def token(self, credential: Credential) -> str:
        """A token of the credential's service account, as a pod would have it."""
        request = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=[]))
        answer = self._core.create_namespaced_service_account_token(
            credential.account, credential.namespace, request
        )
        return str(answer.status.token)

    def attempts(self, mine: Credential, theirs: Credential) -> Iterator[Attempt]:
        """Try to reach `theirs` with what the holder of `mine` has."""
        token = self.token(mine)
        if mine.opens_database and theirs.opens_database:
            yield self._database(mine, theirs)
        yield self._vault_role(token, mine, theirs)
        yield self._vault_path(token, mine, theirs)
        yield self._secret(token, mine, theirs)

    def _database(self, mine: Credential, theirs: Credential) -> Attempt:
        database = theirs.values["PGDATABASE"]
        what = f"{mine.environment}'s login connects to {database}"
        try:
            log_in(mine, database)
        except psycopg.OperationalError as error:
            said = str(error).rpartition("FATAL:")[2].strip().splitlines()[0]
            return Attempt(what=what, refused="permission denied" in said, answer=said)
        return Attempt(what=what, refused=False, answer="connected")

    def _vault_role(self, token: str, mine: Credential, theirs: Credential) -> Attempt:
        what = f"{mine.environment}'s service account logs in at Vault as {theirs.principal}"
        try:
            self._vault().auth.kubernetes.login(role=theirs.principal, jwt=token)
        except hvac.exceptions.Forbidden as error:
            return Attempt(what=what, refused=True, answer=str(error.errors[0] if error.errors else error))
        return Attempt(what=what, refused=False, answer="logged in")

    def _vault_path(self, token: str, mine: Credential, theirs: Credential) -> Attempt:
        what = f"{mine.environment}'s Vault token reads secret/{theirs.path}"
        vault = self._vault()
        vault.auth.kubernetes.login(role=mine.principal, jwt=token)
        try:
            vault.secrets.kv.v2.read_secret_version(theirs.path, raise_on_deleted_version=True)
        except hvac.exceptions.Forbidden as error:
            return Attempt(
                what=what, refused=True, answer=str(error.errors[0]).strip().splitlines()[-1].strip("* \t")
            )
        finally:
            vault.auth.token.revoke_self()
        return Attempt(what=what, refused=False, answer="read")

    def _secret(self, token: str, mine: Credential, theirs: Credential) -> Attempt:
        what = f"{mine.environment}'s service account reads Secret {theirs.namespace}/{theirs.secret}"
        settings = client.Configuration()
        settings.host = self._session.configuration.host
        settings.ssl_ca_cert = self._session.configuration.ssl_ca_cert
        settings.api_key = {"authorization": f"Bearer {token}"}
        core = client.CoreV1Api(client.ApiClient(settings))
        try:
            core.read_namespaced_secret(theirs.secret, theirs.namespace)
        except client.ApiException as error:
            refused = error.status == _FORBIDDEN
            return Attempt(what=what, refused=refused, answer=f"{error.status} {error.reason}")
        return Attempt(what=what, refused=False, answer="read")

    def _vault(self) -> Any:
        return hvac.Client(url=self._variables["VAULT_ADDR"], timeout=_TIMEOUT)


def with_login(values: dict[str, str]) -> dict[str, str]:
    """A Secret's values, and those of libpq's variables that stand in a database's URL among them."""
    url = next((value for value in values.values() if value.startswith("postgresql://")), None)
    if url is None or "PGDATABASE" in values:
        return values
    parts = psycopg.conninfo.conninfo_to_dict(url)
    names = {
        "PGHOST": "host",
        "PGPORT": "port",
        "PGUSER": "user",
        "PGPASSWORD": "password",
        "PGDATABASE": "dbname",
    }
    return {**values, **{name: str(parts.get(part, "")) for name, part in names.items()}}


def log_in(credential: Credential, database: str | None = None) -> str:
    """Log in with a delivered credential; the session's user.

    Raises:
        psycopg.OperationalError: the server refuses.
    """
    values = credential.values
    with psycopg.connect(
        host=values["PGHOST"],
        port=values["PGPORT"],
        user=values["PGUSER"],
        password=values["PGPASSWORD"],
        dbname=database or values["PGDATABASE"],
        connect_timeout=_TIMEOUT,
    ) as connection:
        row = connection.execute("SELECT session_user").fetchone()
    return str(row[0]) if row else ""
