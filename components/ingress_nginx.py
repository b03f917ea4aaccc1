"""Public hosts in the words of F5's NGINX Ingress Controller: VirtualServer, with Policy beside it.

Not ingress-nginx, which was retired in March 2026. NGINX's prefixes match letters (`/docs` would take
`/docsets`), so each path is two routes: itself, and what is below it.
"""

from collections.abc import Iterator

from components.ingress_capabilities import nginx_rate
from components.ingress_description import Description, Host, Path
from components.ingress_objects import (
    HTTP_PORT,
    Piece,
    object_name,
    render,
    render_certificate,
    secret_name,
    services_of,
)
from components.manifest import Object
from components.platform import Kubernetes
from components.validation import seconds

_API = "k8s.nginx.org/v1"
_SIZES = {"Ki": "k", "Mi": "m", "Gi": "g"}
_TOO_MANY_REQUESTS = 429
_CLIENTS = "10m"
"""Memory for the counts of 160,000 addresses."""


def render_nginx(description: Description, cluster: Kubernetes) -> list[Piece]:
    """All objects of all hosts, in the order in which they are made."""
    return [piece for host in description.hosts for piece in _host(description, host, cluster)]


def _host(description: Description, host: Host, cluster: Kubernetes) -> Iterator[Piece]:
    policies = [_policy(description, host, *found) for found in _policies(description)]
    certificate = render_certificate(description, host, cluster.cluster_issuer, host.home)
    needed = [*policies, certificate]
    yield from needed
    tls: Object = {
        "secret": secret_name(description, host),
        "redirect": {"enable": True, "code": 301, "basedOn": "scheme"},
    }
    spec: Object = {
        "ingressClassName": cluster.ingress_class,
        "host": host.name,
        "tls": tls,
        "upstreams": [_upstream(description, host, *service) for service in services_of(host)],
        "routes": [route for path in host.paths for route in _routes(description, host, path)],
    }
    if policies:
        spec["policies"] = [{"name": piece.name} for piece in policies]
    yield Piece(
        object=render(description, _API, "VirtualServer", object_name(description, host), host.home, spec),
        after=tuple(needed),
        serves=services_of(host),
    )


def _upstream(description: Description, host: Host, namespace: str, service: str) -> Object:
    rules = description.rules
    upstream: Object = {
        "name": _upstream_name(host, namespace, service),
        "service": service if namespace == host.home else f"{namespace}/{service}",
        "port": HTTP_PORT,
    }
    if rules.timeouts:
        longest = f"{seconds(rules.timeouts)}s"
        upstream |= {"connect-timeout": longest, "read-timeout": longest, "send-timeout": longest}
    if rules.body:
        upstream["client-max-body-size"] = _size(rules.body)
    return upstream


def _upstream_name(host: Host, namespace: str, service: str) -> str:
    return service if namespace == host.home else f"{service}-{host.namespaces.index(namespace)}"


def _size(text: str) -> str:
    """A size in NGINX's words: 20Mi is 20m there."""
    number, unit = int(text[:-2]), text[-2:]
    return f"{number}{_SIZES[unit]}" if unit in _SIZES else f"{number * 1024}g"


def _routes(description: Description, host: Host, path: Path) -> Iterator[Object]:
    if not path.base:
        yield _location(description, host, path, "/", f"{path.target}/")
        return
    yield _location(description, host, path, f"={path.base}", path.target or "/")
    yield _location(description, host, path, f"{path.base}/", f"{path.target}/")


def _location(description: Description, host: Host, path: Path, location: str, becomes: str) -> Object:
    proxy: Object = {"upstream": _upstream_name(host, path.namespace, path.service)}
    if path.target != path.base:
        proxy["rewritePath"] = becomes
    if headers := description.rules.headers.of(host):
        added = [{"name": name, "value": value, "always": True} for name, value in headers.items()]
        proxy["responseHeaders"] = {"hide": list(headers), "add": added}
    return {"path": location, "action": {"proxy": proxy}}


def _policies(description: Description) -> Iterator[tuple[str, Object]]:
    rules = description.rules
    if rules.allow:
        yield "allow", {"accessControl": {"allow": list(rules.allow)}}
    for index, limit in enumerate(rules.rate_limits):
        rate: Object = {
            "rate": nginx_rate(limit),
            "key": "${binary_remote_addr}",
            "zoneSize": _CLIENTS,
            "noDelay": True,
            "rejectCode": _TOO_MANY_REQUESTS,
        }
        if limit.at_once > 1:
            rate["burst"] = limit.at_once - 1  # NGINX counts those that come on top of the first
        yield f"rate-limit-{index}", {"rateLimit": rate}


def _policy(description: Description, host: Host, word: str, spec: Object) -> Piece:
    name = object_name(description, host, word)
    return Piece(object=render(description, _API, "Policy", name, host.home, spec))
