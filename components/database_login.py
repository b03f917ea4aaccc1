"""The source of one database login: static in Vault's KV engine, or leased from an engine of its own.

A login is a member of one group role and holds nothing itself. What composes it is a component; the resources
made here are that component's children.
"""

from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_postgresql as postgresql
import pulumi_random as random
import pulumi_vault as vault

from components import lease
from components.connections import VAULT, Reservation
from components.environment import Environment
from components.environment_database import EnvironmentDatabase, connection_url
from components.external_secret import Source, database_keys
from components.kv_secret import keep
from components.platform import Vault
from components.role_settings import RoleSettings, as_role_inputs, as_statements
from components.validation import seconds
from components.values import Credentials

Group = Literal["read-write", "read-only", "owner"]
"""What a login may do: write, read, or change the schema; then it is the owner role from its first statement."""


@dataclass(frozen=True, kw_only=True)
class LoginArgs:
    """What a login needs.

    Args:
        environment: the environment that the login belongs to.
        database: what it opens.
        credentials: static or dynamic, the times and the rotation.
        path: its KV secret below the mount, and the mount of its engine where it is leased.
        part: the part that it is for, which gives the login's name.
        users: who opens connections with it, each with its most; the server lets no more in than all of these.
        purpose: one word where the part has more than one login: `migration`.
        group: what it may do.
    """

    environment: Environment
    database: EnvironmentDatabase
    credentials: Credentials
    path: str
    part: str
    users: tuple[Reservation, ...]
    purpose: str = ""
    group: Group = "read-write"

    @property
    def role(self) -> postgresql.Role:
        """The group role that the login is a member of."""
        roles = {"read-write": self.database.read_write, "read-only": self.database.read_only}
        return roles.get(self.group, self.database.owner)

    @property
    def role_name(self) -> str:
        """What that group role is called on the server."""
        names = self.database.names
        return {"read-write": names.read_write, "read-only": names.read_only}.get(self.group, names.owner)

    @property
    def connections(self) -> int:
        """What all its users may open at most."""
        return sum(user.connections for user in self.users)

    @property
    def settings(self) -> RoleSettings:
        """What its sessions begin with; a change of the schema takes the time that it takes."""
        if self.group == "owner":
            return RoleSettings(idle_in_transaction_session_timeout=None)
        return self.database.role_settings

    def reserve(self) -> None:
        """Ask the database for its users' connections, and for Vault's own where logins are leased.

        Raises:
            InputError: the database does not take so many.
        """
        leased = self.credentials.mode == "dynamic"
        vault_itself = Reservation(what=f"Vault, for {self.path}", connections=VAULT)
        for user in (*self.users, *([vault_itself] if leased else [])):
            self.database.reserve(user)


@dataclass(frozen=True, kw_only=True)
class DatabaseLogin:
    """A login, ready to be delivered.

    Args:
        source: where it stands at Vault.
        ready: what to wait for: with these it can be read.
        revision: a text that changes with its values and tells none of them.
    """

    source: Source
    ready: tuple[pulumi.Resource, ...]
    revision: pulumi.Output[str]


def login_source(name: str, args: LoginArgs) -> Source:
    """Where a login will stand at Vault, before anything is made."""
    leased = args.credentials.mode == "dynamic"
    return Source(
        kv_path=args.path,
        keys=database_keys(leased=leased, read=bool(args.database.read), sslmode=args.database.sslmode),
        creds_path=f"{args.path}/creds/{name}" if leased else None,
        lease=seconds(args.credentials.ttl) if leased else 0,
    )


def make_login(parent: pulumi.ComponentResource, name: str, args: LoginArgs, platform: Vault) -> DatabaseLogin:
    """Make a login as its credentials' mode says.

    Args:
        parent: the component whose children these are.
        name: what their logical names begin with, and what the lease's role at Vault is called.
        args: whose login, to what, and how.
        platform: the Vault that holds or leases it.
    """
    write = args.database.write
    values: dict[str, pulumi.Input[str]] = {
        "PGHOST": write.host,
        "PGPORT": str(write.port),
        "PGDATABASE": args.database.names.database,
    }
    if read := args.database.read:
        values |= {"PGREADHOST": read.host, "PGREADPORT": str(read.port)}
    if args.credentials.mode == "dynamic":
        made = leased_login(parent, name, args)
    else:
        made, login = static_login(parent, name, args)
        values |= login
    kept, revision = keep(
        f"{name}-kv",
        platform.kv_mount,
        args.path,
        values,
        pulumi.ResourceOptions(parent=parent),
        rotation=args.credentials.rotation if args.credentials.mode == "static" else 0,
    )
    return DatabaseLogin(source=login_source(name, args), ready=(made, kept), revision=revision)


def static_login(
    parent: pulumi.ComponentResource, name: str, args: LoginArgs
) -> tuple[pulumi.Resource, dict[str, pulumi.Input[str]]]:
    """The logins with generated passwords that take turns, and the one whose turn it is.

    Each rotation gives the other login a new password and leaves the one that pods hold alone until the next.
    """
    rotation = args.credentials.rotation
    made = [_turn(parent, name, args, generation) for generation in generations_of(rotation)]
    login, password = made[rotation % 2]
    return login, {"PGUSER": login.name, "PGPASSWORD": password}


def generations_of(rotation: int) -> list[int]:
    """Which rotation gave each of the two logins its password; the second is made at the first rotation."""
    return [rotation - rotation % 2, *([rotation - 1 + rotation % 2] if rotation else [])]


def _turn(
    parent: pulumi.ComponentResource, name: str, args: LoginArgs, generation: int
) -> tuple[postgresql.Role, pulumi.Output[str]]:
    second = generation % 2 == 1
    suffix = "2" if second else ""
    password = _generate(parent, f"{name}-password{suffix}", generation)
    role = postgresql.Role(
        f"{name}-login{suffix}",
        name=args.environment.login(args.part, args.purpose, second=second),
        login=True,
        password=password,
        roles=[args.role.name],
        assume_role=args.role.name if args.group == "owner" else None,
        **as_role_inputs(args.settings, args.connections),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[args.database.ready]),
    )
    return role, password


def _generate(parent: pulumi.ComponentResource, name: str, generation: int = 0) -> pulumi.Output[str]:
    return random.RandomPassword(
        name,
        length=40,
        special=False,
        keepers={"generation": str(generation)} if generation else None,
        opts=pulumi.ResourceOptions(parent=parent),
    ).result


def leased_login(parent: pulumi.ComponentResource, name: str, args: LoginArgs) -> pulumi.Resource:
    """Vault's own login, and the engine that leases logins to the application.

    The engine is one mount a credential, so that destroying it ends every lease while Vault can still
    reach the database: its connection and its role go with it and not before it.
    """
    database, times = args.database, args.credentials
    child = pulumi.ResourceOptions(parent=parent)
    password = _generate(parent, f"{name}-password")
    administrator = postgresql.Role(
        f"{name}-vault",
        name=args.environment.vault_administrator(args.part, args.purpose),
        login=True,
        create_role=True,
        password=password,
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=[database.ready],
            # GrantRole owns the membership, which an update of the Role would revoke; and after rotate-root
            # only Vault knows the password.
            ignore_changes=["roles", "password"],
        ),
    )
    member = postgresql.GrantRole(
        f"{name}-vault-membership",
        role=administrator.name,
        grant_role=args.role.name,
        with_admin_option=True,  # so that it may make members of the group, and of no other role
        opts=child,
    )
    mount = vault.Mount(
        f"{name}-engine",
        path=args.path,
        type="database",
        default_lease_ttl_seconds=seconds(times.ttl),
        max_lease_ttl_seconds=seconds(times.max_ttl),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[member, database.ready]),
    )
    inside = pulumi.ResourceOptions(parent=parent, deleted_with=mount)
    connection = vault.database.SecretBackendConnection(
        f"{name}-connection",
        backend=mount.path,
        name=database.names.database,
        allowed_roles=[name],
        postgresql={
            "connection_url": connection_url(database),
            "username": administrator.name,
            "password": password,
            "password_authentication": "scram-sha-256",
            "username_template": lease.username_template(args.role_name),
            "max_open_connections": VAULT,
        },
        # Vault never gives the password back, and `vault write -f …/rotate-root/…` changes it.
        opts=pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(ignore_changes=["postgresql.password"])),
    )
    return vault.database.SecretBackendRole(
        f"{name}-lease",
        backend=mount.path,
        name=name,
        db_name=connection.name,
        creation_statements=lease.creation_statements(
            args.role_name,
            args.environment.vault_administrator(args.part, args.purpose),
            becomes_group=args.group == "owner",
        )
        + as_statements(args.settings, args.connections),
        revocation_statements=lease.revocation_statements(),
        default_ttl=seconds(times.ttl),
        max_ttl=seconds(times.max_ttl),
        opts=inside,
    )
