"""Ingress: an environment's public hosts and paths, each to one application, over TLS alone.

One neutral description (`components.ingress_description`), rendered for the platform's controller; what a
controller cannot express is refused by name. cert-manager gets the certificates.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pulumi

from components.app_deployment import AppDeployment
from components.environment import Environment
from components.errors import InputError
from components.ingress_capabilities import Controller, refuse_inexpressible
from components.ingress_description import (
    Description,
    Path,
    Rules,
    hosts_of,
)
from components.ingress_gateway import render_gateway
from components.ingress_nginx import render_nginx
from components.ingress_objects import Piece
from components.ingress_traefik import render_traefik
from components.links import serving_port
from components.manifest import Manifest
from components.network import render_ingress_from_controller
from components.platform import Kubernetes
from components.providers import Connected

_RENDERERS: Mapping[Controller, Callable[[Description, Kubernetes], list[Piece]]] = {
    "traefik": render_traefik,
    "nginx": render_nginx,
    "gateway": render_gateway,
}


@dataclass(frozen=True, kw_only=True)
class Route:
    """Everything at or below one path of one host, to one application.

    Args:
        to: the application that answers.
        host: the part that the host is named after: "api" is `api-dev.keybuzz.io`; None for the host that all
            parts share by their paths.
        path: what the route answers, and everything below; the longest path wins.
        rewrite: what the application sees in place of `path`; None for the path as it came.
    """

    to: AppDeployment
    host: str | None = None
    path: str = "/"
    rewrite: str | None = None


@dataclass(frozen=True, kw_only=True)
class IngressArgs(Rules):
    """What an Ingress needs.

    Args:
        environment: the environment, which gives the hosts.
        routes: what is public; a host and path leads to one application.
    """

    environment: Environment
    routes: tuple[Route, ...]


class Ingress(pulumi.ComponentResource):
    """Public hosts with certificates, and the way in from the controller.

    Outputs: `urls`, by the host's part and the path: `api`, `/ansible-builder/api`.
    """

    def __init__(
        self,
        name: str,
        args: IngressArgs,
        platform: Connected,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        cluster = platform.platform.kubernetes
        described = describe(name, args)
        refuse_inexpressible(cluster.controller, described)
        _take(name, described, platform.hosts)
        super().__init__("bulkhead:index:Ingress", name, {}, pulumi.ResourceOptions.merge(platform.options, opts))
        apps = {(route.to.namespace.name, route.to.app): route.to for route in args.routes}
        opened = {service: self._open(name, app, cluster) for service, app in apps.items()}
        spaces = {app.namespace.name: app.namespace.object for app in apps.values()}
        made: dict[str, pulumi.Resource] = {}
        for piece in _RENDERERS[cluster.controller](described, cluster):
            first = [spaces[piece.namespace], *(made[other.key] for other in piece.after)]
            for service in piece.serves:
                first += [opened[service], apps[service].deployment]
            options = pulumi.ResourceOptions(parent=self, depends_on=first)
            made[piece.key] = Manifest(piece.name, piece.object, options)
        self.urls = {
            _key(route): args.environment.url(route.host) + route.path.rstrip("/") for route in args.routes
        }
        self.register_outputs({"urls": self.urls})

    def _open(self, name: str, app: AppDeployment, cluster: Kubernetes) -> Manifest:
        """The way in to one application, however many routes lead to it."""
        port = serving_port(app, "a route leads to")
        return Manifest(
            f"{name}-{app.app}-from-controller",
            render_ingress_from_controller(
                app.environment, app.namespace.name, app.app, port, cluster.ingress_namespace
            ),
            pulumi.ResourceOptions(parent=self, depends_on=[app.namespace.object]),
        )


def describe(name: str, args: IngressArgs) -> Description:
    """What is asked for, for a renderer.

    Raises:
        InputError: a route leads to what cannot serve or is another environment's, or two are the same.
    """
    paths: dict[tuple[str | None, str], Path] = {}
    for index, route in enumerate(args.routes):
        what = f"routes[{index}]"
        args.environment.refuse_foreign(**{what: route.to.environment})
        serving_port(route.to, f"{what} leads to")
        path = Path(
            path=route.path, rewrite=route.rewrite, service=route.to.app, namespace=route.to.namespace.name
        )
        if (route.host, route.path) in paths:
            place = f"{args.environment.host(route.host)}{route.path}"
            raise InputError(f"{what} is {place}, which another route has already; use each host and path once")
        paths[route.host, route.path] = path
    hosts = hosts_of(args.environment, paths)
    return Description(name=name, environment=args.environment, hosts=hosts, rules=args)


def _take(name: str, described: Description, taken: dict[str, str]) -> None:
    """Let no other Ingress of this program have these hosts: each has one certificate and one set of rules."""
    for host in described.hosts:
        if (other := taken.setdefault(host.name, name)) != name:
            raise InputError(f"routes: {host.name} belongs to the Ingress {other!r} already; put its routes there")


def _key(route: Route) -> str:
    """What a route's address is called in the outputs."""
    return (route.host or "") + route.path.rstrip("/") or route.path
