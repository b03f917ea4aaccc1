"""Making: one component, or a few, on KeyBuzz's platform."""

from collections.abc import Callable
from typing import Any

from components import (
    AppDeployment,
    AppDeploymentArgs,
    Connected,
    Environment,
    EnvironmentDatabase,
    EnvironmentDatabaseArgs,
    Namespace,
    NamespaceArgs,
    VaultDbSecret,
    VaultDbSecretArgs,
)
from components.providers import configure
from components.values import Credentials, Database, Workload
from tests.recording import Recording, record
from tests.stacks import platform

IMAGE = "ghcr.io/keybuzzio/keybuzz-api:v1"


def environment(name: object = "dev", **changes: Any) -> Environment:
    """An environment of KeyBuzz, of the kind that its name asks for."""
    kind = "production" if str(name).startswith("prod") else "development"
    return Environment(**{"system": "keybuzz", "name": name, "kind": kind, "domain": "keybuzz.io", **changes})


def build(make: Callable[[Connected], object], *, preview: bool = False) -> Recording:
    """What a program registers that makes something on KeyBuzz's platform."""
    return record(lambda: make(configure(platform())), preview=preview)


def namespace(connected: Connected, of: Environment, part: str = "api") -> Namespace:
    """The namespace of one part."""
    return Namespace(part, NamespaceArgs(environment=of, part=part), connected)


def database(connected: Connected, of: Environment, name: str = "api", **more: Any) -> EnvironmentDatabase:
    """A database, protected where it must be."""
    values = more.pop("values", Database(protect=of.is_production))
    opts = more.pop("opts", None)
    return EnvironmentDatabase(
        name, EnvironmentDatabaseArgs(environment=of, values=values, **more), connected, opts
    )


def credential(connected: Connected, of: Environment, name: str = "api", **more: Any) -> VaultDbSecret:
    """A credential for a database of its own, in a namespace of its own."""
    given: dict[str, Any] = {
        "environment": of,
        "secret": "keybuzz-api-postgres",
        "credentials": Credentials(mode="dynamic" if of.is_production else "static"),
        "used_by": Workload(image=IMAGE),
        **more,
    }
    given["database"] = given.get("database") or database(connected, of, name)
    given["namespace"] = given.get("namespace") or namespace(connected, of, name)
    return VaultDbSecret(name, VaultDbSecretArgs(**given), connected)


def application(connected: Connected, of: Environment, name: str = "api", **more: Any) -> AppDeployment:
    """A workload, in a namespace of its own unless one is given."""
    given: dict[str, Any] = {"environment": of, "workload": Workload(image=IMAGE), **more}
    given["namespace"] = given.get("namespace") or namespace(connected, of, name)
    return AppDeployment(name, AppDeploymentArgs(**given), connected)
