"""EnvironmentDatabase: a database of one environment, its roles, and who may do what in it.

The owner role owns every object and cannot log in. Rights stand on two group roles that cannot log in either;
what an application logs in as is a member of one of them and holds nothing itself, so it can be dropped at
any time. PUBLIC may do nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_postgresql as postgresql

from components import extensions
from components.connections import ADMINISTRATION, Budget, Reservation, over_capacity
from components.environment import Environment
from components.errors import InputError
from components.platform import EndPoint
from components.providers import Connected
from components.role_settings import RoleSettings
from components.values import Database

SCHEMA = "public"

_READ_WRITE = {
    "table": ["DELETE", "INSERT", "SELECT", "UPDATE"],
    "sequence": ["SELECT", "UPDATE", "USAGE"],
    "function": ["EXECUTE"],
}
_READ_ONLY = {"table": ["SELECT"], "sequence": ["SELECT"]}
"""Privileges by name, never ALL: since PostgreSQL 17 `ALL` includes MAINTAIN and drifts for ever.

Who only reads executes no function by default: one that runs with its owner's rights would let it write.
"""


@dataclass(frozen=True, kw_only=True)
class EnvironmentDatabaseArgs:
    """What an EnvironmentDatabase needs.

    Args:
        environment: the environment that the database belongs to.
        bears_system_name: the database is called after the system alone (`keybuzz_prod`).
        extensions: extensions to create and their versions, such as `{"vector": "0.8.5"}`; another version
            updates them, None takes the server's default at creation and leaves it alone from then on.
        role_settings: what every session of an application begins with, whatever its login is called.
        values: the stack's own values: the connection limit, and whether the database may be destroyed.
    """

    environment: Environment
    bears_system_name: bool = False
    extensions: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    role_settings: RoleSettings = field(default_factory=RoleSettings)
    values: Database


class EnvironmentDatabase(pulumi.ComponentResource):
    """A database behind the write end point, with an owner and two group roles.

    Outputs: `host`, `port`, `readHost`, `readPort` (of the read end point, where the platform has one),
    `database`, `owner`, `readWrite`, `readOnly`.
    """

    def __init__(
        self,
        name: str,
        args: EnvironmentDatabaseArgs,
        platform: Connected,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        self.environment = args.environment
        self.names = args.environment.database(name, bears_system_name=args.bears_system_name)
        self.sslmode = platform.platform.postgresql.sslmode
        self.write, self.read = platform.platform.postgresql.write, platform.platform.postgresql.read
        self.role_settings = args.role_settings
        self._platform = platform.platform.name
        _refuse_unusable(name, self.names.database, args, platform)
        self._budget = Budget(self.names.database, args.values.connection_limit)
        self.reserve(Reservation(what="Pulumi's provider", connections=ADMINISTRATION))
        platform.limits[self.names.database] = args.values.connection_limit
        if platform.max_connections and (said := over_capacity(platform.limits, platform.max_connections)):
            pulumi.log.warn(said)
        super().__init__(
            "bulkhead:index:EnvironmentDatabase",
            name,
            {},
            pulumi.ResourceOptions.merge(platform.options, opts),
        )
        self._name, protect = name, bool(args.values.protect)
        self._adoption = platform.adoptions.of(name)
        self.owner = self._role("owner", self.names.owner, protect=protect)
        self.read_write = self._role("read-write", self.names.read_write)
        self.read_only = self._role("read-only", self.names.read_only)
        self.database = postgresql.Database(
            f"{name}-database",
            name=self._adoption.named(self.names.database),
            owner=self.owner.name,
            connection_limit=args.values.connection_limit,
            opts=pulumi.ResourceOptions.merge(
                pulumi.ResourceOptions(parent=self, protect=protect), self._adoption.database(args.values)
            ),
        )
        platform.adoptions.keep_login(name, self.owner, pulumi.ResourceOptions(parent=self, protect=False))
        self.ready = self._open(self._schema(args.extensions))
        self.register_outputs(
            {
                "host": self.write.host,
                "port": self.write.port,
                "readHost": self.read.host if self.read else None,
                "readPort": self.read.port if self.read else None,
                "database": self.database.name,
                "owner": self.owner.name,
                "readWrite": self.read_write.name,
                "readOnly": self.read_only.name,
            }
        )

    def reserve(self, wanted: Reservation) -> None:
        """Note what a user of the database may open, before the user is made.

        Raises:
            InputError: all users may open more together than the database takes; each of them, and the sum.
        """
        self._budget.reserve(wanted)

    def require_read(self, wanted_by: str) -> EndPoint:
        """The read end point, for a user that cannot do without.

        Raises:
            InputError: the platform has none.
        """
        if self.read is None:
            raise InputError(
                f"{wanted_by} asks for the read end point of {self.names.database!r}; platform "
                f"{self._platform!r} has none: give postgresql.read in its file, or use the write end point"
            )
        return self.read

    def _role(self, purpose: str, name: str, *, protect: bool = False) -> postgresql.Role:
        return postgresql.Role(
            f"{self._name}-{purpose}",
            name=self._adoption.named(name),
            login=False,
            opts=pulumi.ResourceOptions.merge(
                pulumi.ResourceOptions(parent=self, protect=protect), self._adoption.role(name)
            ),
        )

    def _inside(self, after: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of what goes with the database: it is dropped with it, never one by one.

        Changes of one database's rights run one after the other: PostgreSQL answers two at once with "tuple
        concurrently updated".
        """
        return pulumi.ResourceOptions(parent=self, depends_on=[after], deleted_with=self.database, protect=False)

    def _schema(self, wanted: Mapping[str, str | None]) -> pulumi.Resource:
        last: pulumi.Resource = postgresql.Schema(
            f"{self._name}-schema",
            name=SCHEMA,
            database=self.database.name,
            owner=self.owner.name,
            opts=self._inside(self.database),
        )
        for extension, version in sorted(wanted.items()):
            last = postgresql.Extension(
                f"{self._name}-extension-{extension}",
                name=extension,
                version=version,
                database=self.database.name,
                opts=self._inside(last),
            )
        return last

    def _open(self, last: pulumi.Resource) -> pulumi.Resource:
        """Shut PUBLIC out, then open the database to the two groups; the last of the chain."""
        last = self._enter("public", "public", [], [], last)
        for role, purpose in self._groups():
            last = self._enter(purpose, role, ["CONNECT"], ["USAGE"], last)
        for kind in ("function", "type"):  # PostgreSQL gives these to PUBLIC, in no schema in particular
            last = self._default("public", "public", kind, [], last, schema=None)
        for (role, purpose), rights in zip(self._groups(), (_READ_WRITE, _READ_ONLY), strict=True):
            for kind, privileges in rights.items():
                last = self._default(purpose, role, kind, privileges, last, schema=SCHEMA)
        return last

    def _enter(
        self, purpose: str, role: pulumi.Input[str], connect: list[str], usage: list[str], last: pulumi.Resource
    ) -> pulumi.Resource:
        """What a role may do with the database and the schema themselves."""
        last = self._grant(f"{purpose}-database", role, "database", connect, last)
        return self._grant(f"{purpose}-schema", role, "schema", usage, last)

    def _default(
        self,
        purpose: str,
        role: pulumi.Input[str],
        kind: str,
        privileges: list[str],
        last: pulumi.Resource,
        *,
        schema: str | None,
    ) -> postgresql.DefaultPrivileges:
        """What a role may do with objects that the owner will make."""
        return postgresql.DefaultPrivileges(
            f"{self._name}-{purpose}-{kind}s",
            database=self.database.name,
            schema=schema,
            owner=self.owner.name,
            role=role,
            object_type=kind,
            privileges=privileges,
            opts=self._inside(last),
        )

    def _groups(self) -> tuple[tuple[pulumi.Output[str], str], ...]:
        return (self.read_write.name, "read-write"), (self.read_only.name, "read-only")

    def _grant(
        self, name: str, role: pulumi.Input[str], kind: str, privileges: list[str], last: pulumi.Resource
    ) -> postgresql.Grant:
        options = pulumi.ResourceOptions(delete_before_replace=True)  # the other order leaves nothing granted
        return postgresql.Grant(
            f"{self._name}-{name}",
            database=self.database.name,
            schema=SCHEMA if kind == "schema" else None,
            role=role,
            object_type=kind,
            privileges=privileges,
            opts=pulumi.ResourceOptions.merge(self._inside(last), options),
        )


def _refuse_unusable(name: str, called: str, args: EnvironmentDatabaseArgs, platform: Connected) -> None:
    """Refuse a database that cannot be, or that cannot be beside those that are declared already."""
    extensions.refuse_unusable(args.extensions)
    platform.platform.refuse_legacy_of_others(args.environment, {name: called})
    if (other := platform.databases.setdefault(called, name)) != name:
        raise InputError(
            f"{name} and {other} both call their database {called!r}; "
            "bears_system_name can be true of one database alone"
        )
    if args.environment.is_production and not args.values.protect:
        raise InputError(f"protect is not true for {called!r}; production's databases are protected")
    limit, capacity = args.values.connection_limit, platform.max_connections
    if capacity is not None and limit > capacity:
        raise InputError(f"connectionLimit is {limit} for database {called!r}; the server has {capacity} for all")
    if platform.extensions is not None:
        extensions.refuse_unavailable(args.extensions, platform.extensions)


def connection_url(database: EnvironmentDatabase) -> str:
    """How Vault reaches the database: through the write end point; Vault fills in the two templates."""
    host = f"[{database.write.host}]" if ":" in database.write.host else database.write.host
    where = f"{host}:{database.write.port}/{database.names.database}"
    return f"postgresql://{{{{username}}}}:{{{{password}}}}@{where}?sslmode={database.sslmode}"
