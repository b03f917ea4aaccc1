"""Namespace: a compartment on the cluster that lets nothing in or out unless a component declares it."""

from dataclasses import dataclass

import pulumi

from components.environment import Environment
from components.manifest import Manifest, Object, manifest
from components.providers import Connected


@dataclass(frozen=True, kw_only=True)
class NamespaceArgs:
    """What a Namespace needs.

    Args:
        environment: the environment that the namespace belongs to.
        part: the part it is for (`api` gives `keybuzz-api-dev`); without it, the one that all parts share.
    """

    environment: Environment
    part: str | None = None


class Namespace(pulumi.ComponentResource):
    """A namespace under the restricted pod-security standard, closed both ways by default.

    Outputs: `name`.
    """

    name: str

    def __init__(
        self,
        name: str,
        args: NamespaceArgs,
        platform: Connected,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        self.environment = args.environment
        self.name = args.environment.namespace(args.part)
        opts = pulumi.ResourceOptions.merge(platform.options, opts)
        super().__init__("bulkhead:index:Namespace", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.object = Manifest(f"{name}-namespace", render_namespace(args.environment, self.name), child)
        Manifest(
            f"{name}-default-deny",
            render_default_deny(args.environment, self.name),
            pulumi.ResourceOptions(parent=self, depends_on=[self.object]),
        )
        self.register_outputs({"name": self.name})


def render_namespace(environment: Environment, name: str) -> Object:
    """The namespace; `restricted` refuses pods that could reach the node."""
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    return manifest(environment, "v1", "Namespace", name, labels=levels)


def render_default_deny(environment: Environment, namespace: str) -> Object:
    """The policy that closes all pods, both ways; every opening is a policy of its own."""
    return manifest(
        environment,
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "default-deny",
        namespace=namespace,
        spec={"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    )
