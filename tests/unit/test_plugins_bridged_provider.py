"""The engine's requests, answered by a bridged provider whose server is a dictionary."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest
from pulumi.provider.experimental.provider import (
    CheckRequest,
    ConfigureRequest,
    CreateRequest,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    ReadRequest,
    UpdateRequest,
)

from sandbox.plugins.bridged.provider import BridgedProvider
from sandbox.plugins.bridged.schema import Property, ResourceType, Schema, Values
from sandbox.plugins.process import PluginError
from sandbox.plugins.values import Unknown, plain_map, property_map, secret_paths

Store = dict[str, Values]
TOKEN = "box:index/box:Box"
URN = f"urn:pulumi:dev::program::owner:index:Component${TOKEN}::crate"


class Box(ResourceType[Store]):
    """A thing with a name, a size that the server chooses if nobody does, and a secret."""

    token: ClassVar[str] = TOKEN
    properties: ClassVar[Schema] = {
        "name": Property(required=True, autoname=True),
        "size": Property(type="int", computed=True),
        "place": Property(force_new=True),
        "code": Property(secret=True),
        "secretWords": Property(type="set"),
    }

    def create(self, server: Store, inputs: Values) -> tuple[str, Values]:
        server[inputs["name"]] = {**inputs, "size": inputs["size"] or 3}
        return inputs["name"], server[inputs["name"]]

    def read(self, server: Store, resource_id: str, state: Values) -> Values | None:  # noqa: ARG002 - the signature is the base class's
        return server.get(resource_id)

    def update(self, server: Store, resource_id: str, old: Values, new: Values) -> Values:  # noqa: ARG002 - the signature is the base class's
        server[new["name"]] = {**server.pop(resource_id), **new}
        return {**server[new["name"]], "id": new["name"]}

    def delete(self, server: Store, resource_id: str, state: Values) -> None:  # noqa: ARG002 - the signature is the base class's
        server.pop(resource_id, None)

    def problems(self, inputs: Values) -> list[tuple[str, str]]:
        return [("size", "too big")] if inputs.get("size") == 1000 else []


class Plugin:
    """The provider, asked with plain data."""

    def __init__(self) -> None:
        self.store: Store = {}
        self.provider = BridgedProvider([Box()], lambda _: self.store)
        configured = asyncio.run(self.provider.configure(ConfigureRequest({}, {}, True, True)))  # noqa: FBT003 - theirs
        assert not configured.accept_secrets
        assert configured.supports_preview

    def check(self, new: Values, old: Values | None = None) -> tuple[Values, dict[str, str]]:
        request = CheckRequest(URN, property_map(old or {}), property_map(new), b"seed")
        response = asyncio.run(self.provider.check(request))
        return plain_map(response.inputs or {}), {f.property: f.reason for f in response.failures or []}

    def diff(self, old: Values, new: Values, ignore: list[str] | None = None) -> DiffResponse:
        request = DiffRequest(URN, old.get("id", ""), property_map(old), property_map(new), ignore or [])
        return asyncio.run(self.provider.diff(request))

    def create(self, inputs: Values, *, preview: bool = False) -> tuple[str | None, dict[str, Any]]:
        response = asyncio.run(self.provider.create(CreateRequest(URN, property_map(inputs), 0, preview)))
        self.secrets = secret_paths(response.properties)
        return response.resource_id, plain_map(response.properties)

    def update(self, old: Values, new: Values, *, preview: bool = False) -> Values:
        request = UpdateRequest(URN, old["id"], property_map(old), property_map(new), 0, [], preview)
        return plain_map(asyncio.run(self.provider.update(request)).properties)

    def read(self, resource_id: str, state: Values, inputs: Values) -> tuple[str | None, Values, Values]:
        request = ReadRequest(URN, resource_id, property_map(state), property_map(inputs))
        response = asyncio.run(self.provider.read(request))
        return response.resource_id, plain_map(response.properties), plain_map(response.inputs)


@pytest.fixture
def plugin() -> Plugin:
    return Plugin()


def test_a_name_is_made_once(plugin: Plugin) -> None:
    inputs, failures = plugin.check({})
    assert not failures
    assert inputs["name"].startswith("crate-")
    assert inputs["__defaults"] == ["name"]
    kept, _ = plugin.check({}, {**inputs, "name": "crate-earlier"})
    assert kept["name"] == "crate-earlier"


def test_failures_name_the_property(plugin: Plugin) -> None:
    assert plugin.check({"nam": "x"})[1].keys() == {"nam"}
    assert plugin.check({"name": "x", "size": 1000})[1] == {"size": "too big"}


def test_a_preview_knows_what_is_declared_and_makes_nothing(plugin: Plugin) -> None:
    _, outputs = plugin.create({"name": "a", "place": Unknown}, preview=True)
    assert outputs["name"] == "a"
    assert outputs["size"] is outputs["place"] is outputs["id"] is Unknown
    assert plugin.store == {}


def test_creation_completes_and_marks(plugin: Plugin) -> None:
    resource_id, outputs = plugin.create(
        {"name": "a", "code": "s3cret", "secretWords": ["b", "a"], "__defaults": []}
    )
    assert resource_id == "a"
    assert outputs == {
        "id": "a", "name": "a", "size": 3, "place": None, "code": "s3cret", "secretWords": ["a", "b"]
    }  # fmt: skip
    assert plugin.secrets == {("code",)}


def test_update_renames_and_keeps_what_the_server_chose(plugin: Plugin) -> None:
    _, outputs = plugin.create({"name": "a"})
    previewed = plugin.update(outputs, {"name": "b"}, preview=True)
    assert (previewed["id"], previewed["name"], previewed["size"]) == ("a", "b", 3)
    assert set(plugin.store) == {"a"}
    after = plugin.update(outputs, {"name": "b"})
    assert (after["id"], after["size"]) == ("b", 3)
    # The engine goes on with the old id until a refresh; the one in the state counts.
    assert plugin.read("a", after, {"name": "b"})[0] == "b"


def test_a_difference_says_what_and_how(plugin: Plugin) -> None:
    _, old = plugin.create({"name": "a", "place": "here", "__defaults": []})
    answer = plugin.diff(old, {"name": "a", "place": "there", "size": 4, "__defaults": []})
    assert answer.changes is True
    assert answer.diffs == ["place", "size"]
    assert answer.replaces == ["place"]
    assert answer.stables == []
    assert answer.delete_before_replace
    assert {path: diff.kind.name for path, diff in answer.detailed_diff.items()} == {
        "place": "UPDATE_REPLACE",
        "size": "UPDATE",
    }


def test_names_made_by_us_may_exist_twice(plugin: Plugin) -> None:
    _, old = plugin.create({"name": "a", "place": "here"})
    answer = plugin.diff(old, {"name": "a", "place": "there", "__defaults": ["name"]})
    assert answer.replaces == ["place"]
    assert not answer.delete_before_replace


def test_ignored_changes_are_no_difference(plugin: Plugin) -> None:
    _, old = plugin.create({"name": "a", "place": "here"})
    answer = plugin.diff(old, {"name": "a", "place": "there"}, ["place"])
    assert answer.changes is False
    assert answer.replaces == []
    assert answer.stables == ["place"]


def test_refresh_shows_drift_and_deletion(plugin: Plugin) -> None:
    inputs: Values = {"name": "a", "size": 1, "__defaults": []}
    _, state = plugin.create(inputs)
    plugin.store["a"]["size"] = 9
    resource_id, live, read_inputs = plugin.read("a", state, inputs)
    assert (resource_id, live["size"], read_inputs) == ("a", 9, {**inputs, "size": 9})
    plugin.store.clear()
    assert plugin.read("a", state, inputs)[0] is None


def test_import_makes_inputs_of_what_there_is(plugin: Plugin) -> None:
    plugin.store["a"] = {"name": "a", "size": 5, "place": None, "code": None, "secretWords": None}
    resource_id, live, inputs = plugin.read("a", {}, {})
    assert (resource_id, live["size"]) == ("a", 5)
    assert inputs == {"name": "a", "size": 5, "__defaults": []}
    assert plugin.diff(live, plugin.check({"name": "a"}, inputs)[0]).changes is False


def test_deletion_reaches_the_server(plugin: Plugin) -> None:
    _, state = plugin.create({"name": "a"})
    for _ in range(2):
        asyncio.run(plugin.provider.delete(DeleteRequest(URN, "a", property_map(state), 0)))
    assert plugin.store == {}


def test_types_that_are_not_served_are_named(plugin: Plugin) -> None:
    request = CheckRequest("urn:pulumi:d::p::box:index/other:Other::x", {}, {}, b"")
    with pytest.raises(PluginError, match="box:index/other:Other; it serves box:index/box:Box"):
        asyncio.run(plugin.provider.check(request))
