"""postgresql.Role: a role, its attributes, its password and what it is a member of."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar, Final, LiteralString, cast

from sandbox.plugins.bridged.schema import Property, ResourceType, Schema, Values
from sandbox.plugins.postgresql.membership import current_user, is_superuser, role_exists, roles_granted
from sandbox.plugins.postgresql.names import still_there
from sandbox.plugins.postgresql.role_changes import (
    FLAGS,
    HASHED,
    grant_roles,
    password_changes,
    password_clause,
    revoke_roles,
    set_attributes,
    set_parameters,
    set_search_path,
    valid_until,
)
from sandbox.plugins.postgresql.server import Server, Session
from sandbox.plugins.postgresql.statements import Keywords, Number, Text, statement
from sandbox.plugins.process import PluginError

_FLAG = Property(type="bool", default=False)

_READ: Final[LiteralString] = """
SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolinherit, rolcanlogin, rolbypassrls, rolreplication,
       rolconnlimit, COALESCE(rolvaliduntil::text, 'infinity'), rolconfig,
       ARRAY(SELECT DISTINCT pg_get_userbyid(roleid)::text FROM pg_catalog.pg_auth_members
             WHERE member = pg_roles.oid)
  FROM pg_catalog.pg_roles WHERE rolname = %s
"""


class Role(ResourceType[Server]):
    """A role. Its password is written, but never read back."""

    token: ClassVar[str] = "postgresql:index/role:Role"  # noqa: S105 - a type token
    properties: ClassVar[Schema] = {
        "assumeRole": Property(),
        "bypassRowLevelSecurity": _FLAG,
        "connectionLimit": Property(type="int", default=-1, minimum=-1),
        "createDatabase": _FLAG,
        "createRole": _FLAG,
        "encrypted": Property(),
        "encryptedPassword": Property(type="bool", default=True),
        "idleInTransactionSessionTimeout": Property(type="int", minimum=0),
        "inherit": Property(type="bool", default=True),
        "login": _FLAG,
        "name": Property(required=True, autoname=True),
        "password": Property(secret=True, conflicts=("passwordWo", "passwordWoVersion")),
        "passwordWo": Property(secret=True, write_only=True, conflicts=("password",)),
        "passwordWoVersion": Property(conflicts=("password",)),
        "replication": _FLAG,
        "roles": Property(type="set"),
        "searchPaths": Property(type="list"),
        "skipDropRole": _FLAG,
        "skipReassignOwned": _FLAG,
        "statementTimeout": Property(type="int", minimum=0),
        "superuser": _FLAG,
        "validUntil": Property(default="infinity"),
    }

    def create(self, server: Server, inputs: Values) -> tuple[str, Values]:
        """CREATE ROLE, memberships and settings, in one transaction."""
        name = str(inputs["name"])

        def work(session: Session) -> None:
            flags = tuple(word if inputs[key] else f"NO{word}" for key, word in FLAGS.items())
            order = statement(
                "CREATE ROLE {role} WITH VALID UNTIL {until} CONNECTION LIMIT {limit} {flags}",
                role=name,
                until=Text(valid_until(inputs["validUntil"])),
                limit=Number(inputs["connectionLimit"]),
                flags=Keywords(flags, " "),
            )
            session.run(order + password_clause(session, name, inputs), doing=f"creating role {name}")
            grant_roles(session, name, inputs)
            set_search_path(session, name, inputs)
            set_parameters(session, name, {}, inputs)

        server.change("", work)
        return name, self._live(server, name, inputs)

    def read(self, server: Server, resource_id: str, state: Values) -> Values | None:
        """What the catalogue says of the role."""
        with server.session() as session:
            row = session.row(_READ, resource_id)
            if row is None:
                return None
            live = _outputs(row)
            if state.get("password"):
                live["password"] = _read_password(session, server, resource_id, live, str(state["password"]))
            return live

    def update(self, server: Server, resource_id: str, old: Values, new: Values) -> Values:
        """ALTER ROLE for what changed. Memberships are made anew, whatever else made them."""
        before, name = str(old.get("name") or resource_id), str(new["name"])

        def work(session: Session) -> None:
            if before != name:
                session.run("ALTER ROLE {old} RENAME TO {new}", doing="updating role NAME", old=before, new=name)
            if password_changes(old, new):
                session.run(
                    statement("ALTER ROLE {role}", role=name) + password_clause(session, name, new),
                    doing="updating role password",
                )
            set_attributes(session, name, old, new)
            revoke_roles(session, name)
            grant_roles(session, name, new)
            set_search_path(session, name, new)
            set_parameters(session, name, old, new)

        server.change("", work)
        return {**self._live(server, name, new), "id": name}

    def delete(self, server: Server, resource_id: str, state: Values) -> None:
        """Give what it owns in the administrator's database to us, take its rights there, drop it."""
        name = str(state.get("name") or resource_id)

        def work(session: Session) -> None:
            if not role_exists(session, name):
                return
            if not state.get("skipReassignOwned"):
                with roles_granted(session, [name]):
                    session.run(
                        "REASSIGN OWNED BY {role} TO {user}",
                        doing=f"reassigning what role {name} owns",
                        role=name,
                        user=server.settings.role,
                    )
                    session.run("DROP OWNED BY {role}", doing=f"dropping what role {name} owns", role=name)
            if not state.get("skipDropRole"):
                session.run("DROP ROLE {role}", doing=f"dropping role {name}", role=name)

        server.change("", work)

    def _live(self, server: Server, name: str, inputs: Values) -> Values:
        live = self.read(server, name, inputs)
        return still_there(live, f"role {name}")


def _outputs(row: tuple[Any, ...]) -> Values:
    name, superuser, createdb, createrole, inherit, login, bypass, replication, limit, until, config, roles = row
    settings = dict(entry.split("=", 1) for entry in cast("list[str]", config or []))
    paths = settings.get("search_path")
    return {
        "id": name,
        "name": name,
        "superuser": superuser,
        "createDatabase": createdb,
        "createRole": createrole,
        "inherit": inherit,
        "login": login,
        "bypassRowLevelSecurity": bypass,
        "replication": replication,
        "connectionLimit": limit,
        "validUntil": until,
        "encryptedPassword": True,
        "roles": roles or None,
        "searchPaths": [path.strip('"') for path in paths.split(", ")] if paths else None,
        "assumeRole": settings.get("role", ""),
        "statementTimeout": _milliseconds(settings.get("statement_timeout")),
        "idleInTransactionSessionTimeout": _milliseconds(settings.get("idle_in_transaction_session_timeout")),
    }


def _milliseconds(text: str | None) -> int:
    if text is None:
        return 0
    if not text.isdigit():
        raise PluginError(f"a role's time-out of {text!r} is not a number of milliseconds")
    return int(text)


def _read_password(session: Session, server: Server, role: str, live: Values, known: str) -> str:
    """The known password, unless a superuser can see that the role has none, or another hash, now."""
    if not live["login"] or not server.settings.superuser:
        return known
    if not is_superuser(session, current_user(session)):
        raise PluginError(
            f"could not read role password from Postgres as connected user {server.settings.role} is not a "
            "SUPERUSER. You can set `superuser = false` in the provider configuration so it will not try to "
            "read the password from Postgres"
        )
    row = session.row("SELECT COALESCE(passwd, '') FROM pg_catalog.pg_shadow WHERE usename = %s", role)
    stored = str(row[0]) if row else ""
    if known.startswith(HASHED):
        return stored
    if stored.startswith("SCRAM-SHA-256"):
        return known  # A verifier cannot be compared with a password that may have been changed by hand.
    md5 = hashlib.md5((known + role).encode(), usedforsecurity=False).hexdigest()
    return known if stored == f"md5{md5}" else stored
