"""Repairs: what is kept before, what is tried again, and what is said of it."""

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bulkhead.drift import repair as repairing
from bulkhead.drift.examine import Examined
from bulkhead.drift.finding import Finding, RepairError
from bulkhead.drift.postgresql_log import NO_LOG
from bulkhead.drift.repair import ROUNDS, KeepError, repair
from bulkhead.drift.report import Drift, Report
from bulkhead.stacks import StackReference

STACK = StackReference(Path("shop"), "dev")


def finding(name: str, act: Callable[[], None] | None = lambda: None, before: Any = None) -> Finding:
    drift = Drift(urn=f"urn:{name}", name=name, type="t", object=f"Role n/{name}", remedy="written" if act else "")
    return Finding(drift=drift, repair=act, before=before)


def examined(*findings: Finding) -> Examined:
    report = Report(
        stack="shop:dev", looked_at="2026-11-21T10:00:00Z", drifts=tuple(one.drift for one in findings)
    )
    return Examined(stack=STACK, report=report, findings=findings)


def after(monkeypatch: pytest.MonkeyPatch, *looks: Examined) -> None:
    """What is found each time that the servers are asked again."""
    waiting: Iterator[Examined] = iter(looks)
    monkeypatch.setattr(repairing, "examine_one", lambda *_: next(waiting))


def refuse() -> None:
    raise RepairError("PostgreSQL answers: permission denied")


def test_what_is_found_is_put_right_and_looked_at_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done: list[str] = []
    after(monkeypatch, examined())
    found = examined(finding("a", lambda: done.append("a")), finding("b", lambda: done.append("b")))
    result = repair(found, tmp_path, NO_LOG)
    assert done == ["a", "b"]
    assert result.report.drifts == ()
    assert [(one.name, one.done) for one in result.report.repaired] == [("a", "written"), ("b", "written")]


def test_what_was_there_is_kept_in_a_file_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    after(monkeypatch, examined())
    result = repair(examined(finding("../x y", before={"verbs": ["get"]})), tmp_path, NO_LOG)
    [one] = result.report.repaired
    file = Path(one.kept)
    assert tmp_path in file.parents
    assert json.loads(file.read_text(encoding="utf-8"))["was"] == {"verbs": ["get"]}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_nothing_is_changed_that_cannot_be_kept(tmp_path: Path) -> None:
    done: list[str] = []
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    with pytest.raises(KeepError, match="nothing more was changed"):
        repair(examined(finding("a", lambda: done.append("a"), before={})), blocked, NO_LOG)
    assert done == []


def test_what_a_server_refuses_is_said_and_the_rest_is_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    left = finding("a", refuse)
    after(monkeypatch, examined(left), examined(left), examined(left))
    result = repair(examined(left, finding("b")), tmp_path, NO_LOG)
    said = {one.name: one.failed or one.done for one in result.report.repaired}
    assert said == {"a": "PostgreSQL answers: permission denied", "b": "written"}
    assert not result.report.is_whole


def test_what_only_a_person_can_put_right_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    after(monkeypatch, examined(finding("a", None)))
    [one] = repair(examined(finding("a", None)), tmp_path, NO_LOG).report.repaired
    assert "pulumi up --refresh" in one.failed


def test_what_a_later_round_puts_right_did_not_fail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    after(monkeypatch, examined(finding("a")), examined())
    result = repair(examined(finding("a", refuse), finding("b")), tmp_path, NO_LOG)
    assert [(one.name, one.failed) for one in result.report.repaired] == [("b", ""), ("a", "")]
    assert result.report.is_whole


def test_rounds_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done: list[int] = []
    again = finding("a", lambda: done.append(1))
    after(monkeypatch, *[examined(again)] * ROUNDS)
    result = repair(examined(again), tmp_path, NO_LOG)
    assert len(done) == ROUNDS
    assert [one.name for one in result.report.drifts] == ["a"]
