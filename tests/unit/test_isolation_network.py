"""Who reaches whom on the network, computed from NetworkPolicies: each opening, and each that is none."""

from typing import Any

import pytest

from bulkhead.isolation.network import Network, Pod, edges, grouped, pod_of
from bulkhead.isolation.territory import Edge, Territory
from bulkhead.state import Resource, State

ALL = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
OPEN_IN = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}
OPEN_OUT = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}


def environment(name: str) -> Territory:
    """An environment of one namespace that is called after it."""
    metadata = {"metadata": {"name": name}}
    urn = f"urn:pulumi:{name}::shop::kubernetes:core/v1:Namespace::own"
    own = Resource(urn=urn, type="kubernetes:core/v1:Namespace", name="own", inputs=metadata, outputs=metadata)
    return Territory(f"shop/{name}", State(project="shop", stack=name, resources=(own,)))


def policy(namespace: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "name": name}, "spec": spec}


def found(*policies: dict[str, Any], pods: tuple[Pod, ...] = (), **more: Any) -> list[Edge]:
    """The ways from dev to prod, where both are closed but for these policies."""
    labels = {name: {"bulkhead.dev/environment": name} for name in ("dev", "prod")}
    closed = [policy(name, "default-deny", ALL) for name in labels]
    network = Network(namespaces=labels, policies=[*closed, *policies], pods=pods, **more)
    return list(edges(network, environment("dev"), environment("prod")))


def ports(*found_ports: int | str) -> list[dict[str, Any]]:
    return [{"port": port} for port in found_ports]


def of(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def test_two_closed_namespaces_are_apart() -> None:
    assert found() == []


def test_one_side_open_is_not_enough() -> None:
    assert found(policy("dev", "out", OPEN_OUT)) == []
    assert found(policy("prod", "in", OPEN_IN)) == []


def test_both_sides_open_is_a_way_and_both_policies_are_named() -> None:
    (edge,) = found(policy("dev", "out", OPEN_OUT), policy("prod", "in", OPEN_IN))
    assert (edge.source, edge.target, edge.decided) == ("shop/dev", "shop/prod", True)
    assert edge.why == "NetworkPolicy dev/out lets it out, NetworkPolicy prod/in lets it in"
    assert edge.who == "a pod without labels in namespace dev"
    assert edge.what == "a pod without labels (all ports) in namespace prod"


def test_a_namespace_without_a_closing_policy_is_open() -> None:
    """No policy at all: what default deny is there for."""
    network = Network(namespaces={}, policies=[policy("dev", "default-deny", ALL)], pods=())
    assert list(edges(network, environment("dev"), environment("prod"))) == []
    network = Network(namespaces={}, policies=[], pods=())
    (edge,) = edges(network, environment("dev"), environment("prod"))
    assert edge.why == (
        "no policy of namespace dev for egress lets it out, no policy of namespace prod for ingress lets it in"
    )


def test_a_policy_that_closes_one_direction_leaves_the_other_open() -> None:
    into = {"podSelector": {}, "ingress": [{"from": [of("prod")]}]}
    network = Network(namespaces={}, policies=[policy("dev", "in", into)], pods=())
    assert list(edges(network, environment("dev"), environment("prod")))
    network = Network(namespaces={}, policies=[policy("prod", "in", into)], pods=())
    assert not list(edges(network, environment("dev"), environment("prod")))


@pytest.mark.parametrize(
    ("peer", "reaches"),
    [
        (of("dev"), True),
        (of("other"), False),
        ({"namespaceSelector": {}}, True),
        ({"namespaceSelector": {"matchLabels": {"bulkhead.dev/environment": "dev"}}}, True),
        ({"namespaceSelector": {"matchLabels": {"bulkhead.dev/environment": "prod"}}}, False),
        ({"podSelector": {}}, False),
        ({**of("dev"), "podSelector": {"matchLabels": {"app": "api"}}}, False),
        (
            {
                "namespaceSelector": {
                    "matchExpressions": [
                        {"key": "bulkhead.dev/environment", "operator": "NotIn", "values": ["prod"]}
                    ]
                }
            },
            True,
        ),
        ({"namespaceSelector": {"matchExpressions": [{"key": "x", "operator": "Exists"}]}}, False),
        ({"namespaceSelector": {"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}}, True),
    ],
)
def test_who_is_let_in_is_chosen_by_labels(peer: dict[str, Any], reaches: bool) -> None:  # noqa: FBT001 - a parameter
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [peer]}]}
    assert bool(found(policy("dev", "out", OPEN_OUT), policy("prod", "in", spec))) == reaches


def test_ports_must_meet() -> None:
    def tried(out: list[dict[str, Any]], into: list[dict[str, Any]]) -> list[str]:
        leaving = {**OPEN_OUT, "egress": [{"ports": out}]}
        entering = {**OPEN_IN, "ingress": [{"ports": into}]}
        return [edge.what for edge in found(policy("dev", "out", leaving), policy("prod", "in", entering))]

    assert tried(ports(80), ports(443)) == []
    assert tried(ports(80, 443), ports(443)) == ["a pod without labels (TCP 443) in namespace prod"]
    assert tried([{"port": 8000, "endPort": 9000}], ports(8443)) != []
    assert tried([{"port": 53, "protocol": "UDP"}], ports(53)) == []
    assert tried(ports("http"), ports(8080)) != [], "what a named port is, the pod decides"


def test_pods_are_held_by_the_policies_that_select_them() -> None:
    api, job = Pod("dev", "api", {"app": "api"}), Pod("dev", "job", {"app": "job"})
    out = {**OPEN_OUT, "podSelector": {"matchLabels": {"app": "api"}}}
    (edge,) = found(policy("dev", "out", out), policy("prod", "in", OPEN_IN), pods=(api, job))
    assert edge.who == "api in namespace dev"


@pytest.mark.parametrize(
    ("block", "reaches"),
    [
        ({"cidr": "0.0.0.0/0"}, True),
        ({"cidr": "10.1.0.0/16"}, True),
        ({"cidr": "10.9.0.10/32"}, False),
        ({"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}, False),
        ({"cidr": "0.0.0.0/0", "except": ["10.1.2.0/24"]}, True),
        ({"cidr": "::/0"}, False),
    ],
)
def test_a_block_of_addresses_reaches_the_pods_that_have_some(block: dict[str, Any], reaches: bool) -> None:  # noqa: FBT001
    out = {**OPEN_OUT, "egress": [{"to": [{"ipBlock": block}]}]}
    policies = policy("dev", "out", out), policy("prod", "in", OPEN_IN)
    assert bool(found(*policies, pod_networks=("10.1.0.0/16",))) == reaches
    pod = Pod("prod", "api", {"app": "api"}, ("10.1.3.4",))
    assert bool(found(*policies, pods=(pod,))) == reaches


def test_no_policy_holds_a_pod_on_its_nodes_network() -> None:
    (edge,) = found(policy("prod", "in", OPEN_IN), pods=(Pod("dev", "agent", {}, (), on_host=True),))
    assert edge.who == "agent in namespace dev"
    assert "its node's network" in edge.why


def test_a_kind_of_policy_that_is_not_computed_leaves_the_way_undecided() -> None:
    (edge,) = found(other_policies=("ciliumnetworkpolicies open",))
    assert not edge.decided
    assert "ciliumnetworkpolicies open is not computed" in edge.why


def test_pods_and_what_would_start_them_are_read_alike() -> None:
    template = {"metadata": {"labels": {"app": "api"}}, "spec": {"hostNetwork": True}}
    meta = {"namespace": "dev", "name": "api"}
    for spec in ({"template": template}, {"jobTemplate": {"spec": {"template": template}}}):
        assert pod_of({"metadata": meta, "spec": spec}) == Pod("dev", "api", {"app": "api"}, (), on_host=True)
    running = {
        "metadata": {**meta, "labels": {"app": "api"}},
        "spec": {"containers": []},
        "status": {"podIPs": [{"ip": "10.1.2.3"}]},
    }
    assert pod_of(running) == Pod("dev", "api", {"app": "api"}, ("10.1.2.3",))
    assert pod_of({**running, "status": {"phase": "Succeeded"}}) is None
    assert pod_of({"metadata": meta, "spec": {}}) is None


def test_replicas_are_one() -> None:
    first, second = Pod("dev", "api-1", {"a": "b"}, ("10.1.0.1",)), Pod("dev", "api-2", {"a": "b"}, ("10.1.0.2",))
    assert grouped([first, second]) == [Pod("dev", "api-1", {"a": "b"}, ("10.1.0.1", "10.1.0.2"))]
