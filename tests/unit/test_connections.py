"""The budget of connections: who asked for how many, and what is refused before the server would."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import Connected, InputError
from components.connections import (
    ADMINISTRATION,
    Budget,
    Reservation,
    of_workload,
    over_capacity,
    refuse_too_many,
)
from components.values import Replicas, Workload
from tests.making import IMAGE, build, credential, database, environment


def users(*numbers: int) -> list[Reservation]:
    return [Reservation(what=f"user-{index}", connections=number) for index, number in enumerate(numbers)]


@given(st.lists(st.integers(0, 1000), max_size=8), st.integers(1, 5000))
def test_a_sum_within_the_limit_passes_and_one_above_it_does_not(numbers: list[int], limit: int) -> None:
    if sum(numbers) <= limit:
        refuse_too_many("keybuzz", limit, users(*numbers))
    else:
        with pytest.raises(InputError, match=f"may open {sum(numbers)}: .*Use at least {sum(numbers)}"):
            refuse_too_many("keybuzz", limit, users(*numbers))


def test_every_user_is_named_with_how_its_number_comes_about() -> None:
    budget = Budget("keybuzz_prod", 50)
    budget.reserve(Reservation(what="Pulumi's provider", connections=4))
    wanted = of_workload("api", Workload(image=IMAGE, replicas=Replicas(min=2, max=6), pool=10))
    with pytest.raises(InputError) as caught:
        budget.reserve(wanted)
    assert str(caught.value) == (
        "connectionLimit is 50 for database 'keybuzz_prod', and its users may open 74: Pulumi's provider 4; "
        "api 70 = (6 replicas + 1 at a roll-out) × pool 10. Use at least 74, a smaller pool, or fewer replicas"
    )


def test_what_was_refused_is_not_counted() -> None:
    budget = Budget("keybuzz", 10)
    with pytest.raises(InputError):
        budget.reserve(*users(11))
    budget.reserve(*users(10))
    assert [one.connections for one in budget.reserved] == [10]


def test_the_administration_is_what_the_provider_opens_at_most() -> None:
    recording = build(lambda connected: database(connected, environment()))
    [provider] = [made for made in recording if made.is_provider and made.kind == "postgresql"]
    assert int(provider.inputs["maxConnections"]) == ADMINISTRATION


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_a_credential_over_the_limit_is_refused_before_any_of_it_is_made(name: str) -> None:
    def make(connected: object) -> None:
        of = environment(name)
        with pytest.raises(InputError, match=r"keybuzz-api-postgres for .*:v1 60 = \(1 replicas"):
            credential(connected, of, used_by=Workload(image=IMAGE, pool=30))  # pyright: ignore[reportArgumentType]

    made = {resource.name for resource in build(make)}
    assert "api-database" in made
    assert not {"api-login", "api-vault", "api-password"} & made


def test_vaults_own_connections_count() -> None:
    workload = Workload(image=IMAGE, pool=22)  # 44, and 4 for the administration: 48 of 50 without Vault
    build(lambda connected: credential(connected, environment("prod"), used_by=workload))
    fewer = Workload(image=IMAGE, pool=23)
    with pytest.raises(InputError, match=r"may open 52: .*; Vault, for keybuzz/prod/db_api 2"):
        build(lambda connected: credential(connected, environment("prod"), used_by=fewer))


def test_limits_that_come_to_more_than_the_server_has_are_told_with_each_database() -> None:
    assert over_capacity({}, 97) is None
    assert over_capacity({"keybuzz_prod": 50, "keybuzz_backend_prod": 47}, 97) is None
    assert over_capacity({"keybuzz_prod": 50, "keybuzz_backend_prod": 48}, 97) == (
        "the databases of this stack may take 98 connections together, and the server has 97 for all: "
        "keybuzz_prod 50; keybuzz_backend_prod 48. Lower a connectionLimit, or raise the server's max_connections"
    )


@pytest.mark.parametrize(("capacity", "warned"), [(97, 1), (100, 0), (None, 0)])
def test_a_preview_warns_of_databases_that_may_take_more_than_the_server_has(
    capacity: int | None, warned: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", said.append)

    def make(connected: Connected) -> None:
        asked = replace(connected, max_connections=capacity)
        for name in ("api", "backend"):
            database(asked, environment(), name)

    build(make)
    assert len(said) == warned
    assert all("keybuzz_api_dev 50; keybuzz_backend_dev 50" in line for line in said)
