"""postgresql.Schema: a schema of a database, and its owner."""

from __future__ import annotations

from typing import ClassVar

from sandbox.plugins.bridged.schema import Property, ResourceType, Schema, Values
from sandbox.plugins.postgresql.membership import database_owner, roles_granted, schema_exists
from sandbox.plugins.postgresql.names import database_and_name, still_there
from sandbox.plugins.postgresql.server import Server, Session
from sandbox.plugins.postgresql.statements import statement


class DatabaseSchema(ResourceType[Server]):
    """A schema. One that exists already, such as `public`, is taken over: it gets the owner."""

    token: ClassVar[str] = "postgresql:index/schema:Schema"  # noqa: S105 - a type token
    properties: ClassVar[Schema] = {
        "database": Property(computed=True, force_new=True),
        "dropCascade": Property(type="bool", default=False),
        "ifNotExists": Property(type="bool", default=True),
        "name": Property(required=True, autoname=True),
        "owner": Property(computed=True),
        # Deprecated in favour of Grant, and therefore not served as an input.
        "policies": Property(type="list", output=True),
    }

    def create(self, server: Server, inputs: Values) -> tuple[str, Values]:
        """CREATE SCHEMA, as a member of the database's owner and the schema's."""
        database, name = str(inputs.get("database") or server.database), str(inputs["name"])
        owner = str(inputs.get("owner") or "")

        def work(session: Session) -> None:
            above = database_owner(session)
            with roles_granted(session, dict.fromkeys([above, owner])):
                if schema_exists(session, name):
                    if owner:
                        _set_owner(session, name, owner)
                    return
                order = statement("CREATE SCHEMA {name}", name=name)
                if owner:
                    order += statement("AUTHORIZATION {owner}", owner=owner)
                session.run(order, doing=f"creating schema {name}")

        server.change(database, work)
        return f"{database}.{name}", self._live(server, database, name)

    def read(self, server: Server, resource_id: str, state: Values) -> Values | None:
        """What the catalogue says of the schema."""
        database, name = database_and_name(server, "schema", resource_id, state)
        if not server.has_database(database):
            return None
        with server.session(database) as session:
            row = session.row(
                "SELECT pg_get_userbyid(nspowner) FROM pg_catalog.pg_namespace WHERE nspname = %s", name
            )
        if row is None:
            return None
        return {
            "id": f"{database}.{name}",
            "database": database,
            "name": name,
            "owner": row[0],
            "policies": state.get("policies") or [],
        }

    def update(self, server: Server, resource_id: str, old: Values, new: Values) -> Values:
        """ALTER SCHEMA for its name and owner."""
        database, before = database_and_name(server, "schema", resource_id, old)
        name, owner = str(new["name"]), str(new.get("owner") or "")

        def work(session: Session) -> None:
            if before != name:
                session.run(
                    "ALTER SCHEMA {old} RENAME TO {new}", doing="updating schema NAME", old=before, new=name
                )
            if owner and old.get("owner") != owner:
                _set_owner(session, name, owner)

        server.change(database, work)
        return self._live(server, database, name)

    def delete(self, server: Server, resource_id: str, state: Values) -> None:
        """DROP SCHEMA; with what is in it only if `dropCascade` says so."""
        database, name = database_and_name(server, "schema", resource_id, state)
        if not server.has_database(database):
            return

        def work(session: Session) -> None:
            if not schema_exists(session, name):
                return
            with roles_granted(session, [str(state.get("owner") or "")]):
                order = statement("DROP SCHEMA {name}", name=name)
                order += statement("CASCADE") if state.get("dropCascade") else statement("RESTRICT")
                session.run(order, doing="deleting schema")

        server.change(database, work)

    def _live(self, server: Server, database: str, name: str) -> Values:
        live = self.read(server, f"{database}.{name}", {"database": database, "name": name})
        return still_there(live, f"schema {database}.{name}")


def _set_owner(session: Session, name: str, owner: str) -> None:
    session.run("ALTER SCHEMA {name} OWNER TO {owner}", doing="updating schema OWNER", name=name, owner=owner)
