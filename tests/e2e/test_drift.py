"""Drift: one declared value of every kind of resource, changed by hand, is shown and repaired.

All changes are made at once, so that one preview shows them and one `up` repairs them. What a value was, became
and is again is read from its server, so no plugin vouches for itself.
"""

from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from tests.e2e.drifts import DRIFTS, NOWHERE, Drift
from tests.e2e.engine import Project, Step
from tests.e2e.servers import Servers
from tests.e2e.waiting import eventually

STACK = "prod"
"""The stack that is changed: it has a resource of every kind."""


@dataclass(frozen=True)
class Account:
    """What was seen, by drift where there is one entry for each."""

    before: dict[str, Any]
    changed: dict[str, Any]
    shown: list[Step]
    repaired: dict[str, Any]
    left: list[Step]


@pytest.fixture(scope="module")
def account(applied: Project, servers: Servers) -> Account:
    """All changes made by hand, shown by one preview, and repaired by one `up`."""

    def look() -> dict[str, Any]:
        return {drift.type: drift.look(servers) for drift in DRIFTS}

    before = look()
    try:
        for drift in DRIFTS:
            drift.change(servers)
        changed = look()
        shown = applied.changes(STACK, "--refresh")
    finally:
        applied.up(STACK, "--refresh")
    return Account(before, changed, shown, look(), applied.changes(STACK, "--refresh"))


def _types(project: Project, stack: str) -> set[str]:
    resources = project.state(stack)["deployment"]["resources"]
    return {entry["type"] for entry in resources if entry["custom"] and not entry["type"].startswith("pulumi:")}


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_every_kind_of_resource_has_its_drift(applied: Project, stack: str) -> None:
    """A new kind needs a change by hand of its own here, or the reason why there can be none."""
    assert _types(applied, stack) <= {drift.type for drift in DRIFTS} | NOWHERE.keys()


def test_every_drift_is_of_a_kind_that_is_made(applied: Project) -> None:
    """No case outlives what it is about."""
    assert {drift.type for drift in DRIFTS} | NOWHERE.keys() <= _types(applied, STACK)


@pytest.mark.parametrize("drift", DRIFTS, ids=str)
def test_a_change_by_hand_is_shown(account: Account, drift: Drift) -> None:
    """`pulumi preview --refresh` names the resource, what it would do, and the field."""
    assert account.changed[drift.type] != account.before[drift.type], "the change by hand did not come about"
    operation, field = drift.shown
    [step] = [step for step in account.shown if (step.name, step.type) == (drift.name, drift.type)]
    assert step.operation == operation
    assert field in step.fields if field else step.fields == ()


def test_nothing_else_is_shown(account: Account) -> None:
    """What nobody touched is not mentioned, but for what a change by hand took along."""
    expected = {drift.name for drift in DRIFTS}.union(*(drift.along for drift in DRIFTS))
    assert {step.name for step in account.shown} <= expected


@pytest.mark.parametrize("drift", DRIFTS, ids=str)
def test_an_up_repairs_it(account: Account, drift: Drift) -> None:
    """After `pulumi up --refresh` the server has the declared value again."""
    assert account.repaired[drift.type] == account.before[drift.type]


def test_after_the_repair_nothing_is_shown(account: Account) -> None:
    """The repair is whole: the next preview has nothing to say."""
    assert account.left == []


def test_after_the_repair_a_credential_is_delivered_that_works(account: Account, servers: Servers) -> None:
    """The login that leaves with the membership it stood on is followed by one that can log in."""
    namespace, name = "keybuzz-backend-prod", "keybuzz-backend-db"

    def opens() -> bool:
        given = servers.secret(namespace, name)
        try:
            with servers.database(
                given["PGDATABASE"], user=given["PGUSER"], password=given["PGPASSWORD"]
            ) as session:
                return bool(session.execute("SELECT 1").fetchone())
        except psycopg.OperationalError:
            return False

    eventually(opens, "a login with the delivered credential")
