"""A stack's recorded state as plain data: nothing secret in it, and a digest of what it says."""

import json
import random
import stat
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from bulkhead.stacks import StackReference
from bulkhead.state import SECRET, State, StateError, export, parse, read, without_secrets
from sandbox.toolbox.catalogue import ToolMissing
from tests.recorded import SECRET as ENCRYPTED
from tests.recorded import exported, recorded

URN = "urn:pulumi:dev::shop::{}::{}"


def entry(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"urn": URN.format(kind, name), "type": kind, "custom": True, **more}


def state(*entries: dict[str, Any], **deployment: Any) -> State:
    return parse({"deployment": {"resources": list(entries), **deployment}}, "dev")


def test_a_resource_is_read_with_all_that_is_recorded_of_it() -> None:
    (one,) = state(
        entry(
            "kubernetes:core/v1:Secret",
            "api",
            id="dev/api",
            inputs={"a": 1},
            outputs={"b": [2]},
            parent="urn:parent",
            provider="urn:pulumi:dev::shop::pulumi:providers:kubernetes::kubernetes::some-id",
            protect=True,
            external=True,
        )
    ).resources
    assert (one.name, one.id, one.package) == ("api", "dev/api", "kubernetes")
    assert (one.inputs, one.outputs, one.parent) == ({"a": 1}, {"b": [2]}, "urn:parent")
    assert one.provider == "urn:pulumi:dev::shop::pulumi:providers:kubernetes::kubernetes"
    assert (one.protect, one.external, one.custom) == (True, True, True)


def test_a_logical_name_may_have_colons() -> None:
    assert state(entry("a:b:C", "one::two")).resources[0].name == "one::two"


def test_the_project_comes_from_the_resources_and_the_stack_from_the_command() -> None:
    assert (state(entry("a:b:C", "x")).project, state().project, state().stack) == ("shop", "", "dev")


@pytest.mark.parametrize(
    "document", [{}, {"deployment": None}, {"deployment": {}}, {"deployment": {"resources": None}}]
)
def test_an_empty_state_has_no_resource(document: dict[str, Any]) -> None:
    assert parse(document, "dev").resources == ()


def test_what_waits_for_its_deletion_is_no_resource_any_more() -> None:
    found = state(entry("a:b:C", "x", id="new"), entry("a:b:C", "x", id="old", delete=True))
    assert [one.id for one in found.resources] == ["new"]


def test_operations_that_were_begun_are_told() -> None:
    pending = [{"resource": entry("a:b:C", "x"), "type": "creating"}]
    assert state(pending_operations=pending).pending == (URN.format("a:b:C", "x"),)


def test_a_secret_is_a_mark_wherever_it_stands() -> None:
    assert without_secrets({"a": [ENCRYPTED, {"b": ENCRYPTED}], "c": "d"}) == {
        "a": [SECRET, {"b": SECRET}],
        "c": "d",
    }
    plain = {**ENCRYPTED, "plaintext": '"hunter2"'}
    assert without_secrets(plain) == SECRET


def test_an_output_that_is_declared_secret_is_a_mark_though_it_is_stored_in_the_clear() -> None:
    made = entry("a:b:C", "x", outputs={"password": "hunter2", "user": "me"}, additionalSecretOutputs=["password"])
    assert state(made).resources[0].outputs == {"password": SECRET, "user": "me"}


def test_the_plugins_own_book_keeping_is_left_out() -> None:
    made = entry("a:b:C", "x", inputs={"__defaults": ["a"], "a": {"__internal": 1, "b": 2}})
    assert state(made).resources[0].inputs == {"a": {"b": 2}}


def test_no_ciphertext_of_a_whole_program_is_left() -> None:
    assert "ciphertext" in json.dumps(exported("dev"))
    assert "ciphertext" not in repr(recorded("dev"))
    assert SECRET in repr(recorded("dev"))


def test_providers_are_found_by_their_package_and_the_first_of_two_counts() -> None:
    found = state(
        entry("pulumi:providers:vault", "vault", inputs={"address": "one"}),
        entry("pulumi:providers:vault", "other", inputs={"address": "two"}),
    )
    assert {name: one.inputs for name, one in found.providers.items()} == {"vault": {"address": "one"}}


def test_the_servers_ids_are_those_of_the_first_apply() -> None:
    assert recorded("dev").identity == {"kubernetes": "a-cluster", "vault": "a-vault", "postgresql": "a-system"}


def test_a_stash_of_something_else_is_no_identity() -> None:
    assert state(entry("pulumi:index:Stash", "x", outputs={"output": {"vault": "a"}})).identity == {}
    assert state(entry("pulumi:index:Stash", "x", outputs={"output": "text"})).identity == {}
    assert state().identity == {}


def test_resources_are_found_by_type() -> None:
    dev = recorded("dev")
    assert {one.type for one in dev.of_type("postgresql:index/database:Database")} == {
        "postgresql:index/database:Database"
    }
    assert len(list(dev.of_type("postgresql:index/database:Database", "postgresql:index/role:Role"))) > 2


def test_the_digest_is_the_same_as_long_as_the_resources_are() -> None:
    """What an update without a change writes anew: the time, the order, each secret's encryption."""
    first = exported("dev")
    again = deepcopy(first)
    again["deployment"]["manifest"] = {"time": "later", "magic": "other"}
    random.Random(1).shuffle(again["deployment"]["resources"])  # noqa: S311 - nothing to guess
    text = json.dumps(again).replace(ENCRYPTED["ciphertext"], "v1:other:nonce")
    assert text != json.dumps(again)
    assert parse(json.loads(text), "dev").digest == parse(first, "dev").digest


@pytest.mark.parametrize("change", ["inputs", "outputs", "id", "protect"])
def test_the_digest_changes_with_a_resource(change: str) -> None:
    first, again = exported("dev"), exported("dev")
    again["deployment"]["resources"][-1][change] = {"id": "x", "protect": True}.get(change, {"a": "b"})
    assert parse(again, "dev").digest != parse(first, "dev").digest
    assert len(parse(first, "dev").digest) == 64


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder that is all of PATH, for a `pulumi` that does what a test wants."""
    monkeypatch.setenv("PATH", f"{tmp_path}")
    return tmp_path


def pulumi(folder: Path, script: str) -> None:
    file = folder / "pulumi"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(stat.S_IRWXU)


def test_a_state_is_read_in_its_programs_folder(program: Path) -> None:
    here = program / "examples"
    here.mkdir()
    document = json.dumps({"deployment": {"resources": [entry("a:b:C", "x")]}})
    pulumi(program, f"echo \"$PWD $@\" > {program}/said\necho '{document}'")
    assert read(StackReference(here, "dev")).resources[0].name == "x"
    said = (program / "said").read_text()
    assert said == f"{here} --non-interactive stack export --stack dev\n"
    assert "show-secrets" not in said


def test_what_pulumi_says_is_the_errors_text(program: Path) -> None:
    pulumi(program, "echo no stack named gone found >&2; exit 255")
    with pytest.raises(StateError, match="the state of --stack gone cannot be read: no stack named gone found"):
        export(["--stack", "gone"], program)


def test_without_pulumi_a_tool_is_missing(program: Path) -> None:
    with pytest.raises(ToolMissing, match="pulumi is not on PATH"):
        export(["--stack", "dev"], program)
