"""`bulkhead tools`: the programs that the sandbox is made of, installed and listed.

Exit codes: 0 all is in place, 1 a tool could not be installed, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from sandbox.toolbox.catalogue import CATALOGUE, place, tool, tools_folder

if TYPE_CHECKING:
    from sandbox.toolbox.catalogue import Tool

app = typer.Typer(no_args_is_help=True, help="The programs that the sandbox is made of.")


@app.command()
def install(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[TOOL]...", help="Only these; every tool if none is named.")
    ] = None,
) -> None:
    """Install what is missing: linked if PATH has the right version, else built or unpacked.

    Takes about half an hour from nothing on two cores; what is in place is left alone. May be interrupted
    at any time: the next run goes on where it was.

    Exit codes: 0 all is in place, 1 a tool could not be installed, 2 wrong usage, 130 interrupted.
    """
    from sandbox.toolbox.install import InstallFailed, install, missing  # noqa: PLC0415 - only this needs it
    from sandbox.toolbox.progress import ConsoleProgress, duration  # noqa: PLC0415

    wanted = _chosen(names)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started = time.monotonic()
    try:
        new = install(wanted, ConsoleProgress)
    except InstallFailed as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as interruption:
        left = len(missing(wanted))
        print(
            f"interrupted; {left} of {len(wanted)} tools are missing. Run the same command to go on.",
            file=sys.stderr,
        )
        raise typer.Exit(130) from interruption
    if new:
        spent = duration(time.monotonic() - started)
        print(f"{len(new)} tools installed into {tools_folder()} in {spent}")
    else:
        print(f"all {len(wanted)} tools are in place in {tools_folder()}")


@app.command(name="list")
def list_tools(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List every tool: its version, what it is for, and whether it is there.

    Exit codes: 0 all tools are in place, 1 some are missing.
    """
    from sandbox.toolbox.install import origin  # noqa: PLC0415 - help must not wait for it

    rows = [
        {
            "name": entry.name,
            "version": entry.version,
            "purpose": entry.purpose,
            "origin": origin(entry),
            "folder": str(place(entry)),
            "programs": [program.name for program in entry.programs],
        }
        for entry in CATALOGUE
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        width = max(len(entry.name) for entry in CATALOGUE)
        for row in rows:
            print(f"{row['name']:<{width}}  {row['version']:<9} {row['origin']:<9} {row['purpose']}")
    if any(row["origin"] == "missing" for row in rows):
        raise typer.Exit(1)


def _chosen(names: list[str] | None) -> list[Tool]:
    """The tools of these names in the catalogue's order."""
    try:
        asked = [tool(name) for name in names or ()]
    except KeyError as error:
        raise typer.BadParameter(str(error.args[0])) from error
    return [entry for entry in CATALOGUE if not asked or entry in asked]
