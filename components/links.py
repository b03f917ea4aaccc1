"""Links: what a workload declares that it reaches, and the two openings that each of them takes.

Whoever reaches an application opens its own way out and the other's way in; what stands beyond the cluster
is a way out alone.
"""

import ipaddress
from dataclasses import dataclass
from typing import Protocol

import pulumi

from components.environment import Environment
from components.environment_database import EnvironmentDatabase
from components.errors import InputError
from components.manifest import Manifest, Object
from components.namespace import Namespace
from components.network import render_egress, render_ingress_from, to_addresses, to_application
from components.platform import Platform, Postgresql
from components.validation import refuse_port

PRIVATE = ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
"""Networks that are never on the Internet: other environments, nodes, and the cloud's own metadata."""

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Serving(Protocol):
    """What serves within the cluster: an AppDeployment, a Cache."""

    @property
    def environment(self) -> Environment:
        """Whose it is."""
        ...

    @property
    def namespace(self) -> Namespace:
        """Where it runs."""
        ...

    @property
    def app(self) -> str:
        """What its pods are known by there."""
        ...

    @property
    def port(self) -> int | None:
        """Where its pods listen; None for a worker."""
        ...


@dataclass(frozen=True, kw_only=True)
class External:
    """Somebody else's service, beyond the cluster: `External()` is all of the Internet over HTTPS.

    Args:
        cidr: its addresses, as a network such as `203.0.113.0/24`.
        port: the TCP port.
        without: networks within `cidr` that stay closed; by default every private one.

    Raises:
        InputError: a network is none, or not within `cidr`; the port is none.
    """

    cidr: str = "0.0.0.0/0"
    port: int = 443
    without: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        whole = _network("cidr", self.cidr)
        refuse_port(self.port)
        for one in self.without or ():
            inner = _network("without", one)
            if not _is_within(inner, whole) or inner == whole:
                raise InputError(f"without is {one!r}, which is not a part of cidr {self.cidr!r}")

    @property
    def closed(self) -> tuple[str, ...]:
        """The networks within `cidr` that stay closed."""
        if self.without is not None:
            return self.without
        whole = ipaddress.ip_network(self.cidr)
        return tuple(one for one in PRIVATE if _is_within(ipaddress.ip_network(one), whole) and one != self.cidr)

    def refuse_nodes(self, postgresql: Postgresql) -> None:
        """Refuse a way to a node of the database, which must never be used.

        Raises:
            InputError: the node, and what leaves it out.
        """
        open_, closed = ipaddress.ip_network(self.cidr), [ipaddress.ip_network(one) for one in self.closed]
        for node in postgresql.nodes:
            try:
                address = ipaddress.ip_network(node)
            except ValueError:
                continue  # a name, which no network tells
            if _is_within(address, open_) and not any(_is_within(address, one) for one in closed):
                raise InputError(
                    f"reaches has {self.cidr!r}, which opens the way to {node}, a node of the database; "
                    "name the EnvironmentDatabase instead, or leave the node out by `without`"
                )


Reachable = EnvironmentDatabase | External | Serving


def serving_port(target: Serving, what: str) -> int:
    """Where a target's pods listen.

    Args:
        target: what is reached.
        what: how the error begins: `reaches[0] is`.

    Raises:
        InputError: it serves nothing.
    """
    if not target.port:
        raise InputError(f"{what} {target.app!r}, which has no port; use an application that serves")
    return target.port


def refuse_unreachable(environment: Environment, reaches: tuple[Reachable, ...], platform: Platform) -> None:
    """Refuse what cannot be reached, or must not be.

    Raises:
        InputError: it is another environment's, serves nothing, is named twice, or opens the way to a node.
    """
    owners = {
        f"reaches[{index}]": target.environment
        for index, target in enumerate(reaches)
        if not isinstance(target, External)
    }
    environment.refuse_foreign(**owners)
    for index, target in enumerate(reaches):
        if target in reaches[:index]:
            raise InputError(f"reaches[{index}] is there already; name each target once")
        if isinstance(target, External):
            target.refuse_nodes(platform.postgresql)
        elif not isinstance(target, EnvironmentDatabase):
            serving_port(target, f"reaches[{index}] is")


def open_links(
    parent: pulumi.ComponentResource,
    app: str,
    namespace: Namespace,
    reaches: tuple[Reachable, ...],
    platform: Platform,
) -> list[pulumi.Resource]:
    """The policies of all declared links: this application's way out, and the others' way in.

    Args:
        parent: the component whose children these are.
        app: what the pods are known by that open the connections.
        namespace: where they run.
        reaches: what they reach; it was looked at before.
        platform: the database's end points.

    Returns:
        What to wait for before the pods start.
    """
    rules: list[Object] = []
    made: list[pulumi.Resource] = []
    for target in reaches:
        if isinstance(target, EnvironmentDatabase):
            points = (platform.postgresql.write, platform.postgresql.read)
            rules += [to_addresses(point.network, point.port) for point in points if point]
        elif isinstance(target, External):
            rules.append(to_addresses(target.cidr, target.port, target.closed))
        else:
            port = serving_port(target, "reaches has")
            rules.append(to_application(target.namespace.name, target.app, port))
            way_in = render_ingress_from(
                target.environment,
                target.namespace.name,
                target.app,
                port,
                source=app,
                source_namespace=namespace.name,
                caller=namespace.caller(app),
            )
            there = pulumi.ResourceOptions(parent=parent, depends_on=[target.namespace.object])
            made.append(Manifest(f"{app}-to-{target.namespace.caller(target.app)}", way_in, there))
    way_out = render_egress(namespace.environment, namespace.name, app, rules)
    here = pulumi.ResourceOptions(parent=parent, depends_on=[namespace.object])
    return [*made, Manifest(f"{app}-egress", way_out, here)]


def _network(what: str, text: object) -> _Network:
    try:
        if isinstance(text, str) and "/" in text:
            return ipaddress.ip_network(text)
    except ValueError:
        pass
    raise InputError(f"{what} is {text!r}; use a network such as 203.0.113.0/24, its last bits zero")


def _is_within(inner: _Network, outer: _Network) -> bool:
    if isinstance(inner, ipaddress.IPv4Network) and isinstance(outer, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, ipaddress.IPv6Network) and isinstance(outer, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False
