"""postgresql.GrantRole: the membership of one role in another."""

from __future__ import annotations

from typing import ClassVar

from sandbox.plugins.bridged.schema import Property, ResourceType, Schema, Values
from sandbox.plugins.postgresql.membership import role_exists
from sandbox.plugins.postgresql.names import refuse_import
from sandbox.plugins.postgresql.server import Server, Session
from sandbox.plugins.postgresql.statements import statement

_GIVEN = Property(required=True, force_new=True)


class GrantRole(ResourceType[Server]):
    """A membership. A Role reports it in its `roles` as well, and revokes it at its next update."""

    token: ClassVar[str] = "postgresql:index/grantRole:GrantRole"  # noqa: S105 - a type token
    properties: ClassVar[Schema] = {
        "grantRole": _GIVEN,
        "role": _GIVEN,
        "withAdminOption": Property(type="bool", default=False, force_new=True),
    }

    def create(self, server: Server, inputs: Values) -> tuple[str, Values]:
        """REVOKE an earlier membership and GRANT this one, in one transaction."""

        def work(session: Session) -> None:
            _revoke(session, inputs)
            order = statement("GRANT {group} TO {role}", group=inputs["grantRole"], role=inputs["role"])
            if inputs["withAdminOption"]:
                order += statement("WITH ADMIN OPTION")
            session.run(order, doing=f"granting role {inputs['grantRole']} to {inputs['role']}")

        server.change("", work)
        return _id(inputs), {}

    def read(self, server: Server, resource_id: str, state: Values) -> Values | None:
        """The membership, or None if there is none."""
        del resource_id
        refuse_import("GrantRole", state)
        with server.session() as session:
            row = session.row(
                "SELECT bool_or(admin_option) FROM pg_catalog.pg_auth_members "
                "WHERE pg_get_userbyid(member) = %s AND pg_get_userbyid(roleid) = %s",
                state["role"],
                state["grantRole"],
            )
        if row is None or row[0] is None:
            return None
        live = {"role": state["role"], "grantRole": state["grantRole"], "withAdminOption": bool(row[0])}
        return {**live, "id": _id(live)}

    def update(self, server: Server, resource_id: str, old: Values, new: Values) -> Values:
        """Never needed: every change replaces it."""
        del server, resource_id, old
        return new

    def delete(self, server: Server, resource_id: str, state: Values) -> None:
        """REVOKE the membership."""
        del resource_id

        def work(session: Session) -> None:
            if role_exists(session, str(state["role"])) and role_exists(session, str(state["grantRole"])):
                _revoke(session, state)

        server.change("", work)


def _revoke(session: Session, values: Values) -> None:
    session.run(
        "REVOKE {group} FROM {role}",
        doing=f"revoking role {values['grantRole']} from {values['role']}",
        group=values["grantRole"],
        role=values["role"],
    )


def _id(values: Values) -> str:
    return f"{values['role']}_{values['grantRole']}_{str(values['withAdminOption']).lower()}"
