"""The attestation: an in-toto statement that says what was compared, and when it no longer holds."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bulkhead.isolation.attestation import NotAnAttestation, changed, read, statement, write
from bulkhead.isolation.comparison import compare
from bulkhead.isolation.report import Report
from bulkhead.isolation.servers import shared_by
from tests.recorded import recorded
from tests.stacks import platform


def report(**changes: Any) -> Report:
    declared = shared_by(platform())
    comparison = compare([recorded("dev"), recorded("prod")], declared=[declared] * 2)
    return Report(comparison=comparison, words=("dev", "prod"), declared=(declared,) * 2, **changes)


def test_a_statement_names_the_states_and_what_was_found() -> None:
    said = statement(report(), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert said["_type"] == "https://in-toto.io/Statement/v1"
    assert said["predicateType"] == "https://bulkhead.dev/attestation/isolation/v1"
    assert said["subject"] == [
        {"name": f"keybuzz/{stack}", "digest": {"sha256": recorded(stack).digest}} for stack in ("dev", "prod")
    ]
    predicate = said["predicate"]
    assert (predicate["result"], predicate["time"]) == ("isolated", "2026-01-02T03:04:05+00:00")
    assert (predicate["pairs"], predicate["shared"], predicate["references"]) == (1, 0, 0)
    assert predicate["stacks"] == {"keybuzz/dev": "dev", "keybuzz/prod": "prod"}
    assert predicate["tool"]["name"] == "bulkhead"


def test_what_was_not_looked_at_is_not_said_to_be_fine() -> None:
    predicate = statement(report())["predicate"]
    assert (predicate["reachable"], predicate["strays"], predicate["attack"]) == (None, None, None)


def test_a_statement_of_what_is_not_isolated_says_so() -> None:
    assert statement(report(planned=3, tried=()))["predicate"]["result"] == "not isolated"


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "isolation.json"
    write(report(), file)
    attested = read(file)
    assert attested.isolated
    assert [(one.name, one.stack) for one in attested.subjects] == [
        ("keybuzz/dev", "dev"),
        ("keybuzz/prod", "prod"),
    ]
    assert list(tmp_path.iterdir()) == [file]


def test_a_state_that_changed_is_named(tmp_path: Path) -> None:
    file = tmp_path / "isolation.json"
    write(report(), file)
    attested = read(file)
    digests = [one.digest for one in attested.subjects]
    assert changed(attested, digests) == []
    assert changed(attested, [digests[0], "0" * 64]) == ["keybuzz/prod"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no JSON", "cannot be read"),
        ("{}", "no attestation of isolation: _type is None"),
        ("[]", "_type is None"),
        (
            json.dumps({"_type": "https://in-toto.io/Statement/v1", "predicateType": "slsa"}),
            "predicateType is 'slsa'",
        ),
        (
            json.dumps(
                {
                    "_type": "https://in-toto.io/Statement/v1",
                    "predicateType": "https://bulkhead.dev/attestation/isolation/v1",
                    "subject": [],
                }
            ),
            "names no stack",
        ),
        (
            json.dumps(
                {
                    "_type": "https://in-toto.io/Statement/v1",
                    "predicateType": "https://bulkhead.dev/attestation/isolation/v1",
                    "subject": [{"name": "keybuzz/dev"}],
                    "predicate": {"result": "isolated", "stacks": {"keybuzz/dev": "dev"}},
                }
            ),
            "or one without its digest",
        ),
    ],
)
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "isolation.json"
    file.write_text(text)
    with pytest.raises(NotAnAttestation, match=said):
        read(file)
    with pytest.raises(NotAnAttestation, match="cannot be read"):
        read(tmp_path / "missing.json")
