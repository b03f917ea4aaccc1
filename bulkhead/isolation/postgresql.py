"""Reachability at PostgreSQL: which databases and roles of one environment the grants give roles of another."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bulkhead.isolation.territory import Edge, Territory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PUBLIC = "PUBLIC"
_BOUNDED_GRANTS = 160000
"""From this server_version_num on, CREATEROLE grants only what the role itself may grant."""


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role's attributes, as pg_roles has them."""

    superuser: bool = False
    login: bool = False
    create_role: bool = False
    replication: bool = False


@dataclass(frozen=True, kw_only=True)
class Database:
    """Who may do what with a database itself.

    Args:
        owner: the role that owns it.
        connect: the roles that may connect; `PUBLIC` is everyone.
    """

    owner: str
    connect: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Grants:
    """What a PostgreSQL server says of rights.

    Args:
        version: its server_version_num.
        administrator: who asked; a member of what it made, in every environment.
        roles: all roles.
        members: the groups that each role is a member of.
        databases: all databases.
        inside: how many objects of each database name a role in their rights, or belong to it.
    """

    version: int
    administrator: str
    roles: Mapping[str, Role]
    members: Mapping[str, frozenset[str]]
    databases: Mapping[str, Database]
    inside: Mapping[tuple[str, str], int]


def edges(grants: Grants, mine: Territory, theirs: Territory, others: Sequence[Territory] = ()) -> Iterator[Edge]:
    """The ways through PostgreSQL from one environment to another one.

    Args:
        grants: the server's.
        mine: where they begin.
        theirs: where they lead.
        others: all environments that are compared, whose roles are theirs alone.
    """
    found: dict[tuple[str, str, bool], set[str]] = defaultdict(set)
    for role in held_by(grants, mine, others):
        for what, why, decided in _of_role(role, grants, theirs):
            found[what, why, decided].add(role)
    for (what, why, decided), who in sorted(found.items()):
        account = f"role {', '.join(sorted(who))}"
        yield Edge("postgresql", mine.name, theirs.name, account, what, why, decided=decided)


def held_by(grants: Grants, mine: Territory, others: Sequence[Territory] = ()) -> list[str]:
    """The roles that are an environment's: those that its state has, and logins that are members of them."""
    taken = {role for other in others if other.name != mine.name for role in other.roles}
    found = [role for role in grants.roles if role in mine.roles]
    for role, about in grants.roles.items():
        stranger = role not in taken and role not in mine.roles and role != grants.administrator
        if stranger and not about.superuser and closure(grants, role) & mine.roles:
            found.append(role)
    return sorted(found)


def closure(grants: Grants, role: str) -> frozenset[str]:
    """All roles that a role is, or may become by its memberships, itself among them."""
    seen, todo = {role}, [role]
    while todo:
        more = grants.members.get(todo.pop(), frozenset()) - seen
        seen |= more
        todo += more
    return frozenset(seen)


def _of_role(role: str, grants: Grants, theirs: Territory) -> Iterator[tuple[str, str, bool]]:
    """What a role reaches of an environment, why, and whether that is sure."""
    about, may_be = grants.roles[role], closure(grants, role)
    for group in sorted(may_be & theirs.roles):
        yield f"role {group}", f"it is a member of {group}{_through(role, group, grants)}", True
    for name in sorted(theirs.databases & set(grants.databases)):
        database = grants.databases[name]
        if PUBLIC in database.connect and about.login:
            yield f"database {name} (connect)", f"PUBLIC may connect to {name}", True
        for grantee in sorted((database.connect | {database.owner}) & may_be):
            right = "owns" if grantee == database.owner else "has CONNECT on"
            yield f"database {name} (connect)", f"{grantee} {right} {name}", True
        for grantee in sorted(may_be):
            if count := grants.inside.get((grantee, name)):
                objects = f"{count} object{'s' if count > 1 else ''}"
                yield f"{objects} in database {name}", f"{grantee} owns or has rights on {objects} of {name}", True
    for group in sorted(may_be):
        yield from _beyond(group, grants)


def _beyond(group: str, grants: Grants) -> Iterator[tuple[str, str, bool]]:
    """What a role has that no grant on one database gives."""
    one = grants.roles.get(group, Role())
    if one.superuser:
        yield "everything on the server", f"{group} is a superuser", True
    if one.replication:
        yield "all databases, by replication", f"{group} has REPLICATION", True
    if one.create_role and grants.version < _BOUNDED_GRANTS:
        yield "every role", f"{group} has CREATEROLE, which before PostgreSQL 16 grants any role", True
    if group in _SERVER_WIDE:
        yield "the server's own files", f"it is a member of {group}", True
    if group in _EVERY_DATABASE:
        yield "the rows of every database that it may connect to", f"it is a member of {group}", True


_SERVER_WIDE = frozenset({"pg_read_server_files", "pg_write_server_files", "pg_execute_server_program"})
_EVERY_DATABASE = frozenset({"pg_read_all_data", "pg_write_all_data", "pg_maintain"})


def _through(role: str, group: str, grants: Grants) -> str:
    between = [
        one for one in sorted(grants.members.get(role, ())) if one != group and group in closure(grants, one)
    ]
    return f", through {between[0]}" if between and group not in grants.members.get(role, ()) else ""
