"""Two documents compared: what differs, where it is, and how it is put back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.drift.compare import ABSENT, Delta, Item, differences, put, spelled

PLAIN = st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab.", max_size=3)
DOCUMENTS = st.dictionaries(
    st.text("abc", min_size=1, max_size=2),
    st.recursive(
        PLAIN,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    max_size=4,
)


def found(declared: Any, live: Any) -> dict[str, tuple[Any, Any]]:
    return {str(delta): (delta.declared, delta.live) for delta in differences(declared, live)}


def test_equal_documents_have_no_difference() -> None:
    assert found({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}) == {}


@given(DOCUMENTS, DOCUMENTS)
def test_there_is_a_difference_exactly_where_documents_differ(one: Any, other: Any) -> None:
    assert bool(list(differences(one, other))) == (repr_of(one) != repr_of(other))


def repr_of(value: Any) -> Any:
    """True is not 1, though Python says so."""
    if isinstance(value, dict):
        return {key: repr_of(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [repr_of(inner) for inner in value]
    return (type(value) is bool, value)


def test_what_is_changed_added_and_gone_is_told_apart() -> None:
    assert found({"a": 1, "b": 2}, {"a": 9, "c": 3}) == {"a": (1, 9), "b": (2, ABSENT), "c": (ABSENT, 3)}


def test_false_zero_nothing_and_empty_are_different_things() -> None:
    for one in (False, 0, None, "", [], {}):
        for other in (False, 0, None, "", [], {}):
            same = one is other or (one == other and type(one) is type(other))
            assert bool(found({"a": one}, {"a": other})) is not same


def test_elements_with_names_are_found_wherever_they_stand() -> None:
    declared = [{"name": "a", "image": "x"}, {"name": "b"}]
    live = [{"name": "b"}, {"name": "c"}, {"name": "a", "image": "y"}]
    assert found({"containers": declared}, {"containers": live}) == {
        "containers[a].image": ("x", "y"),
        "containers[c]": (ABSENT, {"name": "c"}),
    }


def test_elements_without_names_are_compared_by_position() -> None:
    assert found({"r": [{"host": "a"}]}, {"r": [{"host": "b"}, {"host": "c"}]}) == {
        "r[0].host": ("a", "b"),
        "r[1]": (ABSENT, {"host": "c"}),
    }


def test_a_list_of_plain_values_is_compared_as_a_whole() -> None:
    assert found({"verbs": ["get"]}, {"verbs": ["get", "list"]}) == {"verbs": (["get"], ["get", "list"])}


def test_a_name_that_occurs_twice_names_nothing() -> None:
    twice = [{"name": "a", "x": 1}, {"name": "a", "x": 2}]
    assert found(twice, [twice[0], {"name": "a", "x": 3}]) == {"[1].x": (2, 3)}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("spec", "replicas"), "spec.replicas"),
        (("metadata", "labels", "a.b/c"), 'metadata.labels["a.b/c"]'),
        (("spec", Item("api"), 0, "kube-name"), "spec[api][0].kube-name"),
    ],
)
def test_a_path_is_spelled_as_a_person_reads_it(path: Any, text: str) -> None:
    assert spelled(path) == text


@given(DOCUMENTS, DOCUMENTS)
def test_putting_every_declared_value_back_gives_the_declared_document(one: Any, other: Any) -> None:
    """What is taken away goes last and from the end, since it moves what stands behind it."""
    found, result = list(differences(one, other)), other
    kept = [delta for delta in found if delta.declared is not ABSENT]
    for delta in (*kept, *reversed([delta for delta in found if delta.declared is ABSENT])):
        result = put(result, delta.path, delta.declared)
    assert list(differences(one, result)) == []


def test_putting_changes_a_copy() -> None:
    document = {"a": [{"name": "x", "v": 1}]}
    assert put(document, ("a", Item("x"), "v"), 2) == {"a": [{"name": "x", "v": 2}]}
    assert document == {"a": [{"name": "x", "v": 1}]}
    assert put(document, ("a", Item("x")), ABSENT) == {"a": []}
    assert put(document, ("b", "c"), 1) == {**document, "b": {"c": 1}}


def test_a_difference_says_where_it_is() -> None:
    assert str(Delta(("a", "b"), 1, 2)) == "a.b"
