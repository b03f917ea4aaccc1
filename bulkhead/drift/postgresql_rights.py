"""Drift of the rights in PostgreSQL: on databases, schemas, what is in them, and objects to come; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from psycopg import sql

from bulkhead.drift.postgresql_change import Change, statement, to, words
from bulkhead.drift.postgresql_facts import PUBLIC, Right
from bulkhead.drift.postgresql_wanted import GRANT, LETTERS, rights
from bulkhead.drift.report import Difference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkhead.drift.declared import Declared
    from bulkhead.drift.postgresql_facts import Inside, Object, Rights
    from bulkhead.drift.postgresql_wanted import Wanted

_KINDS: Final = {"r": "TABLES", "S": "SEQUENCES", "f": "FUNCTIONS", "T": "TYPES", "n": "SCHEMAS"}
_IN_WORDS: Final = {"r": "tables", "S": "sequences", "f": "functions", "T": "types", "n": "schemas"}
_OBJECTS: Final = {"procedure": "function", "column": "table"}
"""Kinds whose objects to come PostgreSQL counts among another kind."""

_BUILTIN_PUBLIC: Final = frozenset({"function", "procedure", "type"})
"""Kinds whose use PostgreSQL gives to everybody, where nobody has said otherwise."""


def of_database(wanted: Wanted, name: str, live: Rights) -> Iterator[Change]:
    """Who may connect to a database, and do what with it."""
    declared = wanted.grants(name, "database")
    place = _Place("DATABASE", sql.Identifier(name), f"database {name}", name, live.owner)
    yield from _differing(
        place, declared, rights(declared, live.default, live.owner), live, wanted.databases[name]
    )


def of_schema(wanted: Wanted, database: str, declared_by: tuple[str, Declared], live: Rights) -> Iterator[Change]:
    """Who may use a declared schema, and make something in it."""
    name, one = declared_by
    declared = wanted.grants(database, "schema", name)
    default = set(live.default)
    if name == "public":  # initdb gives its use to everybody
        default.add(Right(PUBLIC, "USAGE"))
    place = _Place("SCHEMA", sql.Identifier(name), f"schema {database}.{name}", database, live.owner)
    yield from _differing(place, declared, rights(declared, default, live.owner), live, one)


@dataclass(frozen=True)
class _Place:
    kind: str
    name: sql.Composable
    called: str
    database: str
    owner: str


def _differing(
    place: _Place, declared: Mapping[str, Declared], want: set[Right], live: Rights, about: Declared
) -> Iterator[Change]:
    for right in sorted({*want} ^ live.live.keys(), key=lambda one: (one.grantee, one.privilege, one.grantable)):
        one = declared.get(right.grantee, about)
        added = right not in want
        order = _revoke(place, right, want) if added else _grant(place, right)
        grantor = live.live.get(right, "")
        becomes = grantor if added and grantor != place.owner else ""
        yield Change(
            one=one,
            object=place.called,
            difference=_shown(right, added=added, on=place.called),
            database=place.database,
            statements=(order,),
            becomes=becomes,
        )


def _shown(right: Right, *, added: bool, on: str) -> Difference:
    held = "granted, with grant option" if right.grantable else "granted"
    path = f"{right.privilege} of {right.grantee} on {on}"
    return Difference(path=path, live=held) if added else Difference(path=path, declared=held)


def _grant(place: _Place, right: Right) -> sql.Composable:
    order = statement(
        "GRANT {privilege} ON {kind} {name} TO {grantee}",
        privilege=words(right.privilege),
        kind=words(place.kind),
        name=place.name,
        grantee=to(right.grantee),
    )
    return order + sql.SQL(" WITH GRANT OPTION") if right.grantable else order


def _revoke(place: _Place, right: Right, want: set[Right]) -> sql.Composable:
    only_option = right.grantable and Right(right.grantee, right.privilege) in want
    return statement(
        "REVOKE {option}{privilege} ON {kind} {name} FROM {grantee} CASCADE",
        option=sql.SQL("GRANT OPTION FOR " if only_option else ""),
        privilege=words(right.privilege),
        kind=words(place.kind),
        name=place.name,
        grantee=to(right.grantee),
    )


def of_objects_to_come(wanted: Wanted, database: str, inside: Inside) -> Iterator[Change]:
    """Who will be able to do what with objects that are not made yet."""
    declared = wanted.defaults(database)
    for key in sorted({*declared, *inside.defaults}):
        owner, schema, kind = key
        mine = declared.get(key, {})
        builtin = frozenset[Right]() if schema else inside.builtin.get((owner, kind), frozenset[Right]())
        live = inside.defaults.get(key)
        held = set(live) if live is not None else set(builtin)
        want = rights(mine, builtin, owner)
        about = wanted.roles.get(owner) or wanted.databases[database]
        where = f"{_IN_WORDS.get(kind, kind)} to come of {owner}" + (f" in {schema}" if schema else "")
        for right in sorted(held ^ want, key=lambda one: (one.grantee, one.privilege, one.grantable)):
            added = right not in want
            yield Change(
                one=mine.get(right.grantee, about),
                object=f"default privileges {database}",
                difference=_shown(right, added=added, on=where),
                database=database,
                statements=(_default(key, right, added=added, want=want),),
            )


def _default(key: tuple[str, str, str], right: Right, *, added: bool, want: set[Right]) -> sql.Composable:
    owner, schema, kind = key
    order = statement("ALTER DEFAULT PRIVILEGES FOR ROLE {owner}", owner=owner)
    if schema:
        order += statement(" IN SCHEMA {schema}", schema=schema)
    parts = {
        "privilege": words(right.privilege),
        "kind": words(_KINDS[kind]),
        "grantee": to(right.grantee),
    }
    if added:
        only_option = right.grantable and Right(right.grantee, right.privilege) in want
        option = sql.SQL("GRANT OPTION FOR " if only_option else "")
        return order + statement(" REVOKE {option}{privilege} ON {kind} FROM {grantee}", option=option, **parts)
    order += statement(" GRANT {privilege} ON {kind} TO {grantee}", **parts)
    return order + sql.SQL(" WITH GRANT OPTION") if right.grantable else order


def of_objects(wanted: Wanted, database: str, inside: Inside) -> Iterator[Change]:
    """Rights on what is in a database that neither its default privileges, a Grant nor a migration give."""
    for thing in inside.objects:
        if thing.kind == "schema" and thing.schema in wanted.schemas(database):
            continue  # compared as a whole
        if _is_allowed(wanted, database, thing):
            continue
        name = f"{thing.schema}.{thing.name}" if thing.name else thing.schema
        path = f"{thing.right.privilege} of {thing.right.grantee} on {thing.kind} {name}"
        held = "granted, with grant option" if thing.right.grantable else "granted"
        yield Change(
            one=wanted.databases[database],
            object=f"{thing.kind} {database}.{name}",
            difference=Difference(path=path, live=held),
            kind="added",
            database=database,
            statements=(_taken(thing),),
            becomes=thing.grantor if thing.grantor != thing.owner else "",
        )


def _is_allowed(wanted: Wanted, database: str, thing: Object) -> bool:
    kind = _OBJECTS.get(thing.kind, thing.kind)
    right = thing.right
    defaults = wanted.defaults(database)
    given: set[str] = set()
    rules = [
        defaults[key] for schema in ("", thing.schema) if (key := (thing.owner, schema, LETTERS[kind])) in defaults
    ]
    for rule in rules:
        if one := rule.get(right.grantee):
            given |= set(one.shown.get("privileges") or ())
    explicit = [one for one in wanted.inside(database, GRANT) if _is_about(one, thing)]
    for one in explicit:
        given |= set(one.shown.get("privileges") or ())
    if right.privilege in given or "ALL" in given:
        return not right.grantable or any(one.shown.get("withGrantOption") for one in explicit)
    if right.grantee == PUBLIC:
        if thing.kind == "schema" and thing.schema == "public":
            return right == Right(PUBLIC, "USAGE")  # initdb gives its use to everybody
        shut_out = any(PUBLIC in rule for rule in rules)
        return thing.kind in _BUILTIN_PUBLIC and not shut_out
    if right.grantee not in wanted.roles:
        return False
    # In a schema without default privileges, files of the program's own grant what they make.
    return not rules or wanted.migrations_grant(thing.name or thing.schema)


def _is_about(one: Declared, thing: Object) -> bool:
    inputs = one.shown
    same = inputs.get("objectType") in {thing.kind, _OBJECTS.get(thing.kind, thing.kind)}
    listed: list[str] = inputs.get("objects") or []
    named = not listed or thing.name.partition("(")[0].strip('"') in listed
    return same and named and inputs.get("schema") == thing.schema and inputs.get("role") == thing.right.grantee


def _taken(thing: Object) -> sql.Composable:
    """REVOKE of one right on one object; the catalogue has quoted the names already."""
    if thing.kind == "schema":
        target = statement("SCHEMA {schema}", schema=thing.schema)
        columns: sql.Composable = sql.SQL("")
    elif thing.kind == "column":
        table, _, column = thing.name.rpartition("(")
        target = statement("TABLE {schema}.", schema=thing.schema) + _quoted(table)
        columns = sql.SQL(" (") + _quoted(column.removesuffix(")")) + sql.SQL(")")
    else:
        target = words(thing.kind.upper()) + statement(" {schema}.", schema=thing.schema) + _quoted(thing.name)
        columns = sql.SQL("")
    return (
        sql.SQL("REVOKE ")
        + words(thing.right.privilege)
        + columns
        + sql.SQL(" ON ")
        + target
        + sql.SQL(" FROM ")
        + to(thing.right.grantee)
        + sql.SQL(" CASCADE")
    )


def _quoted(name: str) -> sql.Composable:
    return sql.SQL(name)  # pyright: ignore[reportArgumentType] - quote_ident's own answer
