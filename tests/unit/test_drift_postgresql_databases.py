"""Databases of PostgreSQL: what they are and contain; each difference with its statements."""

from typing import Any

import pytest

from bulkhead.drift import postgresql_databases
from bulkhead.drift.postgresql_facts import Database, Rights
from tests.unit.drift_postgresql import BUILTIN, DATABASE, EVERYTHING, Entry, inside, said, server, wanted


def test_a_database_is_compared_as_a_whole() -> None:
    row = {"owner": "stranger", "connectionLimit": -1, "allowConnections": False, "isTemplate": True}
    live = server(
        databases={"d": Database(row, Rights("stranger", {}, BUILTIN))},
        settings={("d", ""): {"statement_timeout": "0", "app.key": "s3cret"}},
    )
    found = list(postgresql_databases.of_database(wanted(*EVERYTHING), "d", live))
    assert said(found) == {
        "database d owner": ['ALTER DATABASE "d" OWNER TO "o"'],
        "database d connectionLimit": ['ALTER DATABASE "d" CONNECTION LIMIT 9'],
        "database d allowConnections": ['ALTER DATABASE "d" WITH ALLOW_CONNECTIONS true'],
        "database d isTemplate": ['ALTER DATABASE "d" WITH IS_TEMPLATE false'],
        "database d settings.app.key": ['ALTER DATABASE "d" RESET "app.key"'],
        "database d settings.statement_timeout": ['ALTER DATABASE "d" RESET "statement_timeout"'],
    }
    assert "s3cret" not in str([one.difference for one in found])


def test_a_setting_that_a_migration_gives_is_declared() -> None:
    script = 'ALTER DATABASE "d" SET "statement_timeout" TO \'30s\';\nSELECT 1;\n'
    files: Entry = (
        "kubernetes:core/v1:ConfigMap",
        "files",
        {"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"run.sql": script}},
    )
    declared = wanted(*EVERYTHING, files)
    kept = server(settings={("d", ""): {"statement_timeout": "30s"}})
    assert said(postgresql_databases.of_database(declared, "d", kept)) == {}
    assert said(postgresql_databases.of_database(declared, "d", server(settings={}))) == {
        "database d settings.statement_timeout": ['ALTER DATABASE "d" SET "statement_timeout" TO \'30s\'']
    }


def test_a_database_that_is_gone_is_nothing_to_make_empty() -> None:
    [one] = postgresql_databases.of_database(wanted(*EVERYTHING), "d", server(databases={}))
    assert (one.kind, one.statements) == ("missing", ())


def test_extensions_are_compared_both_ways() -> None:
    declared = wanted(
        DATABASE,
        ("postgresql:index/extension:Extension", "v", {"name": "vector", "database": "d", "version": "0.8.5"}),
        ("postgresql:index/extension:Extension", "t", {"name": "pg_trgm", "database": "d"}),
    )
    live = inside(extensions={"plpgsql": ("1.0", "x"), "vector": ("0.8.0", "public"), "dblink": ("1.2", "public")})
    assert said(postgresql_databases.of_extensions(declared, "d", live)) == {
        "extension d.vector version": ["ALTER EXTENSION \"vector\" UPDATE TO '0.8.5'"],
        "extension d.pg_trgm missing": ['CREATE EXTENSION "pg_trgm"'],
        "extension d.dblink extension dblink": ['DROP EXTENSION "dblink"'],
    }


PUBLISHED = {
    "owner": "o",
    "allTables": False,
    "insert": True,
    "update": True,
    "delete": True,
    "truncate": True,
    "viaRoot": True,
    "tables": ["app.messages"],
}
OFFER: Entry = (
    "postgresql:index/publication:Publication",
    "offer",
    {
        "name": "p",
        "database": "d",
        "owner": "o",
        "tables": ["app.messages"],
        "publishViaPartitionRootParam": True,
    },
)


@pytest.mark.parametrize(
    ("live", "orders"),
    [
        ({"p": PUBLISHED}, []),
        (
            {"p": {**PUBLISHED, "tables": ["app.messages", "app.secrets"]}},
            [['ALTER PUBLICATION "p" SET TABLE "app"."messages"']],
        ),
        ({"p": {**PUBLISHED, "owner": "stranger"}}, [['ALTER PUBLICATION "p" OWNER TO "o"']]),
        ({"p": PUBLISHED, "q": {**PUBLISHED, "allTables": True}}, [['DROP PUBLICATION "q"']]),
    ],
)
def test_publications_are_compared_both_ways(live: dict[str, Any], orders: list[list[str]]) -> None:
    found = said(postgresql_databases.of_publications(wanted(DATABASE, OFFER), "d", inside(publications=live)))
    assert list(found.values()) == orders


def test_a_publication_that_is_gone_is_made_again() -> None:
    [orders] = said(postgresql_databases.of_publications(wanted(DATABASE, OFFER), "d", inside())).values()
    assert orders[0].startswith('CREATE PUBLICATION "p" FOR TABLE "app"."messages" WITH (publish = ')
    assert orders[1] == 'ALTER PUBLICATION "p" OWNER TO "o"'


def test_a_schema_that_is_gone_or_anothers_is_put_right() -> None:
    schema: Entry = ("postgresql:index/schema:Schema", "s", {"name": "app", "database": "d", "owner": "o"})
    [one] = wanted(schema).declaration.resources
    assert list(said(postgresql_databases.of_schema("d", one, inside(schemas={}))).values()) == [
        ['CREATE SCHEMA "app" AUTHORIZATION "o"']
    ]
    other = inside(schemas={"app": Rights("stranger", {}, frozenset())})
    assert list(said(postgresql_databases.of_schema("d", one, other)).values()) == [
        ['ALTER SCHEMA "app" OWNER TO "o"']
    ]
