"""Where PostgreSQL is reached: its end points, never one of its nodes."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from policy.resource import Place, Resource, Unknown
from policy.rule import Answer, Fault, Undecided

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policy.world import Platform, World

URL = re.compile(r"postgres(?:ql)?://(?:[^@/\s]*@)?(?P<host>\[[0-9a-fA-F:]+\]|[^:/?\s\"']+)(?::(?P<port>\d+))?")
_PLACEHOLDER = re.compile(r"\{\{|\$\(|\$\{")


def unknown_leaves(resource: Resource) -> Iterator[Answer]:
    """What a rule about every property cannot look at yet."""
    for place in resource.leaves:
        if isinstance(place.value, Unknown):
            yield Undecided(f"{place.path} is {place.value.why}")


def platform_is_known(_: Sequence[Resource], world: World) -> Iterator[Answer]:
    """Without a platform file nothing can be said of addresses."""
    if world.platform is None:
        yield Undecided(world.missing)


def database_node(resource: Resource, world: World) -> Iterator[Answer]:
    """No property names a node."""
    if world.platform is None or world.exempt(resource, world.declared.monitoring):
        return
    nodes = [(node, _word(node)) for node in world.platform.nodes]
    for place in resource.leaves if nodes else ():
        for node, pattern in nodes:
            if isinstance(place.value, str) and node in place.value and pattern.search(place.value):
                points = " or ".join(f"{point.host}:{point.port}" for point in world.platform.points)
                yield Fault(f"{place.path} names the database node {node}; use {points}")
    if nodes:
        yield from unknown_leaves(resource)


def database_end_point(resource: Resource, world: World) -> Iterator[Answer]:
    """Whatever reaches PostgreSQL names one of its end points."""
    platform = world.platform
    if platform is None or world.exempt(resource, world.declared.monitoring):
        return
    if resource.type == "pulumi:providers:postgresql":
        yield from _is_point(resource.place.at("host"), platform, writes=True)
    elif resource.kind == "NetworkPolicy":
        yield from _links(resource, platform)
    else:
        for place in resource.leaves:
            hidden, writes = resource.is_secret(place.path), resource.kind == "SecretBackendConnection"
            yield from _named(place, platform, writes=writes, hidden=hidden)
        for place in _below(resource.place):
            yield from _is_point(place, platform, hidden=resource.is_secret(place.path))


def _word(node: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9._-]){re.escape(node)}(?![A-Za-z0-9_-]|\.[A-Za-z0-9])")


def _is_point(place: Place, platform: Platform, *, writes: bool = False, hidden: bool = False) -> Iterator[Answer]:
    points = platform.points[:1] if writes else platform.points
    host = place.text
    if host and not _PLACEHOLDER.search(host) and host not in {point.host for point in points}:
        allowed = " or ".join(point.host for point in points)
        shown = "a host that is" if hidden else f"{host!r},"
        yield Fault(f"{place.path} is {shown} no end point of the platform; use {allowed}")


def _named(place: Place, platform: Platform, *, writes: bool, hidden: bool) -> Iterator[Answer]:
    """The hosts in URLs, and PGHOST in what is JSON."""
    if not isinstance(place.value, str) or not ("postgres" in place.value or "PGHOST" in place.value):
        return
    for match in URL.finditer(place.value):
        yield from _is_point(Place(place.path, match["host"]), platform, writes=writes, hidden=hidden)
    for match in re.finditer(r'"PGHOST"\s*:\s*"([^"]*)"', place.value):
        yield from _is_point(Place(f"{place.path}.PGHOST", match[1]), platform, hidden=hidden)


def _below(place: Place) -> Iterator[Place]:
    """PGHOST wherever a mapping has it, and as a container's variable."""
    if place.entries.get("name") == "PGHOST" and isinstance(place.entries.get("value"), str):
        yield place.at("value")
    if isinstance(place.entries.get("PGHOST"), str):
        yield place.at("PGHOST")
    for one in place.inside:
        yield from _below(one)


def _links(resource: Resource, platform: Platform) -> Iterator[Answer]:
    """A policy that lets pods out to PostgreSQL's port lets them out to its end points alone."""
    ports = {point.port for point in platform.points}
    networks = [ipaddress.ip_network(point.network) for point in platform.points if point.network]
    for rule in resource.place.each("spec", "egress"):
        open_ports = [port.at("port").number for port in rule.each("ports")]
        if open_ports and not ports & {int(port) for port in open_ports if port is not None}:
            continue
        for peer in rule.each("to"):
            block = peer.at("ipBlock", "cidr")
            if not block.text:
                continue
            try:
                allowed = any(ipaddress.ip_network(block.text, strict=False) == one for one in networks)
            except ValueError:
                allowed = False
            if not allowed:
                yield Fault(f"{block.path} opens PostgreSQL's port to {block.text}, no end point of the platform")
