"""What an ephemeral environment costs: one of KeyBuzz alone, and five of a small program at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import programs
from benchmarks.measuring import Command, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.programs import Program

Row = tuple[str, str, float, str, float | None]
"""As in `benchmarks.__main__`: what was measured, of what, the figure, its unit, and the goal."""

ALONE, FIVE = ("pr-81",), tuple(f"pr-{number}" for number in range(82, 87))


def measure(folder: Path, variables: Mapping[str, str]) -> list[Row]:
    """Create and destroy, the search for residue included; nothing is left of it.

    Args:
        folder: where the programs' copies go.
        variables: the sandbox's.
    """
    (system,) = programs.system(folder, "keybuzz", ("dev",), variables)
    (small,) = programs.system(folder, "minimal", ("dev",), variables)
    try:
        return [
            *_life("ephemeral environment, keybuzz", system, ALONE),
            *_life("ephemeral environments, minimal", small, ALONE),
            *_life("ephemeral environments, minimal, five at once", small, FIVE),
        ]
    finally:
        for program in (system, small):
            programs.remove(program)


def _life(what: str, program: Program, names: tuple[str, ...]) -> list[Row]:
    """What it takes to create some environments, to list them, and to destroy them again."""
    words = {
        "create": ("create", *names, "--from", program.stack),
        "list": ("list",),
        "destroy, and prove it": ("destroy", *names),
    }
    return [(what, of, _seconds(program, *chosen), "s", None) for of, chosen in words.items()]


def _seconds(program: Program, *words: str) -> float:
    command = (str(Path(sys.executable).with_name("bulkhead")), "ephemeral", *words)
    return run(Command(name=words[0], words=command, folder=program.folder, variables=program.variables)).wall
