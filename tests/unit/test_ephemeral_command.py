"""`bulkhead ephemeral`: words that cannot be used are refused before anything is begun."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bulkhead.cli import main
from bulkhead.ephemeral import report
from bulkhead.ephemeral.creating import Created
from bulkhead.ephemeral.destroying import Gone
from bulkhead.ephemeral.together import Outcome, together
from bulkhead.errors import CommandError

Run = Callable[..., tuple[object, str]]

CREATE = ("create", "pr-7", "--from", "dev")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run a command in a folder without a program; its exit code and what it said."""

    def running(*words: str) -> tuple[object, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["bulkhead", "ephemeral", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    return running


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((*CREATE, "--ttl", "0h"), "--ttl is '0h'"),
        ((*CREATE, "--ttl", "-1h"), "--ttl is '-1h'"),
        ((*CREATE, "--ttl", "1 fortnight"), "30d at most"),
        ((*CREATE, "--ttl", "31d"), "use 30d at most"),
        (("create", "prod", "--from", "dev"), "a name of production"),
        (("create", "PR-7", "--from", "dev"), "use a lower-case word"),
        (("extend", "pr-7", "--ttl", "soon"), "--ttl is 'soon'"),
        (CREATE, "has no Pulumi.yaml"),
        (("list",), "has no Pulumi.yaml"),
        (("collect",), "has no Pulumi.yaml"),
        (("destroy", "pr-7"), "has no Pulumi.yaml"),
    ],
)
def test_wrong_usage_is_answered_with_2_and_what_is_allowed(run: Run, words: tuple[str, ...], says: str) -> None:
    code, said = run(*words)
    assert code == 2
    assert says in said
    assert "Traceback" not in said


@pytest.mark.parametrize("command", ["create", "list", "extend", "destroy", "collect"])
def test_every_command_says_how_it_ends(
    run: Run, capsys: pytest.CaptureFixture[str], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["bulkhead", "ephemeral", command, "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert "Exit codes: 0" in capsys.readouterr().out.replace("\n", " ").replace("│", " ").replace("  ", " ")


def test_one_that_fails_stops_no_other() -> None:
    def work(name: str, note: object) -> str:
        if name == "pr-2":
            raise CommandError("no space left")
        return name.upper()

    outcomes = together(["pr-1", "pr-2", "pr-3"], work, "creating")
    assert outcomes == [Outcome("pr-1", "PR-1"), Outcome("pr-2", failure="no space left"), Outcome("pr-3", "PR-3")]


def test_a_line_says_what_is_going_on_but_not_every_resource(capsys: pytest.CaptureFixture[str]) -> None:
    said = ("3 resources applied", "waiting", "waiting", "looking for residue")
    together(["pr-1"], lambda _, note: [note(text) for text in said], "destroying")
    assert capsys.readouterr().err == "pr-1: waiting\npr-1: looking for residue\n"


NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
CREATED = Created(
    name="pr-7",
    expires="2026-11-23T10:00:00Z",
    resources=25,
    seconds=12.34,
    outputs={"urls": {"web": "https://web-pr-7.example.com", "secret": "[secret]"}},
)


def test_what_was_created_is_shown_with_its_addresses_and_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    report.show_created([Outcome("pr-7", CREATED), Outcome("pr-8", failure="why")], NOW)
    assert capsys.readouterr().out == (
        "pr-7: 25 resources, 12 s; lives until 2026-11-23T10:00:00Z, in 2 d 0 h\n  https://web-pr-7.example.com\n"
    )


def test_a_program_reads_what_became_of_each() -> None:
    assert report.created_row(Outcome("pr-7", CREATED))["seconds"] == 12.3
    assert report.created_row(Outcome("pr-8", failure="why")) == {
        "name": "pr-8",
        "complete": False,
        "failure": "why",
    }
    gone = Gone(name="pr-7", deleted=25, seconds=9.9)
    assert report.gone_row(Outcome("pr-7", gone))["residue"] == 0
    assert report.gone_row(Outcome("pr-8", failure="why"))["gone"] is False
    assert report.gone_row(Outcome("pr-9"))["says"] == "extended meanwhile"


def test_a_destruction_is_shown_with_its_proof(capsys: pytest.CaptureFixture[str]) -> None:
    report.show_gone([Outcome("pr-7", Gone(name="pr-7", deleted=25, seconds=9.9)), Outcome("pr-9")])
    assert capsys.readouterr().out == (
        "pr-7: gone; 25 resources deleted, residue 0 on all three servers, 10 s\n"
        "pr-9: kept; its time was extended meanwhile\n"
    )


def test_nothing_to_do_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    report.show_gone([])
    report.show_list([])
    assert capsys.readouterr().out == "nothing to do\nnone\n"
