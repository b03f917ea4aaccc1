"""`bulkhead sandbox`: the local platform, up and down.

What a command needs is imported when it runs, so that `--help` and `env` answer at once.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sandbox.platform import Sandbox, Status

app = typer.Typer(
    no_args_is_help=True,
    help="A real platform on this machine: Kubernetes, Vault, PostgreSQL and External Secrets Operator.",
    epilog="Exit codes: 0 done; 1 a server failed or is not ready; 2 wrong usage; 3 the sandbox is not "
    "running; 4 a tool is not installed; 5 another command is at work on the same sandbox.",
)


class Plugins(StrEnum):
    """Which provider plugins Pulumi uses in the sandbox."""

    OFFICIAL = "official"
    SANDBOX = "sandbox"


def _home() -> Path:
    from sandbox.layout import default_home  # noqa: PLC0415

    return default_home()


def _sandbox(*, forgive: bool = False) -> Sandbox:
    from sandbox.platform import Sandbox  # noqa: PLC0415

    return Sandbox(_home(), forgive=forgive)


def _known(name: str) -> str:
    from sandbox.services import NAMES  # noqa: PLC0415

    if name not in NAMES:
        raise typer.BadParameter(f"no server is called {name!r}; there are {', '.join(NAMES)}")
    return name


def _complete(incomplete: str) -> list[str]:
    from sandbox.services import NAMES  # noqa: PLC0415

    return [name for name in NAMES if name.startswith(incomplete)]


Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A server, as `status` names it.", callback=_known, autocompletion=_complete
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def up(
    plugins: Annotated[
        Plugins | None,
        typer.Option(
            envvar="BULKHEAD_PLUGINS",
            help="Which provider plugins Pulumi uses; unset: official ones where they can be had.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Start every server that does not run, and return once all are ready.

    Exit codes: 0 all servers are ready, 1 one failed (the end of its log is printed), 4 a tool is not installed.
    """
    from bulkhead.sandbox_progress import progress  # noqa: PLC0415

    sandbox = _sandbox()
    with progress(quiet=as_json) as shown:
        started = sandbox.up(shown, plugins.value if plugins else "")
    if as_json:
        print(json.dumps(asdict(started)))
        return
    if started.already:
        print("The sandbox is running already.")
    else:
        print(f"The sandbox is up: {started.seconds:.1f} s.")
        print(f"Provider plugins: {started.plugins}, as {started.plugins_reason}.")
        print('For this shell: eval "$(bulkhead sandbox env)"')


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say of each server whether it is ready, and where.

    Exit codes: 0 all are ready, 1 some are not, 3 the sandbox is not running.
    """
    found = _sandbox().status()
    if as_json:
        print(json.dumps([asdict(entry) for entry in found], indent=2))
    else:
        _print_status(found)
    if any(entry.state != "ready" for entry in found):
        raise typer.Exit(1)


@app.command()
def env(as_json: AsJson = False) -> None:
    """Print what a shell needs for plain pulumi, kubectl, vault and psql to work against the sandbox.

    Use it as: eval "$(bulkhead sandbox env)". Exit codes: 0 printed, 3 the sandbox is not running.
    """
    from sandbox.environment import shell  # noqa: PLC0415

    values = _sandbox().variables()
    print(json.dumps(values, indent=2) if as_json else shell(values), end="\n" if as_json else "")


@app.command()
def logs(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="A server; all if none is named.", autocompletion=_complete),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is added, until Ctrl-C.")
    ] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Begin with so many last lines.")] = 50,
) -> None:
    """Print the end of a server's log, of all servers' if none is named.

    Works after `down` as well. Exit codes: 0 printed, 3 there are no logs.
    """
    from sandbox import serverlog  # noqa: PLC0415
    from sandbox.errors import SandboxNotRunning  # noqa: PLC0415
    from sandbox.record import load  # noqa: PLC0415
    from sandbox.services import NAMES  # noqa: PLC0415

    layout, _ = load(_home())
    names = [_known(name)] if name else list(NAMES)
    paths = {layout.log(each): each for each in names}
    if not any(path.exists() for path in paths):
        raise SandboxNotRunning(f"there are no logs in {layout.logs}: the sandbox has not been started")
    marks = {path: f"{each}: " if len(paths) > 1 else "" for path, each in paths.items()}
    for path in paths:
        for line in serverlog.tail(path, lines):
            print(marks[path] + line)
    if follow:
        try:
            for path, line in serverlog.follow(list(paths)):
                print(marks[path] + line, flush=True)
        except KeyboardInterrupt:
            return


@app.command()
def start(name: Name) -> None:
    """Start one server and return once it is ready (Vault is unsealed).

    Exit codes: 0 it is ready, 1 it failed (the end of its log is printed), 3 the sandbox is not running.
    """
    from bulkhead.sandbox_progress import progress  # noqa: PLC0415

    sandbox = _sandbox()
    with progress(quiet=True) as shown:
        sandbox.start(name, shown)
    print(f"{name} is ready.")


@app.command()
def stop(name: Name) -> None:
    """Stop one server; it keeps its port and its data.

    Exit codes: 0 it does not run any more, 3 the sandbox is not running.
    """
    print(f"{name} is stopped." if _sandbox().stop(name) else f"{name} was not running.")


@app.command()
def down() -> None:
    """Stop every server; data is kept, and the next `up` goes on with it.

    Exit codes: 0 nothing runs any more.
    """
    stopped = _sandbox().down()
    print("The sandbox is down; its data is kept." if stopped else "The sandbox was not running.")


@app.command()
def reset(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Stop every server and delete all of the sandbox's data, the Pulumi state in it as well.

    Exit codes: 0 it is gone, 1 not confirmed.
    """
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Delete everything in {_home()}?", abort=True)
    _sandbox(forgive=True).reset()
    print("The sandbox is gone; the next `up` begins anew.")


def _print_status(found: list[Status]) -> None:
    width = max(len(entry.name) for entry in found)
    for entry in found:
        since = f"{entry.seconds} s" if entry.seconds is not None else ""
        print(f"{entry.name:<{width}}  {entry.state:<9}  {entry.address:<15}  {since:>9}  {entry.purpose}")
    for entry in found:
        if entry.log:
            print(f"\n{entry.name} died; the end of its log:")
            print("\n".join(f"  {line}" for line in entry.log))
