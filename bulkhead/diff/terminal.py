"""Terminal: the report as a person at a terminal reads it; the whole of it is what `--markdown` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bulkhead.diff.model import OPERATIONS
from bulkhead.diff.text import difference, value

if TYPE_CHECKING:
    from bulkhead.diff.model import Preview
    from bulkhead.diff.report import Report
    from bulkhead.diff.together import Together

_STYLES = {"data": "bold red", "access": "bold yellow", "image": "cyan"}


def show(report: Report, console: Console | None = None) -> None:
    """Print the report.

    Args:
        report: what was found.
        console: where; standard output.
    """
    console = console or Console(highlight=False)
    table = Table(
        "stack", *OPERATIONS, "unchanged", "policies", "seconds", title=report.verdict, title_justify="left"
    )
    for one in report.previews:
        counts = [str(one.count(operation) or "") for operation in OPERATIONS]
        broken = sum(violation.mandatory for violation in one.violations)
        judged = (
            f"[red]{broken} broken[/]"
            if broken
            else f"{len(one.violations)} advised"
            if one.violations
            else "kept"
        )
        cells = ["[red]failed[/]", "", "", "", "", ""] if one.failure else [*counts, str(one.unchanged), judged]
        table.add_row(escape(str(one.stack)), *cells, f"{one.seconds:.1f}")
    console.print(table)
    for preview, danger in report.dangers:
        style = _STYLES[danger.kind]
        what = f"{preview.stack} {danger.resource.kind} {danger.resource.name} {danger.text}"
        console.print(f"[{style}]{danger.kind}[/]  {escape(what)}")
    for one in report.previews:
        _preview(one, console)
    for both in report.pairs:
        _pair(both, console)
    if report.drift is not None:
        console.print("\n[bold]Drift[/], not of this change")
        lines = [f"{stack} {line}" for stack, found in report.drift.items() for line in found]
        console.print(escape("\n".join(lines) or "none"))
    if report.passed_by:
        console.print(
            escape(f"\nnot previewed, since no changed file reaches them: {', '.join(map(str, report.passed_by))}")
        )


def _preview(one: Preview, console: Console) -> None:
    if one.failure:
        console.print(f"\n[red]{escape(str(one.stack))} could not be previewed[/]\n{escape(one.failure)}")
    for broken in one.violations:
        word = "[red]refused[/]" if broken.mandatory else "advised"
        console.print(f"{word}  {escape(f'{one.stack} {broken.resource}: {broken.policy} {broken.text}')}")
    if one.changes:
        console.print(f"\n[bold]{escape(str(one.stack))}[/]")
    for change in one.changes:
        console.print(f"  {change.operation} {escape(f'{change.kind} {change.name}')}")
        for line in (line for property_change in change.properties for line in difference(property_change)):
            style = {"-": "red", "+": "green"}.get(line[:1], "dim")
            console.print(f"    [{style}]{escape(line)}[/]")


def _pair(both: Together, console: Console) -> None:
    if both.undecided:
        console.print(f"\nWhat {both.prod} will get that {both.dev} has not had cannot be told: {both.undecided}")
        return
    for row in both.images:
        if not row.had:
            console.print(escape(f"{both.prod} gets {row.container} {row.prod[1]}, which {both.dev} has not run"))
    for one in both.ahead:
        there = value(one.first) if one.first is not None else "nothing there"
        place = f" {one.path}" if one.path else ""
        console.print(
            escape(f"{both.prod} gets {one.resource.kind} {one.resource.name}{place}; {both.dev} has {there}")
        )
