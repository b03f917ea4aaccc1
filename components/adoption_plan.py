"""Adoption: how a database that was there before comes under a NOLOGIN owner, planned from facts alone.

The login that owned everything becomes a member of the owner and goes on as before. Objects change hands one
by one, never by REASSIGN OWNED, which would take the login's other databases along. Nothing is done here.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from components.environment import DatabaseNames
from components.errors import PlatformError

ALTERED = {
    "aggregate": "ROUTINE",
    "collation": "COLLATION",
    "conversion": "CONVERSION",
    "foreign table": "FOREIGN TABLE",
    "function": "ROUTINE",
    "large object": "LARGE OBJECT",
    "materialized view": "MATERIALIZED VIEW",
    "operator": "OPERATOR",
    "operator class": "OPERATOR CLASS",
    "operator family": "OPERATOR FAMILY",
    "procedure": "ROUTINE",
    "publication": "PUBLICATION",
    "schema": "SCHEMA",
    "sequence": "SEQUENCE",
    "server": "SERVER",
    "statistics object": "STATISTICS",
    "subscription": "SUBSCRIPTION",
    "table": "TABLE",
    "text search configuration": "TEXT SEARCH CONFIGURATION",
    "text search dictionary": "TEXT SEARCH DICTIONARY",
    "type": "TYPE",
    "view": "VIEW",
}
"""What ALTER … OWNER calls a kind of object, by what pg_identify_object calls it."""

_READ = frozenset({"table", "view", "materialized view", "foreign table"})
_FIRST = ("schema", "type", "table")
"""Kinds that others need: an owner must be able to create in the schema, and views stand on tables."""

_PLURALS = {
    "operator class": "operator classes",
    "operator family": "operator families",
    "statistics object": "statistics objects",
}


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role that takes part.

    Args:
        name: what it is called.
        login: whether it can log in.
        superuser: whether it may do everything.
        inherits: whether it has the rights of what it is a member of without SET ROLE.
        usable: whether the administrator may act for it, or can make itself a member of it.
    """

    name: str
    login: bool = False
    superuser: bool = False
    inherits: bool = True
    usable: bool = True


@dataclass(frozen=True, kw_only=True)
class Thing:
    """An object that the login owns, by its kind, and its schema and name as statements take them."""

    kind: str
    identity: str
    schema: str = ""


@dataclass(frozen=True, kw_only=True)
class Schema:
    """A schema in which something changes hands.

    Args:
        name: as statements take it.
        owner: whose it is.
        open_to_all: whether PUBLIC may create in it.
    """

    name: str
    owner: str
    open_to_all: bool = False


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the server says of one database that was there before.

    Args:
        names: of the database and of the roles that it gets.
        owner: whose the database is now.
        login: what owned everything, as the platform file declares it; None where the server has none.
        administrator: who asks and will act.
        roles: those of the three new ones that the server has already.
        things: what the login owns inside.
        sequences: those that belong to columns of its tables.
        schemas: those that these are in, and `public`.
        guests: other roles with rights inside, who come in by what PUBLIC may.
        left: what the login owns and nobody can give away, such as an extension.
    """

    names: DatabaseNames
    owner: Role
    login: Role | None
    administrator: str
    roles: frozenset[str] = frozenset()
    things: tuple[Thing, ...] = ()
    sequences: tuple[str, ...] = ()
    schemas: tuple[Schema, ...] = ()
    guests: tuple[str, ...] = ()
    left: tuple[Thing, ...] = ()

    @property
    def is_ours(self) -> bool:
        """Whether database and objects have their owner already."""
        return self.owner.name == self.names.owner and not self.things


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is done to one database, in this order and in one transaction.

    Args:
        facts: what it was made from.
        words: what a preview says.
        roles: statements that make what is missing.
        acts_for: roles that the administrator is a member of meanwhile.
        grants: statements that need no lock on a table.
        locks: tables that are locked before anything of them changes, as they are written in a statement.
        changes: statements that need them.
    """

    facts: Facts
    words: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    acts_for: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def is_needed(self) -> bool:
        """Whether anything is left to do."""
        return bool(self.grants)


def quoted(name: str) -> str:
    """An identifier as statements take it."""
    return '"' + name.replace('"', '""') + '"'


def refuse_impossible(facts: Facts, key: str) -> None:
    """Refuse what the administrator may not do, before anything is changed.

    Args:
        facts: what the server says.
        key: where the platform file declares the login: `legacy.dev.logins.api`.

    Raises:
        PlatformError: what stands in the way, and the statement that a superuser runs.
    """
    database, admin = facts.names.database, quoted(facts.administrator)
    if facts.login is None or facts.owner.name not in (facts.login.name, facts.names.owner):
        raise PlatformError(
            f"database {database} is there already and belongs to {facts.owner.name}; "
            f"to adopt it declare {key}: {facts.owner.name} in the platform file, or give it to "
            f"what that names: ALTER DATABASE {quoted(database)} OWNER TO …"
        )
    login, statements = facts.login, list[str]()
    if login.superuser:
        statements.append(f"ALTER ROLE {quoted(login.name)} NOSUPERUSER")
    if not login.inherits:
        statements.append(f"ALTER ROLE {quoted(login.name)} INHERIT")
    if not login.usable or login.superuser:
        statements.append(f"GRANT {quoted(login.name)} TO {admin} WITH ADMIN OPTION")
    can_create = {login.name, facts.names.owner, "pg_database_owner"}
    statements += [
        f"ALTER SCHEMA {schema.name} OWNER TO {quoted(login.name)}"
        for schema in facts.schemas
        if schema.owner not in can_create and (not schema.open_to_all or schema.name == "public")
    ]
    if statements:
        raise PlatformError(
            f"database {database} cannot be adopted from {login.name} by {facts.administrator}; nothing has been "
            f"changed. A superuser runs, connected to {database}: {'; '.join(statements)};"
        )


def plan(facts: Facts) -> Plan:
    """What makes the database ours; a plan without changes where nothing is left to do."""
    if facts.is_ours or facts.login is None:
        return Plan(facts=facts)
    names, login = facts.names, facts.login.name
    owner, database = quoted(names.owner), quoted(names.database)
    made = [role for role in (names.owner, names.read_write, names.read_only) if role not in facts.roles]
    things = sorted(
        facts.things,
        key=lambda thing: _FIRST.index(thing.kind) if thing.kind in _FIRST else len(_FIRST),
    )
    grants = [f"ALTER DATABASE {database} OWNER TO {owner}"] if facts.owner.name != names.owner else []
    for guest in facts.guests:
        grants.append(f"GRANT CONNECT ON DATABASE {database} TO {quoted(guest)}")
        grants.append(f"GRANT USAGE ON SCHEMA public TO {quoted(guest)}")
    changes = [f"ALTER {ALTERED[thing.kind]} {thing.identity} OWNER TO {owner}" for thing in things]
    return Plan(
        facts=facts,
        words=tuple(_words(facts, made, things)),
        roles=tuple(f"CREATE ROLE {quoted(role)} NOLOGIN" for role in made),
        acts_for=tuple(dict.fromkeys((names.owner, login))),
        grants=(f"GRANT {owner} TO {quoted(login)}", *grants),
        locks=tuple(thing.identity for thing in things if thing.kind == "table"),
        changes=(*changes, *_rights(facts, things)),
    )


def _rights(facts: Facts, things: Sequence[Thing]) -> list[str]:
    """What the groups get on objects that are there; on those to come, default privileges give it."""
    write, read = quoted(facts.names.read_write), quoted(facts.names.read_only)
    tables = ", ".join(thing.identity for thing in things if thing.kind in _READ)
    loose = [thing.identity for thing in things if thing.kind == "sequence"]
    sequences = ", ".join((*loose, *facts.sequences))
    schemas = ", ".join(
        dict.fromkeys(thing.schema for thing in things if thing.schema and thing.kind in {*_READ, "sequence"})
    )
    said: list[str] = []
    if schemas:
        said.append(f"GRANT USAGE ON SCHEMA {schemas} TO {write}, {read}")
    if tables:
        said.append(f"GRANT DELETE, INSERT, SELECT, UPDATE ON {tables} TO {write}")
        said.append(f"GRANT SELECT ON {tables} TO {read}")
    if sequences:
        said.append(f"GRANT SELECT, UPDATE, USAGE ON SEQUENCE {sequences} TO {write}")
        said.append(f"GRANT SELECT ON SEQUENCE {sequences} TO {read}")
    return said


def _words(facts: Facts, made: Sequence[str], things: Sequence[Thing]) -> list[str]:
    names, login = facts.names, facts.login.name if facts.login else ""
    said = [f"adopts database {names.database}, which is there already:"]
    said += [f"makes role {role}, which cannot log in" for role in made]
    if facts.owner.name != names.owner:
        said.append(f"gives the database from {facts.owner.name} to {names.owner}")
    counted = Counter(thing.kind for thing in things)
    if counted:
        listed = ", ".join(f"{number} {_plural(kind, number)}" for kind, number in sorted(counted.items()))
        said.append(f"gives {listed} from {login} to {names.owner}; data stays as it is")
        said.append(f"lets {names.read_write} and {names.read_only} use them")
    said.append(f"makes {login} a member of {names.owner}: it goes on as before")
    said += [f"lets {guest} in by name, who came in by what PUBLIC may" for guest in facts.guests]
    if facts.left:
        kept = ", ".join(f"{thing.kind} {thing.identity}" for thing in facts.left)
        said.append(f"leaves to {login} what nobody can give away: {kept}")
    said.append("each table is locked for the moment of its change; nobody is disconnected")
    return said


def _plural(kind: str, number: int) -> str:
    return kind if number == 1 else _PLURALS.get(kind, f"{kind}s")
