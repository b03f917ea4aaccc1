"""What External Secrets is told: where Vault is, what to read there, and what the Secret looks like."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import pulumi

from components.environment import Environment
from components.manifest import Object, manifest
from components.platform import Vault
from components.values import Credentials, Workload

_READY = {"pulumi.com/waitFor": "condition=Ready", "pulumi.com/timeoutSeconds": "120"}
_OWN = ".~"
"""In a source's templates, what its own keys begin with; they get the source's prefix there."""
_URL = (
    "postgresql://{{ .~PGUSER | urlquery }}:{{ .~PGPASSWORD | urlquery }}@{{ .~PGHOST }}:{{ .~PGPORT }}"
    "/{{ .~PGDATABASE }}?sslmode=%s"
)


class Delivered(Protocol):
    """A Secret on the cluster that a workload can take its environment variables from."""

    @property
    def environment(self) -> Environment:
        """Whose it is."""
        ...

    @property
    def secret(self) -> str:
        """The Secret's name."""
        ...

    @property
    def ready(self) -> pulumi.Resource:
        """What to wait for: with it the Secret is there."""
        ...

    @property
    def variables(self) -> Mapping[str, str] | None:
        """The key behind each environment variable; None where the keys are the variables."""
        ...

    @property
    def credentials(self) -> Credentials | None:
        """The times of the database login in it; None where there is none, or none that a workload may outlive."""
        ...

    @property
    def users(self) -> tuple[Workload, ...] | None:
        """Whose connections and roll-outs its login was reckoned for; None where it has none."""
        ...


@dataclass(frozen=True, kw_only=True)
class Source:
    """One place at Vault that a Secret is made from.

    Args:
        kv_path: the KV secret below the mount.
        keys: what it provides, each as a template in which its own keys are written `.~KEY`.
        creds_path: where Vault leases a login besides; None where all is in the KV secret.
        lease: seconds that a leased login lives.
        prefix: what its keys begin with in the operator's hands, so that several sources cannot collide.
    """

    kv_path: str
    keys: Mapping[str, str]
    creds_path: str | None = None
    lease: int = 0
    prefix: str = ""

    def prefixed(self) -> "Source":
        """The same source, with a prefix that no other path's keys can have: a path has no double underscore."""
        return replace(self, prefix=f"{self.kv_path.rpartition('/')[2]}__")

    def template(self, key: str) -> str:
        """One of `keys`, with its prefix in it."""
        return self.keys[key].replace(_OWN, f".{self.prefix}")


class Readable(Protocol):
    """What a Secret of several values can take a value from: a VaultDbSecret, a Cache."""

    @property
    def environment(self) -> Environment:
        """Whose it is."""
        ...

    @property
    def source(self) -> Source:
        """Where it stands at Vault."""
        ...

    @property
    def ready(self) -> pulumi.Resource:
        """What to wait for: with it the source can be read."""
        ...

    @property
    def revision(self) -> pulumi.Input[str]:
        """A text that changes with its values and tells none of them."""
        ...


def kv_source(kv_path: str, *keys: str) -> Source:
    """A KV secret whose keys are delivered as they are."""
    return Source(kv_path=kv_path, keys={key: f"{{{{ {_OWN}{key} }}}}" for key in keys})


def database_keys(*, leased: bool, read: bool, sslmode: str) -> dict[str, str]:
    """What a database credential provides: libpq's variables, and DATABASE_URL.

    Args:
        leased: the login is Vault's, which calls it username and password.
        read: there is a read end point as well.
        sslmode: libpq's, for DATABASE_URL.
    """
    hosts = ("PGHOST", "PGPORT", "PGDATABASE", *(("PGREADHOST", "PGREADPORT") if read else ()))
    keys = {key: f"{{{{ {_OWN}{key} }}}}" for key in (*hosts, "PGUSER", "PGPASSWORD")}
    keys["DATABASE_URL"] = _URL % sslmode
    if not leased:
        return keys
    return {
        key: text.replace("~PGUSER", "~username").replace("~PGPASSWORD", "~password") for key, text in keys.items()
    }


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One Secret to deliver.

    Args:
        environment: whose it is.
        namespace: where it is delivered.
        secret: the Secret's name, which the store, the generator and the ExternalSecret bear too.
        service_account: as whom External Secrets logs in at Vault.
        principal: the policy and the Kubernetes auth role at Vault.
        sources: where its values come from; several must have prefixes.
        data: its keys, each as a template over the sources' keys.
        refresh: seconds between two looks.
        once: look only when the ExternalSecret changes: for what is used for a while and then no more.
    """

    environment: Environment
    namespace: str
    secret: str
    service_account: str
    principal: str
    sources: tuple[Source, ...]
    data: Mapping[str, str]
    refresh: int
    once: bool = False

    @property
    def leased(self) -> tuple[Source, ...]:
        """The sources that lease a login."""
        return tuple(source for source in self.sources if source.creds_path)

    def generator(self, source: Source) -> str:
        """What the generator of a leased login is called."""
        return "-".join([self.secret, *source.prefix.replace("_", " ").split()])


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


def render_generators(delivery: Delivery, vault: Vault) -> Iterable[Object]:
    """The generators that lease one login a refresh each; read as an ordinary key it would lease two."""
    return [
        manifest(
            delivery.environment,
            "generators.external-secrets.io/v1alpha1",
            "VaultDynamicSecret",
            delivery.generator(source),
            namespace=delivery.namespace,
            spec={
                "path": source.creds_path,
                "method": "GET",
                "resultType": "Data",
                "provider": _login(delivery, vault),
            },
        )
        for source in delivery.leased
    ]


def render_external_secret(delivery: Delivery, revision: pulumi.Input[str]) -> Object:
    """The ExternalSecret; a new `revision` makes the operator look at once instead of at its next turn."""
    when = {"refreshPolicy": "OnChange"} if delivery.once else {"refreshInterval": go_duration(delivery.refresh)}
    external = manifest(
        delivery.environment,
        "external-secrets.io/v1",
        "ExternalSecret",
        delivery.secret,
        namespace=delivery.namespace,
        annotations=dict(_READY),
        spec={
            **when,
            "secretStoreRef": {"kind": "SecretStore", "name": delivery.secret},
            "target": {
                "name": delivery.secret,
                "creationPolicy": "Owner",
                "deletionPolicy": "Retain",
                "template": {"engineVersion": "v2", "mergePolicy": "Replace", "data": dict(delivery.data)},
            },
            "dataFrom": [found for source in delivery.sources for found in _found(delivery, source)],
        },
    )
    external["metadata"]["annotations"]["bulkhead.dev/revision"] = revision
    return external


def _found(delivery: Delivery, source: Source) -> list[Object]:
    """What the operator collects from one source, under the source's prefix."""
    found: list[Object] = [{"extract": {"key": source.kv_path}}]
    if source.creds_path:
        generator = {
            "apiVersion": "generators.external-secrets.io/v1alpha1",
            "kind": "VaultDynamicSecret",
            "name": delivery.generator(source),
        }
        found.append({"sourceRef": {"generatorRef": generator}})
    if source.prefix:
        for one in found:
            one["rewrite"] = [{"regexp": {"source": "^(.*)$", "target": f"{source.prefix}$1"}}]
    return found


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
