"""Carrying out the plan of an adoption: all of it or nothing; servers are stood in for."""

import psycopg
import pytest

from components import adoption_transaction
from components.adoption_plan import Facts, Plan, Role
from components.errors import PlatformError
from tests.stacks import platform
from tests.unit.sessions import Database, adopting_environment, stand_in


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch) -> tuple[list[Database], list[psycopg.Error]]:
    monkeypatch.setattr(adoption_transaction.time, "sleep", lambda _: None)
    return stand_in(monkeypatch)


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
    adoption_transaction.carry_out(platform(), needed())
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
    adoption_transaction.carry_out(platform(), needed())
    assert len(databases[0]) == 3


def test_what_stays_in_use_is_given_up_in_the_end_and_said(
    databases: tuple[list[Database], list[psycopg.Error]],
) -> None:
    databases[1].extend([psycopg.errors.LockNotAvailable("lock timeout")] * 1000)
    with pytest.raises(PlatformError, match="nothing in it has been changed: lock timeout"):
        adoption_transaction.carry_out(platform(), needed())
    assert len(databases[0]) == adoption_transaction.ATTEMPTS


def test_what_is_refused_is_not_tried_again(databases: tuple[list[Database], list[psycopg.Error]]) -> None:
    databases[1].append(psycopg.errors.InsufficientPrivilege("permission denied for schema public"))
    with pytest.raises(PlatformError, match="nothing in it has been changed: permission denied for schema public"):
        adoption_transaction.carry_out(platform(), needed())
    assert len(databases[0]) == 1
