"""What two stacks share and name of each other: each kind of fault planted in recorded states, and found alone."""

from typing import Any

import pytest

from benchmarks import isolation as benchmark
from bulkhead.isolation.comparison import Comparison, compare
from bulkhead.isolation.servers import Declared, shared_by
from bulkhead.state import parse
from tests.isolation_plants import HARMLESS, PLANTS, Plant, _config, resource
from tests.recorded import exported, recorded
from tests.stacks import ROOT, platform

DECLARED = shared_by(platform())


def compared(dev: dict[str, Any], prod: dict[str, Any], declared: Declared = DECLARED) -> Comparison:
    return compare([parse(dev, "dev"), parse(prod, "prod")], declared=[declared] * 2)


def states() -> tuple[dict[str, Any], dict[str, Any]]:
    return {**exported("dev"), "stack": "dev"}, {**exported("prod"), "stack": "prod"}


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_what_is_planted_is_found_and_nothing_else(plant: Plant) -> None:
    dev, prod = states()
    plant.plant(dev, prod)
    found = compared(dev, prod)
    assert {str(one.identity) for one in found.shared} == plant.shared
    references = {(one.source.stack, one.source.where): str(one.identity) for one in found.references}
    assert references.keys() == {(stack, where) for stack, where, _ in plant.references}
    for stack, where, identity in plant.references:
        assert not identity or references[stack, where] == identity


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_the_order_in_which_the_engine_made_the_resources_does_not_matter(plant: Plant) -> None:
    found: list[Comparison] = []
    for order in (1, -1):
        dev, prod = states()
        plant.plant(dev, prod)
        for state in (dev, prod):
            state["deployment"]["resources"] = state["deployment"]["resources"][::order]
        found.append(compared(dev, prod))
    assert found[0].references == found[1].references
    assert found[0].shared == found[1].shared


@pytest.mark.parametrize("text", HARMLESS)
def test_a_text_that_is_only_like_a_name_is_no_reference(text: str) -> None:
    dev, prod = states()
    _config(text)(dev, prod)
    assert not compared(dev, prod).references


def test_the_environments_of_all_programs_here_share_nothing_and_name_nothing_of_each_other() -> None:
    folders = (ROOT, ROOT / "examples" / "twinme", ROOT / "examples" / "ansible-builder")
    found = compare(
        [recorded(stack, folder) for folder in folders for stack in ("dev", "prod")], declared=[DECLARED] * 6
    )
    assert (found.shared, found.references, found.pairs) == ((), (), 15)
    assert found.identities > 500
    assert all(sum(one.owned.values()) > 50 for one in found.stacks)


def test_every_resource_of_a_server_is_an_identity() -> None:
    """What would be shared is seen: DEV compared with itself shares all that it owns, whatever its kind."""
    dev = recorded("dev")
    found = compare([dev, dev], names=["one", "other"], declared=[DECLARED] * 2)
    sources = {source.urn for one in found.shared for source in one.sources}
    managed = {one.urn for one in dev.resources if one.package in ("kubernetes", "vault", "postgresql")}
    assert sources == managed


def test_a_finding_says_where_it_comes_from() -> None:
    plant = next(one for one in PLANTS if one.name == "a role in a membership")
    dev, prod = states()
    plant.plant(dev, prod)
    (found,) = compared(dev, prod).references
    assert str(found.source) == "keybuzz/prod: GrantRole api-vault-membership, grantRole"
    assert found.source.urn == resource(prod, "GrantRole", "api-vault-membership")["urn"]
    assert found.owner == "keybuzz/dev"


def test_what_no_platform_declares_must_not_be_named_by_both() -> None:
    dev, prod = states()
    found = {str(one.identity) for one in compared(dev, prod, Declared()).shared}
    assert found == {"Namespace ingress"}


def test_servers_that_are_known_to_be_others_are_not_compared() -> None:
    """The same names on another cluster, Vault and PostgreSQL are other things; hosts are the same everywhere."""
    dev, twin = states()[0], states()[0]
    resource(twin, "Stash", "identity")["outputs"]["output"] = {
        "kubernetes": "another",
        "vault": "another",
        "postgresql": "another",
    }
    found = compare([parse(dev, "dev"), parse(twin, "dev")], names=["one", "other"])
    assert {one.identity.family for one in found.shared} == {"hosts"}
    assert found.references == ()


def test_a_stack_that_does_not_say_which_servers_it_is_on_may_be_on_any() -> None:
    dev, twin = states()[0], states()[0]
    twin["deployment"]["resources"].remove(resource(twin, "Stash", "identity"))
    found = compare([parse(dev, "dev"), parse(twin, "dev")], names=["one", "other"])
    assert {one.identity.family for one in found.shared} == {"kubernetes", "vault", "postgresql", "hosts"}


def test_stacks_without_ids_are_told_apart_by_their_addresses() -> None:
    dev, twin = states()[0], states()[0]
    for one in (dev, twin):
        one["deployment"]["resources"].remove(resource(one, "Stash", "identity"))
    resource(twin, "vault", "vault")["inputs"]["address"] = "https://another:8200"
    found = compare([parse(dev, "dev"), parse(twin, "dev")], names=["one", "other"])
    assert {one.identity.family for one in found.shared} == {"kubernetes", "postgresql", "hosts"}


def test_one_stack_alone_makes_no_pair() -> None:
    found = compare([recorded("dev")])
    assert (found.pairs, found.shared, found.references) == (0, (), ())


def test_an_empty_stack_owns_nothing() -> None:
    empty = parse({"deployment": None}, "pr-9")
    found = compare([recorded("dev"), empty], names=["dev", "pr-9"], declared=[DECLARED] * 2)
    assert (found.shared, found.references) == ((), ())
    assert found.stacks[1].owned == {}


def test_ten_environments_of_three_hundred_resources_can_be_made_to_measure_with() -> None:
    """Copies of a recorded one under names of their own: nothing is shared, so all of it is looked through."""
    made = benchmark.states(exported("pr-7"), "pr-7", "keybuzz")
    assert [len(state.resources) for state in made] == [300] * 10
    assert len({one.urn for state in made for one in state.resources}) == 3000
    rows = {
        (what, of): figure for what, of, figure, _, _ in benchmark.measure(exported("pr-7"), "pr-7", "keybuzz")
    }
    ((_, found),) = [item for item in rows.items() if item[0][1] == "found"]
    assert found == 0
