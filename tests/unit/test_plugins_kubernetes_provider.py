"""The Kubernetes plugin's answers to the engine, on an API in memory."""

import asyncio
from typing import Any

import pytest
from pulumi.provider.experimental import provider as sdk

from sandbox.plugins.kubernetes import managers
from sandbox.plugins.kubernetes.client import ApiError, UnreachableError
from sandbox.plugins.kubernetes.cluster import Cluster
from sandbox.plugins.kubernetes.provider import KubernetesProvider
from sandbox.plugins.kubernetes.waiting import Waiter
from sandbox.plugins.process import (
    InitFailedError,
    PluginError,
    Secret,
    Unknown,
    plain_map,
    property_map,
    secret_paths,
)
from tests.unit.kubernetes_api import MemoryApi

URN = "urn:pulumi:s::p::{token}::{name}"
MAP = "kubernetes:core/v1:ConfigMap"
SECRET = "kubernetes:core/v1:Secret"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"


def config_map(**parts: Any) -> dict[str, Any]:
    """A ConfigMap with a fixed name."""
    about = {"name": "m", "namespace": "n"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": {"a": "1"}, **parts}


class Engine:
    """Asks a provider as the engine does, in plain data."""

    def __init__(self, *, force: bool = False, upsert: bool = False) -> None:
        self.api = MemoryApi()
        self.provider = KubernetesProvider()
        self.provider._cluster = Cluster(client=self.api, waiter=Waiter(self.api), force=force, upsert=upsert)

    def check(self, news: dict[str, Any], olds: dict[str, Any] | None = None, token: str = MAP) -> dict[str, Any]:
        """Checked inputs."""
        urn = URN.format(token=token, name="res")
        request = sdk.CheckRequest(urn, property_map(olds or {}), property_map(news), b"seed")
        return dict(asyncio.run(self.provider.check(request)).inputs or {})

    def create(self, inputs: dict[str, Any], token: str = MAP, *, preview: bool = False) -> sdk.CreateResponse:
        """A creation, or its preview."""
        request = sdk.CreateRequest(URN.format(token=token, name="res"), property_map(inputs), 1, preview)
        return asyncio.run(self.provider.create(request))

    def diff(
        self, state: dict[str, Any], news: dict[str, Any], token: str = MAP, ignored: list[str] | None = None
    ) -> sdk.DiffResponse:
        """What would change."""
        urn = URN.format(token=token, name="res")
        request = sdk.DiffRequest(urn, "n/m", property_map(state), property_map(news), ignored or [])
        return asyncio.run(self.provider.diff(request))

    def update(self, state: dict[str, Any], news: dict[str, Any], *, preview: bool = False) -> dict[str, Any]:
        """The state after an update."""
        urn = URN.format(token=MAP, name="res")
        olds, new = property_map(state), property_map(news)
        request = sdk.UpdateRequest(urn, "n/m", olds, new, 1, [], preview)
        return plain_map(asyncio.run(self.provider.update(request)).properties)

    def read(self, resource_id: str, state: dict[str, Any], inputs: dict[str, Any]) -> sdk.ReadResponse:
        """A refresh, or without state an import."""
        urn = URN.format(token=MAP, name="res")
        request = sdk.ReadRequest(urn, resource_id, property_map(state), property_map(inputs))
        return asyncio.run(self.provider.read(request))

    def delete(self, state: dict[str, Any]) -> None:
        """A deletion."""
        urn = URN.format(token=MAP, name="res")
        asyncio.run(self.provider.delete(sdk.DeleteRequest(urn, "n/m", property_map(state), 1)))


def test_names_are_generated_once() -> None:
    """A generated name is marked, kept by later checks, and left behind by a name of the author's own."""
    engine = Engine()
    unnamed = {**config_map(), "metadata": {"namespace": "n"}}
    first = plain_map(engine.check(unnamed))
    assert first["metadata"]["name"].startswith("res-")
    assert len(first["metadata"]["name"]) == len("res-") + 8
    assert first["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}
    assert plain_map(engine.check(unnamed, first)) == first
    assert plain_map(engine.check(config_map(), first))["metadata"]["name"] == "m"


def test_a_misspelt_condition_is_refused_before_anything_is_made() -> None:
    """Later there would be an object that is not in state."""
    about = {"name": "m", "annotations": {"pulumi.com/waitFor": "Ready"}}
    with pytest.raises(PluginError, match="waitFor"):
        Engine().check(config_map(metadata=about))


def test_checked_secrets_are_marked_as_data() -> None:
    """Text becomes data and stays secret; so does a secret inside another kind."""
    engine = Engine()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": Secret("x")}}
    assert secret_paths(engine.check(secret, token=SECRET)) == {("data",)}
    marked = engine.check(config_map(data={"open": "1", "closed": Secret("x")}))
    assert secret_paths(marked) == {("data", "closed")}


def test_a_creation_is_in_state_as_declared_and_as_it_is() -> None:
    """Outputs are the live object; __inputs is what was declared; secrets are marked in both."""
    engine = Engine()
    answer = engine.create(config_map(data={"a": Secret("x")}))
    state = plain_map(answer.properties)
    assert answer.resource_id == "n/m"
    assert state["metadata"]["uid"]
    assert state["__inputs"] == config_map(data={"a": "x"})
    assert state["__fieldManager"].startswith("pulumi-kubernetes-")
    assert secret_paths(answer.properties) == {("data", "a"), ("__inputs", "data", "a")}
    assert engine.api.requests[-1][2]["fieldManager"] == managers.CREATOR


def test_a_preview_asks_the_api_server_and_changes_nothing() -> None:
    """A dry run validates; what it refuses fails the preview."""
    engine = Engine()
    engine.create(config_map(), preview=True)
    assert engine.api.requests[-1][2]["dryRun"] == "All"
    assert engine.api.stored == {}
    engine.api.failure = ApiError(422, "Invalid", "data is wrong")
    with pytest.raises(ApiError, match="wrong"):
        engine.create(config_map(), preview=True)


@pytest.mark.parametrize(
    "failure",
    [
        ApiError(404, "NotFound", 'namespaces "n" not found'),
        ApiError(409, "AlreadyExists", "exists"),
        ApiError(403, "Forbidden", "no"),
    ],
)
def test_a_preview_that_cannot_be_tried_shows_the_inputs(failure: ApiError) -> None:
    """The namespace is made by the same update; the old object is still there; this user may not try."""
    engine = Engine()
    engine.api.failure = failure
    assert plain_map(engine.create(config_map(), preview=True).properties) == config_map()


def test_unknown_values_are_not_sent() -> None:
    """What another resource still has to say stays unknown in the preview."""
    engine = Engine()
    inputs = config_map(data={"a": Unknown})
    assert plain_map(engine.create(inputs, preview=True).properties) == inputs
    assert engine.api.requests == []


def test_an_object_that_exists_is_not_taken_over() -> None:
    """Unless the provider says so; the message names the ways."""
    engine = Engine()
    engine.api.put(config_map(data={"theirs": "1"}))
    with pytest.raises(PluginError, match=r"already exists.*import"):
        engine.create(config_map())
    taking = Engine(upsert=True)
    taking.api.put(config_map(data={"theirs": "1"}))
    assert plain_map(taking.create(config_map()).properties)["data"] == {"theirs": "1", "a": "1"}


def test_what_does_not_become_ready_is_kept_with_its_reasons() -> None:
    """The object exists: losing it from state would leave it behind."""
    engine = Engine()
    about = {"name": "d", "namespace": "n", "annotations": {"pulumi.com/timeoutSeconds": "0"}}
    waiting = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": about, "spec": {"replicas": 1}}
    with pytest.raises(InitFailedError) as caught:
        engine.create(waiting, DEPLOYMENT)
    assert caught.value.resource_id == "n/d"
    assert plain_map(caught.value.properties)["__inputs"] == waiting


def test_a_change_of_data_replaces_and_a_fixed_name_goes_first() -> None:
    """Two objects cannot have one name; a generated one leaves room for both."""
    engine = Engine()
    state = plain_map(engine.create(config_map()).properties)
    answer = engine.diff(state, config_map(data={"a": "2"}))
    assert (answer.changes, answer.replaces, answer.delete_before_replace) == (True, ["data.a"], True)
    renamed = engine.diff(state, config_map(metadata={"name": "other", "namespace": "n"}))
    assert (renamed.replaces, renamed.delete_before_replace) == (["metadata.name"], False)
    generated = {"name": "m", "namespace": "n", "annotations": {"pulumi.com/autonamed": "true"}}
    assert not engine.diff(state, config_map(metadata=generated, data={"a": "2"})).delete_before_replace


def test_only_what_was_declared_is_compared() -> None:
    """A key that somebody added is the cluster's own; a declared one that changed is drift; ignored is ignored."""
    engine = Engine()
    state = plain_map(engine.create(config_map()).properties)
    state["data"] = {"a": "1", "theirs": "1"}
    assert not engine.diff(state, config_map()).changes
    state["data"] = {"a": "changed"}
    assert engine.diff(state, config_map()).changes
    assert not engine.diff(state, config_map(), ignored=["data"]).changes


def test_the_default_namespace_may_be_named() -> None:
    """No namespace and `default` are the same place."""
    engine = Engine()
    unplaced = {**config_map(), "metadata": {"name": "m"}}
    state = plain_map(engine.create(unplaced).properties)
    placed = {**config_map(), "metadata": {"name": "m", "namespace": "default"}}
    assert not engine.diff(state, placed).changes


def test_an_update_hands_fields_over_and_applies() -> None:
    """Fields of the creating request go to the resource's own manager before the first apply."""
    engine = Engine()
    state = plain_map(engine.create(config_map()).properties)
    [path] = engine.api.stored
    creator = {"manager": managers.CREATOR, "operation": "Update", "fieldsV1": {"f:data": {"f:a": {}}}}
    engine.api.stored[path]["metadata"]["managedFields"] = [creator]
    after = engine.update(state, config_map(metadata={**config_map()["metadata"], "labels": {"x": "y"}}))
    patches = [query for method, _, query in engine.api.requests if method == "PATCH"]
    assert [query["content"].rsplit("/", 1)[1] for query in patches] == ["json-patch+json", "apply-patch+yaml"]
    assert patches[1]["fieldManager"] == state["__fieldManager"] == after["__fieldManager"]
    assert patches[1]["force"] == "false"
    assert after["metadata"]["labels"] == {"x": "y"}


def test_conflicts_say_what_to_do() -> None:
    """Another manager's field is not taken without leave."""
    engine = Engine()
    state = plain_map(engine.create(config_map()).properties)

    def conflict(*_arguments: Any, **_named: Any) -> dict[str, Any]:
        raise ApiError(409, "Conflict", 'conflict with "kubectl"')

    cluster = engine.provider.cluster
    engine.api.request, request = conflict, engine.api.request  # type: ignore[method-assign]
    with pytest.raises(PluginError, match="enable_patch_force"):
        cluster._apply(config_map(), config_map(), "me", name="m", preview=False)
    engine.api.request = request  # type: ignore[method-assign]
    assert engine.update(state, config_map())["data"] == {"a": "1"}


def test_a_refresh_shows_what_is_live() -> None:
    """Inputs are the live values of declared fields; what is gone has no id."""
    engine = Engine()
    state = plain_map(engine.create(config_map(data={"a": "1"})).properties)
    [path] = engine.api.stored
    engine.api.stored[path]["data"] = {"a": "changed", "theirs": "1"}
    answer = engine.read("n/m", state, config_map())
    assert plain_map(answer.inputs) == config_map(data={"a": "changed"})
    assert plain_map(answer.properties)["__inputs"] == config_map(data={"a": "changed"})
    engine.api.stored.clear()
    assert engine.read("n/m", state, config_map()).resource_id is None


def test_an_import_makes_inputs_of_what_is_live() -> None:
    """Without what only the API server writes."""
    engine = Engine()
    about = {"name": "m", "namespace": "n", "uid": "u", "resourceVersion": "1", "labels": {"x": "y"}}
    engine.api.put(config_map(metadata=about, status={}))
    answer = engine.read("n/m", {}, {})
    wanted = config_map(metadata={"name": "m", "namespace": "n", "labels": {"x": "y"}})
    assert plain_map(answer.inputs) == wanted
    assert not engine.diff(plain_map(answer.properties), wanted).changes


def test_what_is_gone_is_deleted_already() -> None:
    """Deleting is done when nothing is there, and only then."""
    engine = Engine()
    state = plain_map(engine.create(config_map()).properties)
    engine.delete(state)
    assert engine.api.stored == {}
    engine.delete(state)


def test_a_server_that_does_not_answer_says_nothing_about_its_objects() -> None:
    """Neither a refresh nor a deletion may take silence for absence."""
    engine = Engine()
    state = plain_map(engine.create(config_map()).properties)

    def silence(*_arguments: Any, **_named: Any) -> dict[str, Any]:
        raise UnreachableError("https://memory cannot be reached")

    engine.api.request = silence  # type: ignore[method-assign]
    for attempt in (lambda: engine.read("n/m", state, config_map()), lambda: engine.delete(state)):
        with pytest.raises(UnreachableError, match="https://memory"):
            attempt()


OWN = {"manager": "me", "operation": "Apply", "fieldsV1": {"f:a": {}}}
CREATED = {"manager": managers.CREATOR, "operation": "Update", "fieldsV1": {"f:b": {"f:c": {}}}}
SCALED = {"manager": "kubectl", "operation": "Update", "subresource": "scale", "fieldsV1": {"f:r": {}}}


def live(*entries: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """An object with owners of its fields."""
    return {"metadata": {"managedFields": list(entries)}, **parts}


def test_only_plain_requests_fields_are_handed_over() -> None:
    """A scale of kubectl's stays its own; nothing to hand over is said so."""
    assert managers.handed_over(live(OWN, CREATED, SCALED), "me") == [
        SCALED,
        {**OWN, "fieldsV1": {"f:a": {}, "f:b": {"f:c": {}}}},
    ]
    assert managers.handed_over(live(CREATED), "me") == [{**CREATED, "manager": "me", "operation": "Apply"}]
    assert managers.handed_over(live(OWN, SCALED), "me") is None


def test_ignored_fields_stay_with_their_owner() -> None:
    """Somebody else's is not sent; ours keeps its live value."""
    declared = {"a": 1, "r": 1, "b": {"c": 1}}
    found = live(OWN, SCALED, a=5, r=5, b={"c": 5})
    assert managers.with_ignored(declared, found, ["a", "r"], "me") == {"a": 5, "b": {"c": 1}}


@pytest.mark.parametrize(
    ("always", "preview", "annotated", "owners", "forced"),
    [
        (False, False, False, [OWN], False),
        (True, False, False, [OWN], True),
        (False, False, True, [OWN], True),
        (False, True, False, [OWN, CREATED], True),
        (False, True, False, [OWN], False),
        (False, False, False, [], True),
    ],
)
def test_when_fields_are_taken(
    owners: list[dict[str, Any]], *, always: bool, preview: bool, annotated: bool, forced: bool
) -> None:
    """By the provider's setting, by the object's, and where nobody owns anything yet."""
    inputs = {"metadata": {"annotations": {"pulumi.com/patchForce": str(annotated).lower()}}}
    assert managers.is_forced(inputs, live(*owners), always=always, preview=preview) is forced


def job(**about: Any) -> dict[str, Any]:
    """A Job that is to be made anew unless it is complete."""
    wish = {"pulumi.com/replaceUnready": "true"}
    about = {"name": "j", "namespace": "n", "annotations": wish, **about}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": about, "spec": {}}


@pytest.mark.parametrize(
    ("conditions", "wish", "replaced"),
    [
        ([{"type": "Complete", "status": "True"}], "true", False),
        ([{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}], "true", True),
        ([{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}], "false", False),
        ([], "true", True),
    ],
    ids=["complete", "failed", "failed and not asked for", "running"],
)
def test_a_job_that_is_not_complete_is_made_anew_where_that_is_asked_for(
    conditions: list[dict[str, str]],
    wish: str,
    replaced: bool,  # noqa: FBT001
) -> None:
    """As the official plugin has it: an update could not make a failed Job run again."""
    engine = Engine()
    declared = job(annotations={"pulumi.com/replaceUnready": wish})
    engine.api.put({**declared, "status": {"conditions": conditions}})
    answer = engine.diff({**declared, "__inputs": declared}, declared, token="kubernetes:batch/v1:Job")
    assert (answer.changes, answer.delete_before_replace) == (replaced, replaced)
    assert bool(answer.replaces) == replaced


def test_a_job_that_somebody_has_deleted_is_no_reason_to_replace_it() -> None:
    declared = job()
    assert not Engine().diff({**declared, "__inputs": declared}, declared, token="kubernetes:batch/v1:Job").changes
