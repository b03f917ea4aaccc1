"""Public hosts in Traefik's words: IngressRoute, with Middleware, TLSOption and ServersTransport beside it.

Everything of a host is in the namespace of its applications, so Traefik needs no leave to look across
namespaces. Paths match whole words: `/docs` is not `/docsets`; of several rules Traefik takes the longest.
"""

import hashlib
import re
from collections.abc import Iterator

from components.ingress_description import TLS_VERSIONS, Description, Host, Path
from components.ingress_objects import (
    HTTP,
    Piece,
    object_name,
    render,
    render_certificate,
    secret_name,
    services_of,
)
from components.manifest import Object
from components.platform import Kubernetes
from components.validation import quantity, seconds

_API = "traefik.io/v1alpha1"


def render_traefik(description: Description, cluster: Kubernetes) -> list[Piece]:
    """All objects of all hosts, in the order in which they are made."""
    return [piece for host in description.hosts for piece in _host(description, host, cluster)]


def _host(description: Description, host: Host, cluster: Kubernetes) -> Iterator[Piece]:
    rules = description.rules
    always = [_middleware(description, host, *found) for found in _middlewares(description, host)]
    rewrites = {
        path: _middleware(description, host, f"rewrite-{_word(path)}", {"replacePathRegex": _replacement(path)})
        for path in host.paths
        if path.rewrite is not None and path.target != path.base
    }
    certificate = render_certificate(description, host, cluster.cluster_issuer, host.home)
    options = _tls_options(description, host) if rules.tls.versions else None
    transport = _transport(description, host, rules.timeouts) if rules.timeouts else None
    needed = [*always, *rewrites.values(), certificate, *(piece for piece in (options, transport) if piece)]
    yield from needed
    routes: list[Object] = []
    for path in host.paths:
        service: Object = {"kind": "Service", "name": path.service, "port": HTTP}
        if transport:
            service["serversTransport"] = transport.name
        route: Object = {"kind": "Rule", "match": _match(host, path), "services": [service]}
        if middlewares := [*always, *([rewrites[path]] if path in rewrites else [])]:
            route["middlewares"] = [{"name": piece.name} for piece in middlewares]
        routes.append(route)
    tls: Object = {"secretName": secret_name(description, host)}
    if options:
        tls["options"] = {"name": options.name, "namespace": host.home}
    yield Piece(
        object=_route(description, host, cluster, object_name(description, host), "websecure", routes, tls),
        after=tuple(needed),
        serves=services_of(host),
    )
    if rules.redirect:
        yield from _redirect(description, host, cluster)


def _redirect(description: Description, host: Host, cluster: Kubernetes) -> Iterator[Piece]:
    """The answer to http: 301 for what is read, 308 for what is sent."""
    spec = {"redirectScheme": {"permanent": True, "scheme": "https"}}
    middleware = _middleware(description, host, "to-https", spec)
    yield middleware
    route: Object = {
        "kind": "Rule",
        "match": f"Host(`{host.name}`)",
        "middlewares": [{"name": middleware.name}],
        # Traefik wants a service even where none is ever reached.
        "services": [{"kind": "Service", "name": host.paths[0].service, "port": HTTP}],
    }
    name = object_name(description, host, "http")
    yield Piece(
        object=_route(description, host, cluster, name, "web", [route], None),
        after=(middleware,),
    )


def _route(
    description: Description,
    host: Host,
    cluster: Kubernetes,
    name: str,
    entry_point: str,
    routes: list[Object],
    tls: Object | None,
) -> Object:
    spec: Object = {"entryPoints": [entry_point], "routes": routes}
    if tls:
        spec["tls"] = tls
    made = render(description, _API, "IngressRoute", name, host.home, spec)
    # The only word for it up to Traefik 3.6; later ones know spec.ingressClassName as well.
    made["metadata"]["annotations"] = {"kubernetes.io/ingress.class": cluster.ingress_class}
    return made


def _match(host: Host, path: Path) -> str:
    rule = f"Host(`{host.name}`)"
    return f"{rule} && (Path(`{path.base}`) || PathPrefix(`{path.base}/`))" if path.base else rule


def _word(path: Path) -> str:
    """A path as a word for names: the same whatever other paths there are."""
    return hashlib.sha256(path.path.encode()).hexdigest()[:8]


def _replacement(path: Path) -> Object:
    """What has matched begins with `base`, and a slash follows or nothing."""
    base = re.escape(path.base)
    if path.target and path.base:
        return {"regex": f"^{base}(.*)$", "replacement": f"{path.target}$1"}
    return {"regex": f"^{base}/?(.*)$", "replacement": f"{path.target}/$1"}


def _middlewares(description: Description, host: Host) -> Iterator[tuple[str, Object]]:
    """The middlewares of all paths, the outermost first, so that a refusal bears the headers too."""
    rules = description.rules
    if headers := rules.headers.of(host):
        yield "headers", {"headers": {"customResponseHeaders": headers}}
    if rules.allow:
        yield "allow", {"ipAllowList": {"sourceRange": list(rules.allow)}}
    for index, limit in enumerate(rules.rate_limits):
        rate = {"average": limit.average, "burst": limit.at_once, "period": f"{seconds(limit.period)}s"}
        yield f"rate-limit-{index}", {"rateLimit": rate}
    if rules.body:
        yield "body", {"buffering": {"maxRequestBodyBytes": int(quantity(rules.body))}}
    if rules.compression:
        yield "compress", {"compress": {"encodings": ["gzip"], "minResponseBodyBytes": 1024}}


def _middleware(description: Description, host: Host, word: str, spec: Object) -> Piece:
    name = object_name(description, host, word)
    return Piece(object=render(description, _API, "Middleware", name, host.home, spec))


def _tls_options(description: Description, host: Host) -> Piece:
    spoken = sorted(description.rules.tls.versions or TLS_VERSIONS)
    spec = {"minVersion": _version(spoken[0]), "maxVersion": _version(spoken[-1])}
    return Piece(object=render(description, _API, "TLSOption", object_name(description, host), host.home, spec))


def _version(version: str) -> str:
    return f"VersionTLS{version.replace('.', '')}"


def _transport(description: Description, host: Host, timeouts: str) -> Piece:
    longest = f"{seconds(timeouts)}s"
    spec = {"forwardingTimeouts": {"dialTimeout": longest, "responseHeaderTimeout": longest}}
    return Piece(
        object=render(description, _API, "ServersTransport", object_name(description, host), host.home, spec)
    )
