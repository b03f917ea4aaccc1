"""Reading the facts of a database that was there before, and carrying a plan out; servers are stood in for."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Self

import psycopg
import pytest

from components import adopting
from components.adoption import Facts, Plan, Role
from components.environment import Environment, LegacyNames
from components.errors import PlatformError
from tests.making import environment
from tests.stacks import platform

OLD = LegacyNames(databases={"api": "keybuzz"}, logins={"api": "veteran"})


def adopting_environment() -> Environment:
    return environment(legacy=OLD)


def role(**more: bool) -> dict[str, bool]:
    return {"login": True, "superuser": False, "inherits": True, "usable": True, **more}


def survey(owner: str, things: int = 0, **roles: Mapping[str, bool]) -> dict[str, Any]:
    return {
        "administrator": "bulkhead",
        "databases": {"keybuzz": {"owner": owner, "things": things}},
        "roles": {owner: role(), **roles},
    }


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


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch) -> tuple[list[Database], list[psycopg.Error]]:
    opened: list[Database] = []
    failing: list[psycopg.Error] = []

    def connect(**given: Any) -> Database:
        assert (given["host"], given["dbname"]) == ("10.0.0.10", "keybuzz")
        opened.append(Database(failing))
        return opened[-1]

    monkeypatch.setattr(psycopg, "connect", connect)
    monkeypatch.setattr(adopting.time, "sleep", lambda _: None)
    return opened, failing


def test_only_what_is_declared_is_asked_for() -> None:
    assert adopting.survey_of(adopting_environment()) == {
        "databases": ["keybuzz"],
        "roles": ["keybuzz_api_owner_dev", "keybuzz_api_dev", "keybuzz_api_readonly_dev", "veteran"],
    }
    assert adopting.survey_of(environment()) == {"databases": [], "roles": []}


@pytest.mark.parametrize("found", [None, {"administrator": "bulkhead", "databases": None, "roles": None}])
def test_a_database_that_is_not_there_is_not_adopted(found: Mapping[str, Any] | None) -> None:
    assert adopting.plans(platform(), adopting_environment(), found) == {}


def test_a_database_that_we_made_is_not_adopted() -> None:
    assert adopting.plans(platform(), adopting_environment(), survey("keybuzz_api_owner_dev")) == {}


@pytest.mark.usefixtures("databases")
def test_a_database_of_the_login_is_looked_into() -> None:
    plan = adopting.plans(platform(), adopting_environment(), survey("veteran", 4))["api"]
    assert [thing.identity for thing in plan.facts.things] == ["public.t"]
    assert [thing.identity for thing in plan.facts.left] == ["pg_trgm"]
    assert plan.facts.sequences == ("public.t_id_seq",)
    assert plan.facts.guests == ("report",)


def test_an_adopted_database_is_not_looked_into_again(
    databases: tuple[list[Database], list[psycopg.Error]],
) -> None:
    found = survey("keybuzz_api_owner_dev", veteran=role())
    plan = adopting.plans(platform(), adopting_environment(), found)["api"]
    assert not plan.is_needed
    assert plan.facts.login == Role(name="veteran", login=True)
    assert databases[0] == []


def test_what_cannot_be_adopted_is_refused_without_a_look_inside() -> None:
    with pytest.raises(PlatformError, match=r"declare legacy\.dev\.logins\.api: postgres in the platform file"):
        adopting.plans(platform(), adopting_environment(), survey("postgres"))


def needed() -> Plan:
    names = adopting_environment().database("api")
    login = Role(name="veteran", login=True)
    return Plan(
        facts=Facts(names=names, owner=login, login=login, administrator="bulkhead"),
        roles=('CREATE ROLE "owner"',),
        acts_for=("owner", "veteran"),
        grants=("GRANT a TO b",),
        locks=("public.t", "public.u"),
        changes=("ALTER TABLE public.t OWNER TO x", "ALTER TABLE public.u OWNER TO x"),
    )


def test_a_plan_is_one_transaction_with_short_waits_that_gives_back_what_it_took(
    databases: tuple[list[Database], list[psycopg.Error]],
) -> None:
    adopting.carry_out(platform(), needed())
    [database] = databases[0]
    said = [line for line in database.said if "pg_has_role" not in line]
    assert said[0].endswith('CREATE ROLE "owner"')
    assert said[1] == (
        'GRANT "owner" TO CURRENT_USER WITH INHERIT TRUE, SET TRUE; '
        'GRANT "veteran" TO CURRENT_USER WITH INHERIT TRUE, SET TRUE'
    )
    assert said[2:] == [
        "SET LOCAL lock_timeout = 150; SET LOCAL statement_timeout = 450",
        "GRANT a TO b",
        "LOCK TABLE ONLY public.t, ONLY public.u IN ACCESS EXCLUSIVE MODE",
        "ALTER TABLE public.t OWNER TO x; ALTER TABLE public.u OWNER TO x",
        'REVOKE "owner" FROM CURRENT_USER; REVOKE "veteran" FROM CURRENT_USER',
    ]


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.LockNotAvailable("canceling statement due to lock timeout"),
        psycopg.errors.DeadlockDetected("deadlock detected"),
        psycopg.errors.QueryCanceled("canceling statement due to statement timeout"),
        psycopg.errors.InternalError_("tuple concurrently updated"),
    ],
)
def test_what_is_in_use_is_tried_again(
    databases: tuple[list[Database], list[psycopg.Error]], error: psycopg.Error
) -> None:
    databases[1].extend([error, error])
    adopting.carry_out(platform(), needed())
    assert len(databases[0]) == 3


def test_what_stays_in_use_is_given_up_in_the_end_and_said(
    databases: tuple[list[Database], list[psycopg.Error]],
) -> None:
    databases[1].extend([psycopg.errors.LockNotAvailable("lock timeout")] * 1000)
    with pytest.raises(PlatformError, match="nothing in it has been changed: lock timeout"):
        adopting.carry_out(platform(), needed())
    assert len(databases[0]) == adopting.ATTEMPTS


def test_what_is_refused_is_not_tried_again(databases: tuple[list[Database], list[psycopg.Error]]) -> None:
    databases[1].append(psycopg.errors.InsufficientPrivilege("permission denied for schema public"))
    with pytest.raises(PlatformError, match="nothing in it has been changed: permission denied for schema public"):
        adopting.carry_out(platform(), needed())
    assert len(databases[0]) == 1
