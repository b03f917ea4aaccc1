"""What bridged plugins do with inputs and states, without a server."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.plugins.bridged.difference import difference, top_level, without_ignored
from sandbox.plugins.bridged.inputs import Failures, checked, imported, marked, refreshed
from sandbox.plugins.bridged.schema import Property, Schema
from sandbox.plugins.bridged.state import completed, defaults, planned
from sandbox.plugins.values import Secret, Unknown

BLOCK = Property(
    type="object",
    fields={
        "url": Property(),
        "open": Property(type="int", default=2),
        "password": Property(secret=True),
        "names": Property(type="set"),
    },
)
SCHEMA: Schema = {
    "name": Property(required=True, force_new=True),
    "limit": Property(type="int", default=-1, minimum=-1),
    "login": Property(type="bool", default=False),
    "owner": Property(computed=True),
    "rights": Property(type="set"),
    "paths": Property(type="list"),
    "options": Property(type="map"),
    "block": BLOCK,
    "blocks": Property(type="list", items=BLOCK),
    "kind": Property(allowed=("table", "schema")),
    "secret": Property(secret=True, conflicts=("secretWo",)),
    "secretWo": Property(secret=True, write_only=True),
    "accessor": Property(output=True),
}


def check(new: dict[str, Any], old: dict[str, Any] | None = None) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    failures = Failures()
    return checked(SCHEMA, old or {}, new, failures), failures


def changes(old: dict[str, Any], inputs: dict[str, Any]) -> dict[str, str]:
    """The difference that new inputs make to a state, as kinds by path."""
    found = difference(SCHEMA, old, planned(SCHEMA, old, inputs), inputs)
    return {path: kind.name for path, kind in found.items()}


def state(inputs: dict[str, Any], **answer: Any) -> dict[str, Any]:
    """The state that a server leaves which answers so."""
    full, failures = check({"name": "n", **inputs})
    assert not failures
    return completed(SCHEMA, answer, planned(SCHEMA, None, full))


class TestCheck:
    def test_truthy_defaults_are_written_and_named(self) -> None:
        inputs, failures = check({"name": "n"})
        assert inputs == {"name": "n", "limit": -1, "__defaults": ["limit"]}
        assert not failures

    def test_nested_blocks_have_defaults_of_their_own(self) -> None:
        inputs, _ = check({"name": "n", "block": {"url": "u"}})
        assert inputs["block"] == {"url": "u", "open": 2, "__defaults": ["open"]}

    def test_an_earlier_default_is_kept(self) -> None:
        inputs, _ = check({"name": "n"}, {"name": "n", "limit": 7, "__defaults": ["limit"]})
        assert inputs["limit"] == 7

    def test_what_was_given_earlier_is_no_default(self) -> None:
        inputs, _ = check({"name": "n"}, {"name": "n", "limit": 7, "__defaults": []})
        assert inputs["limit"] == -1

    def test_unknown_values_are_tolerated(self) -> None:
        inputs, failures = check({"name": Unknown, "limit": Unknown, "kind": Unknown, "rights": [Unknown]})
        assert inputs["limit"] is Unknown
        assert not failures

    @pytest.mark.parametrize(
        ("new", "path", "words"),
        [
            ({}, "name", "required"),
            ({"name": "n", "ownr": "x"}, "ownr", "did you mean owner"),
            ({"name": "n", "zzz": "x"}, "zzz", "known are"),
            ({"name": "n", "accessor": "x"}, "accessor", "the server decides"),
            ({"name": "n", "limit": "many"}, "limit", "type int, not 'many'"),
            ({"name": "n", "limit": 1.5}, "limit", "type int"),
            ({"name": "n", "limit": -2}, "limit", "at least -1"),
            ({"name": "n", "login": "perhaps"}, "login", "type bool"),
            ({"name": "n", "kind": "view"}, "kind", "[table, schema], got view"),
            ({"name": "n", "rights": "SELECT"}, "rights", "must be a list"),
            ({"name": "n", "paths": [{}]}, "paths[0]", "type str"),
            ({"name": "n", "options": "x"}, "options", "must be a map"),
            ({"name": "n", "block": {"ur": "x"}}, "block.ur", "did you mean url"),
            ({"name": "n", "secret": "a", "secretWo": "b"}, "secret", "Conflicting"),
        ],
    )
    def test_refusals_name_the_property(self, new: dict[str, Any], path: str, words: str) -> None:
        _, failures = check(new)
        assert [failure[0] for failure in failures] == [path]
        assert words in failures[0][1]

    def test_refusals_do_not_show_secrets(self) -> None:
        _, failures = check({"name": "n", "secret": ["canary"]})
        assert failures
        assert "canary" not in str(failures)

    @pytest.mark.parametrize(
        ("key", "given_value", "value"),
        [("limit", "5", 5), ("limit", 5.0, 5), ("login", "true", True), ("owner", 1, "1")],
    )
    def test_scalars_may_be_written_as_others(self, key: str, given_value: Any, value: Any) -> None:
        inputs, failures = check({"name": "n", key: given_value})
        assert not failures
        assert inputs[key] == value
        assert type(inputs[key]) is type(value)

    def test_secrets_are_marked_at_every_depth(self) -> None:
        result = marked(
            SCHEMA, {"secret": "a", "block": {"password": "b", "url": "u"}, "blocks": [{"password": "c"}]}
        )
        assert result["secret"] == Secret("a")
        assert result["block"] == {"password": Secret("b"), "url": "u"}
        assert result["blocks"] == [{"password": Secret("c")}]


class TestPlan:
    def test_a_new_resource_knows_what_it_declares_only(self) -> None:
        plan = planned(SCHEMA, None, {"name": "n", "rights": ["b", "a"]})
        assert plan["rights"] == ["a", "b"]
        assert plan["login"] is False
        assert plan["owner"] is Unknown
        assert plan["accessor"] is Unknown
        assert plan["paths"] is None

    def test_what_the_server_chose_stays(self) -> None:
        plan = planned(SCHEMA, {"name": "n", "owner": "them", "accessor": "x"}, {"name": "n"})
        assert (plan["owner"], plan["accessor"]) == ("them", "x")

    def test_a_servers_answer_is_completed_from_the_plan(self) -> None:
        result = state(
            {"rights": ["b", "a"], "secretWo": "s", "block": {"url": "u"}}, owner="me", block={"url": "U"}
        )
        assert result["owner"] == "me"
        assert result["accessor"] is None
        assert result["secretWo"] is None
        assert result["block"] == {"url": "U", "open": 2, "password": None, "names": None}

    def test_defaults_hold_for_what_nobody_described(self) -> None:
        assert defaults(SCHEMA)["limit"] == -1


class TestDifference:
    def test_nothing_changes_by_itself(self) -> None:
        inputs, _ = check(
            {"name": "n", "rights": ["b", "a"], "block": {"names": ["z", "y"]}, "options": {"a": "1"}}
        )
        assert changes(state(inputs), inputs) == {}

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            ({}, {"name": "m"}, {"name": "UPDATE_REPLACE"}),
            ({}, {"name": Unknown}, {"name": "UPDATE_REPLACE"}),
            ({"limit": 5}, {"limit": 6}, {"limit": "UPDATE"}),
            ({"login": True}, {}, {"login": "UPDATE"}),
            ({"kind": "table"}, {}, {"kind": "DELETE"}),
            ({}, {"kind": "table"}, {"kind": "ADD"}),
            ({"owner": "them"}, {}, {}),
            ({"owner": "them"}, {"owner": "us"}, {"owner": "UPDATE"}),
            ({"secret": "a"}, {"secret": "b"}, {"secret": "UPDATE"}),
            ({}, {"secretWo": "b"}, {}),
        ],
    )
    def test_scalars(self, old: dict[str, Any], new: dict[str, Any], expected: dict[str, str]) -> None:
        inputs, _ = check({"name": "n", **new})
        assert changes({**state({}), **old}, inputs) == expected

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            (["CONNECT"], ["CONNECT", "TEMPORARY"], {"rights[1]": "ADD"}),
            (["CONNECT"], ["TEMPORARY", "CONNECT"], {"rights[0]": "ADD"}),
            (
                ["DELETE", "INSERT", "SELECT", "UPDATE"],
                ["SELECT"],
                {"rights[0]": "DELETE", "rights[1]": "DELETE", "rights[3]": "DELETE"},
            ),
            (["dev"], ["prod"], {"rights[0]": "UPDATE"}),
            (None, ["CONNECT"], {"rights": "ADD"}),
            ([], ["CONNECT"], {"rights": "ADD"}),
            (["CONNECT"], [], {"rights": "DELETE"}),
            (None, [], {}),
            (["CONNECT"], None, {"rights": "DELETE"}),
            (["a"], Unknown, {"rights": "UPDATE"}),
        ],
    )
    def test_sets_have_the_official_indices(self, old: Any, new: Any, expected: dict[str, str]) -> None:
        assert changes({**state({}), "rights": old}, {"name": "n", "limit": -1, "rights": new}) == expected

    @given(st.permutations("abcd"))
    def test_the_order_of_a_set_means_nothing(self, items: list[str]) -> None:
        old = {**state({}), "rights": sorted(items)}
        assert changes(old, {"name": "n", "limit": -1, "rights": items}) == {}

    @given(
        st.lists(st.sampled_from("abcdef"), unique=True, min_size=1),
        st.lists(st.sampled_from("abcdef"), unique=True, min_size=1),
    )
    def test_sets_that_differ_are_shown(self, old: list[str], new: list[str]) -> None:
        found = changes({**state({}), "rights": sorted(old)}, {"name": "n", "limit": -1, "rights": new})
        assert bool(found) == (set(old) != set(new))

    def test_lists_keep_what_stays(self) -> None:
        old = {**state({}), "paths": ["a", "b", "c"]}
        assert changes(old, {"name": "n", "limit": -1, "paths": ["a", "c"]}) == {"paths[1]": "DELETE"}
        assert changes(old, {"name": "n", "limit": -1, "paths": ["a", "x", "c"]}) == {"paths[1]": "UPDATE"}

    def test_blocks_are_compared_inside(self) -> None:
        inputs, _ = check({"name": "n", "block": {"url": "new"}, "blocks": [{"url": "a"}, {"url": "b"}]})
        old = state({"block": {"url": "old"}, "blocks": [{"url": "a"}]})
        assert changes(old, inputs) == {"block.url": "UPDATE", "blocks[1]": "ADD"}

    def test_maps_are_compared_by_key(self) -> None:
        old = {**state({}), "options": {"a": "1", "x.y": "1"}}
        new = {"name": "n", "limit": -1, "options": {"a": "2", "x.y": "2"}}
        assert changes(old, new) == {"options.a": "UPDATE", 'options["x.y"]': "UPDATE"}

    def test_ignored_changes_are_left_out(self) -> None:
        old = {**state({"limit": 5, "block": {"url": "old"}, "rights": ["a"]}), "login": True}
        found = difference(SCHEMA, old, planned(SCHEMA, old, {"name": "n"}), {"name": "n"})
        assert {top_level(path) for path in found} == {"limit", "block", "rights", "login"}
        assert set(without_ignored(found, ["block", "rights", "limit"])) == {"login"}
        assert without_ignored(found, ["*"]) == {}


class TestRead:
    inputs: ClassVar[dict[str, Any]] = {
        "name": "n",
        "limit": -1,
        "rights": ["b", "a"],
        "secretWo": "s",
        "__defaults": ["limit"],
    }

    def test_a_refresh_changes_inputs_that_there_were(self) -> None:
        live = {
            **state({}),
            "limit": 5,
            "login": True,
            "owner": "them",
            "rights": ["a", "b", "c"],
            "secretWo": None,
        }
        assert refreshed(SCHEMA, self.inputs, live) == {
            "name": "n",
            "limit": 5,
            "rights": ["a", "b"],
            "secretWo": "s",
            "__defaults": [],
        }

    def test_a_refresh_without_drift_changes_nothing(self) -> None:
        live = {**state({}), "rights": ["b", "a"]}
        assert refreshed(SCHEMA, self.inputs, live) == self.inputs

    def test_nested_inputs_are_refreshed(self) -> None:
        before = {"name": "n", "block": {"url": "u", "open": 2, "__defaults": ["open"]}}
        after = refreshed(SCHEMA, before, {**state({}), "block": {"url": "v", "open": 2, "names": ["x"]}})
        assert after["block"] == {"url": "v", "open": 2, "__defaults": ["open"]}

    def test_an_import_takes_what_is_not_at_its_default(self) -> None:
        live = {
            **state({}),
            "accessor": "x",
            "owner": "me",
            "limit": -1,
            "login": True,
            "block": {"url": "u", "open": 2},
        }
        assert imported(SCHEMA, live) == {
            "name": "n",
            "owner": "me",
            "login": True,
            "block": {"url": "u", "__defaults": []},
            "__defaults": [],
        }
