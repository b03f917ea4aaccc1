"""The command `bulkhead isolation`: what is compared, asked and tried, and how the command ends."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from bulkhead.errors import UsageError
from bulkhead.stacks import Everything, Words, chosen

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_DEFAULT = "check"
_FAILED = 1


class _Group(TyperGroup):
    """A group whose first word may be a stack: then it is `check` that is meant."""

    default = _DEFAULT

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Put `check` before what is no command of ours and no question for help."""
        if not args or (args[0] not in self.commands and args[0] not in ("--help", "--install-completion")):
            args = [self.default, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Group,
    help="Show that environments are apart. `check` may be left out: bulkhead isolation [OPTIONS] [STACK…].",
)


@app.command(_DEFAULT)
def check(
    stacks: Words = None,
    everything: Everything = False,
    recorded: Annotated[
        bool, typer.Option("--recorded", help="Compare the recorded states alone; ask no server.")
    ] = False,
    attack: Annotated[
        bool, typer.Option("--attack", help="Try the wall with each environment's real credentials.")
    ] = False,
    at_most: Annotated[
        int, typer.Option(min=1, max=100_000, help="Attempts from one environment into another.")
    ] = 2000,
    attestation: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write an in-toto statement of what was found.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Compare stacks, every one with every other: what they share, what names another, who can reach whom.

    The states are compared; the live servers of their platforms say who could reach what, and what nobody manages.
    With --attack every credential is tried at all that is another environment's. Nothing is changed.

    Exit codes: 0 isolated, 1 something leads across, is undecided or cannot be asked, 2 wrong usage, 4 a tool is
    not installed.
    """
    if recorded and attack:
        raise UsageError("--recorded asks no server and --attack tries them; use one of both")
    if attestation is not None and not attestation.parent.is_dir():
        raise UsageError(f"--attestation: {attestation.parent} is no folder")
    from rich.console import Console  # noqa: PLC0415 - help must not wait for it

    from bulkhead.isolation import attestation as attesting  # noqa: PLC0415
    from bulkhead.isolation.checking import Wanted  # noqa: PLC0415
    from bulkhead.isolation.checking import check as checked  # noqa: PLC0415
    from bulkhead.isolation.printing import show  # noqa: PLC0415

    found = chosen(stacks or (), everything=everything)
    with _progress() as say:
        report = checked(Wanted(stacks=found, recorded_only=recorded, attack=attack, most=at_most, say=say))
    if attestation is not None:
        attesting.write(report, attestation)
    if as_json:
        print(json.dumps(report.document, indent=2, ensure_ascii=False))
    else:
        show(report, Console(highlight=False, width=None if sys.stdout.isatty() else 160))
    if not report.isolated:
        raise typer.Exit(_FAILED)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="An attestation that --attestation wrote.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Say whether an attestation is still true: isolated then, and the same states now.

    Exit codes: 0 it is, 1 a state has changed or it was not isolated, 2 wrong usage, 4 a tool is not installed.
    """
    from bulkhead.isolation import attestation as attesting  # noqa: PLC0415 - help must not wait for it
    from bulkhead.isolation.checking import verify_states  # noqa: PLC0415

    attested = attesting.read(file)
    digests = verify_states([one.stack for one in attested.subjects])
    changed = attesting.changed(attested, digests)
    holds = attested.isolated and not changed
    if as_json:
        answer = {"holds": holds, "isolated": attested.isolated, "time": attested.time, "changed": changed}
        print(json.dumps(answer, indent=2))
    else:
        names = ", ".join(one.name for one in attested.subjects)
        was = "isolated" if attested.isolated else "not isolated"
        since = f"changed since: {', '.join(changed)}" if changed else "their states are the same now"
        print(f"{names}: {was} at {attested.time}; {since}")
    if not holds:
        raise typer.Exit(_FAILED)


@contextlib.contextmanager
def _progress() -> Generator[Callable[[str], None]]:
    """What is being done, on standard error, where a person looks at it."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting")
        yield lambda words: bar.update(task, description=words)
