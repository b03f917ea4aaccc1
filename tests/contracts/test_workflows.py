"""The workflows, judged by actionlint and zizmor, and by what none of them may ever do."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from bulkhead.cli import app
from sandbox.toolbox.catalogue import binary
from tests.stacks import ROOT

FOLDER = ROOT / ".github"
WORKFLOWS = sorted((FOLDER / "workflows").glob("*.yml"))
ACTIONS = sorted((FOLDER / "actions").glob("*/action.yml"))

EXCEPTED = {
    "self-repository": "actionlint refuses `$/…` as it is (1.7.12), and checks the inputs of what `./…` names.",
}
"""zizmor's audits whose findings stand, each with the reason."""


def actionlint(folder: Path) -> list[str]:
    """The kinds of what actionlint finds in a repository's workflows."""
    files = sorted(map(str, (folder / ".github" / "workflows").glob("*.yml")))
    assert files, "actionlint has looked at nothing"
    words = ("-format", "{{json .}}", "-shellcheck=", "-pyflakes=")
    done = subprocess.run(
        [binary("actionlint"), *words, *files],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return [f"{one['kind']}: {one['filepath']}:{one['line']}: {one['message']}" for one in json.loads(done.stdout)]


def zizmor(folder: Path) -> list[tuple[str, str]]:
    """What zizmor finds, at its strictest: the audit, and what it says."""
    words = ("--offline", "--no-config", "--persona", "auditor", "--format", "json-v1", "--no-exit-codes")
    done = subprocess.run(
        [binary("zizmor"), *words, folder / ".github"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [(one["ident"], one["desc"]) for one in json.loads(done.stdout)]


def test_there_are_the_workflows_that_the_documentation_promises() -> None:
    names = {file.name for file in WORKFLOWS}
    assert names == {"clean-up.yml", "deploy.yml", "drift.yml", "ephemeral.yml", "pull-request.yml"}


def test_actionlint_has_nothing_against_them() -> None:
    assert not actionlint(ROOT)


def test_zizmor_has_nothing_unexplained_against_them() -> None:
    found = zizmor(ROOT)
    assert not [one for one in found if one[0] not in EXCEPTED]
    assert {one[0] for one in found} == set(EXCEPTED), "an exception that nothing needs any more"


HEAD = """\
name: Bad
on:
  {on}:
permissions: {{}}
jobs:
  bad:
    name: Bad
    runs-on: ubuntu-24.04
    steps:
      - name: Bad
        {step}
"""
PINNED = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"


def planted(folder: Path, step: str, on: str = "pull_request") -> Path:
    """A repository with one workflow that has one fault."""
    place = folder / ".github" / "workflows"
    place.mkdir(parents=True)
    (place / "bad.yml").write_text(HEAD.format(on=on, step=step), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("run: echo ${{ github.event.pull_request.title }}", "expression"),
        ("run: echo ${{ steps.nobody.outputs.x }}", "expression"),
        ("with: {a: b}", "syntax-check"),
    ],
)
def test_actionlint_finds_what_is_planted(tmp_path: Path, step: str, said: str) -> None:
    assert any(one.startswith(said) for one in actionlint(planted(tmp_path, step)))


@pytest.mark.parametrize(
    ("step", "on", "audit"),
    [
        ("run: echo ${{ github.event.pull_request.title }}", "pull_request", "template-injection"),
        ("uses: actions/checkout@v4", "pull_request", "unpinned-uses"),
        (f"uses: {PINNED}", "pull_request", "artipacked"),
        ("run: 'true'", "pull_request_target", "dangerous-triggers"),
    ],
)
def test_zizmor_finds_what_is_planted(tmp_path: Path, step: str, on: str, audit: str) -> None:
    assert audit in {ident for ident, _ in zizmor(planted(tmp_path, step, on))}


def read(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def jobs() -> list[tuple[str, dict[str, Any]]]:
    return [(f"{file.stem}.{name}", job) for file in WORKFLOWS for name, job in read(file)["jobs"].items()]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_no_workflow_has_rights_of_its_own_or_runs_foreign_code_with_ours(file: Path) -> None:
    workflow = read(file)
    assert workflow["permissions"] == {}
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(workflow[True])
    assert workflow["concurrency"]["group"]


@pytest.mark.parametrize(("name", "job"), jobs(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_job_has_no_right_but_these_and_an_end(name: str, job: dict[str, Any]) -> None:
    commented = {"pull-request.preview", "ephemeral.create"}
    more = {"pull-requests": "write"} if name in commented else {}
    assert job["permissions"] == {"contents": "read", "id-token": "write", **more}
    assert job["timeout-minutes"] <= 60
    assert job["environment"], "what may log in is bound to an environment"


def test_what_a_pull_request_starts_is_started_by_our_own_branches_alone() -> None:
    own = "github.event.pull_request.head.repo.full_name == github.repository"
    for name, job in jobs():
        if name.split(".")[0] in {"pull-request", "ephemeral"}:
            assert job["if"].startswith(own), name


def test_prod_is_applied_in_its_environment_after_its_plan_and_held_to_it() -> None:
    deploy = read(FOLDER / "workflows" / "deploy.yml")["jobs"]
    assert (deploy["prod"]["environment"], deploy["prod"]["needs"], deploy["plan"]["needs"]) == (
        "prod",
        "plan",
        "dev",
    )
    applies = deploy["prod"]["steps"][-1]["run"]
    assert applies.startswith("pulumi up ")
    assert "--stack prod --plan plans/prod.json" in applies


def test_every_action_of_others_is_named_by_a_commit_with_its_version_beside() -> None:
    found = [
        line
        for file in (*WORKFLOWS, *ACTIONS)
        for line in file.read_text(encoding="utf-8").splitlines()
        if "uses:" in line
    ]
    others = [line.split("uses:")[1].strip() for line in found if "uses: ./" not in line]
    assert len(others) > 10
    assert not [one for one in others if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)]
    assert len({one.split("@")[0] for one in others}) == len(set(others)), "one version of each"


def test_the_pulumi_of_the_workflows_is_that_of_the_lock() -> None:
    (action,) = ACTIONS
    version = next(
        step["with"]["pulumi-version"]
        for step in read(action)["runs"]["steps"]
        if "pulumi-version" in step.get("with", {})
    )
    assert f'"pulumi=={version}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_every_command_that_a_workflow_runs_exists() -> None:
    known = typer.main.get_group(app).commands
    text = "\n".join(file.read_text(encoding="utf-8") for file in WORKFLOWS)
    found = re.findall(r"\.venv/bin/bulkhead ([a-z]+) ?([a-z]*)", text)
    assert {first for first, _ in found} >= {"diff", "drift", "ephemeral", "comment"}
    for first, second in found:
        inner = getattr(known[first], "commands", None)
        assert inner is None or second in inner, (first, second)
