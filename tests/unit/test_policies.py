"""`bulkhead policies`: what it lists, how it judges recorded state, and which pack the engine is given."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bulkhead import judgement, policies
from bulkhead.cli import app
from bulkhead.errors import UsageError
from bulkhead.stacks import StackReference
from bulkhead.state import SECRET, Resource, State
from policy.rules import RULES
from tests.judged import PROGRAMS, recorded
from tests.planting import put
from tests.stacks import ROOT

HERE = StackReference(ROOT, "prod")


def state_of(program: str = "keybuzz", stack: str = "prod", *plants: Any) -> State:
    """A program's registrations as they would be recorded: secrets are marks."""
    found = recorded(program, stack)
    for plant in plants:
        plant(found)
    origin = f"urn:pulumi:{stack}::{program}::pulumi:providers:"
    return State(
        project=program,
        stack=stack,
        resources=tuple(
            Resource(
                urn=one.urn,
                type=one.type,
                name=one.name,
                inputs=hidden(one.props, "", one.secrets),
                protect=one.protect,
                provider=f"{origin}{one.package}::{one.provider}" if one.provider else "",
            )
            for one in found
        ),
    )


def hidden(value: Any, path: str, secrets: frozenset[str]) -> Any:
    if path in secrets:
        return SECRET
    if isinstance(value, dict):
        return {key: hidden(inner, f"{path}.{key}" if path else key, secrets) for key, inner in value.items()}
    return value


def broken(state: State, reference: StackReference = HERE) -> set[str]:
    return {one.rule.id for one in judgement.findings_of(state, reference) if not one.undecided}


@pytest.mark.parametrize("stack", ["dev", "prod"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_recorded_stack_of_ours_breaks_nothing(
    program: str, stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BULKHEAD_PLATFORM", raising=False)
    assert not broken(state_of(program, stack), StackReference(PROGRAMS[program], stack))


def test_a_recorded_secret_is_undecided_and_not_passed() -> None:
    found = judgement.findings_of(state_of(), HERE)
    assert {one.says for one in found if one.urn.endswith("::api-kv")} == {f"dataJson is {judgement.WITHHELD}"}
    assert {one.rule.id for one in found} == {"database-node", "foreign-identity", "dynamic-credential"}


def test_a_recorded_secret_in_the_clear_is_a_fault_in_outputs_as_well() -> None:
    state = state_of()
    answered = Resource(
        urn="urn:pulumi:prod::keybuzz::postgresql:index/role:Role::x",
        type="postgresql:index/role:Role",
        name="x",
        outputs={"password": "hunter2hunter2"},
        provider="urn:pulumi:prod::keybuzz::pulumi:providers:postgresql::postgresql",
    )
    found = judgement.findings_of(State(project="keybuzz", stack="prod", resources=(answered,)), HERE)
    assert [(one.rule.id, one.level) for one in found] == [("plain-secret", "mandatory")]
    assert "hunter2" not in found[0].says
    assert not broken(state)


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["policies", *words])


@pytest.fixture
def recorded_state(monkeypatch: pytest.MonkeyPatch) -> dict[str, State]:
    states: dict[str, State] = {"dev": state_of(stack="dev"), "prod": state_of()}
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("BULKHEAD_PLATFORM", raising=False)
    monkeypatch.setattr("bulkhead.state.read", lambda reference: states[reference.name])
    return states


def test_check_ends_with_0_where_nothing_is_broken(recorded_state: dict[str, State]) -> None:
    done = run("check")
    assert done.exit_code == 0
    assert "prod: 0 mandatory faults, 0 advice, 0 undecided" in done.stdout
    assert "secrets, which are not looked at here" in done.stdout


def test_check_ends_with_1_and_names_rule_resource_and_fix(recorded_state: dict[str, State]) -> None:
    recorded_state["prod"] = state_of(
        "keybuzz", "prod", put("ConfigMap", "api-migration-files", "data", "x", value="10.0.0.120")
    )
    done = run("check", "prod")
    assert done.exit_code == 1
    assert "database-node" in done.stdout
    assert "api-migration-files" in done.stdout
    assert "prod: 1 mandatory faults" in done.stdout
    assert run("check", "dev").exit_code == 0
    (row,) = [
        row for row in json.loads(run("check", "prod", "--json").stdout)["prod"] if row["level"] == "mandatory"
    ]
    assert (row["rule"], row["urn"].rpartition("::")[2]) == ("database-node", "api-migration-files")


def test_advice_ends_with_0(recorded_state: dict[str, State]) -> None:
    recorded_state["dev"] = state_of("keybuzz", "dev", put("vault", "vault", "address", value="http://v:1"))
    done = run("check", "dev")
    assert done.exit_code == 0
    assert "dev: 0 mandatory faults, 1 advice" in done.stdout


def preview(file: Path, operation: str) -> Path:
    origin = "urn:pulumi:prod::keybuzz::bulkhead:index:EnvironmentDatabase"
    urn = f"{origin}$postgresql:index/database:Database::api-database"
    steps = [{"op": operation, "urn": urn, "oldState": {"inputs": {"name": "keybuzz_prod"}, "protect": True}}]
    file.write_text(json.dumps({"steps": steps}), encoding="utf-8")
    return file


def test_check_judges_what_a_preview_would_do(recorded_state: dict[str, State], tmp_path: Path) -> None:
    file = preview(tmp_path / "preview.json", "replace")
    done = run("check", "prod", "--preview", str(file))
    assert done.exit_code == 1
    assert "stateful-kept" in done.stdout
    assert run("check", "prod", "--preview", str(preview(file, "update"))).exit_code == 0


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"steps": 1}'])
def test_what_is_no_preview_is_refused(recorded_state: dict[str, State], tmp_path: Path, text: str) -> None:
    file = tmp_path / "preview.json"
    file.write_text(text, encoding="utf-8")
    done = run("check", "prod", "--preview", str(file))
    assert isinstance(done.exception, UsageError)
    assert done.exception.exit_code == 2
    assert "is no preview" in str(done.exception)


def test_a_preview_is_one_stack_s(recorded_state: dict[str, State], tmp_path: Path) -> None:
    done = run("check", "--preview", str(preview(tmp_path / "preview.json", "same")))
    assert isinstance(done.exception, UsageError)


def test_a_deletion_of_a_database_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    steps = json.loads(preview(tmp_path / "preview.json", "delete").read_text(encoding="utf-8"))["steps"]
    with pytest.raises(judgement.PolicyError) as refused:
        judgement.refuse(steps, system="keybuzz", environment="prod", place=ROOT)
    assert "stateful-kept: delete of postgresql:index/database:Database::api-database" in str(refused.value)
    assert "allowances" in str(refused.value)
    steps[0]["op"] = "update"
    judgement.refuse(steps, system="keybuzz", environment="prod", place=ROOT)


def test_list_has_every_rule_with_its_levels() -> None:
    listed = json.loads(run("list", "--json").stdout)
    assert [row["id"] for row in listed] == [rule.id for rule in RULES]
    assert {row["judges"] for row in listed} == {"resource", "stack", "steps"}
    assert all(set(row["levels"]) == {"production", "development", "ephemeral"} for row in listed)
    assert "stateful-kept" in run("list").stdout


def test_an_official_pulumi_runs_the_folder_and_any_other_the_pack_s_own_program(tmp_path: Path) -> None:
    engine = tmp_path / "pulumi"
    engine.write_text("#!/bin/sh\n")
    engine.chmod(0o755)
    program = policies.pack({"PATH": str(tmp_path)})
    assert program.parent == policies.folder()
    assert program.stat().st_mode & 0o111
    (tmp_path / "pulumi-language-nodejs").touch()
    assert policies.pack({"PATH": str(tmp_path)}) == policies.folder()
    assert (policies.folder() / "PulumiPolicy.yaml").is_file()
