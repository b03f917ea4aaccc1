"""Platform: what environments stand on, read from `platforms/<name>.yaml`.

A platform file holds addresses and no credential; those come from the environment variables that `kubectl`,
`vault` and `psql` read as well.
"""

import ipaddress
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, model_validator

from components.environment import Environment, LegacyNames
from components.errors import InputError, nearest
from components.validation import EnvironmentName, Host, Matching, Model, Name, Port, Word, parse

SANDBOX = "sandbox"


ServerSetting = Annotated[
    str, Matching(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?", "a setting's name as pg_settings has it")
]

Address = Annotated[
    str,
    Matching(
        r"https?://[a-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._-]+)*",
        "https://host:port, without a trailing slash and without a login",
    ),
]


class EndPoint(Model):
    """Where a service answers."""

    host: Host = Field(description="the DNS name or IP address of the load balancer")
    port: Port = Field(description="the port, 1 to 65535")
    cidr: str | None = Field(default=None, description="the addresses behind a DNS name, for network policies")

    @property
    def network(self) -> str:
        """The end point's addresses as network policies want them, in CIDR notation."""
        if self.cidr:
            return self.cidr
        return f"{self.host}/{ipaddress.ip_address(self.host).max_prefixlen}"

    @model_validator(mode="after")
    def _has_a_network(self) -> Self:
        try:
            ipaddress.ip_network(self.network)
        except ValueError:
            value = self.cidr or self.host
            raise ValueError(
                f"give cidr as a network such as 10.0.0.10/32, it cannot be told from {value!r}"
            ) from None
        return self


class Kubernetes(Model):
    """The cluster."""

    context: str = Field(description="the context in the kubeconfig that KUBECONFIG names")
    controller: Literal["traefik", "nginx", "gateway"] = Field(
        default="traefik", description="what serves hosts: Traefik, F5's NGINX, or a Gateway of the Gateway API"
    )
    ingress_class: Name = Field(
        default="traefik", description="the IngressClass, or GatewayClass, of the controller"
    )
    ingress_namespace: Name = Field("ingress", description="the namespace that the ingress controller runs in")
    cluster_issuer: Name = Field(default="letsencrypt-prod", description="cert-manager's ClusterIssuer")
    monitoring_namespace: Name = Field("monitoring", description="the namespace that Prometheus runs in")
    storage_class: Name | None = Field(default=None, description="the StorageClass of volumes; the cluster's own")


class Vault(Model):
    """The Vault that holds and leases credentials."""

    address: Address = Field(description="Vault's address, https://host:port")
    cluster_address: Address | None = Field(
        default=None, description="Vault's address as the cluster reaches it, where it is another one"
    )
    ca_bundle: str | None = Field(default=None, description="the certificate authority of Vault, PEM in base64")
    kv_mount: Word = Field(default="secret", description="the mount of the KV version 2 engine")
    kubernetes_auth: Name = Field(default="kubernetes", description="the mount of the Kubernetes auth method")


class Postgresql(Model):
    """The PostgreSQL cluster behind its load balancer."""

    write: EndPoint = Field(description="the end point that always reaches the primary")
    read: EndPoint | None = Field(
        default=None, description="the end point that reaches replicas, where there is one"
    )
    nodes: tuple[Host, ...] = Field(
        (), description="the nodes' own addresses, which must never be used", strict=False
    )
    sslmode: Literal["disable", "require", "verify-ca", "verify-full"] = Field(
        default="verify-full", description="how clients check the server's certificate"
    )
    requires: dict[ServerSetting, str] = Field(
        default_factory=dict,
        description='settings of the server that must hold: a value, or a least one such as ">= 200"',
    )

    @model_validator(mode="after")
    def _no_end_point_is_a_node(self) -> Self:
        for name, point in (("write", self.write), ("read", self.read)):
            if point and point.host in self.nodes:
                raise ValueError(f"{name}.host {point.host!r} is a node; use the load balancer's address")
        return self


class Legacy(Model):
    """The names of one environment that were there before the product."""

    databases: dict[Word, str] = Field(default_factory=dict, description="database names by part")
    logins: dict[Word, str] = Field(
        default_factory=dict, description="the login that owned everything, by part; it goes on working"
    )

    @model_validator(mode="after")
    def _logins_owned_databases(self) -> Self:
        if unknown := sorted(self.logins.keys() - self.databases.keys()):
            raise ValueError(f"logins.{unknown[0]} has no database; give databases.{unknown[0]} as well")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.databases.values(), *self.logins.values())


class Platform(Model):
    """Everything that the environments of one system stand on."""

    name: Name = Field(description="the platform's name, which is its file's name")
    domain: Host = Field(description="the DNS domain of all hosts")
    kubernetes: Kubernetes = Field(description="the cluster")
    vault: Vault = Field(description="the Vault")
    postgresql: Postgresql = Field(description="the PostgreSQL cluster")
    legacy: dict[EnvironmentName, Legacy] = Field(
        default_factory=dict, description="exceptions to derived names, by environment"
    )
    backend: str | None = Field(
        default=None, description="the only state back end that may be used; the sandbox's own"
    )

    @model_validator(mode="after")
    def _legacy_names_are_unique(self) -> Self:
        owners: dict[tuple[str, str], str] = {}
        for environment, legacy in self.legacy.items():
            for what, names in (("database", legacy.databases), ("login", legacy.logins)):
                for part, name in names.items():
                    # One login may own several databases of its environment, but never of two.
                    owner = f"{environment}.{part}" if what == "database" else environment
                    if (other := owners.setdefault((what, name), owner)) != owner:
                        raise ValueError(f"legacy {what} {name!r} is claimed by {other} and {owner}")
        return self

    @model_validator(mode="after")
    def _legacy_names_look_like_no_other_environments(self) -> Self:
        known = {"prod", *self.legacy}
        for environment, legacy in self.legacy.items():
            for name in legacy.names:
                for other in sorted(known - {environment}):
                    if name.endswith(_ending(other)):
                        raise ValueError(f"legacy {name!r} of {environment} is a name that {other} makes by rule")
        return self

    def legacy_names(self, environment: str, databases: Collection[str]) -> LegacyNames:
        """The exceptions that these databases of one environment have from the rule by which names are made."""
        found = self.legacy.get(environment, Legacy())
        return LegacyNames(
            databases={part: name for part, name in found.databases.items() if part in databases},
            logins={part: name for part, name in found.logins.items() if part in databases},
        )

    def refuse_legacy_of_others(self, environment: Environment, databases: Mapping[str, str]) -> None:
        """Refuse names that another environment has by exception.

        Args:
            environment: whose names are made by rule; none of them may be an exception of another environment.
            databases: its databases, by part.
        """
        for other, legacy in self.legacy.items():
            if other == environment.name:
                continue
            for part, name in databases.items():
                if name in legacy.databases.values():
                    raise InputError(f"database {name!r} of {part} belongs to environment {other!r} by exception")
            for name in legacy.names:
                begins = name.startswith(environment.system.replace("-", "__") + "_")
                if begins and name.endswith(_ending(environment.name)):
                    raise InputError(
                        f"{name!r} belongs to environment {other!r} by exception, and is a name that "
                        f"{environment.name!r} makes by rule; call that environment something else"
                    )


def _ending(environment: str) -> str:
    """How every name ends that an environment makes by rule on the PostgreSQL server."""
    return "_" + environment.replace("-", "__")


def load_platform(name: str, folder: Path = Path("platforms")) -> Platform:
    """The platform of this name, as its file says or as the sandbox stands in for it.

    Raises:
        InputError: the file is missing or wrong, or the sandbox and another state back end are mixed.
    """
    return in_place(_read(folder / f"{name}.yaml", name))


def in_place(platform: Platform) -> Platform:
    """This platform, or the sandbox's servers in its place where BULKHEAD_PLATFORM says so.

    Raises:
        InputError: the sandbox and another state back end are mixed.
    """
    chosen = os.environ.get("BULKHEAD_PLATFORM", "")
    backend = os.environ.get("PULUMI_BACKEND_URL", "").rstrip("/")
    if not chosen:
        if (Path(backend.removeprefix("file://")).parent / "platform.yaml").is_file():
            raise InputError(
                f"PULUMI_BACKEND_URL is {backend!r}, a sandbox's state; set BULKHEAD_PLATFORM={SANDBOX}"
            )
        return platform
    if chosen != SANDBOX:
        raise InputError(f"BULKHEAD_PLATFORM is {chosen!r}; use {SANDBOX!r} or leave it unset")
    home = os.environ.get("BULKHEAD_SANDBOX", "")
    if not home:
        raise InputError('BULKHEAD_SANDBOX is not set; run: eval "$(bulkhead sandbox env)"')
    sandbox = _read(Path(home) / "platform.yaml", SANDBOX)
    if not sandbox.backend or backend != sandbox.backend.rstrip("/"):
        raise InputError(
            f"PULUMI_BACKEND_URL is {backend!r}; the sandbox works with its own state alone, {sandbox.backend!r}"
        )
    own = platform.postgresql
    servers = {**sandbox.postgresql.model_dump(by_alias=True), "nodes": own.nodes, "requires": own.requires}
    postgresql = parse(Postgresql, servers, key="postgresql.")  # measured by the stack's own rule
    served = {"controller": platform.kubernetes.controller, "ingress_class": platform.kubernetes.ingress_class}
    kubernetes = sandbox.kubernetes.model_copy(update=served)
    return sandbox.model_copy(
        update={
            "domain": platform.domain,
            "legacy": platform.legacy,
            "kubernetes": kubernetes,
            "postgresql": postgresql,
        }
    )


def _read(file: Path, name: str) -> Platform:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        known = sorted(other.stem for other in file.parent.glob("*.yaml"))
        raise InputError(
            f"bulkhead:platform is {name!r}, and {file} does not exist{nearest(name, known)}; "
            f"platforms here: {', '.join(known) or 'none'}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from None
    try:
        data: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{file} is no YAML: {error}") from None
    platform = parse(Platform, data, key=f"{file}:")
    if platform.name != name:
        raise InputError(f"{file}:name is {platform.name!r}; use {name!r}, the file's own name")
    return platform
