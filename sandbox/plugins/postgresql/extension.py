"""postgresql.Extension: an extension of a database."""

from __future__ import annotations

from typing import ClassVar

from sandbox.plugins.bridged.schema import Property, ResourceType, Schema, Values
from sandbox.plugins.postgresql.names import database_and_name, still_there
from sandbox.plugins.postgresql.server import Server, Session
from sandbox.plugins.postgresql.statements import statement


class Extension(ResourceType[Server]):
    """An extension, which its database may have had before."""

    token: ClassVar[str] = "postgresql:index/extension:Extension"  # noqa: S105 - a type token
    properties: ClassVar[Schema] = {
        "createCascade": Property(type="bool", default=False),
        "database": Property(computed=True, force_new=True),
        "dropCascade": Property(type="bool", default=False),
        "name": Property(required=True, autoname=True, force_new=True),
        "schema": Property(computed=True),
        "version": Property(computed=True),
    }

    def create(self, server: Server, inputs: Values) -> tuple[str, Values]:
        """CREATE EXTENSION IF NOT EXISTS."""
        database, name = str(inputs.get("database") or server.database), str(inputs["name"])
        order = statement("CREATE EXTENSION IF NOT EXISTS {name}", name=name)
        if inputs.get("schema"):
            order += statement("SCHEMA {schema}", schema=str(inputs["schema"]))
        if inputs.get("version"):
            order += statement("VERSION {version}", version=str(inputs["version"]))
        if inputs["createCascade"]:
            order += statement("CASCADE")
        server.change(database, lambda session: session.run(order, doing=f"creating extension {name}"))
        return f"{database}.{name}", self._live(server, database, name)

    def read(self, server: Server, resource_id: str, state: Values) -> Values | None:
        """What the catalogue says of the extension."""
        database, name = database_and_name(server, "extension", resource_id, state)
        if not server.has_database(database):
            return None
        with server.session(database) as session:
            row = session.row(
                "SELECT n.nspname, e.extversion FROM pg_catalog.pg_extension e "
                "JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = %s",
                name,
            )
        if row is None:
            return None
        place = {"id": f"{database}.{name}", "database": database, "name": name}
        return {**place, "schema": row[0], "version": row[1]}

    def update(self, server: Server, resource_id: str, old: Values, new: Values) -> Values:
        """ALTER EXTENSION for its schema and version."""
        database, name = database_and_name(server, "extension", resource_id, old)

        def work(session: Session) -> None:
            if new.get("schema") and old.get("schema") != new["schema"]:
                session.run(
                    "ALTER EXTENSION {name} SET SCHEMA {schema}",
                    doing="updating extension SCHEMA",
                    name=name,
                    schema=str(new["schema"]),
                )
            if new.get("version") and old.get("version") != new["version"]:
                session.run(
                    "ALTER EXTENSION {name} UPDATE TO {version}",
                    doing="updating extension version",
                    name=name,
                    version=str(new["version"]),
                )

        server.change(database, work)
        return self._live(server, database, name)

    def delete(self, server: Server, resource_id: str, state: Values) -> None:
        """DROP EXTENSION; with what depends on it only if `dropCascade` says so."""
        database, name = database_and_name(server, "extension", resource_id, state)
        if not server.has_database(database):
            return
        order = statement("DROP EXTENSION IF EXISTS {name}", name=name)
        order += statement("CASCADE") if state.get("dropCascade") else statement("RESTRICT")
        server.change(database, lambda session: session.run(order, doing=f"dropping extension {name}"))

    def _live(self, server: Server, database: str, name: str) -> Values:
        live = self.read(server, f"{database}.{name}", {"database": database, "name": name})
        return still_there(live, f"extension {database}.{name}")
