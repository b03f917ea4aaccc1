"""Attempts to get from one environment into another with real credentials, and ways to open the wall on purpose.

An attempt returns if it got through; if not, it raises what the server refused it with. For each there is an
opening: within it the same attempt gets through, which proves that the attempt can tell a wall from none.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import hvac
import psycopg
from kubernetes import client
from psycopg import sql

from tests.e2e.servers import Servers

SECRETS = {"api": "keybuzz-api-postgres", "backend": "keybuzz-backend-db", "worker": "keybuzz-worker-db"}
DATABASES = {
    "dev": {"api": "keybuzz", "backend": "keybuzz_backend", "worker": "keybuzz_backend"},
    "prod": {"api": "keybuzz_prod", "backend": "keybuzz_backend_prod", "worker": "keybuzz_backend_prod"},
}
_OPENING = "wall-opened-on-purpose"


@dataclass(frozen=True)
class Side:
    """One part in one environment, with the names and credentials that it has there."""

    stack: str
    part: str
    servers: Servers

    @property
    def namespace(self) -> str:
        """Where it runs; its Vault policy and auth role are called the same."""
        return f"keybuzz-{self.part}-{self.stack}"

    @property
    def service_account(self) -> str:
        """As whom External Secrets logs in for it."""
        return f"{self.part}-secrets"

    @property
    def secret(self) -> str:
        """Its Secret's name, the same in all environments."""
        return SECRETS[self.part]

    @property
    def database(self) -> str:
        """The database that its credential is for."""
        return DATABASES[self.stack][self.part]

    @property
    def group(self) -> str:
        """The group role that may write in this database."""
        return f"keybuzz_{'api' if self.part == 'api' else 'backend'}_{self.stack}"

    @property
    def kv_path(self) -> str:
        """Its KV secret as Vault's policies name it."""
        return f"secret/data/keybuzz/{self.stack}/db_{self.part}"

    @property
    def creds_path(self) -> str:
        """Where Vault leases its logins, if it is PROD."""
        return f"keybuzz/{self.stack}/db_{self.part}/creds/{self.part}"

    @property
    def login(self) -> dict[str, str]:
        """User and password as they were delivered."""
        values = self.servers.secret(self.namespace, self.secret)
        return {"user": values["PGUSER"], "password": values["PGPASSWORD"]}

    @contextmanager
    def vault(self) -> Iterator[hvac.Client]:
        """Vault with the token that External Secrets gets for it."""
        mine = self.servers.vault_as(self.namespace, self.service_account, self.namespace)
        try:
            yield mine
        finally:
            mine.auth.token.revoke_self()  # and with it whatever it leased

    @contextmanager
    def kubernetes(self, service_account: str) -> Iterator[Any]:
        """The cluster's API with a service account's token."""
        with self.servers.kubernetes_as(self.servers.token(self.namespace, service_account)) as api:
            yield client.CoreV1Api(api)


def open_database(here: Side, there: Side) -> None:
    """Log in to the other environment's database with the credential delivered here."""
    with here.servers.database(there.database, **here.login) as session:
        session.execute("SELECT 1")


def take_group_role(here: Side, there: Side) -> None:
    """Become the other environment's group role from a session on one's own database."""
    with here.servers.database(here.database, **here.login) as session:
        session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(there.group)))


def log_in_at_vault(here: Side, there: Side) -> None:
    """Log in at Vault with this environment's service account, for the other one's auth role."""
    vault = here.servers.vault_as(here.namespace, here.service_account, there.namespace)
    vault.auth.token.revoke_self()


def read_kv(here: Side, there: Side) -> None:
    """Read the other environment's KV secret with the Vault token of this one."""
    with here.vault() as vault:
        vault.adapter.get(f"/v1/{there.kv_path}")


def lease_login(here: Side, there: Side) -> None:
    """Have Vault lease a login of the other environment with the Vault token of this one."""
    with here.vault() as vault:
        vault.adapter.get(f"/v1/{there.creds_path}")


def read_secret_as_operator_account(here: Side, there: Side) -> None:
    """Read the other environment's Secret as the service account that External Secrets uses here."""
    with here.kubernetes(here.service_account) as core:
        core.read_namespaced_secret(there.secret, there.namespace)


def read_secret_as_pod(here: Side, there: Side) -> None:
    """Read the other environment's Secret as the service account that the pods run as here."""
    with here.kubernetes(here.part) as core:
        core.read_namespaced_secret(there.secret, there.namespace)


def borrow_service_account(here: Side, there: Side) -> None:
    """Ask the cluster for a token of the other environment's service account, to log in at Vault with it."""
    with here.kubernetes(here.service_account) as core:
        request = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=[]))
        core.create_namespaced_service_account_token(there.service_account, there.namespace, request)


def refusal(error: Exception) -> str:
    """What kind of refusal it was, as the server calls it."""
    if isinstance(error, client.ApiException):
        return f"HTTP {error.status}"
    if isinstance(error, hvac.exceptions.VaultError):
        return {hvac.exceptions.Forbidden: "HTTP 403"}.get(type(error), repr(error))
    if isinstance(error, psycopg.Error):
        # libpq does not hand out the SQLSTATE of a log-in that failed: 42501's text stands for it.
        denied = "permission denied for database" in str(error)
        return f"SQLSTATE {error.sqlstate or ('42501' if denied else str(error))}"
    return repr(error)


@contextmanager
def connect_granted(here: Side, there: Side) -> Iterator[None]:
    """The login of this environment may connect to the other one's database."""
    names = {"database": sql.Identifier(there.database), "user": sql.Identifier(here.login["user"])}
    with here.servers.database() as session:
        session.execute(sql.SQL("GRANT CONNECT ON DATABASE {database} TO {user}").format(**names))
        try:
            yield
        finally:
            session.execute(sql.SQL("REVOKE CONNECT ON DATABASE {database} FROM {user}").format(**names))


@contextmanager
def membership_granted(here: Side, there: Side) -> Iterator[None]:
    """The login of this environment is a member of the other one's group role."""
    names = {"group": sql.Identifier(there.group), "user": sql.Identifier(here.login["user"])}
    with here.servers.database() as session:
        session.execute(sql.SQL("GRANT {group} TO {user}").format(**names))
        try:
            yield
        finally:
            session.execute(sql.SQL("REVOKE {group} FROM {user}").format(**names))


@contextmanager
def auth_role_widened(here: Side, there: Side) -> Iterator[None]:
    """The other environment's auth role at Vault lets this one's namespace in as well."""
    vault, path = here.servers.vault, f"/v1/auth/kubernetes/role/{there.namespace}"
    before = vault.adapter.get(path)["data"]["bound_service_account_namespaces"]
    vault.adapter.post(path, json={"bound_service_account_namespaces": [*before, here.namespace]})
    try:
        yield
    finally:
        vault.adapter.post(path, json={"bound_service_account_namespaces": before})


@contextmanager
def policy_widened(here: Side, there: Side) -> Iterator[None]:
    """This environment's policy at Vault reaches the other one's paths as well."""
    policies = here.servers.vault.sys
    before = policies.read_policy(here.namespace)["data"]["rules"]
    more = "".join(
        f'\npath "{path}" {{\n  capabilities = ["read"]\n}}\n' for path in (there.kv_path, there.creds_path)
    )
    policies.create_or_update_policy(here.namespace, before + more)
    try:
        yield
    finally:
        policies.create_or_update_policy(here.namespace, before)


@contextmanager
def role_bound(here: Side, there: Side) -> Iterator[None]:
    """A RoleBinding in the other environment's namespace gives this one's service accounts its secrets."""
    rbac = client.RbacAuthorizationV1Api(here.servers.kubernetes)
    core_group = {"apiGroups": [""]}
    role = {
        "metadata": {"name": _OPENING},
        "rules": [
            {**core_group, "resources": ["secrets"], "verbs": ["get"]},
            {**core_group, "resources": ["serviceaccounts/token"], "verbs": ["create"]},
        ],
    }
    accounts = [
        {"kind": "ServiceAccount", "name": name, "namespace": here.namespace}
        for name in (here.service_account, here.part)
    ]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": _OPENING}
    binding = {"metadata": {"name": _OPENING}, "roleRef": reference, "subjects": accounts}
    rbac.create_namespaced_role(there.namespace, role)
    try:
        rbac.create_namespaced_role_binding(there.namespace, binding)
        try:
            yield
        finally:
            rbac.delete_namespaced_role_binding(_OPENING, there.namespace)
    finally:
        rbac.delete_namespaced_role(_OPENING, there.namespace)


@dataclass(frozen=True)
class Breach:
    """One way over the wall: what is tried, how it is refused, and what would let it through."""

    attempt: Callable[[Side, Side], None]
    refused: str
    opening: Callable[[Side, Side], AbstractContextManager[None]]
    into: tuple[str, ...] = ("dev", "prod")
    """The environments that can be tried to get into: DEV leases no logins."""


BREACHES = (
    Breach(open_database, "SQLSTATE 42501", connect_granted),
    Breach(take_group_role, "SQLSTATE 42501", membership_granted),
    Breach(log_in_at_vault, "HTTP 403", auth_role_widened),
    Breach(read_kv, "HTTP 403", policy_widened),
    Breach(lease_login, "HTTP 403", policy_widened, into=("prod",)),
    Breach(read_secret_as_operator_account, "HTTP 403", role_bound),
    Breach(read_secret_as_pod, "HTTP 403", role_bound),
    Breach(borrow_service_account, "HTTP 403", role_bound),
)
