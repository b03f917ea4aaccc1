"""What the postgresql plugin makes of sessions' settings, extensions and publications, and of their changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.plugins.bridged.difference import difference, is_replacing
from sandbox.plugins.postgresql.extension import Extension
from sandbox.plugins.postgresql.publication import Publication
from sandbox.plugins.postgresql.role import Role
from sandbox.plugins.process import PluginError
from tests.unit.postgresql_wire import ROLE, NotedServer, complete

if TYPE_CHECKING:
    from sandbox.plugins.bridged.schema import ResourceType, Values
    from sandbox.plugins.postgresql.server import Server

EXTENSION: dict[str, list[Any]] = {"pg_extension": [("public", "1.5")]}
PUBLICATION: dict[str, list[Any]] = {
    "pubname": [(False, True, "own", True, True, False, False, ["app.t", "public.entry"])]
}


SESSION: Values = {
    "statementTimeout": 30_000,
    "idleInTransactionSessionTimeout": 60_000,
    "searchPaths": ["app", "$user"],
    "assumeRole": "own",
    "connectionLimit": 4,
}
PUBLISHED: Values = {
    "name": "pub",
    "database": "conf",
    "owner": "own",
    "tables": ["app.t", "public.entry"],
    "publishParams": ["insert", "update"],
    "publishViaPartitionRootParam": True,
}


def changed(kind: ResourceType[Server], old: Values, **inputs: Any) -> dict[str, bool]:
    """The properties that differ, and whether each of them replaces the resource."""
    new = complete(kind, **inputs)
    kept = {key: old.get(key) if new[key] is None and kind.properties[key].computed else new[key] for key in new}
    found = difference(kind.properties, old, kept, inputs)
    return {path: is_replacing(what) for path, what in found.items()}


class TestSettingsOfSessions:
    def test_they_are_set_when_the_login_is_made(self) -> None:
        server = NotedServer()
        Role().create(server, complete(Role(), name="login", login=True, **SESSION))
        assert "CONNECTION LIMIT 4" in server.said[1]
        assert server.said[2:] == [
            'ALTER ROLE "login" SET search_path TO "app","$user"',
            'ALTER ROLE "login" SET "statement_timeout" TO 30000',
            'ALTER ROLE "login" SET "idle_in_transaction_session_timeout" TO 60000',
            'ALTER ROLE "login" SET ROLE TO "own"',
        ]

    def test_what_is_no_longer_asked_for_goes_back_to_the_servers_own(self) -> None:
        server = NotedServer()
        old = complete(Role(), name="login", login=True, **SESSION)
        Role().update(server, "login", old, complete(Role(), name="login", login=True))
        assert server.said[1:] == [
            'ALTER ROLE "login" CONNECTION LIMIT -1',
            'ALTER ROLE "login" SET search_path TO DEFAULT',
            'ALTER ROLE "login" RESET "statement_timeout"',
            'ALTER ROLE "login" RESET "idle_in_transaction_session_timeout"',
            'ALTER ROLE "login" RESET ROLE',
        ]

    def test_what_the_server_says_of_them_is_what_was_asked_for(self) -> None:
        config = [
            'search_path=app, "$user"',
            "statement_timeout=30000",
            "idle_in_transaction_session_timeout=60000",
            "role=own",
        ]
        live = Role().read(NotedServer({"rolconnlimit": [(*ROLE[:8], 4, *ROLE[9:10], config, [])]}), "login", {})
        assert live is not None
        assert {key: live[key] for key in SESSION} == SESSION

    def test_a_change_of_any_is_an_update_in_place(self) -> None:
        old = complete(Role(), name="login", **SESSION)
        for key, value in {**dict.fromkeys(SESSION, 7), "searchPaths": ["b"], "assumeRole": "other"}.items():
            found = changed(Role(), old, name="login", **{**SESSION, key: value})
            assert {path.partition("[")[0] for path in found} == {key}
            assert not any(found.values())

    def test_a_time_with_a_unit_cannot_be_read_as_the_official_plugin_cannot(self) -> None:
        server = NotedServer({"rolconnlimit": [(*ROLE[:10], ["statement_timeout=30s"], [])]})
        with pytest.raises(PluginError, match="'30s' is not a number of milliseconds"):
            Role().read(server, "login", {})


class TestExtension:
    def test_it_is_made_in_the_version_that_is_asked_for(self) -> None:
        server = NotedServer(EXTENSION)
        resource_id, outputs = Extension().create(
            server, complete(Extension(), name="pg_trgm", database="conf", version="1.5")
        )
        assert (resource_id, outputs["version"], outputs["schema"]) == ("conf.pg_trgm", "1.5", "public")
        assert server.said == ["-- in conf", 'CREATE EXTENSION IF NOT EXISTS "pg_trgm" VERSION "1.5"']

    def test_another_version_updates_it_in_place(self) -> None:
        server = NotedServer(EXTENSION)
        given = {"name": "pg_trgm", "database": "conf"}
        old = complete(Extension(), **given, version="1.5", schema="public")
        assert changed(Extension(), old, **given, version="1.6") == {"version": False}
        Extension().update(server, "conf.pg_trgm", old, complete(Extension(), **given, version="1.6"))
        assert server.said == ["-- in conf", 'ALTER EXTENSION "pg_trgm" UPDATE TO "1.6"']

    def test_whatever_version_the_server_chose_is_no_difference_where_none_is_asked_for(self) -> None:
        given = {"name": "pg_trgm", "database": "conf"}
        assert changed(Extension(), complete(Extension(), **given, version="1.5"), **given) == {}

    @pytest.mark.parametrize(("more", "word"), [({}, "RESTRICT"), ({"dropCascade": True}, "CASCADE")])
    def test_its_deletion_takes_along_what_needs_it_only_if_asked(self, more: Values, word: str) -> None:
        server = NotedServer(EXTENSION)
        Extension().delete(server, "conf.pg_trgm", {"database": "conf", "name": "pg_trgm", **more})
        assert server.said[1:] == [f'DROP EXTENSION IF EXISTS "pg_trgm" {word}']


class TestPublication:
    def test_it_is_made_of_its_tables_with_its_parameters(self) -> None:
        server = NotedServer(PUBLICATION)
        resource_id, outputs = Publication().create(server, complete(Publication(), **PUBLISHED))
        assert resource_id == "conf.pub"
        assert {key: outputs[key] for key in PUBLISHED} == PUBLISHED
        made, owned = server.said[1:]
        assert made == (
            'CREATE PUBLICATION "pub" FOR TABLE "app"."t","public"."entry" WITH ( '
            "publish_via_partition_root = true , publish = 'insert, update' )"
        )
        assert owned == 'ALTER PUBLICATION "pub" OWNER TO "own"'

    def test_tables_come_and_go_in_place(self) -> None:
        server = NotedServer(PUBLICATION)
        old = complete(Publication(), **PUBLISHED)
        wanted = {**PUBLISHED, "tables": ["app.t", "app.u"], "publishParams": ["delete"]}
        assert not any(changed(Publication(), old, **wanted).values())
        Publication().update(server, "conf.pub", old, complete(Publication(), **wanted))
        assert server.said[1:] == [
            'ALTER PUBLICATION "pub" ADD TABLE "app"."u"',
            'ALTER PUBLICATION "pub" DROP TABLE "public"."entry"',
            "ALTER PUBLICATION \"pub\" SET ( publish = 'delete' )",
        ]

    def test_one_of_all_tables_is_another_publication(self) -> None:
        old = complete(Publication(), **PUBLISHED)
        wanted = {key: value for key, value in PUBLISHED.items() if key != "tables"}
        assert changed(Publication(), old, **wanted, allTables=True)["allTables"] is True
