"""Public hosts in the words of the Gateway API: a Gateway, and an HTTPRoute for each host.

One Gateway an Ingress, in the namespace of the first host, takes routes from this environment's namespaces
alone. An HTTPRoute is where its Services are, and the certificates are where the Gateway is, so nothing
refers to another namespace's objects and no ReferenceGrant is needed.
"""

from collections.abc import Iterator

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

_GROUP = "gateway.networking.k8s.io"
_API = f"{_GROUP}/v1"
_HTTP = "http"
_OWNERS = ("bulkhead.dev/system", "bulkhead.dev/environment")


def render_gateway(description: Description, cluster: Kubernetes) -> list[Piece]:
    """All objects of all hosts, in the order in which they are made."""
    home = description.hosts[0].home
    certificates = [
        render_certificate(description, host, cluster.cluster_issuer, home) for host in description.hosts
    ]
    spec = {"gatewayClassName": cluster.ingress_class, "listeners": list(_listeners(description))}
    gateway = Piece(
        object=render(description, _API, "Gateway", description.name, home, spec), after=tuple(certificates)
    )
    routes = [piece for host in description.hosts for piece in _routes(description, host, gateway)]
    return [*certificates, gateway, *routes]


def _listeners(description: Description) -> Iterator[Object]:
    labels = description.environment.labels
    allowed = {"from": "Selector", "selector": {"matchLabels": {owner: labels[owner] for owner in _OWNERS}}}
    routes = {"namespaces": allowed}
    if description.rules.redirect:
        yield {"name": _HTTP, "protocol": "HTTP", "port": 80, "allowedRoutes": routes}
    for host in description.hosts:
        certificate = {"group": "", "kind": "Secret", "name": secret_name(description, host)}
        yield {
            "name": _listener(host),
            "hostname": host.name,
            "protocol": "HTTPS",
            "port": 443,
            "tls": {"mode": "Terminate", "certificateRefs": [certificate]},
            "allowedRoutes": routes,
        }


def _listener(host: Host) -> str:
    return f"https-{host.key}"


def _routes(description: Description, host: Host, gateway: Piece) -> Iterator[Piece]:
    for index, namespace in enumerate(host.namespaces):
        name = object_name(description, host, *([str(index)] if index else []))
        rules = [_rule(description, host, path) for path in host.paths if path.namespace == namespace]
        yield _route(description, host, gateway, name, namespace, _listener(host), rules)
    if description.rules.redirect:
        redirect = {"scheme": "https", "statusCode": 301}
        rule = {
            "matches": [_match("/")],
            "filters": [{"type": "RequestRedirect", "requestRedirect": redirect}],
        }
        name = object_name(description, host, _HTTP)
        yield _route(description, host, gateway, name, host.home, _HTTP, [rule])


def _route(
    description: Description,
    host: Host,
    gateway: Piece,
    name: str,
    namespace: str,
    listener: str,
    rules: list[Object],
) -> Piece:
    parent = {
        "group": _GROUP,
        "kind": "Gateway",
        "name": gateway.name,
        "namespace": gateway.namespace,
        "sectionName": listener,
    }
    spec = {"parentRefs": [parent], "hostnames": [host.name], "rules": rules}
    return Piece(
        object=render(description, _API, "HTTPRoute", name, namespace, spec),
        after=(gateway,),
        serves=services_of(host, namespace) if listener != _HTTP else (),
    )


def _rule(description: Description, host: Host, path: Path) -> Object:
    filters: list[Object] = []
    if headers := description.rules.headers.of(host):
        listed = [{"name": name, "value": value} for name, value in headers.items()]
        filters.append({"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": listed}})
    if path.target != path.base:
        prefix = {"type": "ReplacePrefixMatch", "replacePrefixMatch": path.target or "/"}
        filters.append({"type": "URLRewrite", "urlRewrite": {"path": prefix}})
    backend = {"group": "", "kind": "Service", "name": path.service, "port": HTTP_PORT, "weight": 1}
    rule: Object = {"matches": [_match(path.path)], "backendRefs": [backend]}
    if filters:
        rule["filters"] = filters
    if description.rules.timeouts:
        rule["timeouts"] = {"backendRequest": f"{seconds(description.rules.timeouts)}s"}
    return rule


def _match(path: str) -> Object:
    return {"path": {"type": "PathPrefix", "value": path}}
