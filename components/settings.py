"""Settings: the only reader of a stack's configuration; typed, frozen, validated as a whole.

The structure of a system is code and the same for every stack; what stands here is only what an environment
has of its own.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self, cast

import pulumi
from pydantic import Field, model_validator

from components.environment import KINDS, Environment, Kind
from components.errors import InputError, nearest
from components.platform import Platform, load_platform
from components.validation import Model, Name, Word, parse
from components.values import App, CacheValues, Credentials, Database, Image, Quota, Workload

NAMESPACE = "bulkhead"


class Stack(Model):
    """The configuration of one stack, as `Pulumi.<stack>.yaml` gives it under `bulkhead:`."""

    kind: Kind = Field(description="what is at stake: " + ", ".join(KINDS))
    platform: Name = Field(description="the platform, a file's name in platforms/")
    images: dict[Word, Image] = Field(description="the image of each workload")
    apps: dict[Word, App] = Field(default_factory=dict, description="values of workloads")
    databases: dict[Word, Database] = Field(default_factory=dict, description="values of databases")
    caches: dict[Word, CacheValues] = Field(default_factory=dict, description="values of caches")
    credentials: Credentials | None = Field(None, description="how credentials are made and how long they last")
    quota: Quota = Field(default=Quota(), description="what all pods of one namespace may take together")
    seeds: bool = Field(
        default=True, description="whether databases begin with the program's seeds; production's never do"
    )

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
        self,
        environment: Environment,
        platform: Platform,
        stack: Stack,
        apps: tuple[str, ...] = (),
        databases: tuple[str, ...] = (),
    ) -> None:
        self.environment = environment
        self.namespaces = (environment.namespace(), *(environment.namespace(app) for app in apps))
        self.platform = platform
        self.credentials = stack.credentials or Credentials(
            mode="dynamic" if environment.is_production else "static"
        )
        self.quota = stack.quota
        self._stack, self._databases = stack, databases

    def workload(self, name: str) -> Workload:
        """The image and values of one workload; defaults where the stack says nothing.

        Raises:
            InputError: the stack gives no image.
        """
        if name not in self._stack.images:
            raise InputError(f"{NAMESPACE}:images.{name} is missing; it gives the image of {name}")
        return Workload(image=self._stack.images[name], **dict(self._stack.apps.get(name, App())))

    def database(self, name: str) -> Database:
        """The values of one database; defaults where the stack says nothing.

        Raises:
            InputError: it is none of those that the settings were loaded for.
        """
        if name not in self._databases:
            known = ", ".join(self._databases) or "none"
            raise InputError(
                f"database {name!r} is not among the databases that Settings.load was given"
                f"{nearest(name, self._databases)}; it was given {known}"
            )
        values = self._stack.databases.get(name, Database())
        if values.protect is None:
            return values.model_copy(update={"protect": self.environment.is_production})
        return values

    def cache(self, name: str) -> CacheValues:
        """The values of one cache; defaults where the stack says nothing."""
        return self._stack.caches.get(name, CacheValues())

    @classmethod
    def load(
        cls,
        *,
        apps: tuple[str, ...],
        databases: tuple[str, ...] = (),
        caches: tuple[str, ...] = (),
        folder: Path = Path("platforms"),
    ) -> Self:
        """The settings of the stack that runs.

        Args:
            apps: the workloads that the program has; a value for another one is refused.
            databases: the databases that the program has.
            caches: the caches that the program has.
            folder: where platform files are.

        Raises:
            InputError: anything is missing, unknown or wrong; nothing has been touched then.
        """
        config = cast("Mapping[str, str]", pulumi.runtime.get_config_env())
        secret = set(pulumi.runtime.get_config_secret_keys_env())
        stack = parse(Stack, dict(_decoded(config, secret)), key=f"{NAMESPACE}:")
        return cls.of(
            stack,
            lambda: load_platform(stack.platform, folder),
            system=pulumi.get_project(),
            environment=pulumi.get_stack(),
            apps=apps,
            databases=databases,
            caches=caches,
        )

    @classmethod
    def of(
        cls,
        stack: Stack,
        platform: Callable[[], Platform],
        *,
        system: str,
        environment: str,
        apps: tuple[str, ...],
        databases: tuple[str, ...] = (),
        caches: tuple[str, ...] = (),
    ) -> Self:
        """The settings of one environment, measured by what its program has and by its platform.

        Raises:
            InputError: they do not fit each other.
        """
        _refuse_unknown(stack.images, apps, "images")
        _refuse_unknown(stack.apps, apps, "apps")
        _refuse_unknown(stack.databases, databases, "databases")
        _refuse_unknown(stack.caches, caches, "caches")
        found = platform()
        identity = Environment(
            system=system,
            name=environment,
            kind=stack.kind,
            domain=found.domain,
            legacy=found.legacy_names(environment, databases),
            seeds=stack.seeds,
        )
        _refuse_insecure(identity, found)
        _refuse_foreign_hosts(stack, identity, apps)
        return cls(identity, found, stack, apps, databases)


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
                f"{NAMESPACE}:{key}.{name} is not known{nearest(name, known)}; "
                f"this program has {', '.join(known) or 'none'}"
            )


def _refuse_insecure(environment: Environment, platform: Platform) -> None:
    if not environment.is_production or platform.backend:
        return
    if platform.postgresql.sslmode == "disable":
        raise InputError("postgresql.sslmode is 'disable'; production uses require, verify-ca or verify-full")
    if not platform.vault.address.startswith("https://"):
        raise InputError(f"vault.address is {platform.vault.address!r}; production uses https://")


def _refuse_foreign_hosts(stack: Stack, environment: Environment, apps: tuple[str, ...]) -> None:
    own = {environment.host(), *(environment.host(app) for app in apps)}
    under = re.compile(rf"[a-z0-9.-]+\.{re.escape(environment.domain)}")
    for app, values in stack.apps.items():
        for name, text in values.variables.items():
            for host in under.findall(text.lower()):
                if host not in own:
                    raise InputError(
                        f"{NAMESPACE}:apps.{app}.variables.{name} names the host {host!r}, "
                        f"not one of {environment.name!r}; its hosts are {', '.join(sorted(own))}"
                    )
