"""Public hosts and paths, over TLS alone, for the platform's controller."""

from dataclasses import fields
from functools import cache
from typing import Any

import pytest

from components import AppDeployment, Connected, InputError
from components.ingress import Ingress, IngressArgs, Route
from components.ingress_capabilities import Controller
from components.ingress_description import Rules, Tls
from tests.ingresses import EVERY_CONTROLLER, SYSTEMS, WAIVED, Public, connected_to, objects, recorded
from tests.making import application, build, environment, namespace
from tests.recording import Recording, record

KEYBUZZ = Public(system="keybuzz", name="dev")


@cache
def keybuzz(controller: Controller = "traefik") -> Recording:
    return recorded(KEYBUZZ, controller)


def outputs(recording: Recording) -> Any:
    (found,) = [given for urn, given in recording.outputs.items() if "::bulkhead:index:Ingress::" in urn]
    return found


def hosts_and_paths(system: str, name: str) -> set[tuple[str, str]]:
    """What an environment answers, read from the finished objects: host and path of every route."""
    made = objects(recorded(Public(system=system, name=name), "gateway"))
    return {
        (host, match["path"]["value"])
        for route in made
        if route.kind == "HTTPRoute"
        for host in route.inputs["spec"]["hostnames"]
        for rule in route.inputs["spec"]["rules"]
        for match in rule["matches"]
    }


KINDS: dict[Controller, set[str]] = {
    "traefik": {"IngressRoute", "Middleware", "TLSOption", "ServersTransport"},
    "nginx": {"VirtualServer"},
    "gateway": {"Gateway", "HTTPRoute"},
}


@pytest.mark.parametrize("controller", EVERY_CONTROLLER)
def test_a_host_is_rendered_for_the_platforms_controller(controller: Controller) -> None:
    made = {resource.kind for resource in objects(keybuzz(controller))}
    assert made == KINDS[controller] | {"Certificate", "NetworkPolicy"}


@pytest.mark.parametrize("controller", EVERY_CONTROLLER)
@pytest.mark.parametrize("system", SYSTEMS)
def test_every_object_is_the_environments_and_in_its_namespaces(system: str, controller: Controller) -> None:
    recording = recorded(Public(system=system, name="dev"), controller)
    spaces = {made.inputs["metadata"]["name"] for made in recording.of("Namespace") if made.is_kubernetes}
    for made in objects(recording):
        assert made.inputs["metadata"]["namespace"] in spaces
        assert made.inputs["metadata"]["labels"]["bulkhead.dev/environment"] == "dev"


def test_the_controller_is_let_in_before_the_host_is_served() -> None:
    opened = keybuzz().one("NetworkPolicy", "public-api-from-controller")
    assert opened.inputs["metadata"]["namespace"] == "keybuzz-api-dev"
    keybuzz().require_after(
        keybuzz().one("IngressRoute", "public-api"),
        opened,
        keybuzz().one("Deployment", "api-deployment"),
        keybuzz().one("Certificate", "public-api"),
        keybuzz().one("Middleware", "public-api-headers"),
        keybuzz().one("TLSOption", "public-api"),
    )


def test_two_hosts_of_one_application_share_one_way_in() -> None:
    def make(connected: Connected) -> Ingress:
        app = application(connected, environment(), port=3001)
        routes = (Route(to=app, host="api"), Route(to=app, host="www"))
        return Ingress("public", IngressArgs(environment=environment(), routes=routes), connected)

    recording = build(make)
    assert [made.name for made in recording.of("NetworkPolicy") if "from-controller" in made.name] == [
        "public-api-from-controller"
    ]
    assert recording.has("IngressRoute", "public-www")


@pytest.mark.parametrize(
    ("system", "name", "urls"),
    [
        (
            "keybuzz",
            "prod",
            {part: f"https://{part}.keybuzz.io" for part in ("api", "backend", "client")},
        ),
        (
            "ansible-builder",
            "prod",
            {
                "/ansible-builder": "https://coupel.net/ansible-builder",
                "/ansible-builder/api": "https://coupel.net/ansible-builder/api",
                "/ansible-builder/docs": "https://coupel.net/ansible-builder/docs",
            },
        ),
        ("twinme", "dev", {"api": "https://api-dev.twinme.ai"}),
    ],
)
def test_the_urls_are_the_outputs(system: str, name: str, urls: dict[str, str]) -> None:
    assert outputs(recorded(Public(system=system, name=name))) == {"urls": urls}


def test_a_path_of_a_parts_host_is_in_the_outputs_by_both() -> None:
    def make(connected: Connected) -> Ingress:
        app = application(connected, environment(), port=3001)
        routes = (Route(to=app, host="api", path="/v1"), Route(to=app))
        return Ingress("public", IngressArgs(environment=environment(), routes=routes), connected)

    assert outputs(build(make)) == {
        "urls": {"api/v1": "https://api-dev.keybuzz.io/v1", "/": "https://dev.keybuzz.keybuzz.io"}
    }


def test_no_two_environments_of_any_system_share_a_host_and_path() -> None:
    owners: dict[tuple[str, str], str] = {}
    for system in SYSTEMS:
        for name in ("dev", "prod", "pr-7", "prod-2"):
            mine = f"{system}/{name}"
            for place in hosts_and_paths(system, name):
                assert owners.setdefault(place, mine) == mine, f"{place} is {owners[place]}'s and {mine}'s"
    assert len(owners) == 4 * (3 + 4 + 1), "hosts and paths, and what answers http on the host of three paths"


def refused(make: Any, message: str) -> None:
    def program() -> None:
        make(connected_to("traefik"))

    with pytest.raises(InputError, match=message):
        record(program)


def ingress(connected: Connected, *routes: Route, name: str = "public", **more: Any) -> Ingress:
    return Ingress(name, IngressArgs(environment=environment(), routes=routes, **more), connected)


def test_an_application_that_serves_nothing_is_refused() -> None:
    refused(
        lambda connected: ingress(
            connected, Route(to=application(connected, environment(), "worker"), host="jobs")
        ),
        r"routes\[0\] leads to 'worker', which has no port",
    )


def test_an_application_of_another_environment_is_refused() -> None:
    def make(connected: Connected) -> None:
        foreign: AppDeployment = application(connected, environment("prod"), port=3001)
        ingress(connected, Route(to=foreign, host="api"))

    refused(make, r"routes\[0\] belongs to keybuzz/prod; use one of keybuzz/dev")


@pytest.mark.parametrize("host", ["api-v2", "", "API", "api.evil", "*"])
def test_a_host_that_is_no_part_is_refused(host: str) -> None:
    refused(
        lambda connected: ingress(connected, Route(to=application(connected, environment(), port=1), host=host)),
        f"part is '{host}'".replace("*", r"\*"),
    )


@pytest.mark.parametrize("host", ["api", None])
def test_a_host_and_path_for_two_applications_is_refused(host: str | None) -> None:
    def make(connected: Connected) -> None:
        one, two = (application(connected, environment(), part, port=1) for part in ("api", "web"))
        ingress(connected, Route(to=one, host=host, path="/a"), Route(to=two, host=host, path="/a"))

    refused(make, r"routes\[1\] is .*keybuzz\.io/a, which another route has already")


def test_a_host_of_another_ingress_of_the_program_is_refused() -> None:
    def make(connected: Connected) -> None:
        app = application(connected, environment(), port=1)
        ingress(connected, Route(to=app, host="api"))
        ingress(connected, Route(to=app, host="api", path="/v2"), name="more")

    refused(make, r"routes: api-dev\.keybuzz\.io belongs to the Ingress 'public' already; put its routes there")


def test_two_programs_in_one_process_do_not_disturb_each_other() -> None:
    first, second = (recorded(KEYBUZZ) for _ in range(2))
    assert outputs(first) == outputs(second)


def test_what_the_controller_cannot_express_is_refused_before_anything_of_the_ingress_is_registered() -> None:
    def make(connected: Connected) -> None:
        app = application(connected, environment(), port=1)
        with pytest.raises(InputError, match=r"^compression as given cannot be expressed for Gateway API 1"):
            ingress(connected, Route(to=app, host="api"), compression=True, tls=Tls(versions=None))

    recording = record(lambda: make(connected_to("gateway")))
    assert not [made for made in recording if made.type == "bulkhead:index:Ingress"]


def test_a_host_in_two_namespaces_is_refused_for_traefik() -> None:
    def make(connected: Connected) -> None:
        of = environment()
        apps = [
            application(connected, of, part, namespace=namespace(connected, of, part), port=1)
            for part in ("a", "b")
        ]
        ingress(connected, Route(to=apps[0], path="/a"), Route(to=apps[1], path="/b"))

    refused(make, "routes of one host into several namespaces as given cannot be expressed for Traefik 3")


def test_what_is_not_said_is_what_the_description_takes_it_for() -> None:
    silent = IngressArgs(environment=environment(), routes=())
    assert Rules(**{item.name: getattr(silent, item.name) for item in fields(Rules)}) == Rules()


def test_everything_that_is_waived_for_a_controller_has_to_be() -> None:
    for controller in ("nginx", "gateway"):
        for setting in WAIVED[controller]:
            rest = {key: value for key, value in WAIVED[controller].items() if key != setting}
            system = "ansible-builder" if setting == "body" else "twinme"
            with pytest.raises(InputError, match="cannot be expressed"):
                record(lambda: Public(system=system, name="dev").make(connected_to(controller), **rest))  # noqa: B023
