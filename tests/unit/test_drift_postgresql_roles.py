"""Roles of PostgreSQL: attributes, settings and memberships; each difference with its statements."""

from dataclasses import replace
from typing import Any

import pytest

from bulkhead.drift import postgresql_roles
from bulkhead.drift.postgresql_change import Change, words
from bulkhead.drift.postgresql_facts import Membership, Server
from bulkhead.drift.report import Noise
from tests.unit.drift_postgresql import ATTRIBUTES, EVERYTHING, MEMBER, OWNER, Entry, said, server, wanted


def roles(live: Server, *entries: Entry, ignored: tuple[str, ...] = ()) -> dict[str, list[str]]:
    return said(postgresql_roles.compare(wanted(*(entries or EVERYTHING), ignored=ignored), live))


def changed(role: str, **attributes: Any) -> Server:
    plain = server()
    return replace(plain, roles={**plain.roles, role: {**plain.roles[role], **attributes}})


def test_roles_as_they_were_declared_have_no_drift() -> None:
    assert roles(server()) == {}


@pytest.mark.parametrize(
    ("attribute", "value", "order"),
    [
        ("superuser", True, 'ALTER ROLE "g" NOSUPERUSER'),
        ("createRole", True, 'ALTER ROLE "g" NOCREATEROLE'),
        ("bypassRowLevelSecurity", True, 'ALTER ROLE "g" NOBYPASSRLS'),
        ("replication", True, 'ALTER ROLE "g" NOREPLICATION'),
        ("login", True, 'ALTER ROLE "g" NOLOGIN'),
        ("inherit", False, 'ALTER ROLE "g" INHERIT'),
        ("connectionLimit", -1, 'ALTER ROLE "g" CONNECTION LIMIT 5'),
        ("validUntil", "2026-01-01 00:00:00+00", "ALTER ROLE \"g\" VALID UNTIL 'infinity'"),
    ],
)
def test_every_attribute_is_looked_at(attribute: str, value: Any, order: str) -> None:
    assert roles(changed("g", **{attribute: value})) == {f"role g {attribute}": [order]}


def test_an_ignored_attribute_is_left_alone() -> None:
    assert roles(changed("o", login=True), OWNER, ignored=("login",)) == {}


def test_settings_of_a_role_are_compared_both_ways() -> None:
    live = {("", "l"): {"search_path": "app", "work_mem": "1GB"}, ("d", "l"): {"role": "o"}}
    assert roles(server(settings=live)) == {
        "role l settings in d.role": ['ALTER ROLE "l" IN DATABASE "d" RESET "role"'],
        "role l settings.search_path": ["ALTER ROLE \"l\" SET \"search_path\" TO '$user', 'app'"],
        "role l settings.statement_timeout": ['ALTER ROLE "l" SET "statement_timeout" TO \'5000\''],
        "role l settings.work_mem": ['ALTER ROLE "l" RESET "work_mem"'],
    }


def test_a_role_that_is_gone_is_made_again() -> None:
    plain = server()
    found = roles(replace(plain, roles={name: row for name, row in plain.roles.items() if name != "o"}))
    assert found["role o missing"][0].startswith(
        'CREATE ROLE "o" WITH NOSUPERUSER NOCREATEDB NOCREATEROLE INHERIT'
    )


def test_a_membership_that_nobody_declared_is_revoked_from_whoever_granted_it() -> None:
    added = Membership("o", "l", "postgres", admin=False, inherit=True, can_set=True, expires=False)
    assert roles(server(memberships=(MEMBER, added))) == {
        "role l membership of l in o": ['REVOKE "o" FROM "l" GRANTED BY "postgres" CASCADE']
    }
    older = roles(server(version=150000, memberships=(MEMBER, added)))
    assert older == {"role l membership of l in o": ['REVOKE "o" FROM "l" CASCADE']}


def test_a_stranger_in_a_declared_group_is_found() -> None:
    added = Membership("g", "stranger", "admin", admin=True, inherit=True, can_set=True, expires=False)
    assert list(roles(server(memberships=(MEMBER, added)))) == ["role stranger membership of stranger in g"]


def test_a_membership_that_another_stack_declares_is_its_own() -> None:
    theirs = Membership("g", "stranger", "admin", admin=False, inherit=True, can_set=True, expires=False)
    live = server(memberships=(MEMBER, theirs))
    assert said(postgresql_roles.compare(wanted(*EVERYTHING), live, frozenset({("g", "stranger")}))) == {}


def test_a_declared_membership_that_is_gone_is_granted() -> None:
    assert roles(server(memberships=())) == {"role l membership of l in g": ['GRANT "g" TO "l"']}


def test_options_of_a_membership_are_compared() -> None:
    passing_on = replace(MEMBER, admin=True)
    assert roles(server(memberships=(passing_on,))) == {
        "role l membership of l in g": ['REVOKE ADMIN OPTION FOR "g" FROM "l" GRANTED BY "admin" CASCADE']
    }
    powerless = replace(MEMBER, inherit=False)
    assert roles(server(memberships=(powerless,))) == {
        "role l membership of l in g": ['GRANT "g" TO "l" WITH INHERIT TRUE, SET TRUE']
    }


VAULT: Entry = ("postgresql:index/role:Role", "vault", {"name": "v", "login": True, "createRole": True})
HELD_BY_VAULT: Entry = (
    "postgresql:index/grantRole:GrantRole",
    "membership",
    {"role": "v", "grantRole": "g", "withAdminOption": True},
)
LEASED = "v-g-0DWKjWN7-1795270197"


def leasing(*memberships: Membership) -> list[Change | Noise]:
    plain = server()
    mine = Membership("g", "v", "admin", admin=True, inherit=True, can_set=True, expires=False)
    live = replace(
        plain,
        roles={**plain.roles, "v": {**ATTRIBUTES, "login": True, "createRole": True}},
        memberships=(MEMBER, mine, *memberships),
    )
    return list(postgresql_roles.compare(wanted(*EVERYTHING, VAULT, HELD_BY_VAULT), live))


def test_a_leased_login_and_its_end_are_known() -> None:
    lease = Membership("g", LEASED, "v", admin=False, inherit=True, can_set=True, expires=True)
    ends = Membership(LEASED, "v", "v", admin=False, inherit=True, can_set=True, expires=False)
    assert [one.known for one in leasing(lease, ends) if isinstance(one, Noise)] == ["leased-login"] * 2


@pytest.mark.parametrize(
    "other",
    [
        Membership("g", LEASED, "postgres", admin=False, inherit=True, can_set=True, expires=True),
        Membership("g", LEASED, "v", admin=False, inherit=True, can_set=True, expires=False),
        Membership("g", LEASED, "v", admin=True, inherit=True, can_set=True, expires=True),
        Membership("g", "v-mine", "v", admin=False, inherit=True, can_set=True, expires=True),
        Membership("o", "v", "admin", admin=False, inherit=True, can_set=True, expires=False),
    ],
    ids=["granted by another", "for ever", "may pass it on", "of another name", "Vault's own, in the owner"],
)
def test_what_only_looks_like_a_lease_is_drift(other: Membership) -> None:
    assert [one for one in leasing(other) if isinstance(one, Change)]


def test_who_creates_a_role_is_known_to_be_its_member() -> None:
    creator = Membership("g", "admin", "postgres", admin=True, inherit=False, can_set=False, expires=False)
    found = list(postgresql_roles.compare(wanted(*EVERYTHING), server(memberships=(MEMBER, creator))))
    assert [one.known for one in found if isinstance(one, Noise)] == ["creator"]


def test_a_name_is_quoted_whatever_is_in_it() -> None:
    evil: Entry = ("postgresql:index/role:Role", "evil", {"name": 'x"; DROP ROLE y; --'})
    live = server(roles={'x"; DROP ROLE y; --': {**ATTRIBUTES, "login": True}}, memberships=(), settings={})
    assert list(roles(live, evil).values()) == [['ALTER ROLE "x""; DROP ROLE y; --" NOLOGIN']]


def test_only_key_words_become_words() -> None:
    assert words("NOSUPERUSER NOLOGIN").as_string(None) == "NOSUPERUSER NOLOGIN"
    with pytest.raises(ValueError, match="no key word"):
        words("CONNECT; DROP")
