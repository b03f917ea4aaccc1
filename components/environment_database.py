"""EnvironmentDatabase: a database of one environment, its roles, and who may do what in it.

The owner role owns every object and cannot log in. Rights stand on two group roles that cannot log in either;
what an application logs in as is a member of one of them and holds nothing itself, so it can be dropped at
any time. PUBLIC may do nothing.
"""

from dataclasses import dataclass

import pulumi
import pulumi_postgresql as postgresql

from components.environment import Environment
from components.errors import InputError
from components.providers import Connected
from components.settings import Database

SCHEMA = "public"

_READ_WRITE = {"table": ["DELETE", "INSERT", "SELECT", "UPDATE"], "sequence": ["SELECT", "UPDATE", "USAGE"]}
_READ_ONLY = {"table": ["SELECT"], "sequence": ["SELECT"]}
"""Privileges by name, never ALL: since PostgreSQL 17 `ALL` includes MAINTAIN and drifts for ever."""


@dataclass(frozen=True, kw_only=True)
class EnvironmentDatabaseArgs:
    """What an EnvironmentDatabase needs.

    Args:
        environment: the environment that the database belongs to.
        bears_system_name: the database is called after the system alone (`keybuzz_prod`).
        extensions: extensions to create, such as `vector`.
        values: the stack's own values: the connection limit, and whether the database may be destroyed.
    """

    environment: Environment
    bears_system_name: bool = False
    extensions: tuple[str, ...] = ()
    values: Database


class EnvironmentDatabase(pulumi.ComponentResource):
    """A database behind the write end point, with an owner and two group roles.

    Outputs: `host`, `port`, `database`, `owner`, `readWrite`, `readOnly`.
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
        self.write = platform.platform.postgresql.write
        platform.platform.refuse_legacy_of_others(args.environment, {name: self.names.database})
        if args.environment.is_production and not args.values.protect:
            raise InputError(
                f"protect is not true for {self.names.database!r}; production's databases are protected"
            )
        super().__init__(
            "bulkhead:index:EnvironmentDatabase",
            name,
            {},
            pulumi.ResourceOptions.merge(platform.options, opts),
        )
        self._name, protect = name, bool(args.values.protect)
        self.owner = self._role("owner", self.names.owner, protect=protect)
        self.read_write = self._role("read-write", self.names.read_write)
        self.read_only = self._role("read-only", self.names.read_only)
        self.database = postgresql.Database(
            f"{name}-database",
            name=self.names.database,
            owner=self.owner.name,
            connection_limit=args.values.connection_limit,
            opts=pulumi.ResourceOptions(parent=self, protect=protect),
        )
        self.ready = self._open(self._schema(args.extensions))
        self.register_outputs(
            {
                "host": self.write.host,
                "port": self.write.port,
                "database": self.database.name,
                "owner": self.owner.name,
                "readWrite": self.read_write.name,
                "readOnly": self.read_only.name,
            }
        )

    def _role(self, purpose: str, name: str, *, protect: bool = False) -> postgresql.Role:
        return postgresql.Role(
            f"{self._name}-{purpose}",
            name=name,
            login=False,
            opts=pulumi.ResourceOptions(parent=self, protect=protect),
        )

    def _inside(self, after: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of what goes with the database: it is dropped with it, never one by one.

        Changes of one database's rights run one after the other: PostgreSQL answers two at once with "tuple
        concurrently updated".
        """
        return pulumi.ResourceOptions(parent=self, depends_on=[after], deleted_with=self.database, protect=False)

    def _schema(self, extensions: tuple[str, ...]) -> pulumi.Resource:
        last: pulumi.Resource = postgresql.Schema(
            f"{self._name}-schema",
            name=SCHEMA,
            database=self.database.name,
            owner=self.owner.name,
            opts=self._inside(self.database),
        )
        for extension in extensions:
            last = postgresql.Extension(
                f"{self._name}-extension-{extension}",
                name=extension,
                database=self.database.name,
                opts=self._inside(last),
            )
        return last

    def _open(self, last: pulumi.Resource) -> pulumi.Resource:
        """Shut PUBLIC out, then open the database to the two groups; the last of the chain."""
        for role, purpose in (("public", "public"), *self._groups()):
            connect = ["CONNECT"] if role != "public" else []
            usage = ["USAGE"] if role != "public" else []
            last = self._grant(f"{purpose}-database", role, "database", connect, last)
            last = self._grant(f"{purpose}-schema", role, "schema", usage, last)
        for (role, purpose), rights in zip(self._groups(), (_READ_WRITE, _READ_ONLY), strict=True):
            for kind, privileges in rights.items():
                last = postgresql.DefaultPrivileges(
                    f"{self._name}-{purpose}-{kind}s",
                    database=self.database.name,
                    schema=SCHEMA,
                    owner=self.owner.name,
                    role=role,
                    object_type=kind,
                    privileges=privileges,
                    opts=self._inside(last),
                )
        return last

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


def connection_url(database: EnvironmentDatabase) -> str:
    """How Vault reaches the database: through the write end point; Vault fills in the two templates."""
    host = f"[{database.write.host}]" if ":" in database.write.host else database.write.host
    where = f"{host}:{database.write.port}/{database.names.database}"
    return f"postgresql://{{{{username}}}}:{{{{password}}}}@{where}?sslmode={database.sslmode}"
