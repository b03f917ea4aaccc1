"""Drifts: for each kind of resource that KeyBuzz PROD has, a declared value that a person changes on its server.

Each is one that the official plugins show as well (tests/e2e/conformance/drift-matrix.json has what they showed of
53 changes); what they never read back, such as the data of a KV secret, they cannot show.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.e2e.servers import Servers

NOWHERE = {
    "random:index/randomPassword:RandomPassword": "it lives in the state; there is no server to change it on"
}
"""Kinds without a drift, with the reason."""

OWNER, GROUP, READER = "keybuzz_backend_owner_prod", "keybuzz_backend_prod", "keybuzz_backend_readonly_prod"
ENGINE = "keybuzz/prod/db_api"


@dataclass(frozen=True)
class Drift:
    """A change by hand.

    Args:
        type: the type token of the resource.
        name: the resource.
        shown: the operation and the field that a preview names; no field for a resource that is gone.
        look: the declared value, as its server has it.
        change: what a person does.
        along: resources that the change reaches as well, and that a preview may name for it.
    """

    type: str
    name: str
    shown: tuple[str, str]
    look: Callable[[Servers], Any]
    change: Callable[[Servers], object]
    along: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.type.rsplit(":", 1)[-1]


def on_kubernetes(type_: str, name: str, address: str, field: str, change: dict[str, Any]) -> Drift:
    """A field of an object, changed as `kubectl patch --type=merge` does.

    Args:
        type_: the type token.
        name: the resource.
        address: the object's, in the API.
        field: the field, as a preview names it.
        change: the patch: the way to the field's new value.
    """

    def look(servers: Servers) -> Any:
        return _follow(servers.object(address), change)

    return Drift(type_, name, ("update", field), look, lambda servers: servers.object(address, change))


def on_a_version(type_: str, name: str, collection: str, part: str, field: str, change: dict[str, Any]) -> Drift:
    """A field of an object whose name changes with the version of a part's migration.

    Args:
        type_: the type token.
        name: the resource.
        collection: where the objects of that kind are, in the API.
        part: whose migration it is of.
        field: the field, as a preview names it.
        change: the patch: the way to the field's new value.
    """

    def address(servers: Servers) -> str:
        names = [one["metadata"]["name"] for one in servers.object(collection)["items"]]
        [found] = [one for one in names if re.fullmatch(f"{part}-migration-[0-9a-f]+", one)]
        return f"{collection}/{found}"

    def look(servers: Servers) -> Any:
        return _follow(servers.object(address(servers)), change)

    return Drift(type_, name, ("update", field), look, lambda servers: servers.object(address(servers), change))


def _follow(thing: Any, way: Any) -> Any:
    """What stands in a thing where the way ends."""
    if isinstance(way, dict):
        [(key, rest)] = way.items()
        return _follow(thing.get(key), rest)
    return thing


def on_postgresql(
    type_: str, name: str, shown: tuple[str, str], statement: str, query: str, *, along: Sequence[str] = ()
) -> Drift:
    """A statement that the administrator executes in the backend's database, and a query that shows its effect."""

    def look(servers: Servers) -> Any:
        with servers.database("keybuzz_backend_prod") as session:
            return session.execute(query.encode()).fetchall()

    def change(servers: Servers) -> None:
        with servers.database("keybuzz_backend_prod") as session:
            session.execute(statement.encode())

    return Drift(type_, name, shown, look, change, tuple(along))


def on_vault(type_: str, name: str, path: str, field: str, key: str, value: Any) -> Drift:
    """A key of what is at a path in Vault, which keeps the keys that are not given."""

    def look(servers: Servers) -> Any:
        return servers.vault.read(path)["data"][key]

    def change(servers: Servers) -> None:
        servers.vault.write_data(path, data={key: value})

    return Drift(type_, name, ("update", field), look, change)


def on_kv(type_: str, name: str, mount: str, path: str) -> Drift:
    """A KV secret that somebody deletes: of its data, which is never read back, no change could be shown."""
    folder, _, key = path.rpartition("/")

    def look(servers: Servers) -> bool:
        return key in servers.vault.list(f"{mount}/metadata/{folder}")["data"]["keys"]

    def change(servers: Servers) -> None:
        servers.vault.delete(f"{mount}/metadata/{path}")

    return Drift(type_, name, ("create", ""), look, change)


def on_membership(type_: str, name: str) -> Drift:
    """Vault's right to make logins members of the group, which those that it has made hang on."""
    administrator = "keybuzz_backend_vault_prod"
    revoked = on_postgresql(
        type_,
        name,
        ("create", ""),
        f"REVOKE {GROUP} FROM {administrator} CASCADE",
        f"SELECT roleid::regrole::text, admin_option FROM pg_auth_members "  # noqa: S608 - names of our own
        f"WHERE member = '{administrator}'::regrole AND roleid = '{GROUP}'::regrole",
    )

    def change(servers: Servers) -> None:
        revoked.change(servers)
        # They can do nothing any more, and the next delivery leases new ones.
        servers.vault.sys.revoke_prefix("keybuzz/prod/db_backend/creds")

    return replace(revoked, change=change)


_NETWORK_PORT = {"from": [{"namespaceSelector": {}}], "ports": [{"port": 9999, "protocol": "TCP"}]}

DRIFTS = (
    on_kubernetes(
        "kubernetes:core/v1:Namespace",
        "client-namespace",
        "/api/v1/namespaces/keybuzz-client-prod",
        'metadata.labels["pod-security.kubernetes.io/enforce"]',
        {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
    ),
    on_kubernetes(
        "kubernetes:core/v1:ResourceQuota",
        "client-quota",
        "/api/v1/namespaces/keybuzz-client-prod/resourcequotas/quota",
        "spec.hard.pods",
        {"spec": {"hard": {"pods": "1k"}}},
    ),
    on_kubernetes(
        "kubernetes:core/v1:LimitRange",
        "client-limits",
        "/api/v1/namespaces/keybuzz-client-prod/limitranges/limits",
        "spec.limits[0].max.cpu",
        {"spec": {"limits": [{"type": "Container", "max": {"cpu": "19"}}]}},
    ),
    on_kubernetes(
        "kubernetes:core/v1:ServiceAccount",
        "worker-account",
        "/api/v1/namespaces/keybuzz-worker-prod/serviceaccounts/worker",
        "automountServiceAccountToken",
        {"automountServiceAccountToken": True},
    ),
    on_kubernetes(
        "kubernetes:core/v1:Service",
        "client-service",
        "/api/v1/namespaces/keybuzz-client-prod/services/client",
        "spec.type",
        {"spec": {"type": "NodePort"}},
    ),
    on_kubernetes(
        "kubernetes:apps/v1:Deployment",
        "worker-deployment",
        "/apis/apps/v1/namespaces/keybuzz-worker-prod/deployments/worker",
        "spec.replicas",
        {"spec": {"replicas": 3}},
    ),
    on_kubernetes(
        "kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
        "api-scaler",
        "/apis/autoscaling/v2/namespaces/keybuzz-api-prod/horizontalpodautoscalers/api",
        "spec.maxReplicas",
        {"spec": {"maxReplicas": 60}},
    ),
    on_kubernetes(
        "kubernetes:policy/v1:PodDisruptionBudget",
        "backend-disruption",
        "/apis/policy/v1/namespaces/keybuzz-backend-prod/poddisruptionbudgets/backend",
        "spec.maxUnavailable",
        {"spec": {"maxUnavailable": 2}},
    ),
    on_kubernetes(
        "kubernetes:networking.k8s.io/v1:NetworkPolicy",
        "public-api-from-controller",
        "/apis/networking.k8s.io/v1/namespaces/keybuzz-api-prod/networkpolicies/api-from-controller",
        "spec.ingress[0].ports[0].port",
        {"spec": {"ingress": [_NETWORK_PORT]}},
    ),
    on_kubernetes(
        "kubernetes:traefik.io/v1alpha1:IngressRoute",
        "public-client",
        "/apis/traefik.io/v1alpha1/namespaces/keybuzz-client-prod/ingressroutes/public-client",
        "spec.tls.secretName",
        {"spec": {"tls": {"secretName": "another"}}},
    ),
    on_kubernetes(
        "kubernetes:traefik.io/v1alpha1:Middleware",
        "public-client-to-https",
        "/apis/traefik.io/v1alpha1/namespaces/keybuzz-client-prod/middlewares/public-client-to-https",
        "spec.redirectScheme.permanent",
        {"spec": {"redirectScheme": {"permanent": False}}},
    ),
    on_kubernetes(
        "kubernetes:traefik.io/v1alpha1:TLSOption",
        "public-client",
        "/apis/traefik.io/v1alpha1/namespaces/keybuzz-client-prod/tlsoptions/public-client",
        "spec.minVersion",
        {"spec": {"minVersion": "VersionTLS10"}},
    ),
    on_kubernetes(
        "kubernetes:traefik.io/v1alpha1:ServersTransport",
        "public-client",
        "/apis/traefik.io/v1alpha1/namespaces/keybuzz-client-prod/serverstransports/public-client",
        "spec.forwardingTimeouts.responseHeaderTimeout",
        {"spec": {"forwardingTimeouts": {"responseHeaderTimeout": "1s"}}},
    ),
    on_kubernetes(
        "kubernetes:cert-manager.io/v1:Certificate",
        "public-client",
        "/apis/cert-manager.io/v1/namespaces/keybuzz-client-prod/certificates/public-client",
        "spec.secretName",
        {"spec": {"secretName": "another"}},
    ),
    on_a_version(
        "kubernetes:batch/v1:Job",
        "api-migration",
        "/apis/batch/v1/namespaces/keybuzz-api-prod/jobs",
        "api",
        "spec.activeDeadlineSeconds",
        {"spec": {"activeDeadlineSeconds": 60}},
    ),
    on_a_version(
        "kubernetes:core/v1:ConfigMap",
        "backend-migration-files",
        "/api/v1/namespaces/keybuzz-backend-prod/configmaps",
        "backend",
        'metadata.labels["bulkhead.dev/environment"]',
        {"metadata": {"labels": {"bulkhead.dev/environment": "dev"}}},
    ),
    on_kubernetes(
        "kubernetes:external-secrets.io/v1:SecretStore",
        "worker-secret-store",
        "/apis/external-secrets.io/v1/namespaces/keybuzz-worker-prod/secretstores/keybuzz-worker-db",
        "spec.provider.vault.path",
        {"spec": {"provider": {"vault": {"path": "another"}}}},
    ),
    on_kubernetes(
        "kubernetes:external-secrets.io/v1:ExternalSecret",
        "backend-external-secret",
        "/apis/external-secrets.io/v1/namespaces/keybuzz-backend-prod/externalsecrets/keybuzz-backend-db",
        "spec.refreshInterval",
        {"spec": {"refreshInterval": "48h0m0s"}},
    ),
    on_kubernetes(
        "kubernetes:generators.external-secrets.io/v1alpha1:VaultDynamicSecret",
        "api-generator",
        "/apis/generators.external-secrets.io/v1alpha1/namespaces/keybuzz-api-prod/vaultdynamicsecrets"
        "/keybuzz-api-postgres",
        "spec.path",
        {"spec": {"path": "keybuzz/dev/db_api/creds/api"}},
    ),
    on_vault(
        "vault:index/policy:Policy",
        "api-policy",
        "sys/policies/acl/keybuzz-api-prod",
        "policy",
        "policy",
        'path "secret/*" {\n  capabilities = ["read"]\n}\n',
    ),
    on_vault(
        "vault:kubernetes/authBackendRole:AuthBackendRole",
        "backend-auth-role",
        "auth/kubernetes/role/keybuzz-backend-prod",
        "boundServiceAccountNamespaces[0]",
        "bound_service_account_namespaces",
        ["keybuzz-backend-dev", "keybuzz-backend-prod"],
    ),
    on_vault(
        "vault:index/mount:Mount",
        "api-engine",
        f"sys/mounts/{ENGINE}/tune",
        "defaultLeaseTtlSeconds",
        "default_lease_ttl",
        7200,
    ),
    on_vault(
        "vault:database/secretBackendConnection:SecretBackendConnection",
        "api-connection",
        f"{ENGINE}/config/keybuzz_prod",
        "allowedRoles[0]",
        "allowed_roles",
        ["*"],
    ),
    on_vault(
        "vault:database/secretBackendRole:SecretBackendRole",
        "api-lease",
        f"{ENGINE}/roles/api",
        "defaultTtl",
        "default_ttl",
        7200,
    ),
    on_kv("vault:kv/secretV2:SecretV2", "backend-kv", "secret", "keybuzz/prod/db_backend"),
    on_postgresql(
        "postgresql:index/role:Role",
        "backend-owner",
        ("update", "login"),
        f"ALTER ROLE {OWNER} LOGIN",
        f"SELECT rolcanlogin FROM pg_roles WHERE oid = '{OWNER}'::regrole",  # noqa: S608 - a name of our own
    ),
    on_postgresql(
        "postgresql:index/database:Database",
        "backend-database",
        ("update", "connectionLimit"),
        "ALTER DATABASE keybuzz_backend_prod CONNECTION LIMIT -1",
        "SELECT datconnlimit FROM pg_database WHERE datname = current_database()",
    ),
    on_postgresql(
        "postgresql:index/schema:Schema",
        "backend-schema",
        ("update", "owner"),
        "ALTER SCHEMA public OWNER TO CURRENT_USER",
        "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'public'",
        along=("backend-public-schema", "backend-read-write-schema", "backend-read-only-schema"),
    ),
    on_postgresql(
        "postgresql:index/grant:Grant",
        "backend-read-only-database",
        ("update", "privileges[1]"),
        f"GRANT TEMPORARY ON DATABASE keybuzz_backend_prod TO {READER}",
        f"SELECT has_database_privilege('{READER}', current_database(), 'TEMPORARY')",
    ),
    on_postgresql(
        "postgresql:index/defaultPrivileges:DefaultPrivileges",
        "backend-read-only-tables",
        ("update", "privileges[0]"),
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT DELETE ON TABLES TO {READER}",
        "SELECT defaclacl::text FROM pg_default_acl WHERE defaclobjtype = 'r'",
    ),
    on_membership("postgresql:index/grantRole:GrantRole", "backend-vault-membership"),
)
