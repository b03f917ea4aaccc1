"""Ingress: an environment's public hosts, each to one application, over TLS alone.

One neutral description, rendered for Traefik. cert-manager gets the certificates.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.app_deployment import AppDeployment
from components.environment import Environment
from components.errors import InputError
from components.manifest import Manifest, Object, manifest
from components.network import render_ingress_from_controller
from components.platform import Kubernetes
from components.providers import Connected


@dataclass(frozen=True, kw_only=True)
class IngressArgs:
    """What an Ingress needs.

    Args:
        environment: the environment, which gives the hosts.
        hosts: the application behind each public name: `{"api": api}` serves `api-dev.keybuzz.io`.
    """

    environment: Environment
    hosts: Mapping[str, AppDeployment]


class Ingress(pulumi.ComponentResource):
    """Public hosts with certificates, and the way in from the controller.

    Outputs: `urls`, by name.
    """

    def __init__(
        self,
        name: str,
        args: IngressArgs,
        platform: Connected,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        cluster = platform.platform.kubernetes
        for part, app in args.hosts.items():
            args.environment.refuse_foreign(**{f"hosts.{part}": app.environment})
            if not app.port:
                raise InputError(f"hosts.{part} is {app.app!r}, which has no port; use an application that serves")
        super().__init__("bulkhead:index:Ingress", name, {}, pulumi.ResourceOptions.merge(platform.options, opts))
        opened = {app: self._open(name, app, cluster) for app in dict.fromkeys(args.hosts.values())}
        for part, app in args.hosts.items():
            Manifest(
                f"{name}-{part}",
                render_ingress(args.environment, part, app, cluster),
                pulumi.ResourceOptions(parent=self, depends_on=[opened[app], app.deployment]),
            )
        self.urls = {part: args.environment.url(part) for part in args.hosts}
        self.register_outputs({"urls": self.urls})

    def _open(self, name: str, app: AppDeployment, cluster: Kubernetes) -> Manifest:
        """The way in to one application, however many hosts lead to it."""
        return Manifest(
            f"{name}-{app.app}-from-controller",
            render_ingress_from_controller(
                app.environment, app.namespace.name, app.app, app.port or 0, cluster.ingress_namespace
            ),
            pulumi.ResourceOptions(parent=self, depends_on=[app.namespace.object]),
        )


def render_ingress(environment: Environment, part: str, app: AppDeployment, cluster: Kubernetes) -> Object:
    """The Ingress object of one host, for Traefik's TLS entry point alone."""
    host = environment.host(part)
    path = {
        "path": "/",
        "pathType": "Prefix",
        "backend": {"service": {"name": app.app, "port": {"name": "http"}}},
    }
    return manifest(
        environment,
        "networking.k8s.io/v1",
        "Ingress",
        part,
        namespace=app.namespace.name,
        annotations={
            "cert-manager.io/cluster-issuer": cluster.cluster_issuer,
            "traefik.ingress.kubernetes.io/router.entrypoints": "websecure",
            "traefik.ingress.kubernetes.io/router.tls": "true",
            "pulumi.com/skipAwait": "true",  # behind a node port the controller never reports an address
        },
        spec={
            "ingressClassName": cluster.ingress_class,
            "rules": [{"host": host, "http": {"paths": [path]}}],
            "tls": [{"hosts": [host], "secretName": f"{part}-tls"}],
        },
    )
