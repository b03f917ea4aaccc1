"""A setting that a controller cannot express is refused by name, and the documentation has the same table."""

from typing import Any

import pytest

from components import InputError
from components.ingress_capabilities import (
    CAPABILITIES,
    CONTROLLERS,
    Controller,
    nginx_rate,
    refuse_inexpressible,
    table,
)
from components.ingress_description import Description, Host, Path, RateLimit, Rules, SecurityHeaders, Tls
from tests.making import environment
from tests.stacks import ROOT


def described(*namespaces: str, **rules: Any) -> Description:
    paths = tuple(
        Path(path=f"/{index}", rewrite=None, service="api", namespace=name)
        for index, name in enumerate(namespaces or ("one",))
    )
    host = Host(key="api", name="api-dev.keybuzz.io", home=paths[0].namespace, paths=paths)
    return Description(name="public", environment=environment(), hosts=(host,), rules=Rules(**rules))


LEFT_TO_THE_GATEWAY = {"tls": Tls(versions=None)}


@pytest.mark.parametrize(
    ("controller", "given", "name"),
    [
        ("nginx", {"tls": Tls(versions=("1.3",))}, "tls.versions"),
        ("nginx", {"redirect": False}, "redirect"),
        ("nginx", {"rate_limits": (RateLimit(average=7, period="13s"),)}, "rate_limits"),
        ("nginx", {"headers": SecurityHeaders(csp="default-src $x")}, "headers"),
        ("nginx", {"headers": SecurityHeaders(more={"Permissions-Policy": 'camera=("https://a")'})}, "headers"),
        ("nginx", {"compression": True}, "compression"),
        ("gateway", {}, "tls.versions"),
        ("gateway", {**LEFT_TO_THE_GATEWAY, "rate_limits": (RateLimit(average=10),)}, "rate_limits"),
        ("gateway", {**LEFT_TO_THE_GATEWAY, "compression": True}, "compression"),
        ("gateway", {**LEFT_TO_THE_GATEWAY, "body": "1Mi"}, "body"),
        ("gateway", {**LEFT_TO_THE_GATEWAY, "allow": ("203.0.113.0/24",)}, "allow"),
    ],
)
def test_what_a_controller_cannot_express_is_refused_by_name(
    controller: Controller, given: dict[str, Any], name: str
) -> None:
    with pytest.raises(InputError) as refused:
        refuse_inexpressible(controller, described(**given))
    first, *_, last = str(refused.value).splitlines()
    assert first.startswith(f"{name} as given cannot be expressed for {CONTROLLERS[controller]}; ")
    assert last.startswith(f"{CONTROLLERS[controller]} expresses: routes, with `rewrite`")


def test_a_host_in_two_namespaces_is_refused_for_traefik_alone() -> None:
    both = described("one", "two", **LEFT_TO_THE_GATEWAY)
    refuse_inexpressible("nginx", both)
    refuse_inexpressible("gateway", both)
    with pytest.raises(InputError, match="routes of one host into several namespaces as given cannot"):
        refuse_inexpressible("traefik", both)


def test_everything_that_cannot_be_expressed_is_said_at_once() -> None:
    asked = described(compression=True, body="1Mi", allow=("203.0.113.0/24",))
    with pytest.raises(InputError) as refused:
        refuse_inexpressible("gateway", asked)
    assert [line.split(" ")[0] for line in str(refused.value).splitlines()] == [
        "tls.versions",
        "compression",
        "body",
        "allow",
        "Gateway",
    ]


@pytest.mark.parametrize(
    ("controller", "given"),
    [
        (
            "traefik",
            {
                "compression": True,
                "body": "1Mi",
                "allow": ("::/0",),
                "redirect": False,
                "tls": Tls(versions=("1.3",)),
            },
        ),
        ("traefik", {"rate_limits": (RateLimit(average=7, period="13s"),)}),
        ("nginx", {"body": "1Mi", "allow": ("::/0",), "rate_limits": (RateLimit(average=100, period="1m"),)}),
        ("gateway", {**LEFT_TO_THE_GATEWAY, "redirect": False, "timeouts": "5s"}),
    ],
)
def test_what_a_controller_can_express_passes(controller: Controller, given: dict[str, Any]) -> None:
    refuse_inexpressible(controller, described(**given))


@pytest.mark.parametrize(
    ("limit", "rate"),
    [
        (RateLimit(average=10), "10r/s"),
        (RateLimit(average=100, period="10s"), "10r/s"),
        (RateLimit(average=100, period="1m"), "100r/m"),
        (RateLimit(average=60, period="1m"), "1r/s"),
        (RateLimit(average=5, period="15s"), "20r/m"),
        (RateLimit(average=7, period="13s"), None),
    ],
)
def test_nginx_counts_whole_requests_a_second_or_a_minute(limit: RateLimit, rate: str | None) -> None:
    assert nginx_rate(limit) == rate


def test_every_controller_does_or_refuses_every_setting() -> None:
    for capability in CAPABILITIES:
        missing = CONTROLLERS.keys() - capability.how.keys() - capability.refused.keys()
        assert not missing, f"{capability.setting}: nothing is said of {missing}"


def test_the_documentation_has_the_same_table() -> None:
    page = (ROOT / "docs" / "components" / "ingress.md").read_text(encoding="utf-8")
    assert table() in page, f"docs/components/ingress.md must have this table:\n{table()}"
