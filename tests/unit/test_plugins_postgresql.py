"""The postgresql plugin's statements, settings and dealings with a server that fails."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.plugins.postgresql import server as server_module
from sandbox.plugins.postgresql.role import Role
from sandbox.plugins.postgresql.server import ATTEMPTS, Server, Session, StatementError
from sandbox.plugins.postgresql.settings import Settings, settings
from sandbox.plugins.postgresql.statements import Keywords, Number, Objects, Text, statement
from sandbox.plugins.process import PluginError

SETTINGS = Settings(host="db", port=5432, username="bulkhead", password="canary-admin", superuser=False)


class TestStatements:
    @given(st.text(st.characters(codec="utf-8", exclude_characters="\x00")))
    def test_no_value_leaves_its_quotes(self, text: str) -> None:
        name = statement("{x}", x=text).rendered().as_string(None)
        assert (name[0], name[-1]) == ('"', '"')
        assert '"' not in name[1:-1].replace('""', "")
        literal = statement("{x}", x=Text(text)).rendered().as_string(None).removeprefix(" E").strip(" ")
        assert "'" not in literal[1:-1].replace("''", "").replace("\\'", "")

    def test_names_in_schemas_are_quoted_part_by_part(self) -> None:
        order = statement("ON {objects}", objects=Objects("a.b", ('t"1', "f(text, char[])")))
        assert order.rendered().as_string(None) == 'ON "a.b"."t""1","a.b"."f"(text, char[])'

    @pytest.mark.parametrize(
        "part", [Keywords(("SELECT; DROP",)), Objects("s", ("f(int) TO x; --",)), Objects("s", ("f(a",))]
    )
    def test_what_is_no_keyword_is_refused(self, part: Any) -> None:
        with pytest.raises(PluginError):
            statement("{x}", x=part).rendered()

    def test_numbers_and_keywords_stand_bare(self) -> None:
        order = statement("LIMIT {n} {w}", n=Number(-1), w=Keywords(("LOGIN", "NOINHERIT"), " "))
        assert order.rendered().as_string(None).split() == ["LIMIT", "-1", "LOGIN", "NOINHERIT"]

    def test_parts_do_not_hide_each_other(self) -> None:
        with pytest.raises(ValueError, match="two parts of one name"):
            statement("{x}", x="a") + statement("{x}", x="b")

    def test_strings_are_not_shown(self) -> None:
        assert "canary" not in repr(statement("PASSWORD {p}", p=Text("canary")))


class TestSettings:
    def test_the_environment_stands_behind_the_inputs(self) -> None:
        environment = {
            "PGHOST": "h",
            "PGPORT": "6000",
            "PGUSER": "u",
            "PGPASSWORD": "canary",
            "PGSSLMODE": "disable",
        }
        found = settings({"port": "7000", "superuser": "false", "version": "3.18.2"}, environment)
        assert (found.address, found.role, found.sslmode, found.superuser) == ("h:7000", "u", "disable", False)
        assert "canary" not in repr(found)

    @pytest.mark.parametrize(
        ("inputs", "environment", "words"),
        [
            ({}, {"PGPASSWORD": "p"}, "PGHOST"),
            ({}, {"PGHOST": "h"}, "PGPASSWORD"),
            ({"port": "x"}, {"PGHOST": "h", "PGPASSWORD": "p"}, "port must be a whole number, not 'x'"),
            ({"superuser": "maybe"}, {"PGHOST": "h", "PGPASSWORD": "p"}, "superuser must be true or false"),
            (
                {"awsRdsIamAuth": "true"},
                {"PGHOST": "h", "PGPASSWORD": "p"},
                "does not serve the setting awsRdsIamAuth",
            ),
        ],
    )
    def test_what_is_missing_or_wrong_is_said(
        self, inputs: dict[str, str], environment: dict[str, str], words: str
    ) -> None:
        with pytest.raises(PluginError, match=words):
            settings(inputs, environment)


class TestServer:
    def test_conflicts_that_pass_are_tried_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server_module.time, "sleep", lambda _: None)
        server, calls = Server(SETTINGS), []

        def work() -> str:
            calls.append(1)
            if len(calls) < ATTEMPTS:
                raise StatementError("tuple concurrently updated", "XX000")
            return "done"

        assert server._repeated(work) == "done"
        assert len(calls) == ATTEMPTS

    def test_other_errors_are_not(self) -> None:
        server, calls = Server(SETTINGS), []

        def work() -> None:
            calls.append(1)
            raise StatementError("permission denied", "42501")

        with pytest.raises(StatementError, match="permission denied"):
            server._repeated(work)
        assert calls == [1]

    def test_errors_hold_no_statement(self) -> None:
        class Connection:
            def execute(self, *_: Any) -> None:
                raise psycopg.errors.SyntaxError("syntax error\nLINE 1: PASSWORD 'canary'")

        with pytest.raises(StatementError, match=r"error creating role x: .* \[42601\]") as caught:
            Session(Connection()).run("CREATE ROLE {r}", doing="creating role x", r="x")  # type: ignore[arg-type]
        assert "canary" not in str(caught.value)
        assert caught.value.__cause__ is None

    def test_a_server_that_does_not_answer_is_named_without_the_password(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(**_: Any) -> None:
            raise psycopg.OperationalError(
                'connection failed: connection to server at "db", port 5432 failed: no canary-admin here\nmore'
            )

        monkeypatch.setattr(psycopg, "connect", refuse)
        with pytest.raises(PluginError, match=r"PostgreSQL server db:5432 .*: no … here$"):
            Role().read(Server(SETTINGS), "x", {})
