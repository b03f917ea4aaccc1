"""NetworkPolicies: the openings in a closed namespace, each made from one declared link."""

from collections.abc import Sequence
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


def selector(app: str) -> dict[str, str]:
    """The label by which an application's pods are known within their namespace."""
    return {"app.kubernetes.io/name": app}


def instance(name: str) -> dict[str, str]:
    """The label by which some of an application's pods are known, apart from its others."""
    return {"app.kubernetes.io/instance": name}


def to_addresses(network: str, port: int, without: Sequence[str] = ()) -> Object:
    """A way out to addresses beyond the cluster, in CIDR notation, but for those networks within them."""
    block: Object = {"cidr": network, **({"except": list(without)} if without else {})}
    return {"to": [{"ipBlock": block}], "ports": [_tcp(port)]}


def to_application(namespace: str, app: str, port: int) -> Object:
    """A way out to another application's pods."""
    return {"to": [_pods(namespace, app)], "ports": [_tcp(port)]}


def render_egress(environment: Environment, namespace: str, app: str, rules: list[Object]) -> Object:
    """All ways out of one application: names to look up, and what it declared that it reaches."""
    spec = {"podSelector": _app(app), "policyTypes": ["Egress"], "egress": [_DNS, *rules]}
    return manifest(environment, _API, "NetworkPolicy", f"{app}-egress", namespace=namespace, spec=spec)


def render_ingress_from(
    environment: Environment,
    namespace: str,
    app: str,
    port: int,
    *,
    source: str,
    source_namespace: str,
    caller: str = "",
) -> Object:
    """The way into one application for another one, which the policy's name calls `caller`, or as it is called."""
    peer = _pods(source_namespace, source)
    return _ingress(environment, namespace, app, port, f"{app}-from-{caller or source}", peer)


def render_ingress_from_controller(
    environment: Environment, namespace: str, app: str, port: int, controller_namespace: str
) -> Object:
    """The way into one application for the ingress controller."""
    return _ingress(environment, namespace, app, port, f"{app}-from-controller", _all_of(controller_namespace))


def render_ingress_from_monitoring(
    environment: Environment, namespace: str, app: str, port: int, monitoring_namespace: str
) -> Object:
    """The way to one application's metrics for Prometheus."""
    return _ingress(environment, namespace, app, port, f"{app}-metrics", _all_of(monitoring_namespace))


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
    return {"matchLabels": selector(app)}


def _pods(namespace: str, app: str) -> Object:
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "podSelector": _app(app),
    }


def _all_of(namespace: str) -> Object:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}


def _tcp(port: int) -> Object:
    return {"protocol": "TCP", "port": port}
