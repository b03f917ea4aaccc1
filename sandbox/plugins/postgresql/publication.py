"""postgresql.Publication: which tables' changes a database offers to subscribers."""

from __future__ import annotations

from typing import ClassVar, Final, LiteralString

from sandbox.plugins.bridged.schema import Property, ResourceType, Schema, Values, strings
from sandbox.plugins.postgresql.names import database_and_name, still_there
from sandbox.plugins.postgresql.server import Server, Session
from sandbox.plugins.postgresql.statements import Keywords, Name, Names, Statement, Text, statement

_OPERATIONS: Final = ("insert", "update", "delete", "truncate")
_READ: Final[LiteralString] = """
SELECT puballtables, pubviaroot, pg_get_userbyid(pubowner), pubinsert, pubupdate, pubdelete, pubtruncate,
       ARRAY(SELECT schemaname || '.' || tablename FROM pg_catalog.pg_publication_tables t
             WHERE t.pubname = p.pubname ORDER BY 1)
  FROM pg_catalog.pg_publication p WHERE pubname = %s
"""


class Publication(ResourceType[Server]):
    """A publication. One of all tables takes a superuser to make."""

    token: ClassVar[str] = "postgresql:index/publication:Publication"  # noqa: S105 - a type token
    properties: ClassVar[Schema] = {
        "allTables": Property(type="bool", computed=True, force_new=True),
        "database": Property(computed=True, force_new=True),
        "dropCascade": Property(type="bool", default=False),
        "name": Property(required=True, autoname=True),
        "owner": Property(computed=True),
        "publishParams": Property(type="list", computed=True, items=Property(allowed=_OPERATIONS)),
        "publishViaPartitionRootParam": Property(type="bool"),
        "tables": Property(type="set", computed=True, conflicts=("allTables",)),
    }

    def create(self, server: Server, inputs: Values) -> tuple[str, Values]:
        """CREATE PUBLICATION, then its owner, in one transaction."""
        database, name = str(inputs.get("database") or server.database), str(inputs["name"])
        order = statement("CREATE PUBLICATION {name}", name=name)
        if inputs.get("allTables"):
            order += statement("FOR ALL TABLES")
        elif inputs.get("tables"):
            tables = Names(tuple(_table(table) for table in strings(inputs, "tables")))
            order += statement("FOR TABLE {tables}", tables=tables)
        parameters = _parameters(inputs)
        if parameters is not None:
            order += statement("WITH (") + parameters + statement(")")

        def work(session: Session) -> None:
            session.run(order, doing=f"creating publication {name}")
            if inputs.get("owner"):
                _set_owner(session, name, str(inputs["owner"]))

        server.change(database, work)
        return f"{database}.{name}", self._live(server, database, name)

    def read(self, server: Server, resource_id: str, state: Values) -> Values | None:
        """What the catalogue says of the publication."""
        database, name = database_and_name(server, "publication", resource_id, state)
        if not server.has_database(database):
            return None
        with server.session(database) as session:
            row = session.row(_READ, name)
        if row is None:
            return None
        all_tables, via_root, owner, *published, tables = row
        return {
            "id": f"{database}.{name}",
            "database": database,
            "name": name,
            "allTables": all_tables,
            "publishViaPartitionRootParam": via_root,
            "owner": owner,
            "publishParams": [word for word, on in zip(_OPERATIONS, published, strict=True) if on],
            "tables": tables,
        }

    def update(self, server: Server, resource_id: str, old: Values, new: Values) -> Values:
        """ALTER PUBLICATION for what changed."""
        database, before = database_and_name(server, "publication", resource_id, old)
        name = str(new["name"])

        def work(session: Session) -> None:
            if new.get("owner") and old.get("owner") != new["owner"]:
                _set_owner(session, before, str(new["owner"]))
            _set_tables(session, before, old, new)
            parameters = _parameters(new, old)
            if parameters is not None:
                session.run(
                    statement("ALTER PUBLICATION {name} SET (", name=before) + parameters + statement(")"),
                    doing="updating publication parameters",
                )
            if before != name:
                session.run(
                    "ALTER PUBLICATION {old} RENAME TO {new}",
                    doing="updating publication name",
                    old=before,
                    new=name,
                )

        server.change(database, work)
        return self._live(server, database, name)

    def delete(self, server: Server, resource_id: str, state: Values) -> None:
        """DROP PUBLICATION."""
        database, name = database_and_name(server, "publication", resource_id, state)
        if not server.has_database(database):
            return
        order = statement("DROP PUBLICATION IF EXISTS {name}", name=name)
        order += statement("CASCADE") if state.get("dropCascade") else statement("RESTRICT")
        server.change(database, lambda session: session.run(order, doing=f"dropping publication {name}"))

    def _live(self, server: Server, database: str, name: str) -> Values:
        live = self.read(server, f"{database}.{name}", {"database": database, "name": name})
        return still_there(live, f"publication {database}.{name}")


def _table(name: str) -> Name:
    return Name(tuple(name.split(".")))


def _parameters(new: Values, old: Values | None = None) -> Statement | None:
    """The parameters that are set, or that changed if there are old ones."""
    before = old or {}
    parts: list[Statement] = []
    via_root = new.get("publishViaPartitionRootParam")
    if via_root is not None and before.get("publishViaPartitionRootParam") != via_root:
        word = Keywords(("true" if via_root else "false",))
        parts.append(statement("publish_via_partition_root = {via_root}", via_root=word))
    published = strings(new, "publishParams")
    if published and strings(before, "publishParams") != published:
        parts.append(statement("publish = {published}", published=Text(", ".join(published))))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else parts[0] + statement(",") + parts[1]


def _set_owner(session: Session, name: str, owner: str) -> None:
    session.run(
        "ALTER PUBLICATION {name} OWNER TO {owner}", doing="updating publication owner", name=name, owner=owner
    )


def _set_tables(session: Session, name: str, old: Values, new: Values) -> None:
    before, after = strings(old, "tables"), strings(new, "tables")
    for table in [table for table in after if table not in before]:
        session.run(
            "ALTER PUBLICATION {name} ADD TABLE {table}",
            doing="adding a table to the publication",
            name=name,
            table=_table(table),
        )
    for table in [table for table in before if table not in after]:
        session.run(
            "ALTER PUBLICATION {name} DROP TABLE {table}",
            doing="removing a table from the publication",
            name=name,
            table=_table(table),
        )
