"""Every resource type that programs here use, once each, and one changed input at a time.

The official plugins were recorded with this declaration; VARIANT names the input that differs in this run, and
change-matrix.json says what the official plugins make of it.
"""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pulumi_postgresql as pg
import pulumi_vault as vault

VARIANT = os.environ.get("VARIANT", "")
LABELS = {"app": "api"}
Named = Callable[..., Mapping[str, Any]]


def v(name: str, base: Any, changed: Any) -> Any:
    """The base value, or the changed one where this run's variant is `name`."""
    return changed if name == VARIANT else base


kubernetes_provider = k8s.Provider("k8s", kubeconfig=os.environ["KUBECONFIG"])
vault_provider = vault.Provider(
    "vault", address=os.environ["VAULT_ADDR"], token=os.environ["VAULT_TOKEN"], skip_child_token=True
)
postgresql_provider = pg.Provider(
    "pg",
    host=os.environ["PGHOST"],
    port=int(os.environ["PGPORT"]),
    username=os.environ["PGUSER"],
    password=os.environ["PGPASSWORD"],
    sslmode="disable",
    superuser=True,
)


def in_kubernetes(**options: Any) -> pulumi.ResourceOptions:
    """Options of a resource in the cluster."""
    return pulumi.ResourceOptions(provider=kubernetes_provider, **options)


def in_vault(**options: Any) -> pulumi.ResourceOptions:
    """Options of a resource in Vault."""
    return pulumi.ResourceOptions(provider=vault_provider, **options)


def in_postgresql(**options: Any) -> pulumi.ResourceOptions:
    """Options of a resource in PostgreSQL."""
    return pulumi.ResourceOptions(provider=postgresql_provider, **options)


def kubernetes() -> Named:
    """Built-in kinds; gives the metadata of an object in their namespace."""
    namespace = k8s.core.v1.Namespace(
        "namespace",
        metadata={"name": "conf-dev", "labels": {"a": v("namespace.label", "b", "c")}},
        opts=in_kubernetes(),
    )
    inside = namespace.metadata["name"]

    def named(name: str, **more: Any) -> Mapping[str, Any]:
        return {"name": name, "namespace": inside, **more}

    k8s.core.v1.ServiceAccount(
        "service-account",
        metadata=named("api"),
        automount_service_account_token=v("service-account.automount", base=False, changed=True),
        opts=in_kubernetes(),
    )
    verbs = v("role.verbs", ["get"], ["get", "list"])
    k8s.rbac.v1.Role(
        "role",
        metadata=named("r"),
        rules=[{"api_groups": [""], "resources": ["configmaps"], "verbs": verbs}],
        opts=in_kubernetes(),
    )
    role = v("role-binding.role-ref", "r", "other")
    k8s.rbac.v1.RoleBinding(
        "role-binding",
        metadata=named("rb"),
        role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
        subjects=[{"kind": "ServiceAccount", "name": "api", "namespace": inside}],
        opts=in_kubernetes(),
    )
    k8s.core.v1.ConfigMap(
        "config-map", metadata=named("cm"), data={"a": v("config-map.data", "1", "2")}, opts=in_kubernetes()
    )
    k8s.core.v1.ConfigMap(
        "config-map-auto",
        metadata={"namespace": inside},
        data={"a": v("config-map-auto.data", "1", "2")},
        opts=in_kubernetes(),
    )
    k8s.core.v1.Secret(
        "secret",
        metadata=named("sec"),
        string_data={"password": pulumi.Output.secret(v("secret.data", "s3cret", "other"))},
        opts=in_kubernetes(),
    )
    labels = v("deployment.selector", LABELS, {"app": "api", "x": "y"})
    container = {
        "name": "api",
        "image": v("deployment.image", "ghcr.io/x/api:1.0", "ghcr.io/x/api:1.1"),
        "ports": [{"container_port": 3000}],
        "env": [{"name": "A", "value": v("deployment.env", "1", "2")}],
    }
    deployment = k8s.apps.v1.Deployment(
        "deployment",
        metadata=named(v("deployment.name", "api", "api2")),
        spec={
            "replicas": v("deployment.replicas", 2, 3),
            "selector": {"match_labels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"service_account_name": "api", "containers": [container]},
            },
        },
        opts=in_kubernetes(),
    )
    k8s.core.v1.Service(
        "service",
        metadata=named("api"),
        spec={
            "type": "ClusterIP",
            "selector": LABELS,
            "ports": [{"name": "http", "port": v("service.port", 80, 81), "target_port": 3000}],
        },
        opts=in_kubernetes(depends_on=[deployment]),
    )
    backend = {"service": {"name": "api", "port": {"number": 80}}}
    k8s.networking.v1.Ingress(
        "ingress",
        metadata=named("pub", annotations={"pulumi.com/skipAwait": "true"}),
        spec={
            "rules": [
                {
                    "host": v("ingress.host", "api-dev.example.org", "api.example.org"),
                    "http": {"paths": [{"path": "/", "path_type": "Prefix", "backend": backend}]},
                }
            ]
        },
        opts=in_kubernetes(),
    )
    k8s.networking.v1.NetworkPolicy(
        "network-policy",
        metadata=named("deny"),
        spec={
            "pod_selector": {},
            "policy_types": v("network-policy.types", ["Ingress", "Egress"], ["Ingress"]),
        },
        opts=in_kubernetes(),
    )
    kubernetes_limits(named)
    return named


def kubernetes_limits(named: Named) -> None:
    """Built-in kinds that bound others, and a CronJob."""
    target = {"type": "Utilization", "average_utilization": 70}
    k8s.autoscaling.v2.HorizontalPodAutoscaler(
        "hpa",
        metadata=named("api"),
        spec={
            "scale_target_ref": {"api_version": "apps/v1", "kind": "Deployment", "name": "api"},
            "min_replicas": 2,
            "max_replicas": v("hpa.max", 4, 5),
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
        opts=in_kubernetes(),
    )
    k8s.policy.v1.PodDisruptionBudget(
        "pdb",
        metadata=named("api"),
        spec={"min_available": v("pdb.min", 1, 2), "selector": {"match_labels": LABELS}},
        opts=in_kubernetes(),
    )
    pod = {"restart_policy": "Never", "containers": [{"name": "b", "image": "ghcr.io/x/api:1.0"}]}
    k8s.batch.v1.CronJob(
        "cron-job",
        metadata=named("backup"),
        spec={
            "schedule": v("cron-job.schedule", "0 3 * * *", "0 4 * * *"),
            "job_template": {"spec": {"template": {"spec": pod}}},
        },
        opts=in_kubernetes(),
    )
    k8s.core.v1.ResourceQuota(
        "resource-quota",
        metadata=named("q"),
        spec={"hard": {"pods": v("resource-quota.pods", "50", "60")}},
        opts=in_kubernetes(),
    )
    k8s.core.v1.LimitRange(
        "limit-range",
        metadata=named("l"),
        spec={"limits": [{"type": "Container", "default": {"cpu": v("limit-range.cpu", "500m", "600m")}}]},
        opts=in_kubernetes(),
    )


def in_vault_and_from_it(named: Named) -> None:
    """Vault's resources, and the two of External Secrets that read from it."""
    mount = vault.Mount(
        "mount-kv",
        path="kv-conf",
        type="kv",
        options={"version": "2"},
        description=v("mount-kv.description", "a", "b"),
        opts=in_vault(),
    )
    stored = vault.kv.SecretV2(
        "kv-secret",
        mount=mount.path,
        name=v("kv-secret.name", "db_api", "db_api2"),
        data_json=pulumi.Output.secret(json.dumps({"PGHOST": v("kv-secret.data", "10.0.0.10", "10.0.0.11")})),
        opts=in_vault(),
    )
    capability = v("policy.text", "read", "list")
    vault.Policy(
        "policy",
        name=v("policy.name", "conf", "conf2"),
        policy=f'path "kv-conf/data/*" {{ capabilities = ["{capability}"] }}',
        opts=in_vault(),
    )
    databases = vault.Mount(
        "mount-database",
        path=v("mount-database.path", "database-conf", "database-conf2"),
        type="database",
        default_lease_ttl_seconds=v("mount-database.ttl", 3600, 7200),
        opts=in_vault(),
    )
    server = f"{os.environ['PGHOST']}:{os.environ['PGPORT']}"
    connection = vault.database.SecretBackendConnection(
        "connection",
        backend=databases.path,
        name="main",
        allowed_roles=v("connection.allowed", ["api"], ["api", "b"]),
        postgresql={
            "connection_url": f"postgresql://{{{{username}}}}:{{{{password}}}}@{server}/postgres?sslmode=disable",
            "username": os.environ["PGUSER"],
            "password": os.environ["PGPASSWORD"],
        },
        opts=in_vault(),
    )
    vault.database.SecretBackendRole(
        "database-role",
        backend=databases.path,
        name=v("database-role.name", "api", "api2"),
        db_name=connection.name,
        creation_statements=[
            "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}';"
        ],
        default_ttl=v("database-role.ttl", 3600, 1800),
        max_ttl=86400,
        opts=in_vault(),
    )
    login = vault.AuthBackend("auth-backend", type="kubernetes", path="kubernetes-conf", opts=in_vault())
    vault.kubernetes.AuthBackendConfig(
        "auth-config",
        backend=login.path,
        kubernetes_ca_cert=Path(os.environ["API_SERVER_CA"]).read_text(encoding="utf-8"),
        token_reviewer_jwt=pulumi.Output.secret(os.environ["REVIEWER_JWT"]),
        kubernetes_host=v("auth-config.host", os.environ["API_SERVER"], "https://127.0.0.1:16444"),
        opts=in_vault(),
    )
    role = vault.kubernetes.AuthBackendRole(
        "auth-role",
        backend=login.path,
        role_name=v("auth-role.name", "api", "api2"),
        bound_service_account_names=["api"],
        bound_service_account_namespaces=v("auth-role.namespaces", ["conf-dev"], ["conf-prod"]),
        token_policies=["conf"],
        token_ttl=3600,
        opts=in_vault(),
    )
    kubernetes_login = {"mountPath": "kubernetes-conf", "role": "api", "serviceAccountRef": {"name": "api"}}
    store = k8s.apiextensions.CustomResource(
        "secret-store",
        api_version="external-secrets.io/v1",
        kind="SecretStore",
        metadata=named("vault"),
        spec={
            "provider": {
                "vault": {
                    "server": v("secret-store.server", os.environ["VAULT_ADDR"], "http://127.0.0.2:18200"),
                    "path": "kv-conf",
                    "version": "v2",
                    "auth": {"kubernetes": kubernetes_login},
                }
            }
        },
        opts=in_kubernetes(depends_on=[role, stored]),
    )
    k8s.apiextensions.CustomResource(
        "external-secret",
        api_version="external-secrets.io/v1",
        kind="ExternalSecret",
        metadata=named("db"),
        spec={
            "refreshInterval": v("external-secret.refresh", "1m", "2m"),
            "secretStoreRef": {"kind": "SecretStore", "name": "vault"},
            "target": {"name": "db"},
            "dataFrom": [{"extract": {"key": "db_api"}}],
        },
        opts=in_kubernetes(depends_on=[store]),
    )


def postgresql() -> None:
    """Roles, a database and what is in it."""
    owner = pg.Role(
        "pg-owner", name=v("pg-owner.name", "conf_owner", "conf_owner2"), login=False, opts=in_postgresql()
    )
    group = pg.Role(
        "pg-group",
        name="conf_rw",
        login=False,
        connection_limit=v("pg-group.limit", 20, 30),
        opts=in_postgresql(),
    )
    login = pg.Role(
        "pg-login",
        name="conf_login",
        login=True,
        password=pulumi.Output.secret(v("pg-login.password", "pw-one-123", "pw-two-123")),
        opts=in_postgresql(),
    )
    pg.GrantRole(
        "pg-grant-role",
        role=login.name,
        grant_role=v("pg-grant-role.role", group.name, owner.name),
        opts=in_postgresql(),
    )
    database = pg.Database(
        "pg-database",
        name=v("pg-database.name", "conf_dev", "conf_dev2"),
        owner=owner.name,
        connection_limit=v("pg-database.limit", 50, 60),
        opts=in_postgresql(),
    )
    schema = pg.Schema("pg-schema", name="app", database=database.name, owner=owner.name, opts=in_postgresql())
    public = pg.Grant(
        "pg-revoke-public",
        database=database.name,
        role="public",
        object_type="database",
        privileges=[],
        opts=in_postgresql(depends_on=[schema]),
    )
    connect = pg.Grant(
        "pg-grant-connect",
        database=database.name,
        role=group.name,
        object_type="database",
        privileges=v("pg-grant-connect.privileges", ["CONNECT"], ["CONNECT", "TEMPORARY"]),
        opts=in_postgresql(depends_on=[public]),
    )
    usage = pg.Grant(
        "pg-grant-schema",
        database=database.name,
        role=group.name,
        schema=schema.name,
        object_type="schema",
        privileges=["USAGE"],
        opts=in_postgresql(depends_on=[connect]),
    )
    everything = ["SELECT", "INSERT", "UPDATE", "DELETE"]
    pg.DefaultPrivileges(
        "pg-default-privileges",
        database=database.name,
        role=group.name,
        schema=schema.name,
        owner=owner.name,
        object_type="table",
        privileges=v("pg-default-privileges.privileges", everything, ["SELECT"]),
        opts=in_postgresql(depends_on=[usage]),
    )
    pg.Extension("pg-extension", name="vector", database=database.name, opts=in_postgresql())
    pg.Publication(
        "pg-publication", name="conf_pub", database=database.name, all_tables=True, opts=in_postgresql()
    )


in_vault_and_from_it(kubernetes())
postgresql()
