"""Public hosts in the words of F5's NGINX Ingress Controller."""

import re
from typing import Any

import pytest

from components.ingress_description import RateLimit, Rules, SecurityHeaders
from components.ingress_nginx import render_nginx
from components.ingress_objects import Piece
from components.manifest import Object
from tests.ingresses import CSP, T3
from tests.pieces import ANSIBLE_BUILDER, cluster, described, one


def rendered(*paths: tuple[str, str | None], namespaces: tuple[str, ...] = (), **rules: Any) -> list[Piece]:
    return render_nginx(described(*paths, rules=Rules(**rules), namespaces=namespaces), cluster("nginx"))


def server(*paths: tuple[str, str | None], **more: Any) -> Object:
    return one(rendered(*paths, **more), "VirtualServer", "public-api")["spec"]


def proxied(spec: Object) -> list[tuple[str, str | None]]:
    return [(route["path"], route["action"]["proxy"].get("rewritePath")) for route in spec["routes"]]


def test_a_host_is_served_over_tls_and_http_is_redirected() -> None:
    spec = server()
    assert (spec["host"], spec["ingressClassName"]) == ("api-dev.twinme.ai", "nginx")
    assert spec["tls"] == {
        "secret": "public-api-tls",
        "redirect": {"enable": True, "code": 301, "basedOn": "scheme"},
    }
    assert one(rendered(), "Certificate", "public-api")["spec"]["secretName"] == "public-api-tls"


def test_t3_is_expressed_but_for_compression() -> None:
    pieces = rendered(**{**T3, "compression": False})
    spec = one(pieces, "VirtualServer", "public-api")["spec"]
    assert spec["policies"] == [{"name": "public-api-rate-limit-0"}, {"name": "public-api-rate-limit-1"}]
    limits = [one(pieces, "Policy", name["name"])["spec"]["rateLimit"] for name in spec["policies"]]
    assert [(limit["rate"], limit["burst"], limit["rejectCode"]) for limit in limits] == [
        ("100r/m", 99, 429),
        ("10r/s", 19, 429),
    ]
    assert {limit["key"] for limit in limits} == {"${binary_remote_addr}"}
    assert spec["upstreams"] == [
        {
            "name": "api",
            "service": "api",
            "port": 80,
            "connect-timeout": "60s",
            "read-timeout": "60s",
            "send-timeout": "60s",
        }
    ]
    headers = spec["routes"][0]["action"]["proxy"]["responseHeaders"]
    assert {added["name"]: added["value"] for added in headers["add"]} == {
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "Content-Security-Policy": CSP,
    }


def test_a_header_is_on_every_answer_and_replaces_the_applications() -> None:
    headers = server()["routes"][0]["action"]["proxy"]["responseHeaders"]
    assert all(added["always"] for added in headers["add"])
    assert headers["hide"] == [added["name"] for added in headers["add"]]


def test_a_path_is_two_routes_so_that_it_matches_whole_words() -> None:
    assert proxied(server(*ANSIBLE_BUILDER)) == [
        ("=/ansible-builder/docs", "/docs"),
        ("/ansible-builder/docs/", "/docs/"),
        ("=/ansible-builder/api", "/api"),
        ("/ansible-builder/api/", "/api/"),
        ("=/ansible-builder", "/"),
        ("/ansible-builder/", "/"),
    ]


@pytest.mark.parametrize(
    ("path", "rewrite", "expected"),
    [
        ("/", None, [("/", None)]),
        ("/", "/app", [("/", "/app/")]),
        ("/a", None, [("=/a", None), ("/a/", None)]),
        ("/a", "/a", [("=/a", None), ("/a/", None)]),
    ],
)
def test_a_path_becomes_what_it_is_rewritten_to(
    path: str, rewrite: str | None, expected: list[tuple[str, str | None]]
) -> None:
    assert proxied(server((path, rewrite))) == expected


@pytest.mark.parametrize(("body", "size"), [("512Ki", "512k"), ("20Mi", "20m"), ("1Gi", "1g"), ("2Ti", "2048g")])
def test_a_body_limit_is_in_nginxs_words(body: str, size: str) -> None:
    assert server(body=body)["upstreams"][0]["client-max-body-size"] == size
    assert re.fullmatch(r"\d+[kKmMgG]", size)


def test_a_service_in_another_namespace_is_named_with_it() -> None:
    spec = server(("/", None), ("/a", None), namespaces=("twinme-dev", "twinme-web-dev"))
    assert [(found["name"], found["service"]) for found in spec["upstreams"]] == [
        ("api-0", "twinme-web-dev/api"),
        ("api", "api"),
    ]
    assert [route["action"]["proxy"]["upstream"] for route in spec["routes"]] == ["api-0", "api-0", "api"]


def test_networks_are_a_policy_and_one_request_at_once_has_no_burst() -> None:
    pieces = rendered(allow=("203.0.113.0/24",), rate_limits=(RateLimit(average=1),))
    assert one(pieces, "Policy", "public-api-allow")["spec"] == {
        "accessControl": {"allow": ["203.0.113.0/24"]},
    }
    assert "burst" not in one(pieces, "Policy", "public-api-rate-limit-0")["spec"]["rateLimit"]


def test_nothing_asked_for_is_nothing_made() -> None:
    plain = rendered(headers=SecurityHeaders(frame=None, nosniff=False, hsts=None), timeouts=None)
    assert [piece.key for piece in plain] == ["Certificate/public-api", "VirtualServer/public-api"]
    spec = one(plain, "VirtualServer", "public-api")["spec"]
    assert spec["upstreams"] == [{"name": "api", "service": "api", "port": 80}]
    assert spec["routes"] == [{"path": "/", "action": {"proxy": {"upstream": "api"}}}]
    assert "policies" not in spec


def test_a_server_comes_after_all_that_it_names() -> None:
    pieces = rendered(**{**T3, "compression": False})
    last = pieces[-1]
    assert last.key == "VirtualServer/public-api"
    assert list(last.after) == pieces[:-1]
    assert last.serves == (("twinme-dev", "api"),)
