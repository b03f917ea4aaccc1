"""postgresql.Role: a role, its attributes, its password and what it is a member of."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, ClassVar, Final, LiteralString, cast

from sandbox.plugins.bridged.schema import Property, ResourceType, Schema, Values, strings
from sandbox.plugins.postgresql.membership import current_user, is_superuser, role_exists, roles_granted
from sandbox.plugins.postgresql.names import still_there
from sandbox.plugins.postgresql.server import Server, Session
from sandbox.plugins.postgresql.statements import Keywords, Name, Names, Number, Statement, Text, statement
from sandbox.plugins.process import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FLAG = Property(type="bool", default=False)
_HASHED: Final = ("md5", "SCRAM-SHA-256")

#: Attributes that are on or off: their SQL keyword, which NO before it turns around.
FLAGS: Final[Mapping[str, str]] = {
    "superuser": "SUPERUSER",
    "createDatabase": "CREATEDB",
    "createRole": "CREATEROLE",
    "inherit": "INHERIT",
    "login": "LOGIN",
    "bypassRowLevelSecurity": "BYPASSRLS",
    "replication": "REPLICATION",
}
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
        "passwordWo": Property(secret=True, conflicts=("password",)),
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
                until=Text(_valid_until(inputs["validUntil"])),
                limit=Number(inputs["connectionLimit"]),
                flags=Keywords(flags, " "),
            )
            session.run(order + _password(session, name, inputs), doing=f"creating role {name}")
            _grant_roles(session, name, inputs)
            _set_search_path(session, name, inputs)
            _set_parameters(session, name, {}, inputs)

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
            if _password_changes(old, new):
                session.run(
                    statement("ALTER ROLE {role}", role=name) + _password(session, name, new),
                    doing="updating role password",
                )
            _set_attributes(session, name, old, new)
            _revoke_roles(session, name)
            _grant_roles(session, name, new)
            _set_search_path(session, name, new)
            _set_parameters(session, name, old, new)

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


def _valid_until(text: Any) -> str:
    return "infinity" if not text or str(text).lower() == "infinity" else str(text)


def _password(session: Session, role: str, inputs: Values) -> Statement:
    """The PASSWORD clause, hashed here: neither the wire nor the server's log ever has the password."""
    given = str(inputs.get("password") or inputs.get("passwordWo") or "")
    if not given:
        return statement("")
    if given.upper() == "NULL":
        return statement("PASSWORD NULL")
    if not inputs["encryptedPassword"]:
        raise PluginError(
            "UNENCRYPTED PASSWORD is no longer supported by PostgreSQL: leave encryptedPassword true"
        )
    verifier = given if given.startswith(_HASHED) else session.scram_verifier(role, given)
    return statement("PASSWORD {password}", password=Text(verifier))


def _password_changes(old: Values, new: Values) -> bool:
    if new.get("passwordWo"):
        return old.get("passwordWoVersion") != new.get("passwordWoVersion")
    changed = old.get("password") != new.get("password") or old.get("name") != new["name"]
    return changed and bool(new.get("password"))


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
    if known.startswith(_HASHED):
        return stored
    if stored.startswith("SCRAM-SHA-256"):
        return known  # A verifier cannot be compared with a password that may have been changed by hand.
    md5 = hashlib.md5((known + role).encode(), usedforsecurity=False).hexdigest()
    return known if stored == f"md5{md5}" else stored


def _set_attributes(session: Session, role: str, old: Values, new: Values) -> None:
    for key, word in FLAGS.items():
        if bool(old.get(key)) != bool(new[key]):
            flag = Keywords((word if new[key] else f"NO{word}",))
            session.run("ALTER ROLE {role} WITH {flag}", doing=f"updating role {word}", role=role, flag=flag)
    if old.get("connectionLimit") != new["connectionLimit"]:
        session.run(
            "ALTER ROLE {role} CONNECTION LIMIT {limit}",
            doing="updating role CONNECTION LIMIT",
            role=role,
            limit=Number(new["connectionLimit"]),
        )
    if new["validUntil"] and old.get("validUntil") != new["validUntil"]:
        session.run(
            "ALTER ROLE {role} VALID UNTIL {until}",
            doing="updating role VALID UNTIL",
            role=role,
            until=Text(_valid_until(new["validUntil"])),
        )


def _revoke_roles(session: Session, role: str) -> None:
    rows = session.rows(
        "SELECT DISTINCT pg_get_userbyid(roleid)::text FROM pg_catalog.pg_auth_members "
        "WHERE pg_get_userbyid(member) = %s",
        role,
    )
    for (group,) in rows:
        session.run(
            "REVOKE {group} FROM {role}",
            doing=f"revoking role {group} from {role}",
            group=str(group),
            role=role,
        )


def _grant_roles(session: Session, role: str, inputs: Values) -> None:
    for group in strings(inputs, "roles"):
        session.run("GRANT {group} TO {role}", doing=f"granting role {group} to {role}", group=group, role=role)


def _set_search_path(session: Session, role: str, inputs: Values) -> None:
    paths = strings(inputs, "searchPaths")
    if any(", " in path for path in paths):
        raise PluginError(f"search_path cannot contain `, `: {paths}")
    doing = f"setting search_path for {role}"
    if not paths:
        session.run("ALTER ROLE {role} SET search_path TO DEFAULT", doing=doing, role=role)
        return
    names = Names(tuple(Name((path,)) for path in paths))
    session.run("ALTER ROLE {role} SET search_path TO {paths}", doing=doing, role=role, paths=names)


def _set_parameters(session: Session, role: str, old: Values, new: Values) -> None:
    timeouts = {
        "statementTimeout": "statement_timeout",
        "idleInTransactionSessionTimeout": "idle_in_transaction_session_timeout",
    }
    for key, parameter in timeouts.items():
        if (old.get(key) or 0) == (new.get(key) or 0):
            continue
        if new.get(key):
            order = statement(
                "ALTER ROLE {role} SET {parameter} TO {value}",
                role=role,
                parameter=parameter,
                value=Number(new[key]),
            )
        else:
            order = statement("ALTER ROLE {role} RESET {parameter}", role=role, parameter=parameter)
        session.run(order, doing=f"setting {parameter} for {role}")
    if (old.get("assumeRole") or "") != (new.get("assumeRole") or ""):
        if new.get("assumeRole"):
            order = statement("ALTER ROLE {role} SET ROLE TO {other}", role=role, other=new["assumeRole"])
        else:
            order = statement("ALTER ROLE {role} RESET ROLE", role=role)
        session.run(order, doing=f"setting role for {role}")
