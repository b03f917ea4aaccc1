"""Reachability on the network: which pods of one environment the NetworkPolicies let reach pods of another.

As the API server's own documentation has it: a pod that no policy selects for a direction is open in it; else
what any policy that selects it allows. A connection needs the way out of the one and the way into the other.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bulkhead.isolation.mentions import selector
from bulkhead.isolation.plain import listed, mapping
from bulkhead.isolation.territory import Edge, Territory, labels_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Direction = Literal["Ingress", "Egress"]
Ports = tuple[tuple[str, int, int], ...]
"""Protocol, first and last port."""

_ALL: Ports = (("TCP", 1, 65535), ("UDP", 1, 65535), ("SCTP", 1, 65535))
_ANY_POD = "a pod without labels"


@dataclass(frozen=True)
class Pod:
    """Pods of one namespace that have the same labels.

    Args:
        namespace: where they are.
        name: what they are called together: their workload, or a pod.
        labels: what policies select them by.
        addresses: their networks; where none is known, all of the cluster's pods.
        on_host: they use their node's network, where no policy holds them.
    """

    namespace: str
    name: str
    labels: Mapping[str, str]
    addresses: tuple[str, ...] = ()
    on_host: bool = False


@dataclass(frozen=True, kw_only=True)
class Network:
    """What the cluster says of its network.

    Args:
        namespaces: the labels of each namespace.
        policies: all NetworkPolicies of the compared namespaces.
        pods: their pods and what workloads would start.
        pod_networks: the networks that pods have addresses from, in CIDR notation.
        other_policies: objects of kinds that are not computed here, such as Cilium's.
    """

    namespaces: Mapping[str, Mapping[str, str]]
    policies: Sequence[Mapping[str, Any]]
    pods: Sequence[Pod]
    pod_networks: tuple[str, ...] = ()
    other_policies: tuple[str, ...] = ()


def edges(network: Network, mine: Territory, theirs: Territory) -> Iterator[Edge]:
    """The ways on the network from one environment to another one."""
    reading = _Reading(network)
    found: dict[tuple[str, str, str], tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for pod in reading.pods_of(mine):
        for peer in reading.pods_of(theirs):
            for why, ports in reading.ways(pod, peer):
                who, what = found[f"namespace {pod.namespace}", f"namespace {peer.namespace}", why]
                who.add(pod.name)
                what.add(f"{peer.name} ({ports})")
    for (here, there, why), (who, what) in sorted(found.items()):
        reached = f"{', '.join(sorted(what))} in {there}"
        yield Edge("network", mine.name, theirs.name, f"{', '.join(sorted(who))} in {here}", reached, why)
    for other in network.other_policies:
        what = "its pods"
        yield Edge("network", mine.name, theirs.name, "its pods", what, f"{other} is not computed", decided=False)


class _Reading:
    def __init__(self, network: Network) -> None:
        self._network = network
        self._by_namespace: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for policy in network.policies:
            self._by_namespace[str(mapping(policy.get("metadata")).get("namespace"))].append(policy)

    def pods_of(self, territory: Territory) -> list[Pod]:
        """The pods of an environment, and in each namespace one that nobody has started yet."""
        found = [pod for pod in self._network.pods if pod.namespace in territory.namespaces]
        unborn = [Pod(namespace, _ANY_POD, {}) for namespace in sorted(territory.namespaces)]
        return [*found, *unborn]

    def ways(self, pod: Pod, peer: Pod) -> Iterator[tuple[str, str]]:
        """Each pair of an opening out of the one and an opening into the other, and the ports of both."""
        for out, leaving in self._allowed("Egress", pod, peer):
            for into, entering in self._allowed("Ingress", peer, pod):
                if both := _overlap(leaving, entering):
                    yield f"{out} lets it out, {into} lets it in", both

    def _allowed(self, direction: Direction, pod: Pod, peer: Pod) -> Iterator[tuple[str, Ports]]:
        if pod.on_host:
            yield "its node's network, which no policy holds,", _ALL
            return
        selecting = [one for one in self._by_namespace[pod.namespace] if _selects(one, direction, pod)]
        if not selecting:
            yield f"no policy of namespace {pod.namespace} for {direction.lower()}", _ALL
        for policy in selecting:
            for rule in map(mapping, listed(mapping(policy.get("spec")).get(direction.lower()))):
                peers = listed(rule.get("to" if direction == "Egress" else "from"))
                if not peers or any(self._is_peer(mapping(one), pod, peer) for one in peers):
                    name = mapping(policy.get("metadata")).get("name")
                    yield f"NetworkPolicy {pod.namespace}/{name}", _ports(rule)

    def _is_peer(self, rule: Mapping[str, Any], pod: Pod, peer: Pod) -> bool:
        if "ipBlock" in rule:
            return _in_block(mapping(rule["ipBlock"]), peer.addresses or self._network.pod_networks)
        if "namespaceSelector" in rule:
            labels = {
                "kubernetes.io/metadata.name": peer.namespace,
                **self._network.namespaces.get(peer.namespace, {}),
            }
            if not selector(mapping(rule["namespaceSelector"])).matches(labels):
                return False
        elif peer.namespace != pod.namespace:
            return False
        return "podSelector" not in rule or selector(mapping(rule["podSelector"])).matches(peer.labels)


def _selects(policy: Mapping[str, Any], direction: Direction, pod: Pod) -> bool:
    spec = mapping(policy.get("spec"))
    types = listed(spec.get("policyTypes")) or ["Ingress", *(["Egress"] if "egress" in spec else [])]
    return direction in types and selector(mapping(spec.get("podSelector"))).matches(pod.labels)


def _in_block(block: Mapping[str, Any], addresses: Sequence[str]) -> bool:
    """Whether a block has any of some addresses; an address is a network."""
    cidr = ipaddress.ip_network(str(block.get("cidr")), strict=False)
    without = [ipaddress.ip_network(str(one), strict=False) for one in listed(block.get("except"))]
    for address in addresses:
        network = ipaddress.ip_network(address, strict=False)
        if network.version != cidr.version or not network.overlaps(cidr):
            continue
        smaller = network if network.prefixlen >= cidr.prefixlen else cidr
        if not any(one.version == smaller.version and _contains(one, smaller) for one in without):
            return True
    return False


def _contains(outer: Any, inner: Any) -> bool:
    return bool(inner.subnet_of(outer))


def _ports(rule: Mapping[str, Any]) -> Ports:
    """The ports of a rule; a named one may be any."""
    if not listed(rule.get("ports")):
        return _ALL
    found: list[tuple[str, int, int]] = []
    for port in map(mapping, listed(rule.get("ports"))):
        first = port.get("port")
        known = isinstance(first, (int, float))
        last = port.get("endPort", first) if known else 65535
        found.append((str(port.get("protocol", "TCP")), int(first) if known else 1, int(last or 65535)))  # pyright: ignore[reportArgumentType]
    return tuple(found)


def _overlap(some: Ports, others: Ports) -> str:
    """The ports that both have, in words; empty where there are none."""
    found = {
        (protocol, max(first, begins), min(last, ends))
        for protocol, first, last in some
        for other, begins, ends in others
        if protocol == other and max(first, begins) <= min(last, ends)
    }
    if {("TCP", 1, 65535), ("UDP", 1, 65535)} <= found:
        return "all ports"
    return ", ".join(
        f"{protocol} {first}" if first == last else f"{protocol} {first}-{last}"
        for protocol, first, last in sorted(found)
    )


def grouped(found: Sequence[Pod]) -> list[Pod]:
    """Pods, those of one namespace with the same labels as one."""
    together: dict[tuple[str, tuple[tuple[str, str], ...], bool], list[Pod]] = defaultdict(list)
    for pod in found:
        together[pod.namespace, tuple(sorted(pod.labels.items())), pod.on_host].append(pod)
    return [
        Pod(
            same[0].namespace,
            same[0].name,
            same[0].labels,
            tuple(sorted({address for pod in same for address in pod.addresses})),
            same[0].on_host,
        )
        for same in together.values()
    ]


def pod_of(item: Mapping[str, Any]) -> Pod | None:
    """The pods that an object on the cluster is, or starts."""
    metadata, spec = mapping(item.get("metadata")), mapping(item.get("spec"))
    namespace, name = str(metadata.get("namespace")), str(metadata.get("name"))
    if "jobTemplate" in spec:
        spec = mapping(mapping(spec["jobTemplate"]).get("spec"))
    if "template" in spec:
        template = mapping(spec["template"])
        on_host = bool(mapping(template.get("spec")).get("hostNetwork"))
        return Pod(namespace, name, labels_of(template), (), on_host)
    if "containers" not in spec:
        return None
    status = mapping(item.get("status"))
    if status.get("phase") in ("Succeeded", "Failed"):
        return None
    addresses = [str(mapping(one).get("ip")) for one in listed(status.get("podIPs"))]
    return Pod(namespace, name, labels_of(item), tuple(addresses), bool(spec.get("hostNetwork")))
