"""Paths and values: what differs in a resource, and what may be shown of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.diff.properties import UNKNOWN, at, changed, differences, parsed, shown, written
from bulkhead.state import SECRET

SECRET_VALUE = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": '"s3cr3t"'}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("spec.replicas", ("spec", "replicas")),
        ("spec.containers[0].image", ("spec", "containers", 0, "image")),
        ('metadata.labels["app.kubernetes.io/name"]', ("metadata", "labels", "app.kubernetes.io/name")),
        ("[0]", (0,)),
    ],
)
def test_a_path_is_read_and_written_as_the_engine_writes_it(text: str, path: tuple[str | int, ...]) -> None:
    assert parsed(text) == path
    assert written(path) == text


KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1)


@given(st.lists(st.one_of(KEYS, st.integers(0, 99)), min_size=1).map(tuple))
def test_any_path_that_is_written_is_read_again(path: tuple[str | int, ...]) -> None:
    assert parsed(written(path)) == path


def test_a_secret_is_a_mark_however_deep_it_lies() -> None:
    assert shown({"a": [{"b": SECRET_VALUE}]}) == {"a": [{"b": SECRET}]}


def test_a_value_that_only_the_update_tells_is_said_to_be_one() -> None:
    assert shown({"id": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}) == {"id": UNKNOWN}


def test_the_plugins_own_book_keeping_is_left_out() -> None:
    assert shown({"a": 1, "__defaults": []}) == {"a": 1}


def test_what_lies_below_a_secret_is_one() -> None:
    assert at({"data": SECRET}, ("data", "password")) == SECRET


def test_values_differ_at_the_deepest_places() -> None:
    before = {"a": {"b": [1, 2]}, "c": 1}
    after = {"a": {"b": [1, 3, 4]}, "d": 1}
    assert list(differences(before, after)) == [("a", "b", 1), ("a", "b", 2), ("c",), ("d",)]


def test_the_providers_paths_are_taken_with_their_values() -> None:
    (one,) = changed({"a": 1}, {"a": 2}, {}, {"a": ("update-replace", True)})
    assert (one.path, one.kind, one.before, one.after, one.replaces) == ("a", "update", 1, 2, True)


def test_what_the_provider_does_not_name_is_shown_all_the_same() -> None:
    found = changed({"a": 1, "b": 1}, {"a": 2, "b": 2}, {}, {"a": ("update", True)})
    assert [one.path for one in found] == ["a", "b"]


def test_a_difference_from_the_servers_answer_shows_the_answer() -> None:
    (one,) = changed({}, {"limit": 5}, {"limit": 7}, {"limit": ("update", False)})
    assert (one.before, one.after) == (7, 5)


def test_a_changed_secret_is_said_to_change_and_not_shown() -> None:
    (one,) = changed({"password": SECRET}, {"password": SECRET}, {}, {"password": ("update", True)})
    assert (one.before, one.after) == (SECRET, SECRET)


def test_the_property_that_a_replacement_is_for_is_marked() -> None:
    (one,) = changed({"name": "a"}, {"name": "b"}, {}, {}, frozenset({"name"}))
    assert one.replaces
