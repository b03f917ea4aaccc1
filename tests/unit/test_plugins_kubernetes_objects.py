"""Kubernetes objects as data: canonical forms, pruning, differences, secret marks."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.provider.experimental.provider import PropertyDiffKind

from sandbox.plugins.kubernetes.confidential import marked
from sandbox.plugins.kubernetes.difference import differences, parse, replaces, text, without
from sandbox.plugins.kubernetes.immutable import Mutability, immutable_fields, touches
from sandbox.plugins.kubernetes.objects import (
    dashed,
    group_version_kind,
    identity,
    normalized,
    parse_identity,
    pruned,
    underscored,
)
from sandbox.plugins.kubernetes.quantities import canonical
from sandbox.plugins.process import PluginError, Secret, Unknown, property_map

NAMES = st.text("abcxyz", min_size=1, max_size=4)
TREES = st.dictionaries(
    NAMES,
    st.recursive(
        st.integers() | st.text("ab") | st.booleans(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
        max_leaves=10,
    ),
)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        ("1.5", "1500m"),
        ("1024Mi", "1Gi"),
        ("0.5Gi", "512Mi"),
        ("1.5Gi", "1536Mi"),
        ("1000", "1k"),
        ("50", "50"),
        ("0", "0"),
        ("100M", "100M"),
        ("1000M", "1G"),
        ("512", "512"),
        ("no amount", "no amount"),
    ],
)
def test_amounts_take_their_stored_form(written: str, stored: str) -> None:
    """As the API server writes them; otherwise every preview would show a difference."""
    assert canonical(written) == stored
    assert canonical(stored) == stored


def deployment(**container: Any) -> dict[str, Any]:
    """A Deployment with one container."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n", "labels": {}, "uid": "u"},
        "spec": {"template": {"spec": {"hostNetwork": False, "containers": [{"name": "c", **container}]}}},
    }


def test_builtin_kinds_are_normalized() -> None:
    """Amounts, and what the API server leaves out: read-only metadata, zeros, empty maps."""
    declared = deployment(tty=False, env=[], resources={"limits": {"cpu": 1, "memory": "1024Mi"}})
    assert normalized(declared) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n"},
        "spec": {
            "template": {
                "spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]}
            }
        },
    }


@pytest.mark.parametrize(
    "item",
    [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {}, "automountServiceAccountToken": False},
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {},
            "spec": {"podSelector": {}},
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "data": {"limits": "1000m", "value": ""}},
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": {},
            "spec": {"paused": False},
        },
        {"apiVersion": "example.org/v1", "kind": "Own", "metadata": {"labels": {}}, "limits": {"cpu": "1000m"}},
    ],
)
def test_what_says_something_is_kept(item: dict[str, Any]) -> None:
    """A switch that is off by decision, an empty selector, an author's own words and own kinds."""
    assert normalized(item) == item


def test_secrets_text_becomes_data() -> None:
    """As the API server stores it, so that a change shows at the key that changed."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {},
        "stringData": {"a": "x"},
        "data": {"b": "eQ=="},
    }
    stored = {"a": base64.b64encode(b"x").decode(), "b": "eQ=="}
    assert normalized(secret) == {"apiVersion": "v1", "kind": "Secret", "metadata": {}, "data": stored}
    unknown = {**secret, "stringData": {"a": Unknown}}
    assert normalized(unknown) == unknown


@pytest.mark.parametrize("resource_id", ["name", "namespace/name"])
def test_ids_name_objects(resource_id: str) -> None:
    """An id leads back to namespace and name."""
    namespace, name = parse_identity(resource_id)
    assert identity({"metadata": {"name": name, "namespace": namespace}}) == resource_id


def test_tokens_name_kinds() -> None:
    """The core group has no name in an apiVersion."""
    assert group_version_kind("kubernetes:core/v1:Secret") == ("v1", "Secret")
    assert group_version_kind("kubernetes:apps/v1:Deployment") == ("apps/v1", "Deployment")
    with pytest.raises(PluginError, match="Chart"):
        group_version_kind("kubernetes:helm:Chart:v4")


def test_schema_extensions_are_spelled_for_both_sides() -> None:
    """Programs and state write underscores where the API writes dashes."""
    schema = {"a": [{"x_kubernetes_preserve_unknown_fields": True}], "x_other": 1}
    api = {"a": [{"x-kubernetes-preserve-unknown-fields": True}], "x_other": 1}
    assert dashed(schema) == api
    assert underscored(api) == schema


def test_pruning_keeps_what_was_declared() -> None:
    """Keys that were not declared, and what stands behind in a list, are the cluster's own."""
    live = {"a": 1, "b": {"c": 2, "d": 3}, "l": [{"n": "x", "extra": 1}, {"n": "y"}], "gone": 1}
    declared = {"a": 9, "b": {"c": 9}, "l": [{"n": "x"}], "missing": 1}
    assert pruned(live, declared) == {"a": 1, "b": {"c": 2}, "l": [{"n": "x"}]}


@given(TREES)
def test_an_object_does_not_differ_from_itself(tree: dict[str, Any]) -> None:
    """Pruned to its own shape, nothing is lost and nothing differs."""
    assert pruned(tree, tree) == tree
    assert differences(tree, tree, ()) == {}


@given(TREES, TREES)
def test_a_difference_is_found_exactly_where_there_is_one(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Two objects without a difference are equal, and each path is found again by its text."""
    found = differences(one, other, ())
    # Compared as text: 1 and True are equal to Python, not to Kubernetes.
    assert bool(found) == (json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True))
    assert all(parse(text(path)) == path for path in found)


@pytest.mark.parametrize(
    ("old", "new", "path", "kind"),
    [
        ({"a": 1}, {"a": 2}, "a", PropertyDiffKind.UPDATE),
        ({}, {"a": {"b": 1}}, "a", PropertyDiffKind.ADD),
        ({"a": {"b": 1}}, {"a": {}}, "a.b", PropertyDiffKind.DELETE),
        ({"a": [1, 2]}, {"a": [1]}, "a[1]", PropertyDiffKind.DELETE),
        ({"a": [1]}, {"a": [1, 2]}, "a[1]", PropertyDiffKind.ADD),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "a[0].b", PropertyDiffKind.UPDATE),
        ({"a": {"x/y.z": "1"}}, {"a": {"x/y.z": "2"}}, 'a["x/y.z"]', PropertyDiffKind.UPDATE),
        ({"a": 1}, {"a": Unknown}, "a", PropertyDiffKind.UPDATE),
        ({}, {"a": Unknown}, "a", PropertyDiffKind.ADD),
        ({"a": "1"}, {"a": 1}, "a", PropertyDiffKind.UPDATE),
        ({"a": {"b": 1}}, {"a": "text"}, "a", PropertyDiffKind.UPDATE),
    ],
)
def test_kinds_of_difference(old: dict[str, Any], new: dict[str, Any], path: str, kind: PropertyDiffKind) -> None:
    """Added, deleted, updated, each at the deepest place that says it."""
    assert {text(p): one.kind for p, one in differences(old, new, ()).items()} == {path: kind}


def test_ignored_places_do_not_count() -> None:
    """At, below, and by position or for every element."""
    found = differences({"a": {"b": 1}, "l": [{"x": 1}, {"x": 1}]}, {"a": {"b": 2}, "l": [{"x": 2}, {"x": 2}]}, ())
    assert {text(path) for path in without(found, ["a"])} == {"l[0].x", "l[1].x"}
    assert {text(path) for path in without(found, ["l[*].x", "a.b"])} == set()
    assert {text(path) for path in without(found, ["l[1]"])} == {"a.b", "l[0].x"}


@pytest.mark.parametrize(
    ("kind", "path", "value", "replaced"),
    [
        (("apps/v1", "Deployment"), ("metadata", "name"), "x", True),
        (("apps/v1", "Deployment"), ("spec", "selector", "matchLabels", "x"), "y", True),
        (("apps/v1", "Deployment"), ("spec", "replicas"), 3, False),
        (("apps/v1", "Deployment"), ("spec",), {"selector": {}}, True),
        (("v1", "Secret"), ("data", "password"), "x", True),
        (("v1", "ConfigMap"), ("data", "a"), None, True),
        (("v1", "Service"), ("spec", "clusterIP"), "None", True),
        (("v1", "Service"), ("spec", "clusterIPs", 0), "None", False),
        (("v1", "Pod"), ("spec", "containers", 0, "image"), "x", True),
        (("v1", "Pod"), ("spec", "containers"), [{"image": "x"}], True),
        (("v1", "Pod"), ("spec", "tolerations", 0), {}, False),
        (("rbac.authorization.k8s.io/v1", "RoleBinding"), ("roleRef", "name"), "x", True),
        (("batch/v1", "Job"), ("spec", "template", "metadata", "labels", "x"), "y", True),
        (("v1", "PersistentVolumeClaim"), ("spec", "accessModes", 0), "x", True),
        (("v1", "PersistentVolumeClaim"), ("spec", "resources", "requests", "storage"), "2Gi", False),
        (("storage.k8s.io/v1", "StorageClass"), ("provisioner",), "x", True),
        (("example.org/v1", "Own"), ("spec", "selector"), "x", False),
    ],
)
def test_what_replaces(kind: tuple[str, str], path: tuple[str | int, ...], value: Any, *, replaced: bool) -> None:
    """The official plugin's fields."""
    item = {"apiVersion": kind[0], "kind": kind[1]}
    assert touches(immutable_fields(item, Mutability()), path, value) is replaced


def test_maps_and_secrets_can_be_mutable() -> None:
    """The provider's settings switch it on; the object's own `immutable` switches it off."""
    mutable = Mutability(config_map=True, secret=True)
    for kind in ("ConfigMap", "Secret"):
        item = {"apiVersion": "v1", "kind": kind}
        assert not touches(immutable_fields(item, mutable), ("data", "a"), "x")
        assert touches(immutable_fields({**item, "immutable": True}, mutable), ("data", "a"), "x")


def test_replacements_are_listed() -> None:
    """The reasons that a preview shows."""
    item = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}, "metadata": {"labels": {"x": "1"}}}
    changed = {**item, "data": {"a": "2"}, "metadata": {"labels": {"x": "2"}}}
    found = differences(item, changed, immutable_fields(item, Mutability()))
    assert replaces(found) == ["data.a"]
    assert len(found) == 2


def test_marks_follow_their_source() -> None:
    """Field by field in objects, as a whole in lists, and for a Secret's data in any case."""
    item = {"spec": {"open": 1, "env": [{"value": "x"}], "deep": {"password": "y"}}, "other": "x"}
    source = property_map(
        {"spec": {"open": 1, "env": [{"value": Secret("x")}], "deep": {"password": Secret("y")}}, "other": "x"}
    )
    spec = {"open": 1, "env": Secret([{"value": "x"}]), "deep": {"password": Secret("y")}}
    assert marked(item, source) == {"spec": spec, "other": "x"}
    secret = {"apiVersion": "v1", "kind": "Secret", "data": {"a": "x"}}
    assert marked(secret, {}) == {**secret, "data": Secret({"a": "x"})}
    assert marked(secret, property_map({"data": Secret({"a": "x"})}))["data"] == Secret({"a": "x"})
