"""A small stack on PostgreSQL, as it is declared and as the catalogue has it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from bulkhead.drift.declared import parse
from bulkhead.drift.postgresql_change import Change
from bulkhead.drift.postgresql_facts import PUBLIC, Database, Inside, Membership, Right, Rights, Server
from bulkhead.drift.postgresql_wanted import Wanted
from bulkhead.drift.report import Noise

Entry = tuple[str, str, dict[str, Any]]
ATTRIBUTES = {
    "superuser": False,
    "createDatabase": False,
    "createRole": False,
    "inherit": True,
    "login": False,
    "bypassRowLevelSecurity": False,
    "replication": False,
    "connectionLimit": -1,
    "validUntil": "infinity",
}
OWNER: Entry = ("postgresql:index/role:Role", "owner", {"name": "o"})
GROUP: Entry = ("postgresql:index/role:Role", "group", {"name": "g", "connectionLimit": 5})
LOGIN: Entry = (
    "postgresql:index/role:Role",
    "login",
    {"name": "l", "login": True, "roles": ["g"], "statementTimeout": 5000, "searchPaths": ["$user", "app"]},
)
DATABASE: Entry = (
    "postgresql:index/database:Database",
    "database",
    {"name": "d", "owner": "o", "connectionLimit": 9},
)
SHUT: Entry = (
    "postgresql:index/grant:Grant",
    "shut",
    {"database": "d", "role": "public", "objectType": "database", "privileges": []},
)
CONNECT: Entry = (
    "postgresql:index/grant:Grant",
    "connect",
    {"database": "d", "role": "g", "objectType": "database", "privileges": ["CONNECT"]},
)
TABLES: Entry = (
    "postgresql:index/defaultPrivileges:DefaultPrivileges",
    "tables",
    {"database": "d", "role": "g", "owner": "o", "schema": "app", "objectType": "table", "privileges": ["SELECT"]},
)
EVERYTHING = (OWNER, GROUP, LOGIN, DATABASE, SHUT, CONNECT, TABLES)
BUILTIN = frozenset(
    {
        Right("o", "CREATE"),
        Right("o", "CONNECT"),
        Right("o", "TEMPORARY"),
        Right(PUBLIC, "CONNECT"),
        Right(PUBLIC, "TEMPORARY"),
    }
)
HELD = {right: "o" for right in BUILTIN if right.grantee == "o"} | {Right("g", "CONNECT"): "o"}
MEMBER = Membership("g", "l", "admin", admin=False, inherit=True, can_set=True, expires=False)


def wanted(*entries: Entry, ignored: tuple[str, ...] = ()) -> Wanted:
    found = [
        {
            "urn": f"urn:pulumi:dev::shop::{kind}::{name}",
            "type": kind,
            "custom": True,
            "inputs": inputs,
            "ignoreChanges": list(ignored),
        }
        for kind, name, inputs in entries
    ]
    return Wanted(parse({"deployment": {"resources": found}}, "dev"))


def server(**more: Any) -> Server:
    roles = {
        "o": ATTRIBUTES,
        "g": {**ATTRIBUTES, "connectionLimit": 5},
        "l": {**ATTRIBUTES, "login": True},
        "stranger": ATTRIBUTES,
    }
    row = {"owner": "o", "connectionLimit": 9, "allowConnections": True, "isTemplate": False}
    plain = Server(
        version=160000,
        user="admin",
        roles=roles,
        memberships=(MEMBER,),
        settings={("", "l"): {"statement_timeout": "5000", "search_path": '"$user", app'}},
        databases={"d": Database(row, Rights("o", HELD, BUILTIN))},
    )
    return replace(plain, **more)


def said(changes: Iterable[Change | Noise]) -> dict[str, list[str]]:
    """The statements, by the object and what differs of it."""
    return {
        f"{one.object} {one.difference.path if one.difference else one.kind}": [
            order.as_string(None) for order in one.statements
        ]
        for one in changes
        if isinstance(one, Change)
    }


def inside(**more: Any) -> Inside:
    plain = Inside(
        schemas={"app": Rights("o", {}, frozenset())},
        defaults={("o", "app", "r"): {Right("g", "SELECT"): "o"}},
        builtin={("o", "f"): frozenset({Right("o", "EXECUTE"), Right(PUBLIC, "EXECUTE")})},
        extensions={"plpgsql": ("1.0", "pg_catalog")},
        publications={},
    )
    return replace(plain, **more)
