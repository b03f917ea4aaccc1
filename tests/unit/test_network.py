"""Openings in closed namespaces."""

from components.network import (
    render_egress,
    render_ingress_from,
    render_ingress_from_controller,
    render_ingress_from_monitoring,
    selector,
    to_addresses,
    to_application,
)
from tests.making import environment

DNS_PORTS = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]


def test_without_a_link_an_application_may_look_up_names_and_nothing_else() -> None:
    (rule,) = render_egress(environment(), "keybuzz-api-dev", "api", [])["spec"]["egress"]
    assert rule["ports"] == DNS_PORTS
    assert rule["to"][0]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "kube-system"}
    assert rule["to"][0]["podSelector"]["matchLabels"] == {"k8s-app": "kube-dns"}


def test_a_way_out_is_one_port_of_one_place() -> None:
    assert to_addresses("10.0.0.10/32", 5432) == {
        "to": [{"ipBlock": {"cidr": "10.0.0.10/32"}}],
        "ports": [{"protocol": "TCP", "port": 5432}],
    }
    (peer,) = to_application("keybuzz-api-dev", "api", 3001)["to"]
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "keybuzz-api-dev"}
    assert peer["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "api"}


def test_a_way_in_is_for_the_declared_pods_of_the_declared_namespace_alone() -> None:
    made = render_ingress_from(
        environment(), "keybuzz-api-dev", "api", 3001, source="client", source_namespace="keybuzz-client-dev"
    )
    assert made["metadata"]["name"] == "api-from-client"
    assert made["spec"]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "api"}
    assert made["spec"]["policyTypes"] == ["Ingress"]
    (rule,) = made["spec"]["ingress"]
    (peer,) = rule["from"]
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "keybuzz-client-dev"}
    assert peer["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "client"}
    assert rule["ports"] == [{"protocol": "TCP", "port": 3001}]


def test_the_controller_comes_in_from_its_own_namespace() -> None:
    made = render_ingress_from_controller(environment(), "keybuzz-api-dev", "api", 3001, "traefik")
    (peer,) = made["spec"]["ingress"][0]["from"]
    assert peer == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "traefik"}}}


def test_prometheus_comes_in_from_its_own_namespace_to_one_port() -> None:
    made = render_ingress_from_monitoring(environment(), "keybuzz-api-dev", "api", 9090, "monitoring")
    (rule,) = made["spec"]["ingress"]
    assert made["metadata"]["name"] == "api-metrics"
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    assert rule["ports"] == [{"protocol": "TCP", "port": 9090}]


def test_networks_within_a_network_can_stay_closed() -> None:
    assert to_addresses("0.0.0.0/0", 443, ["10.0.0.0/8"])["to"] == [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}
    ]


def test_a_policy_calls_the_other_application_as_it_is_told() -> None:
    made = render_ingress_from(
        environment(), "keybuzz-api-dev", "api", 80, source="jobs", source_namespace="x", caller="client.jobs"
    )
    assert made["metadata"]["name"] == "api-from-client.jobs"
    assert made["spec"]["ingress"][0]["from"][0]["podSelector"] == {"matchLabels": selector("jobs")}
