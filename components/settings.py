"""Settings: the only reader of a stack's configuration; typed, frozen, validated as a whole.

The structure of a system is code and the same for every stack; what stands here is only what an environment
has of its own.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

import pulumi
from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from components.environment import KINDS, Environment, Kind
from components.errors import InputError, nearest
from components.platform import Platform, load_platform
from components.validation import Cpu, Duration, Memory, Model, Name, Word, parse, quantity, seconds

NAMESPACE = "bulkhead"

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_REPOSITORY = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+((\.|_{1,2}|-+)[a-z0-9]+)*)+")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MOVING_TAGS = frozenset({"latest", "main", "master", "stable", "edge", "nightly", "dev", "prod"})
_SECRET_NAME = re.compile(r"PASSW|SECRET|TOKEN|CREDENTIAL|API_?KEY|PRIVATE_?KEY|ENCRYPTION_?KEY|DATABASE_?URL|DSN")
_LONGEST_VARIABLE = 4096
_URL_WITH_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")


def _image(value: str) -> str:
    """A reference that names one image for ever: by digest, or by a tag that does not move by its nature."""
    name, _, digest = value.partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = name, ""
    if not _REPOSITORY.fullmatch(repository):
        raise ValueError("use registry/repository:tag or registry/repository@sha256:<64 hex digits>")
    if digest and not _DIGEST.fullmatch(digest):
        raise ValueError("its digest must be sha256: and 64 hex digits")
    if tag and not _TAG.fullmatch(tag):
        raise ValueError("its tag must be letters, digits, '_', '.' and '-', at most 128")
    if not digest and not tag:
        raise ValueError("it needs a tag or a digest")
    if not digest and tag in _MOVING_TAGS:
        raise ValueError(f"the tag {tag!r} moves; use a version's tag or a digest")
    return value


def _variables(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", name):
            raise ValueError(f"the variable {name[:80]!r} must be capitals, digits and _")
        public = name.startswith("NEXT_PUBLIC_")
        if (_SECRET_NAME.search(name) and not public) or _URL_WITH_PASSWORD.search(text):
            raise ValueError(
                f"the variable {name!r} looks like a secret; secrets come from Vault, never from here"
            )
        if not text.isprintable() or len(text) > _LONGEST_VARIABLE:
            raise ValueError(f"the variable {name!r} must be one printable line of at most {_LONGEST_VARIABLE}")
    return value


Image = Annotated[str, AfterValidator(_image)]
Variables = Annotated[dict[str, str], AfterValidator(_variables)]
Count = Annotated[int, Field(ge=1, le=100)]


class Replicas(Model):
    """How many pods: from `min` to `max`, as load wants it."""

    min: Count = Field(description="the least number of pods, 1 to 100")
    max: Count = Field(description="the largest number of pods, 1 to 100")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max <= self.min:
            raise ValueError(f"max {self.max} must be above min {self.min}; for a fixed number write it plainly")
        return self


def _count_or_range(value: object) -> str:
    return "[range]" if isinstance(value, (Mapping, Replicas)) else "[count]"


CountOrRange = Annotated[
    Annotated[Count, Tag("[count]")] | Annotated[Replicas, Tag("[range]")], Discriminator(_count_or_range)
]
"""Told apart by its form, so that a fault in one form is not reported as one of the other."""


class Amount(Model):
    """Processor time and memory."""

    cpu: Cpu | None = Field(default=None, description="cores, such as 500m")
    memory: Memory | None = Field(default=None, description="bytes, such as 256Mi")


class Resources(Model):
    """What a pod is given and what it may take."""

    requests: Amount = Field(
        default=Amount(cpu="100m", memory="128Mi"), description="what the scheduler sets aside"
    )
    limits: Amount = Field(Amount(cpu="500m", memory="512Mi"), description="what a container may take at most")

    @model_validator(mode="after")
    def _limit_covers_request(self) -> Self:
        for kind in ("cpu", "memory"):
            request, limit = getattr(self.requests, kind), getattr(self.limits, kind)
            if request and limit and quantity(limit) < quantity(request):
                raise ValueError(f"limits.{kind} {limit!r} is below requests.{kind} {request!r}")
        return self


class App(Model):
    """What one workload has of its own in this environment."""

    replicas: CountOrRange = Field(default=1, description="the number of pods, 1 to 100, or min and max")
    resources: Resources = Field(
        default_factory=lambda: Resources.model_validate({}), description="requests and limits"
    )
    variables: Variables = Field(
        default_factory=dict, description="environment variables, none of them secret", repr=False
    )


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What runs: an image and its values in this environment.

    Args:
        image: by digest, or by a tag that does not move.
        replicas: a number of pods, or a range.
        resources: requests and limits.
        variables: environment variables, none of them secret.
    """

    image: str
    replicas: int | Replicas = 1
    resources: Resources = field(default_factory=lambda: Resources.model_validate({}))
    variables: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def most_replicas(self) -> int:
        """The largest number of pods."""
        return self.replicas.max if isinstance(self.replicas, Replicas) else self.replicas


class Database(Model):
    """What one database has of its own in this environment."""

    connection_limit: Annotated[int, Field(ge=1, le=10000)] = Field(default=50, description="connections at most")
    protect: bool | None = Field(
        default=None, description="whether it refuses to be destroyed; by default production's does"
    )


class Credentials(Model):
    """How workloads get their database credentials, and for how long."""

    mode: Literal["static", "dynamic"] = Field(description="a generated password, or one leased from Vault")
    ttl: Duration = Field(default="1h", description="how long a leased credential is valid")
    max_ttl: Duration = Field(default="24h", description="how long a lease can be renewed to")
    refresh: Duration = Field(default="15m", description="how often External Secrets reads or leases anew")

    @model_validator(mode="after")
    def _last_long_enough(self) -> Self:
        ttl, longest, refresh = seconds(self.ttl), seconds(self.max_ttl), seconds(self.refresh)
        if self.mode == "dynamic" and refresh * 2 > ttl:
            raise ValueError(f"refresh {self.refresh!r} must be at most half of ttl {self.ttl!r}")
        if longest < ttl:
            raise ValueError(f"maxTtl {self.max_ttl!r} is below ttl {self.ttl!r}")
        return self


class Stack(Model):
    """The configuration of one stack, as `Pulumi.<stack>.yaml` gives it under `bulkhead:`."""

    kind: Kind = Field(description="what is at stake: " + ", ".join(KINDS))
    platform: Name = Field(description="the platform, a file's name in platforms/")
    images: dict[Word, Image] = Field(description="the image of each workload")
    apps: dict[Word, App] = Field(default_factory=dict, description="values of workloads")
    databases: dict[Word, Database] = Field(default_factory=dict, description="values of databases")
    credentials: Credentials | None = Field(None, description="how credentials are made and how long they last")

    @model_validator(mode="after")
    def _production_leases(self) -> Self:
        if self.kind == "production" and self.credentials and self.credentials.mode == "static":
            raise ValueError("credentials.mode is 'static'; production uses 'dynamic', leased from Vault")
        for name, database in self.databases.items():
            if self.kind == "production" and database.protect is False:
                raise ValueError(f"databases.{name}.protect is false; production's are always protected")
        return self


class Settings:
    """A stack's identity, platform and values."""

    def __init__(
        self, environment: Environment, platform: Platform, stack: Stack, apps: tuple[str, ...] = ()
    ) -> None:
        self.environment = environment
        self.namespaces = (environment.namespace(), *(environment.namespace(app) for app in apps))
        self.platform = platform
        self.credentials = stack.credentials or Credentials(
            mode="dynamic" if environment.is_production else "static"
        )
        self._stack = stack

    def workload(self, name: str) -> Workload:
        """The image and values of one workload; defaults where the stack says nothing.

        Raises:
            InputError: the stack gives no image.
        """
        if name not in self._stack.images:
            raise InputError(f"{NAMESPACE}:images.{name} is missing; it gives the image of {name}")
        return Workload(image=self._stack.images[name], **dict(self._stack.apps.get(name, App())))

    def database(self, name: str) -> Database:
        """The values of one database; defaults where the stack says nothing."""
        values = self._stack.databases.get(name, Database())
        if values.protect is None:
            return values.model_copy(update={"protect": self.environment.is_production})
        return values

    @classmethod
    def load(
        cls, *, apps: tuple[str, ...], databases: tuple[str, ...] = (), folder: Path = Path("platforms")
    ) -> Self:
        """The settings of the stack that runs.

        Args:
            apps: the workloads that the program has; a value for another one is refused.
            databases: the databases that the program has.
            folder: where platform files are.

        Raises:
            InputError: anything is missing, unknown or wrong; nothing has been touched then.
        """
        config = cast("Mapping[str, str]", pulumi.runtime.get_config_env())
        secret = set(pulumi.runtime.get_config_secret_keys_env())
        stack = parse(Stack, dict(_decoded(config, secret)), key=f"{NAMESPACE}:")
        _refuse_unknown(stack.images, apps, "images")
        _refuse_unknown(stack.apps, apps, "apps")
        _refuse_unknown(stack.databases, databases, "databases")
        platform = load_platform(stack.platform, folder)
        name = pulumi.get_stack()
        environment = Environment(
            system=pulumi.get_project(),
            name=name,
            kind=stack.kind,
            domain=platform.domain,
            legacy=platform.legacy_names(name),
        )
        _refuse_insecure(environment, platform)
        _refuse_foreign_hosts(stack, environment, apps)
        return cls(environment, platform, stack, apps)


def _decoded(config: Mapping[str, str], secret: set[str]) -> Iterator[tuple[str, Any]]:
    for key, text in config.items():
        namespace, _, name = key.partition(":")
        if namespace == "pulumi":
            continue
        if namespace != NAMESPACE:
            raise InputError(f"{key} is not a known key{nearest(namespace, (NAMESPACE,))}; use {NAMESPACE}:<key>")
        if key in secret:
            raise InputError(f"{key} is encrypted; settings are no secrets, and secrets come from Vault")
        yield name, _scalar(text)


def _scalar(text: str) -> Any:
    """A value as the engine hands it over: mappings, lists, numbers and truth as JSON, text as it is."""
    if text in ("true", "false") or text[:1] in ("{", "["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _refuse_unknown(given: Mapping[str, object], known: tuple[str, ...], key: str) -> None:
    for name in given:
        if name not in known:
            raise InputError(
                f"{NAMESPACE}:{key}.{name} is not known{nearest(name, known)}; this program has {', '.join(known)}"
            )


def _refuse_insecure(environment: Environment, platform: Platform) -> None:
    if not environment.is_production or platform.backend:
        return
    if platform.postgresql.sslmode == "disable":
        raise InputError("postgresql.sslmode is 'disable'; production uses require, verify-ca or verify-full")
    if not platform.vault.address.startswith("https://"):
        raise InputError(f"vault.address is {platform.vault.address!r}; production uses https://")


def _refuse_foreign_hosts(stack: Stack, environment: Environment, apps: tuple[str, ...]) -> None:
    own = {environment.host(app) for app in apps}
    under = re.compile(rf"[a-z0-9.-]+\.{re.escape(environment.domain)}")
    for app, values in stack.apps.items():
        for name, text in values.variables.items():
            for host in under.findall(text.lower()):
                if host not in own:
                    raise InputError(
                        f"{NAMESPACE}:apps.{app}.variables.{name} names the host {host!r}, "
                        f"not one of {environment.name!r}; its hosts are {', '.join(sorted(own))}"
                    )
