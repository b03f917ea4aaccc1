"""What a PostgreSQL server grants, read from its catalogue; no superuser is needed for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bulkhead.drift import postgresql_queries as queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PUBLIC: Final = "public"
"""How everybody is called as a grantee."""


@dataclass(frozen=True)
class Right:
    """One privilege of one grantee.

    Args:
        grantee: a role, or PUBLIC.
        privilege: such as `CONNECT`.
        grantable: whether the grantee may grant it on.
    """

    grantee: str
    privilege: str
    grantable: bool = False


@dataclass(frozen=True)
class Rights:
    """The privileges on one thing.

    Args:
        owner: whose it is.
        live: who may do what, by grantor.
        default: what the server gives where nobody has said anything.
    """

    owner: str
    live: Mapping[Right, str]
    default: frozenset[Right]


@dataclass(frozen=True)
class Membership:
    """One grant of a role to a member.

    Args:
        role: the role.
        member: its member.
        grantor: who granted it.
        admin: whether the member may grant it on.
        inherit: whether the member has its rights without asking.
        can_set: whether the member may become it.
        expires: whether the member is a login that ends by itself.
    """

    role: str
    member: str
    grantor: str
    admin: bool
    inherit: bool
    can_set: bool
    expires: bool


@dataclass(frozen=True)
class Database:
    """A database as a whole: its row in pg_database, and its rights."""

    row: Mapping[str, Any]
    rights: Rights


@dataclass(frozen=True)
class Server:
    """What is the same in all databases."""

    version: int
    user: str
    roles: Mapping[str, Mapping[str, Any]]
    memberships: tuple[Membership, ...]
    settings: Mapping[tuple[str, str], Mapping[str, str]]
    databases: Mapping[str, Database]


@dataclass(frozen=True)
class Object:
    """An explicit right on something in a database, not its owner's, not an extension's."""

    kind: str
    schema: str
    name: str
    owner: str
    right: Right
    grantor: str


@dataclass(frozen=True)
class Inside:
    """What is in one database.

    Args:
        schemas: each schema's rights.
        defaults: rights on objects to come, by owner, schema (empty for all) and kind.
        builtin: what the server itself gives on objects to come, by owner and kind.
        extensions: version and schema of each extension.
        publications: each publication's row.
        objects: rights on objects that are not their owner's.
    """

    schemas: Mapping[str, Rights]
    defaults: Mapping[tuple[str, str, str], Mapping[Right, str]]
    builtin: Mapping[tuple[str, str], frozenset[Right]]
    extensions: Mapping[str, tuple[str, str]]
    publications: Mapping[str, Mapping[str, Any]]
    objects: tuple[Object, ...] = field(default=())


_ROLE: Final = (
    *("superuser", "createDatabase", "createRole", "inherit", "login", "bypassRowLevelSecurity"),
    *("replication", "connectionLimit", "validUntil"),
)
_PUBLICATION: Final = ("owner", "allTables", "insert", "update", "delete", "truncate", "viaRoot", "tables")


def server(session: Any, databases: Iterable[str]) -> Server:
    """What is the same in all databases.

    Args:
        session: the administrator's.
        databases: which of them are looked at.
    """
    names = list(databases)
    version = int(session.execute("SHOW server_version_num").fetchone()[0])
    user = str(session.execute("SELECT current_user").fetchone()[0])
    session.execute("SET TimeZone TO 'UTC'")
    roles = _rows(session.execute(queries.ROLES).fetchall(), _ROLE)
    settings = {
        (database, role): dict(str(entry).split("=", 1) for entry in config or ())
        for database, role, config in session.execute(queries.SETTINGS).fetchall()
    }
    rights = _rights(session.execute(queries.DATABASE_RIGHTS, (names, names)).fetchall())
    found: dict[str, Database] = {}
    for name, owner, limit, allowed, template in session.execute(queries.DATABASES, (names,)).fetchall():
        row = {
            "owner": owner,
            "connectionLimit": limit,
            "allowConnections": allowed,
            "isTemplate": template,
        }
        live, default = rights.get(name, ({}, frozenset[Right]()))
        found[name] = Database(row, Rights(owner, live, default))
    memberships = tuple(Membership(*row) for row in session.execute(queries.MEMBERSHIPS).fetchall())
    return Server(version, user, roles, memberships, settings, found)


def inside(session: Any, owners: Iterable[str]) -> Inside:
    """What is in the session's database.

    Args:
        session: the administrator's, in that database.
        owners: roles whose objects to come are looked at.
    """
    rights = _rights(session.execute(queries.SCHEMA_RIGHTS).fetchall())
    schemas = {
        name: Rights(owner, *rights.get(name, ({}, frozenset[Right]())))
        for name, owner in session.execute(queries.SCHEMAS).fetchall()
    }
    defaults: dict[tuple[str, str, str], dict[Right, str]] = {}
    for owner, schema, kind, *exploded in session.execute(queries.DEFAULTS).fetchall():
        held = defaults.setdefault((owner, schema, kind), {})
        if exploded[2] is not None:
            held.update([_right(exploded)])
    builtin: dict[tuple[str, str], set[Right]] = {}
    for owner, kind, *exploded in session.execute(queries.BUILTIN, (list(owners),)).fetchall():
        # acldefault calls sequences s, pg_default_acl calls them S.
        builtin.setdefault((owner, "S" if kind == "s" else kind), set()).add(_right(exploded)[0])
    extensions = {
        name: (version, schema) for name, version, schema in session.execute(queries.EXTENSIONS).fetchall()
    }
    publications = _rows(session.execute(queries.PUBLICATIONS).fetchall(), _PUBLICATION)
    objects = tuple(
        Object(kind, schema, name, owner, *_right(exploded))
        for kind, schema, name, owner, *exploded in session.execute(queries.OBJECTS).fetchall()
    )
    frozen = {key: frozenset(held) for key, held in builtin.items()}
    return Inside(schemas, defaults, frozen, extensions, publications, objects)


def _rows(rows: Iterable[Any], columns: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Rows by their first column, which is a name; the others by theirs."""
    return {str(row[0]): dict(zip(columns, row[1:], strict=True)) for row in rows}


def _rights(rows: Iterable[Any]) -> dict[str, tuple[dict[Right, str], frozenset[Right]]]:
    live: dict[str, dict[Right, str]] = {}
    default: dict[str, set[Right]] = {}
    for name, is_default, *exploded in rows:
        right, grantor = _right(exploded)
        if is_default:
            default.setdefault(name, set()).add(right)
        else:
            live.setdefault(name, {})[right] = grantor
    names = {*live, *default}
    return {name: (live.get(name, {}), frozenset(default.get(name, set()))) for name in names}


def _right(exploded: list[Any]) -> tuple[Right, str]:
    number, grantee, privilege, grantable, grantor = exploded
    return Right(PUBLIC if number == 0 else str(grantee), str(privilege), bool(grantable)), str(grantor)
