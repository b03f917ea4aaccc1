"""Public hosts in Traefik's words."""

import re
from functools import cache
from typing import Any

import pytest

from components.ingress_description import RateLimit, Rules, SecurityHeaders, Tls
from components.ingress_objects import Piece
from components.ingress_traefik import render_traefik
from tests.ingresses import CSP, T3
from tests.pieces import ANSIBLE_BUILDER, cluster, described, one


@cache
def twinme() -> list[Piece]:
    return render_traefik(described(rules=Rules(**T3)), cluster("traefik"))


def rendered(*paths: tuple[str, str | None], **rules: Any) -> list[Piece]:
    return render_traefik(described(*paths, rules=Rules(**rules)), cluster("traefik"))


def middlewares(pieces: list[Piece]) -> list[str]:
    (route, *_) = one(pieces, "IngressRoute", "public-api")["spec"]["routes"]
    return [found["name"] for found in route["middlewares"]]


def test_a_host_is_served_over_tls_with_its_own_certificate() -> None:
    route = one(twinme(), "IngressRoute", "public-api")
    assert route["spec"]["entryPoints"] == ["websecure"]
    assert route["metadata"]["annotations"] == {"kubernetes.io/ingress.class": "traefik"}
    assert route["spec"]["tls"] == {
        "secretName": "public-api-tls",
        "options": {"name": "public-api", "namespace": "twinme-dev"},
    }
    certificate = one(twinme(), "Certificate", "public-api")["spec"]
    assert certificate["secretName"] == "public-api-tls"
    assert certificate["dnsNames"] == ["api-dev.twinme.ai"]
    assert certificate["issuerRef"]["name"] == "letsencrypt-prod"


def test_only_the_versions_that_are_named_are_spoken() -> None:
    assert one(twinme(), "TLSOption", "public-api")["spec"] == {
        "minVersion": "VersionTLS12",
        "maxVersion": "VersionTLS13",
    }
    newest = rendered(tls=Tls(versions=("1.3",)))
    assert one(newest, "TLSOption", "public-api")["spec"]["minVersion"] == "VersionTLS13"
    oldest = rendered(tls=Tls(versions=("1.2",)))
    assert one(oldest, "TLSOption", "public-api")["spec"]["maxVersion"] == "VersionTLS12"


def test_versions_left_to_the_controller_are_not_mentioned() -> None:
    pieces = rendered(tls=Tls(versions=None))
    assert [piece for piece in pieces if piece.object["kind"] == "TLSOption"] == []
    assert "options" not in one(pieces, "IngressRoute", "public-api")["spec"]["tls"]


def test_t3_is_expressed_whole() -> None:
    assert middlewares(twinme()) == [
        "public-api-headers",
        "public-api-rate-limit-0",
        "public-api-rate-limit-1",
        "public-api-compress",
    ]
    assert one(twinme(), "Middleware", "public-api-rate-limit-0")["spec"] == {
        "rateLimit": {"average": 100, "burst": 100, "period": "60s"}
    }
    assert one(twinme(), "Middleware", "public-api-rate-limit-1")["spec"] == {
        "rateLimit": {"average": 10, "burst": 20, "period": "1s"}
    }
    assert one(twinme(), "Middleware", "public-api-headers")["spec"]["headers"]["customResponseHeaders"] == {
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "Content-Security-Policy": CSP,
    }
    assert one(twinme(), "Middleware", "public-api-compress")["spec"]["compress"]["encodings"] == ["gzip"]
    assert one(twinme(), "ServersTransport", "public-api")["spec"]["forwardingTimeouts"] == {
        "dialTimeout": "60s",
        "responseHeaderTimeout": "60s",
    }


def test_http_is_answered_by_a_permanent_redirect() -> None:
    route = one(twinme(), "IngressRoute", "public-api-http")
    assert route["spec"]["entryPoints"] == ["web"]
    assert "tls" not in route["spec"]
    assert route["spec"]["routes"][0]["middlewares"] == [{"name": "public-api-to-https"}]
    redirect = one(twinme(), "Middleware", "public-api-to-https")["spec"]
    assert redirect == {"redirectScheme": {"permanent": True, "scheme": "https"}}


def test_without_a_redirect_http_is_not_answered() -> None:
    assert [piece.name for piece in rendered(redirect=False) if "http" in piece.name] == []


def test_a_path_matches_whole_words_and_longer_ones_come_first() -> None:
    pieces = render_traefik(described(*ANSIBLE_BUILDER), cluster("traefik"))
    routes = one(pieces, "IngressRoute", "public-api")["spec"]["routes"]
    rules = [route["match"] for route in routes]
    host = "Host(`api-dev.twinme.ai`)"
    assert rules == [
        f"{host} && (Path(`/ansible-builder/docs`) || PathPrefix(`/ansible-builder/docs/`))",
        f"{host} && (Path(`/ansible-builder/api`) || PathPrefix(`/ansible-builder/api/`))",
        f"{host} && (Path(`/ansible-builder`) || PathPrefix(`/ansible-builder/`))",
    ]
    assert [len(rule) for rule in rules] == sorted((len(rule) for rule in rules), reverse=True)


@pytest.mark.parametrize(
    ("path", "rewrite", "asked", "seen"),
    [
        ("/ansible-builder", "/", "/ansible-builder", "/"),
        ("/ansible-builder", "/", "/ansible-builder/", "/"),
        ("/ansible-builder", "/", "/ansible-builder/assets/a.js", "/assets/a.js"),
        ("/ansible-builder/api", "/api", "/ansible-builder/api", "/api"),
        ("/ansible-builder/api", "/api", "/ansible-builder/api/health", "/api/health"),
        ("/v1.2", "/v1", "/v1.2/x", "/v1/x"),
        ("/", "/app", "/", "/app/"),
        ("/", "/app", "/x", "/app/x"),
    ],
)
def test_a_path_is_rewritten(path: str, rewrite: str, asked: str, seen: str) -> None:
    pieces = rendered((path, rewrite))
    (found,) = [piece for piece in pieces if "-rewrite-" in piece.name]
    replace = found.object["spec"]["replacePathRegex"]
    assert re.sub(replace["regex"], replace["replacement"].replace("$1", r"\g<1>"), asked) == seen
    assert middlewares(pieces)[-1] == found.name


def test_a_rewrite_to_itself_is_none() -> None:
    assert [piece for piece in rendered(("/api", "/api")) if "rewrite" in piece.name] == []


def test_the_name_of_a_rewrite_does_not_depend_on_other_paths() -> None:
    def name(*paths: tuple[str, str | None]) -> list[str]:
        return [piece.name for piece in rendered(*paths) if "rewrite" in piece.name]

    assert set(name(("/api", "/"))) < set(name(("/a", "/"), ("/api", "/"), ("/z", "/")))


def test_a_body_limit_is_in_bytes_and_networks_are_as_given() -> None:
    pieces = rendered(body="20Mi", allow=("203.0.113.0/24", "2001:db8::/32"))
    assert one(pieces, "Middleware", "public-api-body")["spec"]["buffering"]["maxRequestBodyBytes"] == 20 * 2**20
    assert one(pieces, "Middleware", "public-api-allow")["spec"] == {
        "ipAllowList": {"sourceRange": ["203.0.113.0/24", "2001:db8::/32"]}
    }


def test_headers_are_outermost_so_that_refusals_bear_them() -> None:
    everything = rendered(
        allow=("::/0",), rate_limits=(RateLimit(average=1),), body="1Mi", compression=True, timeouts=None
    )
    assert [name.removeprefix("public-api-") for name in middlewares(everything)] == [
        "headers",
        "allow",
        "rate-limit-0",
        "body",
        "compress",
    ]


def test_nothing_asked_for_is_nothing_made() -> None:
    plain = rendered(
        headers=SecurityHeaders(frame=None, nosniff=False, hsts=None),
        tls=Tls(versions=None),
        redirect=False,
        timeouts=None,
    )
    assert [piece.key for piece in plain] == ["Certificate/public-api", "IngressRoute/public-api"]
    assert "middlewares" not in one(plain, "IngressRoute", "public-api")["spec"]["routes"][0]


def test_a_route_comes_after_all_that_it_names() -> None:
    route = next(piece for piece in twinme() if piece.key == "IngressRoute/public-api")
    named = {f"Middleware/{name}" for name in middlewares(twinme())}
    assert named | {"TLSOption/public-api", "ServersTransport/public-api", "Certificate/public-api"} == {
        piece.key for piece in route.after
    }
    assert route.serves == (("twinme-dev", "api"),)
