"""What a workload reaches, and the openings that this takes."""

from dataclasses import replace
from functools import cache
from typing import Any

import pulumi
import pytest

from components import Connected, InputError, Namespace, NamespaceArgs
from components.links import PRIVATE, External, open_links, refuse_unreachable
from components.platform import EndPoint, Platform
from tests.making import application, build, database, environment, namespace
from tests.recording import Recording
from tests.stacks import platform


def with_read() -> Platform:
    """KeyBuzz's platform with the read end point that is foreseen."""
    own = platform()
    read = EndPoint.model_validate({"host": "10.0.0.11", "port": 5433})
    return own.model_copy(update={"postgresql": own.postgresql.model_copy(update={"read": read})})


def parent() -> pulumi.ComponentResource:
    return pulumi.ComponentResource("test:index:Parent", "parent")


def rules(recording: Recording, name: str) -> list[dict[str, Any]]:
    """A policy's ways out but for the look-up of names."""
    return recording.one("NetworkPolicy", name).inputs["spec"]["egress"][1:]


def test_a_database_is_reached_at_its_read_end_point_too_where_there_is_one() -> None:
    def make(connected: Connected) -> None:
        dev = environment()
        home = namespace(connected, dev, "client")
        open_links(parent(), "client", home, (database(connected, dev),), with_read())

    found = [
        (rule["to"][0]["ipBlock"]["cidr"], rule["ports"][0]["port"])
        for rule in rules(build(make), "client-egress")
    ]
    assert found == [("10.0.0.10/32", 5432), ("10.0.0.11/32", 5433)]


@cache
def outside() -> Recording:
    def make(connected: Connected) -> None:
        home = namespace(connected, environment())
        partner = External(cidr="203.0.113.0/24", port=8443, without=("203.0.113.128/25",))
        open_links(parent(), "api", home, (External(), partner), platform())

    return build(make)


def test_the_internet_is_reached_without_any_private_network() -> None:
    whole, _ = rules(outside(), "api-egress")
    assert whole["to"] == [{"ipBlock": {"cidr": "0.0.0.0/0", "except": list(PRIVATE)}}]
    assert whole["ports"] == [{"protocol": "TCP", "port": 443}]


def test_a_part_of_a_network_stays_closed_where_that_is_said() -> None:
    _, partner = rules(outside(), "api-egress")
    assert partner["to"] == [{"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.128/25"]}}]


def test_a_private_network_is_open_where_it_is_named_itself() -> None:
    assert External(cidr="10.9.0.0/16").closed == ()
    assert External(cidr="10.0.0.0/8").closed == ()
    assert External(cidr="2001:db8::/32").closed == ()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"cidr": "api.openai.com"}, "cidr is 'api.openai.com'; use a network"),
        ({"cidr": "203.0.113.5"}, "use a network such as 203.0.113.0/24"),
        ({"cidr": "203.0.113.5/24"}, "its last bits zero"),
        ({"cidr": None}, "cidr is None"),
        ({"port": 0}, "port is 0; use 1 to 65535"),
        ({"port": "443"}, "port is '443'"),
        ({"cidr": "203.0.113.0/24", "without": ("10.0.0.0/8",)}, "not a part of cidr"),
        ({"cidr": "203.0.113.0/24", "without": ("203.0.113.0/24",)}, "not a part of cidr"),
        ({"without": ("::/0",)}, "not a part of cidr"),
    ],
)
def test_what_is_no_network_or_port_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        External(**given)


@pytest.mark.parametrize("cidr", ["10.0.0.121/32", "10.0.0.0/24", "10.0.0.0/8"])
def test_k12_a_way_to_a_node_of_the_database_is_refused(cidr: str) -> None:
    with pytest.raises(InputError, match=r"opens the way to 10\.0\.0\.12[01], a node of the database"):
        refuse_unreachable(environment(), (External(cidr=cidr, port=5432),), platform())


def test_a_way_past_the_nodes_is_open() -> None:
    past = External(cidr="10.0.0.0/24", without=("10.0.0.120/30",))
    refuse_unreachable(environment(), (External(), past), platform())


def test_a_node_that_is_a_name_is_told_by_no_network() -> None:
    own = platform()
    named = own.model_copy(update={"postgresql": own.postgresql.model_copy(update={"nodes": ("node-1.db",)})})
    refuse_unreachable(environment(), (External(),), named)


@pytest.mark.parametrize("what", ["worker", "twice"])
def test_what_serves_nothing_or_is_named_twice_is_refused(what: str) -> None:
    says = {"worker": r"reaches\[0\] is 'api', which has no port", "twice": r"reaches\[1\] is there already"}

    def make(connected: Connected) -> None:
        target = application(connected, environment(), port=None if what == "worker" else 80)
        refuse_unreachable(environment(), (target,) if what == "worker" else (target, target), platform())

    with pytest.raises(InputError, match=says[what]):
        build(make)


def test_links_within_one_namespace_do_not_collide() -> None:
    def make(connected: Connected) -> None:
        prod = environment("prod", system="twinme")
        home = Namespace("all", NamespaceArgs(environment=prod), connected)
        api = application(connected, prod, "api", namespace=home, port=3000)
        cache_ = application(connected, prod, "cache", namespace=home, port=6379)
        for name in ("web", "jobs"):
            application(connected, prod, name, namespace=home, reaches=(api, cache_))

    made = [one.inputs["metadata"]["name"] for one in build(make).of("NetworkPolicy")]
    assert len(made) == len(set(made)) == 9
    assert {"twinme-api-from-twinme-web", "twinme-cache-from-twinme-jobs", "twinme-web-egress"} <= set(made)


def test_callers_of_one_name_in_two_namespaces_do_not_collide() -> None:
    def make(connected: Connected) -> None:
        dev = environment()
        api = application(connected, dev, port=3000)
        for part in ("a", "b"):
            owner = pulumi.ComponentResource("test:index:Owner", part)
            home = namespace(connected, dev, part)
            open_links(owner, "worker", home, (api,), platform())

    names = [one.inputs["metadata"]["name"] for one in build(make).of("NetworkPolicy") if "-to-" in one.name]
    assert sorted(names) == ["api-from-a.worker", "api-from-b.worker"]


def test_an_external_is_a_value() -> None:
    assert replace(External(), port=8443) == External(port=8443)
