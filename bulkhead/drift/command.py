"""`bulkhead drift`: what somebody changed by hand on the servers, of every stack, side by side; and its repair."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bulkhead.errors import UsageError
from bulkhead.stacks import Everything, StackReference, Words, chosen

if TYPE_CHECKING:
    from bulkhead.drift.report import Report

KEEP = Path(".bulkhead-drift")


class OutputError(UsageError):
    """A report cannot be written where it is asked for."""


def drift(
    words: Words = None,
    everything: Everything = False,
    repair: Annotated[bool, typer.Option("--repair", help="Put right what is found, then look again.")] = False,
    keep: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where --repair keeps what it changes or takes away.")
    ] = KEEP,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report as Markdown as well.")
    ] = None,
    prometheus: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a file for Prometheus's textfile collector as well.")
    ] = None,
    postgresql_log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The PostgreSQL server's log, to say who changed what.")
    ] = None,
    with_noise: Annotated[bool, typer.Option("--noise", help="Show the known differences too.")] = False,
) -> None:
    """Compare what the servers grant with what the last `pulumi up` declared, additions included.

    Looks at Kubernetes, Vault and PostgreSQL as their administrator, and changes nothing without --repair. What
    the program declares and no `up` has applied yet is no drift.

    Exit codes: 0 no drift, 1 something could not be looked at or put right, 2 wrong usage, 3 drift, 4 a tool is
    not installed. With --repair, what is found afterwards counts.
    """
    from bulkhead.drift import render, report  # noqa: PLC0415 - help must not wait for it

    for option, file in (("--markdown", markdown), ("--prometheus", prometheus)):
        if file is not None and not file.parent.is_dir():
            raise OutputError(f"{option}: {file.parent} is no folder")
    stacks = chosen(words or [], everything=everything)
    reports = _reports(stacks, keep if repair else None, postgresql_log)
    if markdown is not None:
        _write(markdown, render.markdown(reports))
    if prometheus is not None:
        _write(prometheus, render.prometheus(reports))
    print(report.as_json(reports) if as_json else render.text(reports, with_noise=with_noise))
    code = report.exit_code(reports)
    print(render.summary(reports), file=sys.stderr)
    if code:
        raise typer.Exit(code)


def _reports(stacks: list[StackReference], keep: Path | None, postgresql_log: Path | None) -> list[Report]:
    from rich.console import Console  # noqa: PLC0415

    from bulkhead.drift import examine, repair  # noqa: PLC0415
    from bulkhead.drift import postgresql_log as logs  # noqa: PLC0415

    console = Console(stderr=True)
    with console.status(f"{len(stacks)} stacks: looking at the servers") as status:
        waiting = {str(stack) for stack in stacks}

        def done(stack: str) -> None:
            waiting.discard(stack)
            status.update(f"looking at the servers: {', '.join(sorted(waiting))}")

        found = examine.examine(stacks, postgresql_log=postgresql_log, on_stack=done)
        if keep is None:
            return [one.report for one in found]
        log = logs.read(postgresql_log)
        reports: list[Report] = []
        for one in found:  # one after the other: two stacks may share what is put right
            status.update(f"{one.stack}: putting right {len(one.findings)}")
            reports.append(repair.repair(one, keep, log).report)
        return reports


def _write(file: Path, text: str) -> None:
    """Write a file whole or not at all: a collector may read it at any moment."""
    draft = file.with_name(f"{file.name}.new")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        raise OutputError(f"{file}: {error.strerror}") from None
