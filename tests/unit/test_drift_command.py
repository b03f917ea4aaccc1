"""`bulkhead drift`: its words, exit codes and files."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bulkhead.cli import app
from bulkhead.drift import command
from bulkhead.drift.command import OutputError
from bulkhead.drift.report import Drift, Report
from bulkhead.stacks import StackError

DRIFT = Drift(urn="urn:x", name="x", type="t", object="Role n/x")


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["drift", *words])


@pytest.fixture(autouse=True)
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with two stacks."""
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml"):
        (tmp_path / name).write_text("name: shop\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def finds(monkeypatch: pytest.MonkeyPatch, **drifted: bool) -> list[dict[str, Any]]:
    """What the servers are said to have, by stack; how the command asked for it is noted."""
    asked: list[dict[str, Any]] = []

    def reports(stacks: Iterable[Any], keep: Path | None, log: Path | None) -> list[Report]:
        asked.append({"stacks": [str(one) for one in stacks], "keep": keep, "log": log})
        drifts = {name: (DRIFT,) if yes else () for name, yes in drifted.items()}
        return [
            Report(stack=name, looked_at="2026-11-21T10:00:00Z", drifts=found) for name, found in drifts.items()
        ]

    monkeypatch.setattr(command, "_reports", reports)
    return asked


def test_without_words_all_stacks_of_the_folder_are_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = finds(monkeypatch, dev=False, prod=False)
    done = run()
    assert done.exit_code == 0
    assert asked == [{"stacks": ["dev", "prod"], "keep": None, "log": None}]
    assert "dev: no drift" in done.stdout


def test_drift_has_an_exit_code_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    finds(monkeypatch, dev=False, prod=True)
    done = run("--json")
    assert done.exit_code == 3
    assert json.loads(done.stdout)["exit"] == 3


def test_repair_keeps_what_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = finds(monkeypatch, dev=False)
    run("dev", "--repair")
    run("dev", "--repair", "--keep", "elsewhere")
    assert [one["keep"] for one in asked] == [command.KEEP, Path("elsewhere")]


def test_files_are_written_whole(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    finds(monkeypatch, dev=True)
    run("--markdown", "drift.md", "--prometheus", "drift.prom")
    assert "# Drift" in (project / "drift.md").read_text(encoding="utf-8")
    assert 'bulkhead_drift{stack="dev",kind="changed"} 1' in (project / "drift.prom").read_text(encoding="utf-8")
    assert not list(project.glob("*.new"))


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = finds(monkeypatch, dev=False)
    done = run("--prometheus", "nowhere/drift.prom")
    assert isinstance(done.exception, OutputError)
    assert "nowhere is no folder" in str(done.exception)
    assert done.exception.exit_code == 2
    assert asked == []


def test_an_unknown_stack_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    finds(monkeypatch, dev=False)
    done = run("staging")
    assert isinstance(done.exception, StackError)
    assert done.exception.exit_code == 2
