"""`make bench`: what Bulkhead costs, as ratios measured in one run, on a sandbox of its own."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import diff, ephemeral, isolation, programs
from benchmarks.measuring import Command, Cost, medians, run
from bulkhead.sandbox_progress import Quiet
from sandbox.layout import checkout
from sandbox.platform import Sandbox

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from benchmarks.programs import Program

Row = tuple[str, str, float, str, float | None]
"""What was measured, of what, the figure, its unit, and the goal it is held against."""

GOAL = 1.05
SYSTEMS = ("keybuzz", "ansible-builder", "twinme")
APPS = (1, 10, 50)


def main(
    rounds: Annotated[int, typer.Option(min=1, max=50, help="How often each command is measured.")] = 5,
    output: Annotated[Path | None, typer.Option(help="Write the JSON here too.")] = None,
    apps: Annotated[bool, typer.Option(help="Measure how the cost grows with the number of applications.")] = True,
    review: Annotated[bool, typer.Option(help="Measure six previews at once, and `bulkhead diff`.")] = True,
    lives: Annotated[bool, typer.Option(help="Measure ephemeral environments, created and destroyed.")] = True,
    system: Annotated[list[str] | None, typer.Option(help="Only these systems.")] = None,
) -> None:
    """Measure, and print a table and JSON; nothing is asserted, since machines are shared and noisy."""
    rows: list[Row] = []
    systems = tuple(system or SYSTEMS)
    if unknown := [name for name in systems if name not in SYSTEMS]:
        raise typer.BadParameter(f"{unknown[0]!r} is no system; use {', '.join(SYSTEMS)}", param_hint="--system")
    with (
        tempfile.TemporaryDirectory(prefix="bulkhead-bench-") as folder,
        _sandbox(Path(folder), rows) as variables,
    ):
        place = Path(folder) / "programs"
        empty = programs.empty(place, variables)
        empty.pulumi("up", "--yes", "--skip-preview", "--stack", empty.stack)
        for name in systems:
            rows += _system(place / "measured", name, empty, variables, rounds)
        if apps:
            rows += _growth(place, variables, rounds)
        if lives:
            rows += ephemeral.measure(place / "lives", variables)
        if review:
            rows += _review(place / "six", variables, rounds)
    _print(rows, output)


def _system(folder: Path, name: str, empty: Program, variables: Mapping[str, str], rounds: int) -> list[Row]:
    """What one system costs, against a plain program of the same resources and an empty one."""
    (system,) = programs.system(folder, name, ("measured",), variables)
    rows = _once(system, "up", "create of an environment")
    plain = programs.plainly(folder, "plain", system)
    plain.pulumi("up", "--yes", "--skip-preview", "--stack", plain.stack)
    rows += _ratios(system, plain, empty, rounds)
    rows += _before_first(system, plain, rounds)
    if name == SYSTEMS[0]:
        rows += isolation.measure(system.exported(), system.stack, name)
    rows += _once(system, "destroy", "destroy of an environment")
    programs.remove(plain)
    return rows


def _review(folder: Path, variables: Mapping[str, str], rounds: int) -> list[Row]:
    """All six stacks: previews one by one, side by side, and as one report."""
    stacks = [one for name in SYSTEMS for one in programs.system(folder, name, ("dev", "prod"), variables)]
    for one in stacks:
        one.pulumi("up", "--yes", "--skip-preview", "--stack", one.stack)
    return diff.rows(stacks, variables, rounds)


@contextlib.contextmanager
def _sandbox(folder: Path, rows: list[Row]) -> Generator[dict[str, str]]:
    """A sandbox of the benchmark's own; its starts are the first figures."""
    sandbox = Sandbox(folder / "sandbox")
    try:
        for what in ("first start", "second start"):
            began = time.monotonic()
            sandbox.up(Quiet(), os.environ.get("BULKHEAD_PLUGINS", ""))
            rows.append(("sandbox", what, time.monotonic() - began, "s", None))
            if what == "first start":
                sandbox.down()
        variables = {**os.environ, **sandbox.variables()}
        os.environ["PATH"] = variables["PATH"]
        yield variables
    finally:
        sandbox.reset()


def _once(program: Program, word: str, what: str) -> list[Row]:
    words = program.words(word, "--yes", "--skip-preview")
    cost = run(Command(name=word, words=words, folder=program.folder, variables=program.variables))
    return [(program.name, what, cost.wall, "s", None)]


def _commands(word: str, *flags: str, of: tuple[Program, ...]) -> list[Command]:
    return [
        Command(
            name=program.name,
            words=program.words(word, *flags),
            folder=program.folder,
            variables=program.variables,
        )
        for program in of
    ]


def _ratios(system: Program, plain: Program, empty: Program, rounds: int) -> list[Row]:
    rows: list[Row] = []
    for title, flags in (("preview", ()), ("up", ("--yes", "--skip-preview"))):
        costs = medians(_commands(title, *flags, of=(system, plain, empty)), rounds)
        ours, what = costs[system.name], f"{system.name}: pulumi {title}, no change"
        rows.append((what, "ours", ours.wall, "s", None))
        for other, kind, goal in ((plain, "plain", GOAL), (empty, "empty", None)):
            rows += _against(what, ours, costs[other.name], kind, goal)
    return rows


def _against(what: str, ours: Cost, theirs: Cost, kind: str, goal: float | None) -> list[Row]:
    return [
        (what, f"{kind} program", theirs.wall, "s", None),
        (what, f"wall clock, ours to {kind}", ours.wall / theirs.wall, "×", goal),
        (what, f"processor, ours to {kind}", ours.processor / theirs.processor, "×", goal),
    ]


def _before_first(system: Program, plain: Program, rounds: int) -> list[Row]:
    """Processor time of the program alone, up to its first resource."""
    ours, theirs = (statistics.median(_first(one) for _ in range(rounds)) for one in (system, plain))
    what = f"{system.name}: before the first resource"
    return [
        (what, "ours, processor", ours, "s", None),
        (what, "plain program, processor", theirs, "s", None),
        (what, "processor, ours to plain", ours / theirs, "×", GOAL),
    ]


def _first(program: Program) -> float:
    done = subprocess.run(
        (sys.executable, "-m", "benchmarks.first_registration", program.stack, program.name),
        cwd=program.folder,
        env={
            **program.variables,
            "PULUMI_CONFIG": program.configuration(),
            "PYTHONPATH": str(checkout()),
        },
        check=True,
        text=True,
        capture_output=True,
        timeout=60,
    )
    return float(done.stdout)


def _growth(folder: Path, variables: Mapping[str, str], rounds: int) -> list[Row]:
    rows: list[Row] = []
    for count in APPS:
        program = programs.growing(folder, count, variables)
        program.pulumi("up", "--yes", "--skip-preview", "--stack", program.stack)
        cost = medians(_commands("preview", of=(program,)), max(1, rounds // 2))[program.name]
        rows.append(("pulumi preview, no change", f"{count} applications", cost.wall, "s", None))
        programs.remove(program)
    return rows


def _print(rows: list[Row], output: Path | None) -> None:
    table = Table("what", "", "figure", "goal", title="Bulkhead", title_justify="left")
    for what, of, figure, unit, goal in rows:
        table.add_row(what, of, f"{figure:.2f} {unit}", f"≤ {goal}" if goal else "")
    Console(width=None if sys.stdout.isatty() else 110).print(table)
    keys = ("what", "of", "figure", "unit", "goal")
    text = json.dumps([dict(zip(keys, row, strict=True)) for row in rows], indent=2, ensure_ascii=False)
    print(text)
    if output:
        output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
