"""One neutral description: what can be said, and what is refused before anything is registered."""

from typing import Any

import pytest

from components import InputError
from components.ingress_description import (
    MOST_PATHS,
    SHARED_HOST,
    Host,
    Path,
    RateLimit,
    Rules,
    SecurityHeaders,
    Tls,
    hosts_of,
)
from tests.making import environment


def path(at: str = "/", rewrite: str | None = None) -> Path:
    return Path(path=at, rewrite=rewrite, service="api", namespace="keybuzz-api-dev")


def host(key: str = "api") -> Host:
    return Host(key=key, name="api-dev.keybuzz.io", home="keybuzz-api-dev", paths=(path(),))


def test_what_nobody_asked_for_is_secure() -> None:
    rules = Rules()
    assert rules.tls.versions == ("1.2", "1.3")
    assert rules.redirect
    assert rules.headers.of(host()) == {
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    }


def test_every_header_can_be_changed_or_left_out() -> None:
    headers = SecurityHeaders(
        frame=None,
        nosniff=False,
        hsts="730d",
        hsts_subdomains=True,
        hsts_preload=True,
        csp="default-src 'self'",
        more={"Referrer-Policy": "same-origin"},
    )
    assert headers.of(host()) == {
        "Strict-Transport-Security": "max-age=63072000; includeSubDomains; preload",
        "Content-Security-Policy": "default-src 'self'",
        "Referrer-Policy": "same-origin",
    }
    assert SecurityHeaders(frame=None, nosniff=False, hsts=None).of(host()) == {}


def test_other_hosts_below_a_shared_domain_are_not_told_to_use_https() -> None:
    shared = SecurityHeaders().of(host(SHARED_HOST))
    assert shared["Strict-Transport-Security"] == "max-age=31536000"
    asked = SecurityHeaders(hsts_subdomains=True).of(host(SHARED_HOST))
    assert asked["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_a_whole_period_may_come_at_once_unless_a_burst_is_given() -> None:
    assert RateLimit(average=100, period="1m").at_once == 100
    assert RateLimit(average=10, burst=20).at_once == 20


@pytest.mark.parametrize(
    "versions", [(), ("1.1",), ("1.0", "1.2"), ("1.2", "1.2"), ("1.4",), ("TLSv1.2",), (1.2,), "1.2"]
)
def test_a_tls_version_that_is_old_or_unknown_is_refused(versions: Any) -> None:
    with pytest.raises(InputError, match=r"tls\.versions is .*; (use some of 1\.2, 1\.3|name each version once)"):
        Tls(versions=versions)


@pytest.mark.parametrize(
    "given",
    [
        {"average": 0},
        {"average": -1},
        {"average": 1.5},
        {"average": "10"},
        {"average": True},
        {"average": 10**9},
        {"average": 10, "period": "0s"},
        {"average": 10, "period": "1 fortnight"},
        {"average": 10, "period": "2d"},
        {"average": 10, "period": 60},
        {"average": 10, "burst": 0},
    ],
)
def test_a_rate_that_is_none_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"rate_limits: (average|period|burst) is .*; use a"):
        RateLimit(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"frame": "ALLOWALL"}, r"headers\.frame is 'ALLOWALL'; use DENY, SAMEORIGIN or None"),
        ({"hsts": "0s"}, r"headers\.hsts is '0s'; use a time"),
        ({"hsts": "99999d"}, r"headers\.hsts is '99999d'; use a time"),
        ({"hsts": None, "hsts_subdomains": True}, r"headers\.hsts is None"),
        ({"hsts_preload": True}, r"headers\.hsts_preload needs hsts_subdomains=True"),
        ({"hsts_preload": True, "hsts_subdomains": True, "hsts": "30d"}, r"headers\.hsts_preload needs"),
        ({"csp": "default-src 'self'\r\nX-Evil: 1"}, "the value of Content-Security-Policy must be one line"),
        ({"more": {"X-A": "b\nc"}}, "the value of X-A must be one line of ASCII"),
        ({"more": {"X-A": "b\x00"}}, "the value of X-A must be one line"),
        ({"more": {"X-A": "é"}}, "the value of X-A must be one line"),
        ({"more": {"X-A": ""}}, "the value of X-A must be one line"),
        ({"more": {"X-A": 1}}, "the value of X-A must be one line"),
        ({"more": {"X-A": "b" * 4097}}, "at most 4096 long"),
        ({"more": {"X-A: b\r\nX-B": "c"}}, "headers has 'X-A: b"),
        ({"more": {"": "c"}}, "headers has ''"),
        ({"more": {"Content-Length": "0"}}, "headers has 'Content-Length'; use letters"),
        ({"more": {"x-frame-options": "DENY"}}, r"headers\.more has 'x-frame-options'; use headers\.frame"),
        ({"more": {"X-A": "1", "x-a": "2"}}, "headers.more names one header twice: X-A, x-a"),
    ],
)
def test_a_header_that_contradicts_or_breaks_out_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SecurityHeaders(**given)


def test_a_header_that_is_refused_does_not_show_its_value() -> None:
    with pytest.raises(InputError) as refused:
        SecurityHeaders(more={"X-Key": "hunter2\r\n"})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tls": None}, r"tls is None; use Tls\(\.\.\.\), because hosts are served over TLS alone"),
        ({"redirect": "yes"}, "redirect is 'yes'; use True or False"),
        ({"compression": 1}, "compression is 1; use True or False"),
        ({"timeouts": "0s"}, "timeouts is '0s'; use a time"),
        ({"timeouts": "2d"}, "timeouts is '2d'; use a time .* at most 86400 s"),
        ({"timeouts": 60}, "timeouts is 60; use a time"),
        ({"body": "1Mb"}, "body is '1Mb'; use bytes"),
        ({"body": "0Mi"}, "body is '0Mi'; use bytes"),
        ({"body": 1024}, "body is 1024; use bytes"),
        ({"allow": ("everybody",)}, "allow has 'everybody'; use networks"),
        ({"allow": ("10.0.0.1/8",)}, "allow has '10.0.0.1/8'; use networks"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Rules(**given)


@pytest.mark.parametrize(
    "good", ["/", "/api", "/ansible-builder/api", "/v1.2/~me/a_b", "/.well-known/security.txt"]
)
def test_paths_of_whole_words_are_taken(good: str) -> None:
    assert path(good, good).path == good


@pytest.mark.parametrize(
    "bad",
    [
        *("", "api", "/api/", "//api", "/../etc", "/api/..", "/./api", "/a/.", "/a b", "/a*", "/(a)", "/a`b"),
        *("/{id}", "/a?b", "/a#b", "/a%2e", "/a$1", "/a;b", "/é"),
    ],
)
def test_a_path_that_could_mean_something_else_is_refused(bad: Any) -> None:
    refuses_both(bad)


@pytest.mark.parametrize("bad", ["/a\r\nb", "/a\x00", "/a\n", 1, ("/a",)])
def test_a_path_that_is_no_line_of_text_is_refused(bad: Any) -> None:
    refuses_both(bad)


def refuses_both(bad: Any) -> None:
    with pytest.raises(InputError, match=r"rewrite is .*; use / or words such as /docs/v1"):
        path("/", bad)
    with pytest.raises(InputError, match=r"path is .*; use / or words such as /docs/v1"):
        path(bad)


def test_a_path_has_to_be_given() -> None:
    nothing: Any = None
    with pytest.raises(InputError, match=r"path is None; use / or words"):
        path(nothing)


def test_the_longest_path_comes_first_and_the_first_route_says_where_the_host_is_at_home() -> None:
    (only,) = hosts_of(environment(), {(None, at): path(at) for at in ("/", "/a/api", "/a", "/b")})
    assert [found.path for found in only.paths] == ["/a/api", "/a", "/b", "/"]
    assert only.home == "keybuzz-api-dev"
    assert (only.key, only.name) == (SHARED_HOST, "dev.keybuzz.keybuzz.io")


def test_what_a_path_becomes_has_no_slash_too_many() -> None:
    assert [
        (found.base, found.target) for found in (path("/"), path("/a"), path("/a", "/"), path("/a", "/b"))
    ] == [
        ("", ""),
        ("/a", "/a"),
        ("/a", ""),
        ("/a", "/b"),
    ]


def test_nothing_public_is_no_ingress() -> None:
    with pytest.raises(InputError, match="routes is empty"):
        hosts_of(environment(), {})


def test_more_paths_than_every_controller_takes_are_refused() -> None:
    many = {("api", f"/p{index}"): path(f"/p{index}") for index in range(MOST_PATHS + 1)}
    with pytest.raises(InputError, match=r"routes has 17 paths of api-dev\.keybuzz\.io; at most 16"):
        hosts_of(environment(), many)
