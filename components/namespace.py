"""Namespace: a compartment on the cluster that lets nothing in or out unless a component declares it."""

from dataclasses import dataclass, field

import pulumi

from components.environment import Environment
from components.manifest import Manifest, Object, manifest
from components.providers import Connected
from components.quota import Claim, Tally, render_limits, render_quota
from components.values import Quota

_CONTROLLER = "controller"
"""What policies call the ingress controller, `api-from-controller`, so that no application may be called so."""


@dataclass(frozen=True, kw_only=True)
class NamespaceArgs:
    """What a Namespace needs.

    Args:
        environment: the environment that the namespace belongs to.
        part: the part it is for (`api` gives `keybuzz-api-dev`); without it, the one that all parts share.
        quota: what all its pods may take together.
    """

    environment: Environment
    part: str | None = None
    quota: Quota = field(default_factory=Quota)


class Namespace(pulumi.ComponentResource):
    """A namespace under the restricted pod-security standard, with a quota, closed both ways by default.

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
        self.environment, self.part = args.environment, args.part
        self.name = args.environment.namespace(args.part)
        self._tally = Tally(self.name, args.quota)
        opts = pulumi.ResourceOptions.merge(platform.options, opts)
        super().__init__("bulkhead:index:Namespace", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.object = Manifest(f"{name}-namespace", render_namespace(args.environment, self.name), child)
        inside = pulumi.ResourceOptions(parent=self, depends_on=[self.object])
        rendered = {
            "default-deny": render_default_deny(args.environment, self.name),
            "quota": render_quota(args.environment, self.name, args.quota),
            "limits": render_limits(args.environment, self.name, args.quota),
        }
        self.baseline = [Manifest(f"{name}-{kind}", one, inside) for kind, one in rendered.items()]
        self.register_outputs({"name": self.name})

    def workload(self, part: str) -> str:
        """What the objects of a part are called here: `api` in its own namespace, `twinme-api` in a shared one."""
        own = self.environment.part(part)
        return own if self.part else f"{self.environment.system}-{own}"

    def caller(self, app: str) -> str:
        """What a policy calls an application of this namespace, in another one too: no other is called so.

        Args:
            app: the application's name here.

        Returns:
            The same name, with that of the namespace's part where the application is not that part.
        """
        if app != _CONTROLLER and self.part in (None, app.partition("-")[0]):
            return app
        return f"{self.part}.{app}"

    def claim(self, claim: Claim) -> None:
        """Ask for a part of the quota, before anything is registered.

        Raises:
            InputError: the name is taken, or the quota does not suffice.
        """
        self._tally.claim(claim)


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
