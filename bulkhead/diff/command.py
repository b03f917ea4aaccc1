"""The command `bulkhead diff`: which stacks, what is done with the report, and how the command ends."""

from __future__ import annotations

import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from bulkhead.errors import UsageError
from bulkhead.stacks import Everything, Words  # noqa: TC001 - typer reads the annotations

FAILED, GATE = 1, 3


class Gate(StrEnum):
    """What makes the command end with 3."""

    DANGEROUS = "dangerous"
    CHANGE = "change"


def diff(
    stacks: Words = None,
    everything: Everything = False,
    changed_since: Annotated[
        str,
        typer.Option(metavar="REF", help="Only stacks that the changes since this branch or commit can affect."),
    ] = "",
    markdown: Annotated[
        str, typer.Option(metavar="FILE", help="Write the whole report as Markdown; - is standard output.")
    ] = "",
    as_json: Annotated[
        str, typer.Option("--json", metavar="FILE", help="Write the report as JSON; - is standard output.")
    ] = "",
    comment: Annotated[
        bool, typer.Option("--comment", help="Write or update the comment on the pull request that this runs for.")
    ] = False,
    details_url: Annotated[
        str, typer.Option(metavar="URL", help="Where the whole report will be, for a comment that is cut.")
    ] = "",
    plan: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write a plan a stack, which `pulumi up --plan` is held to."),
    ] = None,
    drift: Annotated[bool, typer.Option("--drift", help="Say apart what somebody changed by hand.")] = False,
    fail_on: Annotated[
        Gate | None,
        typer.Option(help="End with 3 if data would be lost or access widened, or if anything would change."),
    ] = None,
    at_once: Annotated[
        int, typer.Option(min=1, max=64, help="How many stacks are previewed at the same time.")
    ] = 8,
) -> None:
    """Preview stacks side by side and say as one report what an update would do, the dangerous changes first.

    The policy pack judges every stack. A terminal gets a table, anything else Markdown, unless a file is named.

    Exit codes: 0 previewed and no gate broken, 1 a preview failed or a policy refuses the update, 2 wrong usage,
    3 `--fail-on` found what it looks for, 4 a tool is not installed.
    """
    if [markdown, as_json].count("-") > 1:
        raise UsageError("--markdown - and --json - would both be written to standard output")
    if details_url and (urlsplit(details_url).scheme not in {"http", "https"} or not urlsplit(details_url).netloc):
        raise UsageError(f"--details-url is {details_url!r}; use an address that begins with https://")
    from bulkhead import forge  # noqa: PLC0415 - help must not wait for it
    from bulkhead.diff import gather  # noqa: PLC0415
    from bulkhead.diff import markdown as written  # noqa: PLC0415

    pull = forge.pull_request(os.environ) if comment else None  # before minutes are spent on previews
    wanted = gather.Wanted(
        words=tuple(stacks or ()),
        everything=everything,
        since=changed_since,
        plans=plan,
        at_once=at_once,
        drift=drift,
    )
    project = gather.project()
    report = gather.report(wanted, details_url or forge.run_url(os.environ))
    if pull:
        body = written.render(report, project, written.LONGEST)
        print(forge.comment(pull, written.mark(project), body), file=sys.stderr)
    if as_json:
        _write(as_json, json.dumps(report.as_json(), indent=2, ensure_ascii=False) + "\n")
    if markdown:
        _write(markdown, written.render(report, project))
    if not markdown and not as_json:
        if sys.stdout.isatty():
            from bulkhead.diff import terminal  # noqa: PLC0415

            terminal.show(report)
        else:
            print(written.render(report, project), end="")
    if report.failed:
        raise typer.Exit(FAILED)
    if fail_on and report.breaks(fail_on):
        raise typer.Exit(GATE)


def _write(place: str, text: str) -> None:
    if place == "-":
        print(text, end="")
        return
    try:
        Path(place).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{place} cannot be written: {error.strerror}") from None
