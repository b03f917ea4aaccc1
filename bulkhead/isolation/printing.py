"""Printing: a report as tables for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table

from bulkhead.isolation.identities import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from bulkhead.isolation.report import Report

_TITLES = {"kubernetes": "Kubernetes", "vault": "Vault", "postgresql": "PostgreSQL", "hosts": "hosts"}


def show(report: Report, console: Console) -> None:
    """Print a report: what was compared, each finding with where it comes from, and a line that says how it is."""
    console.print(_stacks(report))
    if len(report.words) > 1:
        told = list(dict.fromkeys(words for one in report.declared for words in one.words))
        console.print("Declared as shared: " + ("; ".join(told) or "nothing"), markup=False)
    for table in (_shared(report), _references(report), _edges(report), _strays(report)):
        if table.row_count:
            console.print(table)
    for line in _attempts(report):
        console.print(line, soft_wrap=True)
    if report.ended:
        console.print(f"Logins that have ended, so nothing was tried with them: {', '.join(report.ended)}.")
    if report.not_tried:
        console.print(f"{report.not_tried} attempts were not made: --at-most bounds them; raise it to make all.")
    if not report.comparison.pairs:
        console.print("One stack is nothing to compare with: name two or more.")
    verdict = "Isolated" if report.isolated else "[red]Not isolated[/]"
    console.print(f"{verdict}: {report.summary}.")


def _table(title: str, *columns: str) -> Table:
    return Table(*columns, title=title, title_justify="left", box=box.SIMPLE_HEAD)


def _stacks(report: Report) -> Table:
    counted = [_TITLES[family] for family in FAMILIES]
    table = _table("Identities", "stack", "resources", *counted, "named besides")
    for one in report.comparison.stacks:
        owned = [str(one.owned.get(family, 0)) for family in FAMILIES]
        table.add_row(one.name, str(one.resources), *owned, str(one.referred))
    return table


def _shared(report: Report) -> Table:
    table = _table("Shared identities", "identity", "from")
    for one in report.comparison.shared:
        table.add_row(str(one.identity), "\n".join(map(str, one.sources)))
    return table


def _references(report: Report) -> Table:
    table = _table("References across", "what is named", "of", "from")
    for one in report.comparison.references:
        table.add_row(str(one.identity), one.owner, str(one.source))
    return table


def _edges(report: Report) -> Table:
    table = _table("Ways across on the live servers", "from → to", "who", "reaches", "because")
    for one in report.edges or ():
        why = one.why if one.decided else f"{one.why} (undecided)"
        table.add_row(f"{one.source} →\n{one.target}", one.who, one.what, why)
    return table


def _attempts(report: Report) -> Iterator[str]:
    """A line for each attempt; those that were not refused come last, where they are seen."""
    marks = {"refused": "refused", "through": "[red]GOT THROUGH[/]", "undecided": "[yellow]undecided[/]"}
    for one in sorted(report.tried or (), key=lambda one: one.outcome != "refused"):
        words = escape(f"{one.source} → {one.target}, {one.holder}: {one.what}: {one.answer}")
        yield f"{marks[one.outcome]} {words}"


def _strays(report: Report) -> Table:
    table = _table("Nobody manages", "what", "why it was found")
    for one in report.strays or ():
        table.add_row(str(one.identity), one.why)
    return table
