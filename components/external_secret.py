"""What External Secrets is told: where Vault is, what to read there, and what the Secret looks like."""

from dataclasses import dataclass

import pulumi

from components.environment import Environment
from components.manifest import Object, manifest
from components.platform import Vault

_READY = {"pulumi.com/waitFor": "condition=Ready", "pulumi.com/timeoutSeconds": "120"}
_URL = (
    "postgresql://{{ .PGUSER | urlquery }}:{{ .PGPASSWORD | urlquery }}@{{ .PGHOST }}:{{ .PGPORT }}"
    "/{{ .PGDATABASE }}?sslmode=%s"
)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One Secret to deliver.

    Args:
        environment: whose it is.
        namespace: where it is delivered.
        secret: the Secret's name, which the store, the generator and the ExternalSecret bear too.
        service_account: as whom External Secrets logs in at Vault.
        principal: the Kubernetes auth role at Vault.
        kv_path: the KV secret below the mount.
        creds_path: where Vault leases logins; None where the password is in the KV secret.
        refresh: seconds between two looks.
        sslmode: libpq's, for DATABASE_URL.
        database_url: whether the Secret has DATABASE_URL.
    """

    environment: Environment
    namespace: str
    secret: str
    service_account: str
    principal: str
    kv_path: str
    creds_path: str | None
    refresh: int
    sslmode: str
    database_url: bool


def render_secret_store(delivery: Delivery, vault: Vault) -> Object:
    """The namespaced SecretStore: this Vault, by this one service account."""
    return manifest(
        delivery.environment,
        "external-secrets.io/v1",
        "SecretStore",
        delivery.secret,
        namespace=delivery.namespace,
        annotations=dict(_READY),
        spec={"provider": {"vault": {**_login(delivery, vault), "path": vault.kv_mount, "version": "v2"}}},
    )


def render_generator(delivery: Delivery, vault: Vault) -> Object:
    """The generator that leases one login a refresh; read as an ordinary key it would lease two."""
    return manifest(
        delivery.environment,
        "generators.external-secrets.io/v1alpha1",
        "VaultDynamicSecret",
        delivery.secret,
        namespace=delivery.namespace,
        spec={
            "path": delivery.creds_path,
            "method": "GET",
            "resultType": "Data",
            "provider": _login(delivery, vault),
        },
    )


def render_external_secret(delivery: Delivery, revision: pulumi.Input[str]) -> Object:
    """The ExternalSecret; a new `revision` makes the operator look at once instead of at its next turn."""
    leased = delivery.creds_path is not None
    user, password = ("username", "password") if leased else ("PGUSER", "PGPASSWORD")
    data = {name: f"{{{{ .{name} }}}}" for name in ("PGHOST", "PGPORT", "PGDATABASE")}
    data |= {"PGUSER": f"{{{{ .{user} }}}}", "PGPASSWORD": f"{{{{ .{password} }}}}"}
    if delivery.database_url:
        url = _URL % delivery.sslmode
        data["DATABASE_URL"] = url.replace(".PGUSER", f".{user}").replace(".PGPASSWORD", f".{password}")
    sources: list[Object] = [{"extract": {"key": delivery.kv_path}}]
    if leased:
        generator = {
            "apiVersion": "generators.external-secrets.io/v1alpha1",
            "kind": "VaultDynamicSecret",
            "name": delivery.secret,
        }
        sources.append({"sourceRef": {"generatorRef": generator}})
    external = manifest(
        delivery.environment,
        "external-secrets.io/v1",
        "ExternalSecret",
        delivery.secret,
        namespace=delivery.namespace,
        annotations=dict(_READY),
        spec={
            "refreshInterval": go_duration(delivery.refresh),
            "secretStoreRef": {"kind": "SecretStore", "name": delivery.secret},
            "target": {
                "name": delivery.secret,
                "creationPolicy": "Owner",
                "deletionPolicy": "Retain",
                "template": {"engineVersion": "v2", "mergePolicy": "Replace", "data": data},
            },
            "dataFrom": sources,
        },
    )
    external["metadata"]["annotations"]["bulkhead.dev/revision"] = revision
    return external


def go_duration(seconds: int) -> str:
    """A time as the API server stores it (`900` gives `15m0s`); any other spelling drifts at every refresh."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    text = f"{rest}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{hours}h{text}" if hours else text


def _login(delivery: Delivery, vault: Vault) -> Object:
    trust = {"caBundle": vault.ca_bundle} if vault.ca_bundle else {}
    auth = {
        "mountPath": vault.kubernetes_auth,
        "role": delivery.principal,
        "serviceAccountRef": {"name": delivery.service_account},
    }
    return {"server": vault.cluster_address or vault.address, "auth": {"kubernetes": auth}, **trust}
