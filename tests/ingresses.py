"""Ingresses: the public hosts of the three systems, as their programs describe them, for any controller."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components import AppDeployment, Connected, Environment, Namespace, NamespaceArgs
from components.ingress import Ingress, IngressArgs, Route
from components.ingress_capabilities import CONTROLLERS, Controller
from components.ingress_description import RateLimit, SecurityHeaders, Tls
from components.providers import configure
from tests.making import application, environment
from tests.recording import Recording, Registration, record
from tests.stacks import platform

SYSTEMS = ("keybuzz", "ansible-builder", "twinme")
DOMAINS = {"keybuzz": "keybuzz.io", "ansible-builder": "coupel.net", "twinme": "twinme.ai"}
CSP = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:"

T3: Mapping[str, Any] = {
    "tls": Tls(versions=("1.2", "1.3")),
    "rate_limits": (RateLimit(average=100, period="1m"), RateLimit(average=10, period="1s", burst=20)),
    "headers": SecurityHeaders(csp=CSP),
    "compression": True,
    "timeouts": "60s",
}
"""What TwinMe's operations document asks for."""

WAIVED: Mapping[Controller, Mapping[str, Any]] = {
    "traefik": {},
    "nginx": {"compression": False},
    "gateway": {"tls": Tls(versions=None), "rate_limits": (), "compression": False, "body": None},
}
"""What has to be said, for each controller, because it cannot be expressed there."""


@dataclass(frozen=True, kw_only=True)
class Public:
    """One system's public hosts in one environment.

    Args:
        system: whose description it is.
        name: the environment.
        called: another name for the system, so that its namespaces are nobody else's.
    """

    system: str
    name: str
    called: str = ""

    @property
    def environment(self) -> Environment:
        """The environment, whatever the system is called."""
        return environment(self.name, system=self.called or self.system, domain=DOMAINS[self.system])

    def make(self, connected: Connected, **more: Any) -> Ingress:
        """Register the applications and their Ingress."""
        return getattr(self, f"_{self.system.replace('-', '_')}")(connected, more)

    def _keybuzz(self, connected: Connected, more: Mapping[str, Any]) -> Ingress:
        apps = {part: self._app(connected, part, self._namespace(connected, part)) for part in KEYBUZZ}
        return self._ingress(connected, tuple(Route(to=app, host=part) for part, app in apps.items()), more)

    def _ansible_builder(self, connected: Connected, more: Mapping[str, Any]) -> Ingress:
        here = self._namespace(connected)
        backend, frontend = (self._app(connected, part, here) for part in ("backend", "frontend"))
        routes = (
            Route(to=frontend, path="/ansible-builder", rewrite="/"),
            Route(to=backend, path="/ansible-builder/api", rewrite="/api"),
            Route(to=backend, path="/ansible-builder/docs", rewrite="/docs"),
        )
        return self._ingress(connected, routes, {"body": "20Mi", **more})

    def _twinme(self, connected: Connected, more: Mapping[str, Any]) -> Ingress:
        api = self._app(connected, "api", self._namespace(connected))
        return self._ingress(connected, (Route(to=api, host="api"),), {**T3, **more})

    def _namespace(self, connected: Connected, part: str | None = None) -> Namespace:
        return Namespace(part or "shared", NamespaceArgs(environment=self.environment, part=part), connected)

    def _app(self, connected: Connected, part: str, here: Namespace) -> AppDeployment:
        return application(connected, self.environment, part, namespace=here, port=3000)

    def _ingress(self, connected: Connected, routes: tuple[Route, ...], more: Mapping[str, Any]) -> Ingress:
        return Ingress("public", IngressArgs(environment=self.environment, routes=routes, **more), connected)


KEYBUZZ = ("api", "backend", "client")


def connected_to(controller: Controller) -> Connected:
    """KeyBuzz's platform, with this controller."""
    ours = platform()
    served = {"controller": controller, "ingress_class": controller}
    cluster = ours.kubernetes.model_copy(update=served)
    return configure(ours.model_copy(update={"kubernetes": cluster}))


def recorded(public: Public, controller: Controller = "traefik", **more: Any) -> Recording:
    """What a program of this system registers for a controller, without what it cannot express."""
    return record(lambda: public.make(connected_to(controller), **{**WAIVED[controller], **more}))


def objects(recording: Recording) -> list[Registration]:
    """The objects that the Ingress made, in their order."""
    (component,) = [made for made in recording if made.type == "bulkhead:index:Ingress"]
    return [made for made in recording if made.parent == component.urn]


EVERY_CONTROLLER: tuple[Controller, ...] = tuple(CONTROLLERS)
