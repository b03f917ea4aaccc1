"""System: one environment of a system, whole, from a description that is plain data.

Components hand each other Python objects, which no other language of Pulumi has. This one takes what JSON
can say, so that a program in any language can have an environment through Pulumi's component provider host.
"""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, NotRequired, TypedDict, cast

import pulumi
from pydantic import Field

from components.app_deployment import AppDeployment, AppDeploymentArgs, Probes
from components.environment_database import EnvironmentDatabase, EnvironmentDatabaseArgs
from components.errors import InputError, nearest
from components.ingress import Ingress, IngressArgs, Route
from components.links import Reachable
from components.namespace import Namespace, NamespaceArgs
from components.platform import Platform, in_place
from components.providers import Connected, connect
from components.settings import NAMESPACE, Settings, Stack
from components.validation import Model, Name, Port, Word, parse
from components.values import Variables
from components.vault_db_secret import VaultDbSecret, VaultDbSecretArgs


class ProbesDescription(Model):
    """The paths that answer when an application lives and when it can serve."""

    live: str = Field(default="/health", description="answers when it lives")
    ready: str = Field(default="/health", description="answers when it can serve")


class ApplicationDescription(Model):
    """The structure of one application; its image and sizes are values."""

    port: Port | None = Field(default=None, description="the container's HTTP port; none for a worker")
    probes: ProbesDescription | None = Field(default=None, description="the paths to ask")
    command: tuple[str, ...] = Field(
        (), description="the program and its arguments; without them, the image's own", strict=False
    )
    variables: Variables = Field(default_factory=dict, description="environment variables, none of them secret")
    database: Word | None = Field(default=None, description="the database that it uses")
    secret: Name | None = Field(
        default=None, description="the Secret that its database credential is delivered in"
    )
    database_url: bool = Field(default=False, description="whether the Secret has DATABASE_URL as well")
    reaches: tuple[Word, ...] = Field(
        (), description="the applications that it opens connections to", strict=False
    )
    public: bool = Field(default=False, description="whether it has a host of its own")


class DatabaseDescription(Model):
    """The structure of one database."""

    bears_system_name: bool = Field(default=False, description="whether it is called after the system alone")
    # No null, which is lost on the way from another language, and the extension with it.
    extensions: dict[str, str] = Field(
        default_factory=dict, description="extensions and their versions; an empty one takes the server's own"
    )


class Description(Model):
    """The structure of a system, the same for each of its environments."""

    applications: dict[Word, ApplicationDescription] = Field(description="the applications, by name")
    databases: dict[Word, DatabaseDescription] = Field(default_factory=dict, description="the databases, by name")


class _Given(Description):
    """All that a System is given; what the platform and the values have is looked at for itself."""

    environment: str | None = Field(default=None, description="the environment's name")
    system: str | None = Field(default=None, description="the product's name")
    platform: dict[str, Any] = Field(description="what a platform file has")
    values: dict[str, Any] = Field(description="what a stack file has below `bulkhead:`")


class SystemArgs(TypedDict):
    """What a System needs; all of it plain data, in camelCase as stack files have it."""

    environment: NotRequired[str]
    """the environment's name, such as `dev`; without it, the stack's"""
    system: NotRequired[str]
    """the product's name; without it, the project's"""
    platform: dict[str, Any]
    """what a platform file has (schemas/platform.schema.json)"""
    values: dict[str, Any]
    """what a stack file has below `bulkhead:` (schemas/stack.schema.json), without `platform`"""
    applications: dict[str, Any]
    """the structure of each application, by name (ApplicationDescription)"""
    databases: NotRequired[dict[str, Any]]
    """the structure of each database, by name (DatabaseDescription)"""


class System(pulumi.ComponentResource):
    """One environment of a system: its databases, credentials, applications and public hosts.

    Outputs: `urls`, the public address of each application that has one.
    """

    urls: pulumi.Output[dict[str, str]]
    """the public address of each application that has one"""

    def __init__(self, name: str, args: SystemArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        given = {key: plain(value, key) for key, value in args.items() if value is not None}
        described = parse(_Given, given, key="")
        refuse_unknown_links(described)
        settings = _settings(described)
        super().__init__("bulkhead:index:System", name, {}, opts)
        platform = connect(settings, parent=self)
        self.urls = pulumi.Output.from_input(_build(self, name, settings, described, platform))
        self.register_outputs({"urls": self.urls})


def plain(value: object, key: str) -> Any:
    """Plain data with whole numbers as such: on the wire between languages every number is a fraction.

    Args:
        value: what a program in any language gave.
        key: where it was given.

    Raises:
        InputError: it is a secret, or known after an update alone, or nothing that JSON can say.
    """
    if isinstance(value, Mapping):
        return {name: plain(inner, f"{key}.{name}") for name, inner in cast("Mapping[str, object]", value).items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner, f"{key}[{at}]") for at, inner in enumerate(cast("list[object]", value))]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise InputError(
        f"{key} is a secret, or not known before the update; use plain data: "
        "secrets come from Vault, and names must be known at preview"
    )


def refuse_unknown_links(described: Description) -> None:
    """Refuse a database or an application that is named and not described, and what cannot stand together."""
    for name, application in described.applications.items():
        key = f"applications.{name}"
        if application.database is not None and application.database not in described.databases:
            known = tuple(described.databases)
            raise InputError(
                f"{key}.database is {application.database!r}{nearest(application.database, known)}; "
                f"databases described: {', '.join(known) or 'none'}"
            )
        if (application.database is None) != (application.secret is None):
            raise InputError(f"{key}.database and {key}.secret belong together; give both or none")
        if application.public and application.port is None:
            raise InputError(f"{key}.public is true without a port; give the port that answers, or leave it out")
        for target in application.reaches:
            if target not in described.applications:
                known = tuple(described.applications)
                raise InputError(f"{key}.reaches has {target!r}{nearest(target, known)}; use {', '.join(known)}")


def order(described: Description) -> list[str]:
    """The applications, each after those that it reaches.

    Raises:
        InputError: they reach each other in a circle.
    """
    links = {name: one.reaches for name, one in described.applications.items()}
    try:
        return list(TopologicalSorter(links).static_order())
    except CycleError as error:
        raise InputError(f"applications reach each other in a circle: {' → '.join(error.args[1])}") from None


def _settings(given: _Given) -> Settings:
    platform = parse(Platform, given.platform, key="platform")
    stack = parse(Stack, {"platform": platform.name, **given.values}, key="values")
    if stack.platform != platform.name:
        raise InputError(f"values.platform is {stack.platform!r}; leave it out, the platform is {platform.name!r}")
    try:
        settings = Settings.of(
            stack,
            lambda: in_place(platform),
            system=pulumi.get_project() if given.system is None else given.system,
            environment=pulumi.get_stack() if given.environment is None else given.environment,
            apps=tuple(given.applications),
            databases=tuple(given.databases),
        )
        for name in given.applications:
            settings.workload(name)  # an image that is missing is said before anything is registered
    except InputError as error:
        raise InputError(str(error).replace(f"{NAMESPACE}:", "values.")) from None
    return settings


def _build(
    parent: System, called: str, settings: Settings, described: Description, platform: Connected
) -> dict[str, str]:
    env, inside = settings.environment, pulumi.ResourceOptions(parent=parent)
    databases = {
        name: EnvironmentDatabase(
            name,
            EnvironmentDatabaseArgs(
                environment=env,
                values=settings.database(name),
                bears_system_name=one.bears_system_name,
                extensions={extension: version or None for extension, version in one.extensions.items()},
            ),
            platform,
            inside,
        )
        for name, one in described.databases.items()
    }
    running: dict[str, AppDeployment] = {}
    for name in order(described):
        one = described.applications[name]
        database = databases[one.database] if one.database else None
        links = (*([database] if database else []), *(running[target] for target in one.reaches))
        running[name] = _run(name, one, settings, platform, inside, database, links)
    public = [name for name, one in described.applications.items() if one.public]
    if not public:
        return {}
    routes = tuple(Route(to=running[name], host=name) for name in public)
    return dict(Ingress(f"{called}-public", IngressArgs(environment=env, routes=routes), platform, inside).urls)


def _run(
    name: str,
    described: ApplicationDescription,
    settings: Settings,
    platform: Connected,
    inside: pulumi.ResourceOptions,
    database: EnvironmentDatabase | None,
    links: tuple[Reachable, ...],
) -> AppDeployment:
    """One application, in a namespace of its own, with the credential of its database."""
    env, workload, probes = settings.environment, settings.workload(name), described.probes
    here = Namespace(name, NamespaceArgs(environment=env, part=name, quota=settings.quota), platform, inside)
    secrets: tuple[VaultDbSecret, ...] = ()
    if database and described.secret:
        credential = VaultDbSecretArgs(
            environment=env,
            database=database,
            namespace=here,
            secret=described.secret,
            credentials=settings.credentials,
            used_by=workload,
            database_url=described.database_url,
        )
        secrets = (VaultDbSecret(name, credential, platform, inside),)
    args = AppDeploymentArgs(
        environment=env,
        namespace=here,
        workload=workload,
        port=described.port,
        probes=Probes(live=probes.live, ready=probes.ready) if probes else None,
        command=described.command,
        variables=described.variables,
        secrets=secrets,
        reaches=links,
    )
    return AppDeployment(name, args, platform, inside)
