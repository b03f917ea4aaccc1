"""Drift of PostgreSQL's databases: owners, limits, settings, schemas, extensions, publications; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from psycopg import sql

from bulkhead.drift.postgresql_change import Change, statement, words
from bulkhead.drift.postgresql_roles import plain, shown_setting
from bulkhead.drift.postgresql_wanted import EXTENSION, PUBLICATION
from bulkhead.drift.report import Difference, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkhead.drift.declared import Declared
    from bulkhead.drift.postgresql_facts import Inside, Server
    from bulkhead.drift.postgresql_wanted import Wanted

_OPERATIONS: Final = ("insert", "update", "delete", "truncate")
_BUILTIN_EXTENSION: Final = "plpgsql"
"""initdb installs it into every database."""


def of_database(wanted: Wanted, name: str, server: Server) -> Iterator[Change]:
    """A database as a whole: its row, and what sessions in it begin with."""
    one = wanted.databases[name]
    found = server.databases.get(name)
    called = f"database {name}"
    if found is None:
        yield Change(one=one, object=called, kind="missing")
        return
    defaults = {"connectionLimit": -1, "allowConnections": True, "isTemplate": False}
    for key, default in {"owner": None, **defaults}.items():
        declared, live = one.shown.get(key, default), found.row[key]
        if key in one.ignored or declared is None or declared == live:
            continue
        orders = {
            "owner": lambda: statement("ALTER DATABASE {name} OWNER TO {owner}", name=name, owner=str(declared)),  # noqa: B023 - called in this turn
            "connectionLimit": lambda: statement(
                "ALTER DATABASE {name} CONNECTION LIMIT {limit}",
                name=name,
                limit=sql.Literal(int(declared)),  # noqa: B023
            ),
            "allowConnections": lambda: _flag(name, "ALLOW_CONNECTIONS", yes=bool(declared)),  # noqa: B023
            "isTemplate": lambda: _flag(name, "IS_TEMPLATE", yes=bool(declared)),  # noqa: B023
        }
        shown = Difference(path=key, declared=say(declared), live=say(live))
        yield Change(one=one, object=called, difference=shown, statements=(orders[key](),))
    yield from _settings(one, name, wanted.settings(name), server)


def _flag(name: str, word: str, *, yes: bool) -> sql.Composable:
    order = sql.SQL(" ALLOW_CONNECTIONS " if word == "ALLOW_CONNECTIONS" else " IS_TEMPLATE ")
    return statement("ALTER DATABASE {name} WITH", name=name) + order + sql.SQL("true" if yes else "false")


def _settings(one: Declared, name: str, declared: Mapping[str, str], server: Server) -> Iterator[Change]:
    live = server.settings.get((name, ""), {})
    for setting in sorted({*declared, *live}):
        want, have = declared.get(setting), live.get(setting)
        if want is not None and have is not None and plain(setting, want) == plain(setting, have):
            continue
        if want is None:
            order = statement("ALTER DATABASE {name} RESET {setting}", name=name, setting=setting)
        else:
            parts = want.split(", ") if setting == "search_path" else [want]
            value = sql.SQL(", ").join(sql.Literal(part) for part in parts)
            order = statement(
                "ALTER DATABASE {name} SET {setting} TO {value}", name=name, setting=setting, value=value
            )
        shown = Difference(
            path=f"settings.{setting}",
            declared=want,
            live=None if have is None else shown_setting(setting, have),
        )
        yield Change(one=one, object=f"database {name}", difference=shown, statements=(order,))


def of_schema(database: str, one: Declared, inside: Inside) -> Iterator[Change]:
    """Whether a declared schema is there, and whose it is."""
    name, owner = str(one.shown["name"]), one.shown.get("owner")
    called = f"schema {database}.{name}"
    live = inside.schemas.get(name)
    if live is None:
        order = statement("CREATE SCHEMA {name}", name=name)
        if owner:
            order += statement(" AUTHORIZATION {owner}", owner=str(owner))
        yield Change(one=one, object=called, kind="missing", database=database, statements=(order,))
    elif owner and live.owner != owner and "owner" not in one.ignored:
        order = statement("ALTER SCHEMA {name} OWNER TO {owner}", name=name, owner=str(owner))
        shown = Difference(path="owner", declared=str(owner), live=live.owner)
        yield Change(one=one, object=called, difference=shown, database=database, statements=(order,))


def of_extensions(wanted: Wanted, database: str, inside: Inside) -> Iterator[Change]:
    """Extensions that are gone, of another version, or there without having been declared."""
    declared = {str(one.shown["name"]): one for one in wanted.inside(database, EXTENSION)}
    for name, one in declared.items():
        called, live = f"extension {database}.{name}", inside.extensions.get(name)
        version, schema = one.shown.get("version"), one.shown.get("schema")
        if live is None:
            order = statement("CREATE EXTENSION {name}", name=name)
            order += statement(" WITH SCHEMA {schema}", schema=str(schema)) if schema else sql.SQL("")
            order += sql.SQL(" VERSION ") + sql.Literal(str(version)) if version else sql.SQL("")
            yield Change(one=one, object=called, kind="missing", database=database, statements=(order,))
            continue
        if version and version != live[0]:
            order = statement("ALTER EXTENSION {name} UPDATE TO {to}", name=name, to=sql.Literal(str(version)))
            shown = Difference(path="version", declared=str(version), live=live[0])
            yield Change(one=one, object=called, difference=shown, database=database, statements=(order,))
        if schema and schema != live[1]:
            order = statement("ALTER EXTENSION {name} SET SCHEMA {schema}", name=name, schema=str(schema))
            shown = Difference(path="schema", declared=str(schema), live=live[1])
            yield Change(one=one, object=called, difference=shown, database=database, statements=(order,))
    for name in sorted(inside.extensions.keys() - declared.keys() - {_BUILTIN_EXTENSION}):
        yield Change(
            one=wanted.databases[database],
            object=f"extension {database}.{name}",
            difference=Difference(path=f"extension {name}", live=inside.extensions[name][0]),
            kind="added",
            database=database,
            statements=(statement("DROP EXTENSION {name}", name=name),),
        )


def of_publications(wanted: Wanted, database: str, inside: Inside) -> Iterator[Change]:
    """Publications that are gone, that offer other changes, or there without having been declared."""
    declared = {str(one.shown["name"]): one for one in wanted.inside(database, PUBLICATION)}
    for name, one in declared.items():
        called, live = f"publication {database}.{name}", inside.publications.get(name)
        if live is None:
            orders = tuple(_published(name, one.shown))
            yield Change(one=one, object=called, kind="missing", database=database, statements=orders)
            continue
        for path, want, have in _offers(one.shown, live):
            if want != have:
                shown = Difference(path=path, declared=say(want), live=say(have))
                orders = tuple(_republished(name, one.shown, live, path))
                yield Change(one=one, object=called, difference=shown, database=database, statements=orders)
    for name in sorted(inside.publications.keys() - declared.keys()):
        live = inside.publications[name]
        said = "all tables" if live["allTables"] else say(live["tables"])
        yield Change(
            one=wanted.databases[database],
            object=f"publication {database}.{name}",
            difference=Difference(path=f"publication {name}", live=said),
            kind="added",
            database=database,
            statements=(statement("DROP PUBLICATION {name}", name=name),),
        )


def _offers(inputs: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    params: list[str] = inputs.get("publishParams") or list(_OPERATIONS)
    yield "allTables", bool(inputs.get("allTables")), live["allTables"]
    yield "tables", sorted(inputs.get("tables") or ()), sorted(live["tables"])
    yield "publishParams", sorted(params), sorted(name for name in _OPERATIONS if live[name])
    yield "publishViaPartitionRootParam", bool(inputs.get("publishViaPartitionRootParam")), live["viaRoot"]
    if inputs.get("owner"):
        yield "owner", inputs["owner"], live["owner"]


def _published(name: str, inputs: Mapping[str, Any]) -> Iterator[sql.Composable]:
    order = statement("CREATE PUBLICATION {name}", name=name)
    if inputs.get("allTables"):
        order += sql.SQL(" FOR ALL TABLES")
    elif inputs.get("tables"):
        order += sql.SQL(" FOR TABLE ") + _tables(inputs)
    yield order + sql.SQL(" WITH (") + _parameters(inputs) + sql.SQL(")")
    if inputs.get("owner"):
        yield statement("ALTER PUBLICATION {name} OWNER TO {owner}", name=name, owner=str(inputs["owner"]))


def _republished(
    name: str, inputs: Mapping[str, Any], live: Mapping[str, Any], path: str
) -> Iterator[sql.Composable]:
    if path == "owner":
        yield statement("ALTER PUBLICATION {name} OWNER TO {owner}", name=name, owner=str(inputs["owner"]))
    elif path in {"publishParams", "publishViaPartitionRootParam"}:
        yield statement("ALTER PUBLICATION {name} SET (", name=name) + _parameters(inputs) + sql.SQL(")")
    elif path == "tables" and not live["allTables"] and inputs.get("tables"):
        yield statement("ALTER PUBLICATION {name} SET TABLE ", name=name) + _tables(inputs)
    else:  # all tables or some of them: only a new publication can be the other
        yield statement("DROP PUBLICATION {name}", name=name)
        yield from _published(name, inputs)


def _tables(inputs: Mapping[str, Any]) -> sql.Composable:
    return sql.SQL(", ").join(sql.Identifier(*str(table).split(".")) for table in inputs["tables"])


def _parameters(inputs: Mapping[str, Any]) -> sql.Composable:
    params: list[str] = inputs.get("publishParams") or list(_OPERATIONS)
    root = words("TRUE" if inputs.get("publishViaPartitionRootParam") else "FALSE")
    return (
        sql.SQL("publish = ") + sql.Literal(", ".join(params)) + sql.SQL(", publish_via_partition_root = ") + root
    )
