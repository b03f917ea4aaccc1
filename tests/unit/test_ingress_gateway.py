"""Public hosts in the words of the Gateway API."""

from typing import Any

from components.ingress_description import Rules, SecurityHeaders, Tls
from components.ingress_gateway import render_gateway
from components.ingress_objects import Piece
from components.manifest import Object
from tests.pieces import ANSIBLE_BUILDER, cluster, described, one


def rendered(*paths: tuple[str, str | None], namespaces: tuple[str, ...] = (), **rules: Any) -> list[Piece]:
    asked = Rules(**{"tls": Tls(versions=None), **rules})
    return render_gateway(described(*paths, rules=asked, namespaces=namespaces), cluster("gateway"))


def rules_of(pieces: list[Piece], name: str = "public-api") -> list[Object]:
    return one(pieces, "HTTPRoute", name)["spec"]["rules"]


def test_a_gateway_takes_routes_from_this_environments_namespaces_alone() -> None:
    spec = one(rendered(), "Gateway", "public")["spec"]
    assert spec["gatewayClassName"] == "gateway"
    labels = {"bulkhead.dev/system": "twinme", "bulkhead.dev/environment": "dev"}
    for listener in spec["listeners"]:
        assert listener["allowedRoutes"] == {
            "namespaces": {"from": "Selector", "selector": {"matchLabels": labels}}
        }


def test_a_host_has_a_listener_with_its_certificate() -> None:
    http, https = one(rendered(), "Gateway", "public")["spec"]["listeners"]
    assert (http["name"], http["protocol"], http["port"]) == ("http", "HTTP", 80)
    assert (https["name"], https["hostname"], https["port"]) == ("https-api", "api-dev.twinme.ai", 443)
    assert https["tls"] == {
        "mode": "Terminate",
        "certificateRefs": [{"group": "", "kind": "Secret", "name": "public-api-tls"}],
    }
    certificate = one(rendered(), "Certificate", "public-api")
    assert certificate["metadata"]["namespace"] == one(rendered(), "Gateway", "public")["metadata"]["namespace"]


def test_http_is_answered_by_a_permanent_redirect_alone() -> None:
    route = one(rendered(), "HTTPRoute", "public-api-http")["spec"]
    assert route["parentRefs"][0]["sectionName"] == "http"
    assert route["hostnames"] == ["api-dev.twinme.ai"]
    (rule,) = route["rules"]
    assert rule["filters"] == [
        {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
    ]
    assert "backendRefs" not in rule


def test_without_a_redirect_there_is_no_listener_for_http() -> None:
    pieces = rendered(redirect=False)
    assert [found["name"] for found in one(pieces, "Gateway", "public")["spec"]["listeners"]] == ["https-api"]
    assert [piece.key for piece in pieces if "http" in piece.name] == []


def test_paths_are_rewritten_by_their_prefix() -> None:
    found = [
        (
            rule["matches"][0]["path"],
            [filter_["urlRewrite"]["path"] for filter_ in rule["filters"] if filter_["type"] == "URLRewrite"],
        )
        for rule in rules_of(rendered(*ANSIBLE_BUILDER))
    ]
    assert found == [
        (
            {"type": "PathPrefix", "value": f"/ansible-builder{suffix}"},
            [{"type": "ReplacePrefixMatch", "replacePrefixMatch": suffix or "/"}],
        )
        for suffix in ("/docs", "/api", "")
    ]


def test_headers_replace_the_applications_and_an_answer_has_its_time() -> None:
    (rule,) = rules_of(rendered(timeouts="5m"))
    assert rule["timeouts"] == {"backendRequest": "300s"}
    (headers,) = rule["filters"]
    assert headers["responseHeaderModifier"]["set"] == [
        {"name": "X-Frame-Options", "value": "DENY"},
        {"name": "X-Content-Type-Options", "value": "nosniff"},
        {"name": "Strict-Transport-Security", "value": "max-age=31536000; includeSubDomains"},
    ]


def test_nothing_refers_to_a_service_or_secret_of_another_namespace() -> None:
    pieces = rendered(("/", None), ("/a", None), namespaces=("twinme-dev", "twinme-web-dev"))
    routes = [piece.object for piece in pieces if piece.object["kind"] == "HTTPRoute"]
    assert [(route["metadata"]["name"], route["metadata"]["namespace"]) for route in routes] == [
        ("public-api", "twinme-web-dev"),
        ("public-api-1", "twinme-dev"),
        ("public-api-http", "twinme-dev"),
    ]
    backends = [
        backend for route in routes for rule in route["spec"]["rules"] for backend in rule.get("backendRefs", ())
    ]
    assert all("namespace" not in backend for backend in backends)
    assert {route["spec"]["parentRefs"][0]["namespace"] for route in routes} == {"twinme-dev"}
    serves = [piece.serves for piece in pieces if piece.object["kind"] == "HTTPRoute"]
    assert serves == [(("twinme-web-dev", "api"),), (("twinme-dev", "api"),), ()]


def test_nothing_asked_for_is_nothing_made() -> None:
    plain = rendered(headers=SecurityHeaders(frame=None, nosniff=False, hsts=None), redirect=False, timeouts=None)
    assert [piece.key for piece in plain] == ["Certificate/public-api", "Gateway/public", "HTTPRoute/public-api"]
    (rule,) = rules_of(plain)
    assert set(rule) == {"matches", "backendRefs"}


def test_routes_come_after_the_gateway_and_it_after_the_certificates() -> None:
    certificate, gateway, *routes = rendered()
    assert gateway.after == (certificate,)
    assert all(route.after == (gateway,) for route in routes)
