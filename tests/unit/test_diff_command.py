"""The command: how it ends, where it writes, and what it refuses before anything is previewed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bulkhead import forge
from bulkhead.cli import app
from bulkhead.diff import gather, terminal
from bulkhead.diff.report import Report
from bulkhead.errors import UsageError
from tests.unit.diff_events import DATABASE, DEV, PROD, diagnostic, policy, preview, step, workload

SAME = Report(previews=(preview(step("same", old={}, new={})),))
IMAGE = Report(previews=(preview(step("update", old=workload("a:1"), new=workload("a:2"))),))
LOST = Report(previews=(preview(step("delete", "db", DATABASE, old={"name": "db"})),))
REFUSED = Report(previews=(preview(policy("ISO-1", "x")),))
BROKEN = Report(previews=(preview(diagnostic("error", "no server")),))
IN_A_WORKFLOW = ("GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_EVENT_PATH", "GITHUB_SERVER_URL", "GITHUB_RUN_ID")


@pytest.fixture(autouse=True)
def _outside_of_a_workflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in IN_A_WORKFLOW:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def found(monkeypatch: pytest.MonkeyPatch, report: Report) -> None:
    monkeypatch.setattr(gather, "report", lambda *_: report)


@pytest.mark.parametrize(
    ("report", "gate", "status"),
    [
        (SAME, "", 0),
        (SAME, "change", 0),
        (IMAGE, "", 0),
        (IMAGE, "dangerous", 0),
        (IMAGE, "change", 3),
        (LOST, "", 0),
        (LOST, "dangerous", 3),
        (LOST, "change", 3),
        (REFUSED, "", 1),
        (BROKEN, "", 1),
        (BROKEN, "dangerous", 1),
    ],
)
def test_it_ends_as_it_says(monkeypatch: pytest.MonkeyPatch, report: Report, gate: str, status: int) -> None:
    found(monkeypatch, report)
    ended = CliRunner().invoke(app, ["diff", *(["--fail-on", gate] if gate else [])])
    assert ended.exit_code == status


def test_what_is_no_terminal_gets_markdown(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, SAME)
    assert CliRunner().invoke(app, ["diff"]).stdout.startswith("<!-- bulkhead-diff:")


def test_files_are_written_and_nothing_is_printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found(monkeypatch, LOST)
    ended = CliRunner().invoke(app, ["diff", "--json", "a.json", "--markdown", "a.md"])
    assert not ended.stdout
    assert json.loads((tmp_path / "a.json").read_text())["dangerous"] is True
    assert "Data would be lost" in (tmp_path / "a.md").read_text()


def test_json_on_standard_output_is_json_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, SAME)
    assert json.loads(CliRunner().invoke(app, ["diff", "--json", "-"]).stdout)["changes"] == 0


@pytest.mark.parametrize(
    "words",
    [
        ("--json", "-", "--markdown", "-"),
        ("--details-url", "javascript:alert(1)"),
        ("--details-url", "https://"),
        ("--comment",),
        ("--all", "dev"),
        ("nowhere:dev",),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_previewed(words: tuple[str, ...]) -> None:
    refused = CliRunner().invoke(app, ["diff", *words]).exception
    assert isinstance(refused, UsageError)


def test_a_file_that_cannot_be_written_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, SAME)
    refused = CliRunner().invoke(app, ["diff", "--json", "no/such/folder.json"]).exception
    assert isinstance(refused, UsageError)


def test_the_comment_is_the_report_and_fits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found(monkeypatch, LOST)
    (tmp_path / "event.json").write_text('{"pull_request": {"number": 7}}')
    for name, value in zip(IN_A_WORKFLOW, ("t", "owner/name", str(tmp_path / "event.json")), strict=False):
        monkeypatch.setenv(name, value)
    said: list[tuple[int, str, str]] = []
    monkeypatch.setattr(forge, "comment", lambda pull, mark, body: said.append((pull.number, mark, body)) or "url")
    assert CliRunner().invoke(app, ["diff", "--comment", "--json", "a.json"]).exit_code == 0
    ((number, mark, body),) = said
    assert (number, mark) == (7, f"bulkhead-diff:{tmp_path.name}")
    assert body.startswith(f"<!-- {mark} -->\n")
    assert len(body) < 65_000


def test_a_file_is_a_comment_with_its_own_mark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text('{"pull_request": {"number": 7}}')
    (tmp_path / "hosts.md").write_text("text " * 20_000)
    for name, value in zip(IN_A_WORKFLOW, ("t", "owner/name", str(tmp_path / "event.json")), strict=False):
        monkeypatch.setenv(name, value)
    said: list[str] = []
    monkeypatch.setattr(forge, "comment", lambda *given: said.append(given[2]) or "url")
    assert CliRunner().invoke(app, ["comment", "hosts.md", "--mark", "hosts"]).exit_code == 0
    assert said[0].startswith("<!-- bulkhead-comment:hosts -->\ntext ")
    assert len(said[0]) == 65_000
    assert isinstance(CliRunner().invoke(app, ["comment", "hosts.md", "--mark", "a --> b"]).exception, UsageError)


def test_a_terminal_shows_what_is_dangerous_and_the_properties(capsys: pytest.CaptureFixture[str]) -> None:
    previews = (*LOST.previews, *BROKEN.previews, *IMAGE.previews, *REFUSED.previews)
    both = Report(previews=previews, drift={PROD: ("Deployment api is changed",)}, passed_by=(DEV,))
    terminal.show(both)
    shown = " ".join(capsys.readouterr().out.split())
    for words in (
        "is deleted: the database and every row in it",
        "no server",
        "a 1 → 2",
        "ISO-1",
        "prod Deployment api is",
        "not previewed",
    ):
        assert words in shown
