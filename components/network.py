"""NetworkPolicies: the openings in a closed namespace, each made from one declared link."""

from typing import Any

from components.environment import Environment
from components.manifest import Object, manifest

_API = "networking.k8s.io/v1"
_DNS: Object = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}


def to_addresses(network: str, port: int) -> Object:
    """A way out to addresses beyond the cluster, in CIDR notation."""
    return {"to": [{"ipBlock": {"cidr": network}}], "ports": [_tcp(port)]}


def to_application(namespace: str, app: str, port: int) -> Object:
    """A way out to another application's pods."""
    return {"to": [_pods(namespace, app)], "ports": [_tcp(port)]}


def render_egress(environment: Environment, namespace: str, app: str, rules: list[Object]) -> Object:
    """All ways out of one application: names to look up, and what it declared that it reaches."""
    spec = {"podSelector": _app(app), "policyTypes": ["Egress"], "egress": [_DNS, *rules]}
    return manifest(environment, _API, "NetworkPolicy", f"{app}-egress", namespace=namespace, spec=spec)


def render_ingress_from(
    environment: Environment, namespace: str, app: str, port: int, *, source: str, source_namespace: str
) -> Object:
    """The way into one application for another one."""
    return _ingress(environment, namespace, app, port, f"{app}-from-{source}", _pods(source_namespace, source))


def render_ingress_from_controller(
    environment: Environment, namespace: str, app: str, port: int, controller_namespace: str
) -> Object:
    """The way into one application for the ingress controller."""
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": controller_namespace}}}
    return _ingress(environment, namespace, app, port, f"{app}-from-controller", peer)


def _ingress(
    environment: Environment, namespace: str, app: str, port: int, name: str, peer: dict[str, Any]
) -> Object:
    spec = {
        "podSelector": _app(app),
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [peer], "ports": [_tcp(port)]}],
    }
    return manifest(environment, _API, "NetworkPolicy", name, namespace=namespace, spec=spec)


def _app(app: str) -> Object:
    return {"matchLabels": {"app.kubernetes.io/name": app}}


def _pods(namespace: str, app: str) -> Object:
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "podSelector": _app(app),
    }


def _tcp(port: int) -> Object:
    return {"protocol": "TCP", "port": port}
