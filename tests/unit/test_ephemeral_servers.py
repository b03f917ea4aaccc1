"""Which servers an ephemeral environment stands on, and that others are refused."""

from pathlib import Path

import pytest

from bulkhead.ephemeral.record import PLATFORM, Record
from bulkhead.ephemeral.servers import ServersError, live_of, refuse_others
from bulkhead.state import Resource, State
from tests.stacks import ROOT, forget_surroundings

OWN = {"kubernetes": "a", "vault": "b", "postgresql": "c"}
EMPTY = State(project="keybuzz", stack="pr-7")


@pytest.mark.parametrize(
    ("server", "called"), [("kubernetes", "the cluster"), ("vault", "Vault"), ("postgresql", "PostgreSQL")]
)
def test_each_server_that_is_another_one_is_named(server: str, called: str) -> None:
    with pytest.raises(ServersError, match=f"{called} is another, stack pr-7 was applied to {OWN[server]}"):
        refuse_others(OWN, {**OWN, server: "another"}, "pr-7")


def test_the_same_servers_are_taken_and_so_are_any_before_the_first_apply() -> None:
    refuse_others(OWN, OWN, "pr-7")
    refuse_others({}, OWN, "pr-7")


def test_a_state_that_lost_its_providers_stands_on_its_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the end of a destruction that was killed leaves it."""
    forget_surroundings(monkeypatch)
    live = live_of(EMPTY, Record(name="pr-7", tags={PLATFORM: "keybuzz"}), ROOT)
    assert (live.host, live.port) == ("10.0.0.10", 5432)


def test_the_providers_of_the_state_come_before_the_platform() -> None:
    inputs = {
        "kubernetes": {"context": "elsewhere"},
        "vault": {"address": "https://vault.example.com"},
        "postgresql": {"host": "10.9.9.9", "port": "6432"},
    }
    resources = tuple(
        Resource(urn=name, type=f"pulumi:providers:{name}", name=name, inputs=inputs[name]) for name in inputs
    )
    state = State(project="keybuzz", stack="pr-7", resources=resources)
    live = live_of(state, Record(name="pr-7", tags={PLATFORM: "keybuzz"}), ROOT)
    assert (live.host, live.port) == ("10.9.9.9", 6432)


def test_servers_that_nothing_names_are_not_known(tmp_path: Path) -> None:
    with pytest.raises(ServersError, match="its servers are not known"):
        live_of(EMPTY, Record(name="pr-7"), tmp_path)


def test_a_platform_without_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServersError, match="bulkhead:platform is 'lost'"):
        live_of(EMPTY, Record(name="pr-7", tags={PLATFORM: "lost"}), tmp_path)
