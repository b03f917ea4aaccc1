"""postgresql.DefaultPrivileges: what a role may do with objects that another role will make."""

from __future__ import annotations

from typing import ClassVar, Final, LiteralString

from sandbox.plugins.bridged.schema import Property, ResourceType, Schema, Values
from sandbox.plugins.postgresql.membership import PUBLIC, role_exists, role_id, roles_granted
from sandbox.plugins.postgresql.names import refuse_import
from sandbox.plugins.postgresql.privileges import LETTERS, as_declared, grantee_exists, wanted
from sandbox.plugins.postgresql.server import Server, Session
from sandbox.plugins.postgresql.statements import Keywords, Statement, statement
from sandbox.plugins.process import PluginError

_GIVEN = Property(required=True, force_new=True)
_READ: Final[LiteralString] = """
SELECT a.privilege_type
  FROM pg_catalog.pg_default_acl d
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
  JOIN LATERAL aclexplode(d.defaclacl) a ON a.grantee = %s
 WHERE d.defaclobjtype = %s AND COALESCE(n.nspname, '') = %s AND pg_get_userbyid(a.grantor) = %s
"""


class DefaultPrivileges(ResourceType[Server]):
    """Privileges on objects to come, of one owner, in one schema or in the whole database."""

    token: ClassVar[str] = "postgresql:index/defaultPrivileges:DefaultPrivileges"  # noqa: S105 - a type token
    properties: ClassVar[Schema] = {
        "database": _GIVEN,
        "objectType": Property(required=True, force_new=True, allowed=tuple(LETTERS)),
        "owner": _GIVEN,
        "privileges": Property(type="set", required=True),
        "role": _GIVEN,
        "schema": Property(force_new=True),
        "withGrantOption": Property(type="bool", default=False, force_new=True),
    }

    def create(self, server: Server, inputs: Values) -> tuple[str, Values]:
        """Revoke everything and grant what is listed, in one transaction."""
        self._write(server, inputs)
        return _id(inputs), self._live(server, inputs) or {}

    def read(self, server: Server, resource_id: str, state: Values) -> Values | None:
        """The live privileges; none at all, where some are declared, means that it is gone."""
        del resource_id
        refuse_import("DefaultPrivileges", state)
        return self._live(server, state) if grantee_exists(server, state) else None

    def update(self, server: Server, resource_id: str, old: Values, new: Values) -> Values:
        """The same as its creation."""
        del resource_id, old
        self._write(server, new)
        return self._live(server, new) or {}

    def delete(self, server: Server, resource_id: str, state: Values) -> None:
        """Revoke everything."""
        del resource_id
        if not grantee_exists(server, state):
            return

        def work(session: Session) -> None:
            owner = str(state["owner"])
            if not role_exists(session, owner):
                return
            with roles_granted(session, [owner]):
                _revoke(session, state)

        server.change(str(state["database"]), work)

    def _write(self, server: Server, values: Values) -> None:
        if values.get("schema") and values["objectType"] == "schema":
            raise PluginError("cannot specify `schema` when `object_type` is `schema`")
        if values["withGrantOption"] and str(values["role"]).lower() == PUBLIC:
            raise PluginError("with_grant_option cannot be true for role 'public'")
        privileges = wanted(values)

        def work(session: Session) -> None:
            with roles_granted(session, [str(values["owner"])]):
                _revoke(session, values)
                if privileges:
                    order = _beginning(values) + statement(
                        "GRANT {privileges} ON {kinds} TO {role}",
                        privileges=Keywords(privileges),
                        kinds=_kinds(values),
                        role=str(values["role"]),
                    )
                    if values["withGrantOption"]:
                        order += statement("WITH GRANT OPTION")
                    session.run(order, doing="altering default privileges")

        server.change(str(values["database"]), work)

    def _live(self, server: Server, values: Values) -> Values | None:
        with server.session(str(values["database"])) as session:
            role = role_id(session, str(values["role"]))
            letter = LETTERS[str(values["objectType"])]
            rows = session.rows(_READ, role, letter, values.get("schema") or "", values["owner"])
        if not rows and values.get("privileges"):
            return None
        return {"id": _id(values), "privileges": as_declared((str(row[0]) for row in rows), values)}


def _id(values: Values) -> str:
    keys = ("role", "database", "schema", "owner", "objectType")
    return "_".join(str(values.get(key) or "noschema") for key in keys)


def _kinds(values: Values) -> Keywords:
    return Keywords((f"{str(values['objectType']).upper()}S",))


def _beginning(values: Values) -> Statement:
    order = statement("ALTER DEFAULT PRIVILEGES FOR ROLE {owner}", owner=str(values["owner"]))
    if values.get("schema"):
        order += statement("IN SCHEMA {schema}", schema=str(values["schema"]))
    return order


def _revoke(session: Session, values: Values) -> None:
    order = _beginning(values) + statement(
        "REVOKE ALL ON {kinds} FROM {role}", kinds=_kinds(values), role=str(values["role"])
    )
    session.run(order, doing="revoking default privileges")
