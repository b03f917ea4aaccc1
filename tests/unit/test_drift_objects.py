"""Kubernetes objects as drift compares, shows and keeps them."""

import base64
import json
from typing import Any

import pytest

from bulkhead.drift.compare import ABSENT, Delta, Item
from bulkhead.drift.objects import (
    body,
    called,
    comparable,
    foreign,
    overlaid,
    scrubbed,
    shown,
    without_free_values,
)
from bulkhead.drift.report import HIDDEN
from bulkhead.state import SECRET

NAMED = {"name": "a", "namespace": "n"}


def test_what_the_server_keeps_for_itself_is_not_compared() -> None:
    live = {
        "kind": "Role",
        "metadata": {**NAMED, "uid": "1", "resourceVersion": "5", "managedFields": [], "labels": {}},
        "rules": [],
        "status": {"x": 1},
    }
    assert comparable(live) == {"kind": "Role", "metadata": NAMED, "rules": []}
    assert live["status"] == {"x": 1}


def test_an_object_is_called_by_kind_namespace_and_name() -> None:
    assert called({"kind": "Role", "metadata": NAMED}) == "Role n/a"
    assert called({"kind": "Namespace", "metadata": {"name": "n"}}) == "Namespace n"


@pytest.mark.parametrize(
    "path",
    [
        ("data", "password"),
        ("stringData", "x"),
        ("spec", "containers", Item("api"), "env", Item("A"), "value"),
    ],
)
def test_a_free_value_is_never_shown(path: Any) -> None:
    difference = shown(Delta(path, "declared-s3cret", "live-s3cret"), {})
    assert (difference.declared, difference.live) == (HIDDEN, HIDDEN)


def test_what_was_declared_a_secret_is_not_shown_wherever_it_stands() -> None:
    inputs = {"spec": {"token": SECRET, "list": [{"name": "x", "key": SECRET}]}}
    for path in (("spec", "token"), ("spec", "list", Item("x"), "key"), ("spec", "list", 0, "key"), ("spec",)):
        assert shown(Delta(path, "s3cret", "other"), inputs).live == HIDDEN


def test_a_plain_value_is_shown() -> None:
    difference = shown(Delta(("spec", "type"), ABSENT, {"a": 1}), {"spec": {}})
    assert (difference.path, difference.declared, difference.live) == ("spec.type", None, '{"a": 1}')


def test_an_added_container_does_not_show_its_variables_values() -> None:
    container = {"name": "x", "image": "i", "env": [{"name": "TOKEN", "value": "s3cret"}]}
    said = json.dumps(scrubbed({"spec": {"containers": [container]}}))
    assert "s3cret" not in said
    assert '"image": "i"' in said
    assert "TOKEN" in said
    assert scrubbed({"match": {"value": "seen"}}) == {"match": {"value": "seen"}}


def test_a_kept_secret_has_its_keys_and_not_its_values() -> None:
    secret = {
        "kind": "Secret",
        "metadata": {**NAMED, "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "s3cret"}},
        "data": {"password": "czNjcmV0"},
    }
    kept = without_free_values(secret)
    assert kept["data"] == {"password": HIDDEN}
    assert "s3cret" not in json.dumps(kept)
    assert without_free_values({"kind": "ConfigMap", "metadata": {}, "data": {"a": "1"}})["data"] == {"a": "1"}


def test_a_secrets_text_is_sent_as_data() -> None:
    sent = body({"kind": "Secret", "metadata": NAMED, "data": {"a": "MQ=="}, "stringData": {"b": "2"}})
    assert sent["data"] == {"a": "MQ==", "b": base64.b64encode(b"2").decode()}
    assert "stringData" not in sent


def test_dashed_names_get_their_dashes_back() -> None:
    assert body({"spec": {"x_kubernetes_list_type": "map"}}) == {"spec": {"x-kubernetes-list-type": "map"}}


def test_an_overlay_keeps_what_the_server_filled_in_and_shows_what_was_added() -> None:
    live = {"spec": {"selector": {"uid": "1"}, "containers": [{"name": "a", "image": "x"}, {"name": "b"}]}}
    declared = {"spec": {"containers": [{"name": "a", "image": "y"}], "deadline": 5}}
    assert overlaid(live, declared) == {
        "spec": {"selector": {"uid": "1"}, "containers": [{"name": "a", "image": "y"}], "deadline": 5}
    }


def test_what_others_wrote_and_nobody_declared_is_found() -> None:
    def written(manager: str, **fields: Any) -> dict[str, Any]:
        return {"manager": manager, "fieldsV1": {"f:metadata": {"f:labels": fields}, "f:spec": {"f:x": {}}}}

    managed = [written("kubectl", **{"f:more": {}, "f:mine": {}}), written("pulumi-kubernetes", **{"f:ours": {}})]
    live = {
        "metadata": {"labels": {"more": "1", "mine": "1", "ours": "1"}, "managedFields": managed},
        "spec": {"x": 1},
    }
    declared = {"metadata": {"labels": {"mine": "1"}}}
    found = list(foreign(live, declared, frozenset({"pulumi-kubernetes"})))
    assert found == [("metadata", "labels", "more"), ("spec", "x")]
