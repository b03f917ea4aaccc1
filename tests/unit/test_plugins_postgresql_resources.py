"""What the postgresql plugin says to a server, read off a session that only notes it down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.plugins.postgresql.database import Database
from sandbox.plugins.postgresql.default_privileges import DefaultPrivileges
from sandbox.plugins.postgresql.grant import Grant
from sandbox.plugins.postgresql.grant_role import GrantRole
from sandbox.plugins.postgresql.membership import roles_granted
from sandbox.plugins.postgresql.publication import Publication
from sandbox.plugins.postgresql.role import Role
from sandbox.plugins.postgresql.schema import DatabaseSchema
from sandbox.plugins.process import PluginError
from tests.unit.postgresql_wire import ROLE, NotedServer, complete

if TYPE_CHECKING:
    from sandbox.plugins.bridged.schema import ResourceType
    from sandbox.plugins.postgresql.server import Server


class TestRole:
    def test_creation_hashes_the_password(self) -> None:
        server = NotedServer()
        inputs = complete(Role(), name="conf_rw", password="canary", connectionLimit=20, roles=["b", "a"])
        resource_id, outputs = Role().create(server, inputs)
        assert resource_id == "conf_rw"
        assert outputs["password"] == "canary"
        assert outputs["roles"] is None
        creation = (
            "CREATE ROLE \"conf_rw\" WITH VALID UNTIL 'infinity' CONNECTION LIMIT 20 NOSUPERUSER NOCREATEDB "
            "NOCREATEROLE INHERIT NOLOGIN NOBYPASSRLS NOREPLICATION "
            "PASSWORD 'SCRAM-SHA-256$hash-for-conf_rw-of-6'"
        )
        assert server.said == [
            "-- in postgres",
            creation,
            'GRANT "a" TO "conf_rw"',
            'GRANT "b" TO "conf_rw"',
            'ALTER ROLE "conf_rw" SET search_path TO DEFAULT',
        ]

    def test_hashes_and_null_are_taken_as_they_are(self) -> None:
        for password, clause in (("null", "PASSWORD NULL"), ("md5abc", "PASSWORD 'md5abc'")):
            server = NotedServer()
            Role().create(server, complete(Role(), name="conf_rw", password=password))
            assert server.said[1].endswith(clause)

    def test_an_update_writes_what_changed(self) -> None:
        server = NotedServer()
        old = complete(Role(), name="conf_rw", connectionLimit=20, statementTimeout=5)
        new = complete(Role(), name="conf_rw2", connectionLimit=30, login=True, searchPaths=["app", "public"])
        Role().update(server, "conf_rw", old, new)
        assert server.said[1:] == [
            'ALTER ROLE "conf_rw" RENAME TO "conf_rw2"',
            'ALTER ROLE "conf_rw2" WITH LOGIN',
            'ALTER ROLE "conf_rw2" CONNECTION LIMIT 30',
            'ALTER ROLE "conf_rw2" SET search_path TO "app","public"',
            'ALTER ROLE "conf_rw2" RESET "statement_timeout"',
        ]

    def test_deletion_empties_the_role_first(self) -> None:
        server = NotedServer()
        Role().delete(server, "conf_rw", {"name": "conf_rw"})
        assert server.said[1:] == [
            'REASSIGN OWNED BY "conf_rw" TO "bulkhead"',
            'DROP OWNED BY "conf_rw"',
            'DROP ROLE "conf_rw"',
        ]

    def test_a_role_that_is_gone_is_deleted(self) -> None:
        server = NotedServer(has_all=False)
        Role().delete(server, "conf_rw", {"name": "conf_rw"})
        assert server.said == ["-- in postgres"]
        assert Role().read(server, "conf_rw", {}) is None

    def test_settings_of_a_role_are_read(self) -> None:
        config = ['search_path="app", public', "statement_timeout=5000", "role=other"]
        server = NotedServer({"rolconnlimit": [(*ROLE[:10], config, ["a"])]})
        live = Role().read(server, "conf_rw", {})
        assert live is not None
        assert live["searchPaths"] == ["app", "public"]
        assert (live["statementTimeout"], live["assumeRole"], live["roles"]) == (5000, "other", ["a"])
        assert "password" not in live


class TestDatabase:
    def test_creation(self) -> None:
        server = NotedServer()
        inputs = complete(Database(), name="conf", owner="conf_owner", connectionLimit=50)
        _, outputs = Database().create(server, inputs)
        assert outputs["template"] == "template0"
        creation = (
            'CREATE DATABASE "conf" OWNER "conf_owner" TEMPLATE "template0" ENCODING \'UTF8\' '
            "ALLOW_CONNECTIONS true CONNECTION LIMIT 50 IS_TEMPLATE false"
        )
        assert server.said[1:] == [creation]

    def test_an_owner_whom_we_cannot_become_is_joined_for_the_moment(self) -> None:
        server = NotedServer()
        server.members.clear()
        Database().create(server, complete(Database(), name="conf", owner="conf_owner"))
        assert server.said[1] == 'GRANT "conf_owner" TO "bulkhead"'
        assert server.said[-1] == 'REVOKE "conf_owner" FROM "bulkhead"'

    def test_deletion_shuts_it_first(self) -> None:
        server = NotedServer()
        Database().delete(server, "conf", {"name": "conf", "owner": "conf_owner"})
        assert server.said[1:] == [
            'ALTER DATABASE "conf" ALLOW_CONNECTIONS false',
            'DROP DATABASE "conf" WITH (FORCE)',
        ]

    def test_objects_follow_a_new_owner_if_asked(self) -> None:
        server = NotedServer()
        old = complete(Database(), name="conf", owner="conf_owner")
        Database().update(
            server, "conf", old, complete(Database(), name="conf2", owner="new", alterObjectOwnership=True)
        )
        assert [line for line in server.said if not line.startswith("--")] == [
            'ALTER DATABASE "conf" RENAME TO "conf2"',
            'REASSIGN OWNED BY "conf_owner" TO "new"',
            'ALTER DATABASE "conf2" OWNER TO "new"',
        ]


class TestGrants:
    def test_everything_is_revoked_before_what_is_listed(self) -> None:
        server = NotedServer({"aclexplode(datacl)": [("CONNECT",)]})
        inputs = complete(Grant(), role="rw", database="conf", objectType="database", privileges=["CONNECT"])
        resource_id, outputs = Grant().create(server, inputs)
        assert resource_id == "rw_conf_database"
        assert outputs["privileges"] == ["CONNECT"]
        assert server.said == [
            "-- in conf",
            'REVOKE ALL PRIVILEGES ON DATABASE "conf" FROM "rw"',
            'GRANT CONNECT ON DATABASE "conf" TO "rw"',
        ]

    def test_no_privileges_revoke_only(self) -> None:
        server = NotedServer()
        inputs = complete(Grant(), role="public", database="conf", objectType="database", privileges=[])
        resource_id, outputs = Grant().create(server, inputs)
        assert (resource_id, outputs["privileges"]) == ("public_conf_database", None)
        assert server.said[1:] == ['REVOKE ALL PRIVILEGES ON DATABASE "conf" FROM "public"']

    @pytest.mark.parametrize(
        ("inputs", "resource_id", "grant"),
        [
            (
                {"objectType": "schema", "schema": "app", "privileges": ["USAGE"], "withGrantOption": True},
                "rw_conf_app_schema",
                'GRANT USAGE ON SCHEMA "app" TO "rw" WITH GRANT OPTION',
            ),
            (
                {"objectType": "table", "schema": "app", "privileges": ["SELECT", "INSERT"]},
                "rw_conf_app_table",
                'GRANT INSERT,SELECT ON ALL TABLES IN SCHEMA "app" TO "rw"',
            ),
            (
                {"objectType": "table", "schema": "app", "privileges": ["SELECT"], "objects": ["b", "a"]},
                "rw_conf_app_table_a_b",
                'GRANT SELECT ON TABLE "app"."a","app"."b" TO "rw"',
            ),
            (
                {"objectType": "function", "schema": "app", "privileges": ["EXECUTE"], "objects": ["f(text)"]},
                "rw_conf_app_function_f(text)",
                'GRANT EXECUTE ON FUNCTION "app"."f"(text) TO "rw"',
            ),
            (
                {
                    "objectType": "column",
                    "schema": "app",
                    "privileges": ["SELECT"],
                    "objects": ["t"],
                    "columns": ["c"],
                },
                "rw_conf_app_column_t_c",
                'GRANT SELECT ("c") ON TABLE "app"."t" TO "rw"',
            ),
            (
                {"objectType": "foreign_server", "privileges": ["USAGE"], "objects": ["far"]},
                "rw_conf_foreign_server_far",
                'GRANT USAGE ON FOREIGN SERVER "far" TO "rw"',
            ),
        ],
    )
    def test_kinds_of_objects(self, inputs: dict[str, Any], resource_id: str, grant: str) -> None:
        server = NotedServer()
        found, _ = Grant().create(server, complete(Grant(), role="rw", database="conf", **inputs))
        assert found == resource_id
        assert server.said[-1] == grant

    @pytest.mark.parametrize(
        ("inputs", "words"),
        [
            ({"objectType": "table", "privileges": ["SELECT"]}, "'schema' is mandatory"),
            ({"objectType": "database", "privileges": ["SELECT"]}, "SELECT is not an allowed privilege"),
            (
                {"objectType": "schema", "schema": "s", "objects": ["o"], "privileges": []},
                "cannot specify `objects`",
            ),
            (
                {"objectType": "column", "schema": "s", "objects": ["o"], "privileges": []},
                "must specify `columns`",
            ),
        ],
    )
    def test_refusals(self, inputs: dict[str, Any], words: str) -> None:
        server = NotedServer()
        with pytest.raises(PluginError, match=words):
            Grant().create(server, complete(Grant(), role="rw", database="conf", **inputs))
        assert server.said == []

    def test_all_that_is_granted_reads_as_all(self) -> None:
        server = NotedServer({"aclexplode(nspacl)": [("CREATE",), ("USAGE",)]})
        state = complete(Grant(), role="rw", database="conf", schema="a", objectType="schema", privileges=["ALL"])
        live = Grant().read(server, "x", state)
        assert live is not None
        assert live["privileges"] == ["ALL"]

    def test_one_object_that_differs_is_drift(self) -> None:
        server = NotedServer({"pg_class": [("a", ["SELECT"]), ("b", ["SELECT", "DELETE"])]})
        state = complete(
            Grant(), role="rw", database="conf", schema="s", objectType="table", privileges=["SELECT"]
        )
        live = Grant().read(server, "x", state)
        assert live is not None
        assert live["privileges"] == ["DELETE", "SELECT"]
        narrowed = Grant().read(server, "x", {**state, "objects": ["a"]})
        assert narrowed is not None
        assert narrowed["privileges"] == ["SELECT"]

    def test_what_lost_its_role_is_gone(self) -> None:
        server = NotedServer(has_all=False)
        state = complete(Grant(), role="rw", database="conf", objectType="database", privileges=["CONNECT"])
        assert Grant().read(server, "x", state) is None
        Grant().delete(server, "x", state)
        assert server.said == []

    def test_default_privileges(self) -> None:
        server = NotedServer({"pg_default_acl": [("SELECT",)]})
        inputs = complete(
            DefaultPrivileges(),
            role="rw", database="conf", schema="app", owner="own", objectType="table", privileges=["SELECT"],
        )  # fmt: skip
        resource_id, outputs = DefaultPrivileges().create(server, inputs)
        assert resource_id == "rw_conf_app_own_table"
        assert outputs["privileges"] == ["SELECT"]
        prefix = 'ALTER DEFAULT PRIVILEGES FOR ROLE "own" IN SCHEMA "app"'
        assert server.said[1:] == [
            f'{prefix} REVOKE ALL ON TABLES FROM "rw"',
            f'{prefix} GRANT SELECT ON TABLES TO "rw"',
        ]
        assert DefaultPrivileges().properties["owner"].force_new

    def test_membership(self) -> None:
        server = NotedServer()
        inputs = complete(GrantRole(), role="login", grantRole="rw", withAdminOption=True)
        resource_id, _ = GrantRole().create(server, inputs)
        assert resource_id == "login_rw_true"
        assert server.said[1:] == ['REVOKE "rw" FROM "login"', 'GRANT "rw" TO "login" WITH ADMIN OPTION']

    @pytest.mark.parametrize("kind", [Grant(), GrantRole(), DefaultPrivileges()])
    def test_rights_are_not_imported(self, kind: ResourceType[Server]) -> None:
        with pytest.raises(PluginError, match="cannot be imported"):
            kind.read(NotedServer(), "rw_conf_database", {})


class TestOthers:
    def test_a_schema_that_exists_gets_the_owner(self) -> None:
        server = NotedServer()
        resource_id, _ = DatabaseSchema().create(
            server, complete(DatabaseSchema(), name="public", database="conf", owner="own")
        )
        assert resource_id == "conf.public"
        assert server.said == ["-- in conf", 'ALTER SCHEMA "public" OWNER TO "own"']

    def test_an_id_that_names_no_database_is_refused(self) -> None:
        with pytest.raises(PluginError, match=r"expected format 'database\.schema'"):
            DatabaseSchema().read(NotedServer(), "app", {})

    def test_a_publication_of_tables(self) -> None:
        server = NotedServer({"pubname": [(False, True, "own", True, False, True, False, ["app.t"])]})
        inputs = complete(
            Publication(), name="p", database="conf", tables=["app.t"], publishParams=["insert"], owner="own"
        )
        _, outputs = Publication().create(server, inputs)
        assert outputs["publishParams"] == ["insert", "delete"]
        assert server.said[1:] == [
            'CREATE PUBLICATION "p" FOR TABLE "app"."t" WITH ( publish = \'insert\' )',
            'ALTER PUBLICATION "p" OWNER TO "own"',
        ]

    def test_temporary_memberships_are_taken_back(self) -> None:
        server = NotedServer()
        server.members.clear()
        with server.session() as session, roles_granted(session, ["own"]):
            session.run("SELECT 1")
        assert server.said == ['GRANT "own" TO "bulkhead"', "SELECT 1", 'REVOKE "own" FROM "bulkhead"']
