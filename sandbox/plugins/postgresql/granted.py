"""What a role may do, read from the catalogue: the live side of postgresql.Grant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, LiteralString

from sandbox.plugins.bridged.schema import strings
from sandbox.plugins.postgresql.membership import role_id
from sandbox.plugins.postgresql.privileges import LETTERS, as_declared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.plugins.bridged.schema import Values
    from sandbox.plugins.postgresql.server import Session

#: Privileges on one thing that has a list of its own.
_SINGLE: Final[Mapping[str, LiteralString]] = {
    "database": "SELECT a.privilege_type FROM pg_catalog.pg_database, aclexplode(datacl) a "
    "WHERE datname = %s AND a.grantee = %s",
    "schema": "SELECT a.privilege_type FROM pg_catalog.pg_namespace, aclexplode(nspacl) a "
    "WHERE nspname = %s AND a.grantee = %s",
    "foreign_data_wrapper": "SELECT a.privilege_type "
    "FROM pg_catalog.pg_foreign_data_wrapper, aclexplode(fdwacl) a "
    "WHERE fdwname = %s AND a.grantee = %s",
    "foreign_server": "SELECT a.privilege_type FROM pg_catalog.pg_foreign_server, aclexplode(srvacl) a "
    "WHERE srvname = %s AND a.grantee = %s",
}
_FUNCTIONS: Final[LiteralString] = """
SELECT p.proname::text, array_remove(array_agg(a.privilege_type), NULL)
  FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  LEFT JOIN LATERAL aclexplode(p.proacl) a ON a.grantee = %s
 WHERE n.nspname = %s GROUP BY p.proname ORDER BY p.proname
"""
_RELATIONS: Final[LiteralString] = """
SELECT c.relname::text, array_remove(array_agg(a.privilege_type), NULL)
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN LATERAL aclexplode(c.relacl) a ON a.grantee = %s
 WHERE n.nspname = %s AND c.relkind = %s GROUP BY c.relname ORDER BY c.relname
"""
_COLUMNS: Final[LiteralString] = """
SELECT t.attname::text
  FROM pg_catalog.pg_attribute t
  JOIN pg_catalog.pg_class c ON c.oid = t.attrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN LATERAL aclexplode(t.attacl) a ON a.grantee = %s
 WHERE n.nspname = %s AND c.relname = %s AND c.relkind = 'r' AND a.privilege_type = %s
"""


def granted_privileges(session: Session, values: Values) -> Values:
    """The live `privileges` of a grant, and its live `columns` if it is about columns."""
    kind, role = str(values["objectType"]), role_id(session, str(values["role"]))
    if kind == "column":
        return _granted_columns(session, values, role)
    if kind in _SINGLE:
        return {"privileges": as_declared(_of_one(session, values, kind, role), values)}
    schema = values["schema"]
    if kind in ("function", "procedure", "routine"):
        rows = session.rows(_FUNCTIONS, role, schema)
    else:
        rows = session.rows(_RELATIONS, role, schema, LETTERS[kind])
    objects = strings(values, "objects")
    for name, privileges in rows:
        if objects and name not in objects:
            continue
        declared = as_declared(privileges, values)
        if sorted(declared or []) != sorted(strings(values, "privileges")):
            # One object that differs is enough to have all of them granted anew.
            return {"privileges": declared}
    return {"privileges": values.get("privileges") or None}


def _of_one(session: Session, values: Values, kind: str, role: int) -> list[str]:
    names: dict[str, Any] = {"database": values["database"], "schema": values.get("schema")}
    name = names[kind] if kind in names else values["objects"][0]
    return [str(privilege) for (privilege,) in session.rows(_SINGLE[kind], name, role)]


def _granted_columns(session: Session, values: Values, role: int) -> Values:
    declared = strings(values, "columns")
    rows = session.rows(_COLUMNS, role, values["schema"], values["objects"][0], values["privileges"][0])
    granted = {str(column) for (column,) in rows}
    return {"columns": [column for column in declared if column in granted]}
