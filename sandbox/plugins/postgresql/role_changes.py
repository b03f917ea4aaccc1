"""Statements that make a role what its inputs say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sandbox.plugins.bridged.schema import Values, strings
from sandbox.plugins.postgresql.statements import Keywords, Name, Names, Number, Statement, Text, statement
from sandbox.plugins.process import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.plugins.postgresql.server import Session

#: How a password begins that is a hash already.
HASHED: Final = ("md5", "SCRAM-SHA-256")
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


def valid_until(text: Any) -> str:
    """When a password ends, as PostgreSQL writes it."""
    return "infinity" if not text or str(text).lower() == "infinity" else str(text)


def password_clause(session: Session, role: str, inputs: Values) -> Statement:
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
    verifier = given if given.startswith(HASHED) else session.scram_verifier(role, given)
    return statement("PASSWORD {password}", password=Text(verifier))


def password_changes(old: Values, new: Values) -> bool:
    """Whether the password has to be written, which a new name makes necessary as well."""
    if new.get("passwordWo"):
        return old.get("passwordWoVersion") != new.get("passwordWoVersion")
    changed = old.get("password") != new.get("password") or old.get("name") != new["name"]
    return changed and bool(new.get("password"))


def set_attributes(session: Session, role: str, old: Values, new: Values) -> None:
    """ALTER ROLE for the attributes that changed."""
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
            until=Text(valid_until(new["validUntil"])),
        )


def revoke_roles(session: Session, role: str) -> None:
    """End every membership of the role, whatever made it."""
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


def grant_roles(session: Session, role: str, inputs: Values) -> None:
    """Make the role a member of what `roles` lists."""
    for group in strings(inputs, "roles"):
        session.run("GRANT {group} TO {role}", doing=f"granting role {group} to {role}", group=group, role=role)


def set_search_path(session: Session, role: str, inputs: Values) -> None:
    """Set the search path, or go back to the default."""
    paths = strings(inputs, "searchPaths")
    if any(", " in path for path in paths):
        raise PluginError(f"search_path cannot contain `, `: {paths}")
    doing = f"setting search_path for {role}"
    if not paths:
        session.run("ALTER ROLE {role} SET search_path TO DEFAULT", doing=doing, role=role)
        return
    names = Names(tuple(Name((path,)) for path in paths))
    session.run("ALTER ROLE {role} SET search_path TO {paths}", doing=doing, role=role, paths=names)


def set_parameters(session: Session, role: str, old: Values, new: Values) -> None:
    """Set the time-outs and the role to switch to at login, where they changed."""
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
