"""Roles that we need to be a member of for a change, and who owns what.

An administrator who is no superuser may change what belongs to a role only as its member. The membership is
granted for one transaction and taken back at its end, as the official plugin does.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sandbox.plugins.process import PluginError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from sandbox.plugins.postgresql.server import Session

PUBLIC = "public"


@contextmanager
def roles_granted(session: Session, roles: Iterable[str]) -> Generator[None]:
    """Be a member of the roles inside. A failure ends the transaction, and the memberships with it."""
    wanted = [role for role in roles if role]
    user = current_user(session)
    if not wanted or is_superuser(session, user):
        yield
        return
    granted: list[str] = []
    taken: list[str] = []
    for role in wanted:
        if is_superuser(session, role):
            continue  # Nobody but a superuser can be made a member of a superuser; it may work without.
        # Two roles cannot be members of each other.
        if revoke_membership(session, user, role):
            taken.append(role)
        if grant_membership(session, role, user):
            granted.append(role)
    yield
    for role in granted:
        revoke_membership(session, role, user)
    for role in taken:
        if role_exists(session, role):
            grant_membership(session, user, role)


def is_member(session: Session, role: str, member: str) -> bool:
    """Whether the member may become the role by SET ROLE."""
    return session.exists(
        "SELECT 1 FROM pg_catalog.pg_auth_members "
        "WHERE pg_get_userbyid(roleid) = %s AND pg_get_userbyid(member) = %s AND set_option",
        role,
        member,
    )


def grant_membership(session: Session, role: str, member: str) -> bool:
    """Make a role a member of another; False if it was one already."""
    if member == role or is_member(session, role, member):
        return False
    session.run("GRANT {role} TO {member}", doing=f"granting role {role} to {member}", role=role, member=member)
    return True


def revoke_membership(session: Session, role: str, member: str) -> bool:
    """End a membership; False if there was none."""
    if member == role or not is_member(session, role, member):
        return False
    session.run(
        "REVOKE {role} FROM {member}", doing=f"revoking role {role} from {member}", role=role, member=member
    )
    return True


def current_user(session: Session) -> str:
    """Who we are."""
    row = session.row("SELECT CURRENT_USER")
    return str(row[0]) if row else ""


def is_superuser(session: Session, role: str) -> bool:
    """Whether a role is a superuser; one that does not exist is an error."""
    row = session.row("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = %s", role)
    if row is None:
        raise PluginError(f"could not check if role {role} is superuser: there is no such role")
    return bool(row[0])


def role_exists(session: Session, role: str) -> bool:
    """Whether there is such a role; PUBLIC always is."""
    return role == PUBLIC or session.exists("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = %s", role)


def role_id(session: Session, role: str) -> int:
    """A role's number, which is 0 for PUBLIC."""
    if role == PUBLIC:
        return 0
    row = session.row("SELECT oid FROM pg_catalog.pg_roles WHERE rolname = %s", role)
    if row is None:
        raise PluginError(f"could not find oid for role {role}: there is no such role")
    return int(row[0])


def schema_exists(session: Session, schema: str) -> bool:
    """Whether the connection's database has such a schema."""
    return session.exists("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s", schema)


def database_owner(session: Session) -> str:
    """Who owns the connection's database."""
    row = session.row(
        "SELECT pg_get_userbyid(datdba) FROM pg_catalog.pg_database WHERE datname = current_database()"
    )
    return str(row[0]) if row else ""


def schema_owner(session: Session, schema: str) -> str:
    """Who owns a schema; the role that stands for a database's owner is told by its true name."""
    row = session.row("SELECT pg_get_userbyid(nspowner) FROM pg_catalog.pg_namespace WHERE nspname = %s", schema)
    if row is None:
        raise PluginError(f"could not find schema '{schema}' while looking for owner")
    return resolved_owner(session, str(row[0]))


def table_owners(session: Session, schema: str) -> list[str]:
    """Who owns tables of a schema."""
    rows = session.rows(
        "SELECT DISTINCT tableowner FROM pg_catalog.pg_tables WHERE schemaname = %s ORDER BY tableowner", schema
    )
    return [resolved_owner(session, str(row[0])) for row in rows]


def resolved_owner(session: Session, owner: str) -> str:
    """The role behind `pg_database_owner`, or the role itself."""
    return database_owner(session) if owner == "pg_database_owner" else owner
