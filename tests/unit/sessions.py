"""Sessions: what stands in for psycopg's connections to a database that was there before."""

from types import SimpleNamespace
from typing import Any, Self

import psycopg
import pytest

from components.environment import Environment, LegacyNames
from tests.making import environment

OLD = LegacyNames(databases={"api": "keybuzz"}, logins={"api": "veteran"})


def adopting_environment() -> Environment:
    """An environment whose database was there before."""
    return environment(legacy=OLD)


INSIDE: dict[str, Any] = {
    "mine": [
        {"kind": "table", "identity": "public.t", "schema": "public", "member": False, "serial": False},
        {"kind": "sequence", "identity": "public.t_id_seq", "schema": "public", "member": False, "serial": True},
        {"kind": "function", "identity": "public.f()", "schema": "public", "member": True, "serial": False},
        {"kind": "extension", "identity": "pg_trgm", "schema": "", "member": False, "serial": False},
    ],
    "schemas": [{"name": "public", "owner": "pg_database_owner", "open_to_all": False}],
    "guests": ["report"],
}


class Database:
    """A connection that remembers what it was told, and fails as it is told."""

    def __init__(self, failing: list[psycopg.Error]) -> None:
        self.said: list[str] = []
        self.info = SimpleNamespace(server_version=160014)
        self._failing = failing

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def execute(self, statement: str, _values: object = None, **_: object) -> SimpleNamespace:
        self.said.append(statement)
        if self._failing and "ALTER" in statement:
            raise self._failing.pop(0)
        return SimpleNamespace(fetchone=lambda: (INSIDE if "json_build_object" in statement else False,))


def stand_in(monkeypatch: pytest.MonkeyPatch) -> tuple[list[Database], list[psycopg.Error]]:
    """What is opened from now on, and a list of what is to fail."""
    opened: list[Database] = []
    failing: list[psycopg.Error] = []

    def connect(**given: Any) -> Database:
        assert (given["host"], given["dbname"]) == ("10.0.0.10", "keybuzz")
        opened.append(Database(failing))
        return opened[-1]

    monkeypatch.setattr(psycopg, "connect", connect)
    return opened, failing
