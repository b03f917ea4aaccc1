"""System: one environment from plain data, as any language of Pulumi hands it over."""

import json
from typing import Any

import pulumi
import pytest
from pulumi.provider.experimental.analyzer import Analyzer

from components import InputError, preflight
from components.system import Description as SystemDescription
from components.system import System, order, plain, refuse_unknown_links
from components.validation import parse
from tests.recording import Recording, record, within_stack
from tests.stacks import FOUND, ROOT, forget_surroundings


@pytest.fixture(autouse=True)
def _no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_surroundings(monkeypatch)
    monkeypatch.setattr(preflight, "check", lambda _asked: FOUND)
    monkeypatch.setattr(preflight, "refuse_foreign_namespaces", lambda *_: None)


def description(stack: str = "dev", **changes: Any) -> dict[str, Any]:
    """What the example in Go hands over."""
    text = (ROOT / "examples" / "go" / f"{stack}.json").read_text(encoding="utf-8")
    return {**json.loads(text), **changes}


def made(given: dict[str, Any], stack: str = "dev") -> Recording:
    return record(lambda: System("system", given), project="gophers", stack_name=stack)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("stack", "namespace"), [("dev", "gophers-web-dev"), ("prod", "gophers-web-prod")])
def test_a_description_becomes_an_environment_of_its_own(stack: str, namespace: str) -> None:
    recording = made(description(stack), stack)
    names = {one.inputs["metadata"]["name"] for one in recording.of("Namespace") if one.is_kubernetes}
    assert names == {namespace, namespace.replace("web", "mail")}


def test_an_extension_without_a_version_takes_the_servers_own() -> None:
    versions = {"pg_trgm": "", "vector": "0.8.5"}
    recording = made(description(databases={"web": {"extensions": versions}}))
    found = {one.inputs["name"]: one.inputs.get("version") for one in recording.of("Extension")}
    assert found == {"pg_trgm": None, "vector": "0.8.5"}


def test_every_resource_stands_below_the_one_component() -> None:
    recording = made(description())
    above = {one.urn: one.parent for one in recording}
    root = recording.one("System", "system").urn
    for one in recording:
        urn = one.urn
        while urn != root and above.get(urn):
            urn = above[urn]
        assert urn == root, one.urn


def test_numbers_that_crossed_the_wire_as_fractions_are_whole_again() -> None:
    numbers = plain({"port": 8080.0, "list": [1.0, 2.5, "x"], "yes": True}, "values")
    assert numbers == {"port": 8080, "list": [1, 2.5, "x"], "yes": True}
    assert [type(one) for one in (numbers["port"], numbers["yes"], numbers["list"][0])] == [int, bool, int]


@pytest.mark.parametrize("value", [pulumi.Output.secret, lambda text: {text}], ids=["secret", "set"])
def test_what_is_no_plain_data_is_refused_without_a_word_of_it(value: Any) -> None:
    def program() -> None:
        plain({"apps": [{"variables": value("hunter2")}]}, "values")

    with pytest.raises(InputError, match=r"values\.apps\[0\]\.variables is a secret, or not known") as refused:
        record(program)
    assert "hunter2" not in str(refused.value)


def systems(*described: tuple[str, dict[str, Any]]) -> Recording:
    def program() -> None:
        for name, given in described:
            System(name, given)  # pyright: ignore[reportArgumentType]

    return record(program, project="gophers")


def renamed(given: dict[str, Any]) -> dict[str, Any]:
    """The same structure, with other names of applications and databases."""
    text = json.dumps({**given, "system": "moles"})
    for old, new in (('"web"', '"shop"'), ('"mail"', '"post"'), ("gophers-web-db", "moles-shop-db")):
        text = text.replace(old, new)
    return json.loads(text)


def test_two_systems_with_other_names_stand_in_one_stack() -> None:
    recording = systems(("gophers", description()), ("moles", renamed(description())))
    urns = [one.urn for one in recording]
    assert len(urns) == len(set(urns))
    for one in recording:
        if not one.is_component and not one.is_provider and not one.is_engines:
            system = "moles" if "moles" in one.provider else "gophers"
            assert f"::{system}-" in one.provider, one.urn
    physical = [
        (one.kind, one.inputs["metadata"].get("namespace"), one.inputs["metadata"]["name"])
        for one in recording.objects()
    ]
    assert len(physical) == len(set(physical))


def test_applications_are_made_after_those_that_they_reach() -> None:
    described = parse(SystemDescription, {"applications": {"web": {"reaches": ["mail"]}, "mail": {}}}, key="")
    assert order(described) == ["mail", "web"]


@pytest.mark.parametrize(
    ("applications", "said"),
    [
        ({"web": {"database": "wbe", "secret": "s"}}, "applications.web.database is 'wbe'; did you mean 'web'?"),
        ({"web": {"database": "web"}}, "applications.web.database and applications.web.secret belong together"),
        ({"web": {"reaches": ["male"]}, "mail": {}}, "applications.web.reaches has 'male'"),
        ({"web": {"prot": 1}}, "applications.web.prot is not a known key"),
        ({"web": {"public": True}}, "applications.web.public is true without a port"),
        ({"web": {"port": 0}}, "applications.web.port is 0; use at least 1"),
        ({"web": {"reaches": ["mail"]}, "mail": {"reaches": ["web"]}}, "in a circle"),
    ],
)
def test_a_wrong_description_is_refused_by_its_key(applications: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        check({"applications": applications, "databases": {"web": {}}})
    assert said in str(refused.value)


def check(given: dict[str, Any]) -> None:
    described = parse(SystemDescription, given, key="")
    refuse_unknown_links(described)
    order(described)


def test_the_host_tells_other_languages_what_a_system_needs() -> None:
    found = Analyzer("bulkhead").analyze([System])["component_definitions"]["System"]
    assert {name for name, one in found.inputs.items() if not one.optional} == {
        "platform",
        "values",
        "applications",
    }
    assert set(found.outputs) == {"urls"}
    assert all(one.description for one in (*found.inputs.values(), *found.outputs.values()))


def test_a_value_for_an_application_that_is_not_described_is_refused() -> None:
    values = {**description()["values"], "apps": {"wbe": {"replicas": 2}}}
    with pytest.raises(InputError, match=r"^values\.apps\.wbe is not known; did you mean 'web'\?"):
        made(description(values=values))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"values": {"kind": "development", "images": {"web": "r.example.com/a/b:v1"}}},
            "values.images.mail is missing",
        ),
        ({"platform": None}, "platform is missing; it gives what a platform file has"),
        ({"platform": "minimal"}, "platform is 'minimal'; use a mapping"),
        ({"databses": {}}, "databses is not a known key; did you mean 'databases'?"),
        ({"environment": ""}, "environment"),
        ({"environment": "PROD"}, "PROD"),
        ({"system": "go phers"}, "go phers"),
        ({"databases": {"web": {"extensions": {"pg_trgm": None}}}}, "databases.web.extensions.pg_trgm is null"),
        ({"databases": {"web": {"extensions": ["pg_trgm"]}}}, "databases.web.extensions is a list; use a mapping"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_registered(
    changes: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered: list[str] = []
    monkeypatch.setattr(pulumi.ComponentResource, "__init__", lambda _self, *words: registered.extend(words[:1]))
    with pytest.raises(InputError) as refused:
        within_stack(lambda: System("system", description(**changes)), project="gophers")  # pyright: ignore[reportArgumentType]
    assert said in str(refused.value)
    assert registered == []
