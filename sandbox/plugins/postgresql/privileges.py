"""Privileges: which there are, and which a role has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.plugins.bridged.schema import strings
from sandbox.plugins.postgresql.membership import PUBLIC, role_exists, schema_exists
from sandbox.plugins.process import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.plugins.bridged.schema import Values
    from sandbox.plugins.postgresql.server import Server

ALL: Final = "ALL"
ALLOWED: Final[Mapping[str, tuple[str, ...]]] = {
    "database": ("CREATE", "CONNECT", "TEMPORARY"),
    "table": ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"),
    "sequence": ("USAGE", "SELECT", "UPDATE"),
    "schema": ("CREATE", "USAGE"),
    "function": ("EXECUTE",),
    "procedure": ("EXECUTE",),
    "routine": ("EXECUTE",),
    "type": ("USAGE",),
    "foreign_data_wrapper": ("USAGE",),
    "foreign_server": ("USAGE",),
    "column": ("SELECT", "INSERT", "UPDATE", "REFERENCES"),
}
#: Kinds of objects that no schema contains.
WITHOUT_SCHEMA: Final = ("database", "foreign_data_wrapper", "foreign_server")
#: How the catalogue abbreviates kinds of objects.
LETTERS: Final[Mapping[str, str]] = {
    "table": "r",
    "sequence": "S",
    "function": "f",
    "routine": "f",
    "type": "T",
    "schema": "n",
}


def wanted(values: Values) -> tuple[str, ...]:
    """The privileges that inputs name; one that the kind of object does not have is refused."""
    kind = str(values["objectType"])
    given = strings(values, "privileges")
    for privilege in given:
        if privilege not in (ALL, *ALLOWED[kind]):
            raise PluginError(f"{privilege} is not an allowed privilege for object type {kind}")
    return given


def as_declared(granted: Iterable[str], values: Values) -> list[str] | None:
    """The granted privileges, in the declared words where they mean the same; None for none at all."""
    declared = list(strings(values, "privileges"))
    live = set(granted)
    if live == set(declared):
        return declared or None
    if ALL in declared and live == set(ALLOWED[str(values["objectType"])]):
        return declared
    return sorted(live) or None


def grantee_exists(server: Server, values: Values) -> bool:
    """Whether the database, the role and the schema of a grant still exist."""
    database, role = str(values["database"]), str(values["role"])
    if not server.has_database(database):
        return False
    with server.session(database) as session:
        if role != PUBLIC and not role_exists(session, role):
            return False
        schema = str(values.get("schema") or "")
        if not schema or values["objectType"] in WITHOUT_SCHEMA:
            return True
        return schema_exists(session, schema)
