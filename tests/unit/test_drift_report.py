"""Reports: exit codes for schedulers, and what people and programs read."""

import json
from typing import Any

import pytest

from bulkhead.drift.render import markdown, prometheus, summary, text
from bulkhead.drift.report import (
    Cause,
    Difference,
    Drift,
    Noise,
    Repaired,
    Report,
    Undecided,
    as_json,
    exit_code,
    say,
)

DRIFT = Drift(
    urn="urn:x",
    name="api-role",
    type="kubernetes:rbac.authorization.k8s.io/v1:Role",
    object="Role shop-api-dev/api",
    differences=(Difference(path="rules[0].verbs", declared='["get"]', live='["get", "delete"]'),),
    cause=Cause(who="kubectl-edit", when="2026-11-21T10:00:00Z", source="field manager"),
    remedy="written as it was declared",
)
MISSING = Drift(urn="urn:y", name="pdb", type="t", object="PodDisruptionBudget a/b", kind="missing", remedy="made")
LEFT = Undecided(name="chart", type="kubernetes:helm.sh/v3:Release", reason="no comparison for it")


def report(stack: str = "dev", **more: Any) -> Report:
    return Report(stack=stack, looked_at="2026-11-21T12:00:00Z", seconds=1.5, resources=7, **more)


CLEAN, DRIFTED = report("dev"), report("prod", drifts=(DRIFT, MISSING))
UNDECIDED, FAILED = report("pr-7", undecided=(LEFT,)), report("pr-8", failed="Vault does not answer")


@pytest.mark.parametrize(
    ("reports", "code"),
    [
        ([], 0),
        ([CLEAN], 0),
        ([CLEAN, DRIFTED], 3),
        ([UNDECIDED], 1),
        ([CLEAN, FAILED], 1),
        ([FAILED, DRIFTED, UNDECIDED], 3),
        ([report(repaired=(Repaired(name="a", object="b", done="written"),))], 0),
        ([report(repaired=(Repaired(name="a", object="b", failed="refused"),))], 1),
    ],
)
def test_the_exit_code_tells_drift_from_what_is_not_known_from_none(reports: list[Report], code: int) -> None:
    assert exit_code(reports) == code
    assert f"exit code {code}" in summary(reports)


def test_json_has_everything_and_the_exit_code() -> None:
    said = json.loads(as_json([CLEAN, DRIFTED, UNDECIDED]))
    assert said["exit"] == 3
    assert [one["whole"] for one in said["stacks"]] == [True, True, False]
    [drift, _] = said["stacks"][1]["drifts"]
    assert drift["cause"] == {"who": "kubectl-edit", "when": "2026-11-21T10:00:00Z", "source": "field manager"}
    assert drift["differences"][0]["live"] == '["get", "delete"]'


def test_text_says_what_differs_and_by_whom() -> None:
    lines = text([CLEAN, DRIFTED, UNDECIDED, FAILED]).splitlines()
    assert lines[0] == "dev: no drift, 7 resources compared in 1.5 s"
    assert '    rules[0].verbs: ["get", "delete"], declared is ["get"]' in lines
    assert "    by: kubectl-edit, 2026-11-21T10:00:00Z (field manager)" in lines
    assert "  missing: PodDisruptionBudget a/b (pdb)" in lines
    assert "  undecided: chart (kubernetes:helm.sh/v3:Release): no comparison for it" in lines
    assert lines[-1] == "pr-8: could not be looked at: Vault does not answer"


def test_known_differences_are_shown_when_they_are_asked_for() -> None:
    noisy = report(noise=(Noise(name="a", object="Deployment x/y", path="spec.replicas", known="scaled"),))
    assert "HorizontalPodAutoscaler" not in text([noisy])
    assert "known since 2026-11-21: Deployment x/y: spec.replicas" in text([noisy], with_noise=True)
    assert "1 known differences" in text([noisy])


def test_markdown_cannot_be_steered_by_what_a_server_says() -> None:
    evil = Difference(path="metadata.labels", live="`</td>` | <script>alert(1)</script> [x](http://evil) @team")
    nasty = Drift(
        urn="u", name="a|b", type="t", object="Role `x`", differences=(evil,), cause=Cause(source="<b>|")
    )
    page = markdown([report(drifts=(nasty,))])
    [row] = [line for line in page.splitlines() if line.startswith("| changed")]
    assert row.replace("\\|", "").count("|") == 5
    outside = "".join(row.split("`")[::2])
    assert "<script>" not in outside
    assert "](http" not in outside


def test_markdown_has_every_stack_side_by_side() -> None:
    page = markdown([CLEAN, DRIFTED, FAILED])
    assert "| dev | 0 | 0 | 0 | 7 | 2026-11-21T12:00:00Z |" in page
    assert "| prod | 2 |" in page
    assert "could not be looked at" in page
    assert "No drift." in page


def test_prometheus_counts_by_kind_and_is_silent_about_what_is_not_known() -> None:
    lines = prometheus([CLEAN, DRIFTED, UNDECIDED, FAILED]).splitlines()
    assert 'bulkhead_drift{stack="prod",kind="changed"} 1' in lines
    assert 'bulkhead_drift{stack="prod",kind="missing"} 1' in lines
    assert 'bulkhead_drift{stack="dev",kind="added"} 0' in lines
    assert 'bulkhead_drift_undecided{stack="pr-7"} 1' in lines
    assert 'bulkhead_drift_success{stack="pr-8"} 0' in lines
    assert not [line for line in lines if line.startswith('bulkhead_drift{stack="pr-8"')]
    assert 'bulkhead_drift_timestamp_seconds{stack="dev"} 1795262400' in lines
    names = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert {line.split("{")[0] for line in lines if not line.startswith("#")} <= names


def test_a_stack_with_quotes_in_its_name_keeps_the_file_readable() -> None:
    assert 'stack="a\\"b"' in prometheus([report('a"b')])


def test_a_long_value_is_cut_and_stays_on_one_line() -> None:
    assert len(say("x" * 500)) == 161
    assert "\n" not in say("a\nb")
    assert say({"a": 1}) == '{"a": 1}'
    assert say("") == '""'


def test_a_difference_reads_as_a_sentence() -> None:
    assert str(Difference(path="p", live="granted")) == "p: granted, declared is nothing"
    assert str(Difference(path="p", declared="granted")) == "p: nothing, declared is granted"
