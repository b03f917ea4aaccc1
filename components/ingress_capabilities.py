"""Which controller can do what: the table by which a setting is refused by name instead of dropped.

`docs/components/ingress.md` shows the same table; a test keeps the two together.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from components.errors import InputError
from components.ingress_description import TLS_VERSIONS, Description, RateLimit
from components.validation import seconds

Controller = Literal["traefik", "nginx", "gateway"]

CONTROLLERS: dict[Controller, str] = {
    "traefik": "Traefik 3",
    "nginx": "F5's NGINX Ingress Controller 5",
    "gateway": "Gateway API 1",
}
"""What each name of `platform.kubernetes.controller` stands for."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A controller that cannot do what a setting may ask for.

    Args:
        asked: whether a description asks for it.
        instead: what a program can do about it.
    """

    asked: Callable[[Description], bool]
    instead: str


@dataclass(frozen=True, kw_only=True)
class Capability:
    """One setting, and how each controller does it.

    Args:
        setting: its name in `IngressArgs`, and which form of it is meant.
        how: in a controller's own words.
        refused: where it cannot be done, by controller.
    """

    setting: str
    how: dict[Controller, str]
    refused: dict[Controller, Refusal]


def nginx_rate(limit: RateLimit) -> str | None:
    """A rate in NGINX's words, whole requests a second or a minute; None where it is no such rate."""
    period = seconds(limit.period)
    if limit.average % period == 0:
        return f"{limit.average // period}r/s"
    if limit.average * 60 % period == 0:
        return f"{limit.average * 60 // period}r/m"
    return None


_NO_FIELD = "the Gateway API has no field for it"

CAPABILITIES: tuple[Capability, ...] = (
    Capability(
        setting="routes, with `rewrite`",
        how={
            "traefik": "IngressRoute, Middleware replacePathRegex",
            "nginx": "VirtualServer routes, rewritePath",
            "gateway": "HTTPRoute PathPrefix, URLRewrite",
        },
        refused={},
    ),
    Capability(
        setting="routes of one host into several namespaces",
        how={"nginx": "upstream service namespace/name", "gateway": "an HTTPRoute in each namespace"},
        refused={
            "traefik": Refusal(
                asked=lambda asked: any(len(host.namespaces) > 1 for host in asked.hosts),
                instead="give the applications of one host one Namespace",
            )
        },
    ),
    Capability(
        setting="tls.versions",
        how={"traefik": "TLSOption", "nginx": "1.2 with 1.3, NGINX's own default since 1.27.3"},
        refused={
            "nginx": Refusal(
                asked=lambda asked: set(asked.rules.tls.versions or TLS_VERSIONS) != set(TLS_VERSIONS),
                instead="use both, or set ssl-protocols in the controller's ConfigMap and write "
                "Tls(versions=None)",
            ),
            "gateway": Refusal(
                asked=lambda asked: asked.rules.tls.versions is not None,
                instead=f"{_NO_FIELD}; set it in the Gateway's own configuration and write Tls(versions=None)",
            ),
        },
    ),
    Capability(
        setting="redirect",
        how={
            "traefik": "IngressRoute on web, Middleware redirectScheme",
            "nginx": "tls.redirect",
            "gateway": "listener for http, HTTPRoute RequestRedirect",
        },
        refused={
            "nginx": Refusal(
                asked=lambda asked: not asked.rules.redirect,
                instead="keep redirect=True, because a VirtualServer always answers http as well",
            )
        },
    ),
    Capability(
        setting="rate_limits",
        how={"traefik": "Middleware rateLimit", "nginx": "Policy rateLimit"},
        refused={
            "nginx": Refusal(
                asked=lambda asked: any(nginx_rate(limit) is None for limit in asked.rules.rate_limits),
                instead="use an average and a period that come to whole requests a second or a minute",
            ),
            "gateway": Refusal(
                asked=lambda asked: bool(asked.rules.rate_limits),
                instead=f"{_NO_FIELD}; limit in the application, or use another controller",
            ),
        },
    ),
    Capability(
        setting="headers",
        how={
            "traefik": "Middleware headers",
            "nginx": "responseHeaders add and hide",
            "gateway": "HTTPRoute ResponseHeaderModifier",
        },
        refused={
            "nginx": Refusal(
                asked=lambda asked: any(
                    set(value) & set('"\\$')
                    for host in asked.hosts
                    for value in asked.rules.headers.of(host).values()
                ),
                instead="use values without quotation marks, backslashes and dollar signs",
            )
        },
    ),
    Capability(
        setting="compression",
        how={"traefik": "Middleware compress"},
        refused={
            "nginx": Refusal(
                asked=lambda asked: asked.rules.compression,
                instead="a VirtualServer has no field for it; set gzip in the controller's http-snippets, "
                "and write compression=False",
            ),
            "gateway": Refusal(
                asked=lambda asked: asked.rules.compression,
                instead=f"{_NO_FIELD}; compress in the application, and write compression=False",
            ),
        },
    ),
    Capability(
        setting="body",
        how={"traefik": "Middleware buffering", "nginx": "upstream client-max-body-size"},
        refused={
            "gateway": Refusal(
                asked=lambda asked: asked.rules.body is not None,
                instead=f"{_NO_FIELD}; limit in the application, and write body=None",
            )
        },
    ),
    Capability(
        setting="timeouts",
        how={
            "traefik": "ServersTransport, until the answer begins",
            "nginx": "upstream time-outs, between two reads",
            "gateway": "HTTPRoute backendRequest, until the answer ends",
        },
        refused={},
    ),
    Capability(
        setting="allow",
        how={"traefik": "Middleware ipAllowList", "nginx": "Policy accessControl"},
        refused={
            "gateway": Refusal(
                asked=lambda asked: bool(asked.rules.allow),
                instead=f"{_NO_FIELD}; write allow=(), or use another controller",
            )
        },
    ),
)


def refuse_inexpressible(controller: Controller, description: Description) -> None:
    """Refuse every setting that this controller cannot express, all of them at once.

    Raises:
        InputError: which settings, what to do about each, and what the controller can express.
    """
    found = [
        f"{capability.setting} as given cannot be expressed for {CONTROLLERS[controller]}; {refusal.instead}"
        for capability, refusal in _refusals(controller)
        if refusal.asked(description)
    ]
    if found:
        can = ", ".join(capability.setting for capability in CAPABILITIES if controller in capability.how)
        raise InputError("\n".join([*found, f"{CONTROLLERS[controller]} expresses: {can}"]))


def _refusals(controller: Controller) -> Iterator[tuple[Capability, Refusal]]:
    for capability in CAPABILITIES:
        if controller in capability.refused:
            yield capability, capability.refused[controller]


def table() -> str:
    """The capabilities as a table in Markdown."""
    lines = ["| setting | " + " | ".join(CONTROLLERS.values()) + " |", "| --- |" + " --- |" * len(CONTROLLERS)]
    for capability in CAPABILITIES:
        cells = [
            "; ".join([*_done(capability, controller), *_not_done(capability, controller)])
            for controller in CONTROLLERS
        ]
        lines.append("| " + " | ".join([capability.setting, *cells]) + " |")
    return "\n".join(lines)


def _done(capability: Capability, controller: Controller) -> list[str]:
    return [capability.how[controller]] if controller in capability.how else []


def _not_done(capability: Capability, controller: Controller) -> list[str]:
    refusal = capability.refused.get(controller)
    if refusal is None:
        return []
    return [f"{'else ' if controller in capability.how else ''}**refused**: {refusal.instead}"]
