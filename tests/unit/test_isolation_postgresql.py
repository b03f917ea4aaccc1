"""Who reaches what at PostgreSQL, computed from roles, memberships and rights."""

from typing import Any

import pytest

from bulkhead.isolation.postgresql import PUBLIC, Database, Grants, Role, edges, held_by
from bulkhead.isolation.territory import Edge, Territory
from bulkhead.state import Resource, State

LOGIN = Role(login=True)
LEASED = "v-shop_prod-a1b2c3d4-1700000000"


def environment(name: str) -> Territory:
    """An environment with a database, an owner, a group and a login; DEV's database has a legacy name."""
    database = "shop" if name == "dev" else f"shop_{name}"
    urn = f"urn:pulumi:{name}::shop::{{0}}::{{1}}"
    names = [("Database", database), *(("Role", f"shop_{kind}_{name}") for kind in ("owner", "group", "login"))]
    own = tuple(
        Resource(
            urn=urn.format(f"postgresql:index/{kind.lower()}:{kind}", called),
            type=f"postgresql:index/{kind.lower()}:{kind}",
            name=called,
            inputs={"name": called},
        )
        for kind, called in names
    )
    return Territory(f"shop/{name}", State(project="shop", stack=name, resources=own))


DEV, PROD = environment("dev"), environment("prod")


def grants(**changes: Any) -> Grants:
    """A server on which both are apart."""
    roles = {name: Role() for name in ("shop_owner_dev", "shop_group_dev", "shop_owner_prod", "shop_group_prod")}
    roles |= dict.fromkeys(("shop_login_dev", "shop_login_prod", LEASED), LOGIN)
    roles |= {"admin": Role(login=True, create_role=True), "postgres": Role(login=True, superuser=True)}
    given: dict[str, Any] = {
        "version": 160004,
        "administrator": "admin",
        "roles": roles,
        "members": {
            "shop_login_dev": frozenset({"shop_group_dev"}),
            "shop_login_prod": frozenset({"shop_group_prod"}),
            LEASED: frozenset({"shop_group_prod"}),
            "admin": frozenset(name for name in roles if name.startswith("shop_")),
        },
        "databases": {
            "shop": Database(owner="shop_owner_dev", connect=frozenset({"shop_owner_dev", "shop_group_dev"})),
            "shop_prod": Database(owner="shop_owner_prod", connect=frozenset({"shop_group_prod"})),
            "postgres": Database(owner="postgres", connect=frozenset({PUBLIC})),
        },
        "inside": {("shop_group_dev", "shop"): 12, ("shop_group_prod", "shop_prod"): 12},
        **changes,
    }
    return Grants(**given)


def found(known: Grants, mine: Territory = DEV, theirs: Territory = PROD) -> list[Edge]:
    return list(edges(known, mine, theirs, (DEV, PROD)))


def with_role(name: str, role: Role) -> dict[str, Role]:
    return {**grants().roles, name: role}


def with_member(member: str, group: str) -> dict[str, frozenset[str]]:
    known = dict(grants().members)
    return {**known, member: known.get(member, frozenset()) | {group}}


def test_two_environments_with_roles_of_their_own_are_apart() -> None:
    assert found(grants()) == []
    assert found(grants(), PROD, DEV) == []


def test_the_administrator_who_made_all_roles_is_of_no_environment() -> None:
    assert "admin" not in held_by(grants(), DEV, (DEV, PROD))
    assert held_by(grants(), PROD, (DEV, PROD)) == [
        "shop_group_prod",
        "shop_login_prod",
        "shop_owner_prod",
        LEASED,
    ]


def test_a_leased_login_is_its_groups() -> None:
    assert LEASED in held_by(grants(), PROD, (DEV, PROD))
    opened = grants(
        databases={**grants().databases, "shop": Database(owner="shop_owner_dev", connect=frozenset({LEASED}))}
    )
    (edge,) = found(opened, PROD, DEV)
    assert (edge.who, edge.what) == (f"role {LEASED}", "database shop (connect)")


def test_a_right_to_connect_is_a_way() -> None:
    databases = {
        **grants().databases,
        "shop_prod": Database(owner="shop_owner_prod", connect=frozenset({"shop_group_dev"})),
    }
    (edge,) = found(grants(databases=databases))
    assert edge.who == "role shop_group_dev, shop_login_dev"
    assert edge.why == "shop_group_dev has CONNECT on shop_prod"


def test_what_everyone_may_every_login_may() -> None:
    databases = {**grants().databases, "shop_prod": Database(owner="shop_owner_prod", connect=frozenset({PUBLIC}))}
    (edge,) = found(grants(databases=databases))
    assert (edge.who, edge.why) == ("role shop_login_dev", "PUBLIC may connect to shop_prod")


def test_the_owner_of_the_others_database_may_connect() -> None:
    databases = {**grants().databases, "shop_prod": Database(owner="shop_owner_dev", connect=frozenset())}
    (edge,) = found(grants(databases=databases))
    assert edge.why == "shop_owner_dev owns shop_prod"


def test_a_membership_is_a_way_and_brings_what_the_group_has() -> None:
    ways = {edge.what for edge in found(grants(members=with_member("shop_login_dev", "shop_group_prod")))}
    assert ways == {"role shop_group_prod", "database shop_prod (connect)", "12 objects in database shop_prod"}


def test_a_membership_through_a_role_of_nobody_is_a_way() -> None:
    members = {**with_member("shop_login_dev", "bridge"), "bridge": frozenset({"shop_group_prod"})}
    edges_found = found(grants(roles=with_role("bridge", Role()), members=members))
    assert any(edge.why == "it is a member of shop_group_prod, through bridge" for edge in edges_found)


def test_rights_inside_the_others_database_are_a_way() -> None:
    (edge,) = found(grants(inside={("shop_login_dev", "shop_prod"): 1}))
    assert edge.what == "1 object in database shop_prod"


@pytest.mark.parametrize(
    ("role", "what"),
    [
        (Role(login=True, superuser=True), "everything on the server"),
        (Role(login=True, replication=True), "all databases, by replication"),
    ],
)
def test_an_attribute_beyond_all_grants_is_a_way(role: Role, what: str) -> None:
    assert what in {edge.what for edge in found(grants(roles=with_role("shop_login_dev", role)))}


def test_before_postgresql_16_who_may_create_roles_may_take_any() -> None:
    roles = with_role("shop_login_dev", Role(login=True, create_role=True))
    assert found(grants(roles=roles)) == []
    assert [edge.what for edge in found(grants(roles=roles, version=150010))] == ["every role"]


@pytest.mark.parametrize("group", ["pg_read_all_data", "pg_execute_server_program"])
def test_a_membership_in_a_role_of_the_whole_server_is_a_way(group: str) -> None:
    known = grants(roles=with_role(group, Role()), members=with_member("shop_login_dev", group))
    assert [edge.who for edge in found(known)] == ["role shop_login_dev"]
