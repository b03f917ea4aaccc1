"""Rights in PostgreSQL: on databases, on what is in them and on what will be; both ways, with their statements."""

from dataclasses import replace
from typing import Any

import pytest

from bulkhead.drift import postgresql_rights
from bulkhead.drift.postgresql_facts import PUBLIC, Object, Right, Rights
from tests.unit.drift_postgresql import BUILTIN, CONNECT, DATABASE, EVERYTHING, HELD, Entry, inside, said, wanted


def rights(live: dict[Right, str]) -> dict[str, list[str]]:
    return said(postgresql_rights.of_database(wanted(*EVERYTHING), "d", Rights("o", live, BUILTIN)))


def test_rights_as_they_were_declared_have_no_drift() -> None:
    assert rights(HELD) == {}


def test_rights_added_and_taken_away_are_found() -> None:
    live = {right: grantor for right, grantor in HELD.items() if right.grantee != "g"}
    live |= {Right(PUBLIC, "CONNECT"): "o", Right("stranger", "TEMPORARY"): "o"}
    assert rights(live) == {
        "database d CONNECT of g on database d": ['GRANT CONNECT ON DATABASE "d" TO "g"'],
        "database d CONNECT of public on database d": ['REVOKE CONNECT ON DATABASE "d" FROM PUBLIC CASCADE'],
        "database d TEMPORARY of stranger on database d": [
            'REVOKE TEMPORARY ON DATABASE "d" FROM "stranger" CASCADE'
        ],
    }


def test_a_right_to_grant_on_is_taken_back_and_the_right_stays() -> None:
    live = {right: grantor for right, grantor in HELD.items() if right.grantee != "g"}
    live[Right("g", "CONNECT", grantable=True)] = "o"
    changes = list(postgresql_rights.of_database(wanted(*EVERYTHING), "d", Rights("o", live, BUILTIN)))
    orders = [order.as_string(None) for one in changes for order in one.statements]
    assert 'REVOKE GRANT OPTION FOR CONNECT ON DATABASE "d" FROM "g" CASCADE' in orders


def test_what_another_granted_is_revoked_as_that_one() -> None:
    live = {**HELD, Right("stranger", "CONNECT"): "g"}
    [one] = postgresql_rights.of_database(wanted(*EVERYTHING), "d", Rights("o", live, BUILTIN))
    assert one.becomes == "g"


def test_where_nothing_is_said_the_servers_own_rights_are_no_drift() -> None:
    live = dict.fromkeys(BUILTIN, "o") | {Right("g", "CONNECT"): "o"}
    assert said(postgresql_rights.of_database(wanted(DATABASE, CONNECT), "d", Rights("o", live, BUILTIN))) == {}


def test_all_means_what_the_server_gives_an_owner() -> None:
    everything: Entry = ("postgresql:index/grant:Grant", "all", {**CONNECT[2], "privileges": ["ALL"]})
    live = dict.fromkeys(BUILTIN, "o") | {Right("g", word): "o" for word in ("CREATE", "CONNECT", "TEMPORARY")}
    assert said(postgresql_rights.of_database(wanted(DATABASE, everything), "d", Rights("o", live, BUILTIN))) == {}


def test_rights_on_objects_to_come_are_compared_both_ways() -> None:
    live = {
        ("o", "app", "r"): {Right(PUBLIC, "SELECT"): "o"},
        ("stranger", "", "r"): {Right("stranger", "SELECT"): "stranger"},
    }
    found = said(postgresql_rights.of_objects_to_come(wanted(*EVERYTHING), "d", inside(defaults=live)))
    begin = 'ALTER DEFAULT PRIVILEGES FOR ROLE "o" IN SCHEMA "app"'
    assert found == {
        "default privileges d SELECT of g on tables to come of o in app": [
            f'{begin} GRANT SELECT ON TABLES TO "g"'
        ],
        "default privileges d SELECT of public on tables to come of o in app": [
            f"{begin} REVOKE SELECT ON TABLES FROM PUBLIC"  # noqa: S608 - names of our own
        ],
        "default privileges d SELECT of stranger on tables to come of stranger": [
            'ALTER DEFAULT PRIVILEGES FOR ROLE "stranger" REVOKE SELECT ON TABLES FROM "stranger"'
        ],
    }


def test_what_the_server_gives_on_objects_to_come_is_drift_only_where_it_was_taken_away() -> None:
    shut: Entry = (
        "postgresql:index/defaultPrivileges:DefaultPrivileges",
        "functions",
        {"database": "d", "role": "public", "owner": "o", "objectType": "function", "privileges": []},
    )
    assert said(postgresql_rights.of_objects_to_come(wanted(*EVERYTHING), "d", inside())) == {}
    [found] = said(postgresql_rights.of_objects_to_come(wanted(*EVERYTHING, shut), "d", inside()))
    assert found == "default privileges d EXECUTE of public on functions to come of o"


def thing(grantee: str, privilege: str = "SELECT", **more: Any) -> Object:
    plain = Object("table", "app", "messages", "o", Right(grantee, privilege), "o")
    return replace(plain, **more)


def granted(*objects: Object, more: tuple[Entry, ...] = ()) -> dict[str, list[str]]:
    return said(postgresql_rights.of_objects(wanted(*EVERYTHING, *more), "d", inside(objects=objects)))


def test_what_default_privileges_give_is_no_drift() -> None:
    assert granted(thing("g")) == {}


@pytest.mark.parametrize(
    ("one", "order"),
    [
        (thing("stranger"), 'REVOKE SELECT ON TABLE "app".messages FROM "stranger" CASCADE'),
        (thing(PUBLIC), 'REVOKE SELECT ON TABLE "app".messages FROM PUBLIC CASCADE'),
        (thing("g", "DELETE"), 'REVOKE DELETE ON TABLE "app".messages FROM "g" CASCADE'),
        (
            thing("stranger", kind="column", name='messages("Body")'),
            'REVOKE SELECT ("Body") ON TABLE "app".messages FROM "stranger" CASCADE',
        ),
        (
            thing("stranger", "EXECUTE", kind="function", name="f(text, integer)"),
            'REVOKE EXECUTE ON FUNCTION "app".f(text, integer) FROM "stranger" CASCADE',
        ),
        (
            thing("stranger", "USAGE", kind="schema", schema="other", name=""),
            'REVOKE USAGE ON SCHEMA "other" FROM "stranger" CASCADE',
        ),
    ],
    ids=["a stranger", "everybody", "more than declared", "a column", "a function", "a schema"],
)
def test_a_right_on_an_object_that_nobody_declared_is_taken_away(one: Object, order: str) -> None:
    assert list(granted(one).values()) == [[order]]


def test_a_schema_of_the_programs_own_grants_what_it_makes_to_the_programs_roles() -> None:
    assert granted(thing("g", schema="reports")) == {}
    assert granted(thing("stranger", schema="reports")) != {}


def test_what_a_migration_grants_is_no_drift() -> None:
    files: Entry = (
        "kubernetes:core/v1:ConfigMap",
        "files",
        {"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"1.sql": 'GRANT DELETE ON messages TO :"rw";'}},
    )
    assert granted(thing("g", "DELETE"), more=(files,)) == {}
    assert granted(thing("g", "DELETE", name="others"), more=(files,)) != {}
    assert granted(thing("stranger"), more=(files,)) != {}
