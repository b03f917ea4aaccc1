"""Drift reports as text for a person, Markdown for a pull request or a ticket, and a file for Prometheus; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bulkhead.drift import noise
from bulkhead.drift.report import exit_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkhead.drift.report import Drift, Report

_LONGEST_LIST: Final = 12
"""Differences of one object that Markdown lists; the rest is counted."""

_HELP: Final = {
    "bulkhead_drift": "Objects that are not as the stack's last update declared them, by what they are.",
    "bulkhead_drift_undecided": "Resources of which it is not known whether they drifted.",
    "bulkhead_drift_noise": "Differences that are on the list of known noise.",
    "bulkhead_drift_resources": "Resources that were compared.",
    "bulkhead_drift_success": "1 where the whole stack could be looked at, else 0.",
    "bulkhead_drift_timestamp_seconds": "When the stack was looked at.",
    "bulkhead_drift_duration_seconds": "How long that took.",
}
KINDS: Final = ("changed", "missing", "added")


def verdict(report: Report) -> str:
    """One line about a stack."""
    if report.failed:
        return f"could not be looked at: {report.failed}"
    parts = [f"{len(report.drifts)} drifted" if report.drifts else "no drift"]
    if report.undecided:
        parts.append(f"{len(report.undecided)} undecided")
    failed = sum(1 for one in report.repaired if one.failed)
    if report.repaired:
        parts.append(f"{len(report.repaired) - failed} repaired" + (f", {failed} not" if failed else ""))
    parts.append(f"{report.resources} resources compared in {report.seconds} s")
    if report.noise:
        parts.append(f"{len(report.noise)} known differences")
    return ", ".join(parts)


def text(reports: list[Report], *, with_noise: bool = False) -> str:
    """The reports for a terminal."""
    return "\n".join(line for report in reports for line in _lines(report, with_noise=with_noise))


def _lines(report: Report, *, with_noise: bool) -> Iterator[str]:
    yield f"{report.stack}: {verdict(report)}"
    for one in report.repaired:
        outcome = "repaired" if one.done else "NOT repaired"
        yield f"  {outcome}: {one.object} ({one.name}): {one.done or one.failed}"
        if one.kept:
            yield f"    kept: {one.kept}"
    for drift in report.drifts:
        yield f"  {drift.kind}: {drift.object} ({drift.name})"
        for difference in drift.differences:
            yield f"    {difference}"
        yield f"    by: {drift.cause}"
        if not drift.remedy:
            yield "    --repair leaves it: `pulumi up --refresh` replaces it, or a person decides"
    for undecided in report.undecided:
        yield f"  undecided: {undecided.name} ({undecided.type}): {undecided.reason}"
    if with_noise:
        for known in report.noise:
            entry = noise.entry(known.known)
            yield f"  known since {entry.since}: {known.object}: {known.path}: {entry.reason} {entry.link}"


def markdown(reports: list[Report]) -> str:
    """The reports as a page: a table of all stacks side by side, then each drift."""
    lines = ["# Drift", "", "| stack | drifted | undecided | known | compared | looked at |", "|" + " --- |" * 6]
    for report in reports:
        drifted = "could not be looked at" if report.failed else str(len(report.drifts))
        counts = f"{len(report.undecided)} | {len(report.noise)} | {report.resources}"
        lines.append(f"| {_cell(report.stack)} | {drifted} | {counts} | {report.looked_at} |")
    for report in reports:
        lines += ["", f"## {_cell(report.stack)}", "", *_section(report)]
    return "\n".join(lines) + "\n"


def _section(report: Report) -> Iterator[str]:
    if report.failed:
        yield f"Could not be looked at: {_cell(report.failed)}"
        return
    for one in report.repaired:
        outcome = "Repaired" if one.done else "**Not repaired**"
        yield f"- {outcome}: {_code(one.object)}: {_cell(one.done or one.failed)}"
    if report.drifts:
        yield "| object | resource | what differs | by |"
        yield "| --- | --- | --- | --- |"
        for drift in report.drifts:
            what, by = f"{drift.kind}: {_code(drift.object)}", _cell(str(drift.cause))
            yield f"| {what} | {_cell(drift.name)} | {_differs(drift)} | {by} |"
    elif not report.undecided:
        yield "No drift."
    for undecided in report.undecided:
        yield f"- **Undecided**: {_cell(undecided.name)} ({_code(undecided.type)}): {_cell(undecided.reason)}"
    for name in sorted({one.known for one in report.noise}):
        entry, count = noise.entry(name), sum(1 for one in report.noise if one.known == name)
        yield f"- Known since {entry.since}, {count} times: {entry.reason} ([why]({entry.link}))"


def _differs(drift: Drift) -> str:
    if not drift.differences:
        return drift.kind
    shown = "<br>".join(_code(str(one)) for one in drift.differences[:_LONGEST_LIST])
    more = len(drift.differences) - _LONGEST_LIST
    return f"{shown}<br>and {more} more" if more > 0 else shown


def _cell(words: str) -> str:
    """Text in a table: nothing in it is markup."""
    one_line = " ".join(words.split())
    return "".join(f"\\{letter}" if letter in r"\`*_{}[]<>|#!~" else letter for letter in one_line)


def _code(words: str) -> str:
    """Code in a table; what would end it is replaced."""
    return f"`{' '.join(words.split()).replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def prometheus(reports: list[Report]) -> str:
    """The reports as a file for Prometheus's textfile collector."""
    from datetime import UTC, datetime  # noqa: PLC0415 - used here alone

    samples: dict[str, list[str]] = {name: [] for name in _HELP}
    for report in reports:
        label = f'stack="{_label(report.stack)}"'
        when = datetime.strptime(report.looked_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
        if not report.failed:  # no figure at all is not the same as none
            for kind in KINDS:
                count = sum(1 for drift in report.drifts if drift.kind == kind)
                samples["bulkhead_drift"].append(f'{{{label},kind="{kind}"}} {count}')
            samples["bulkhead_drift_undecided"].append(f"{{{label}}} {len(report.undecided)}")
            samples["bulkhead_drift_noise"].append(f"{{{label}}} {len(report.noise)}")
            samples["bulkhead_drift_resources"].append(f"{{{label}}} {report.resources}")
        samples["bulkhead_drift_success"].append(f"{{{label}}} {int(report.is_whole)}")
        samples["bulkhead_drift_timestamp_seconds"].append(f"{{{label}}} {when:.0f}")
        samples["bulkhead_drift_duration_seconds"].append(f"{{{label}}} {report.seconds}")
    lines: list[str] = []
    for name, found in samples.items():
        lines += [f"# HELP {name} {_HELP[name]}", f"# TYPE {name} gauge", *(f"{name}{one}" for one in found)]
    return "\n".join(lines) + "\n"


def _label(words: str) -> str:
    return words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def summary(reports: list[Report]) -> str:
    """The last line: what the exit code says."""
    words = {0: "no drift", 1: "not everything could be looked at or put right", 3: "drift"}
    return f"{words[exit_code(reports)]} (exit code {exit_code(reports)})"
