"""Measuring whole commands: wall clock and processor time, alternating, so that noise meets all alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_LONGEST = 900
"""Seconds after which a command is given up."""


class CommandFailed(Exception):  # noqa: N818 - read as a sentence
    """A measured command failed; the text is the end of what it said."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command to measure.

    Args:
        name: what the table calls it.
        words: the command line.
        folder: where it runs.
        variables: its environment.
    """

    name: str
    words: tuple[str, ...]
    folder: Path
    variables: Mapping[str, str]


@dataclass(frozen=True)
class Cost:
    """What one run of a command took, its children included; seconds."""

    wall: float
    processor: float


def run(command: Command) -> Cost:
    """Run a command once.

    Raises:
        CommandFailed: it did not exit with 0.
    """
    before, began = os.times(), time.monotonic()
    done = subprocess.run(
        command.words,
        cwd=command.folder,
        env=dict(command.variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_LONGEST,
        check=False,
    )
    wall, after = time.monotonic() - began, os.times()
    if done.returncode != 0:
        raise CommandFailed(f"{' '.join(command.words)}\n{done.stdout[-3000:]}")
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(wall, spent)


def at_once(commands: Sequence[Command]) -> float:
    """The wall clock of all commands side by side, in seconds.

    Raises:
        CommandFailed: one did not exit with 0.
    """
    began = time.monotonic()
    with ThreadPoolExecutor(len(commands)) as threads:
        list(threads.map(run, commands))
    return time.monotonic() - began


def medians(commands: Sequence[Command], rounds: int) -> dict[str, Cost]:
    """The median cost of each command over `rounds` rounds, in each of which every command runs once."""
    costs: dict[str, list[Cost]] = {command.name: [] for command in commands}
    for command in commands:
        run(command)  # byte code and caches are warm for all
    for _ in range(rounds):
        for command in commands:
            costs[command.name].append(run(command))
    return {
        name: Cost(
            statistics.median(cost.wall for cost in found), statistics.median(cost.processor for cost in found)
        )
        for name, found in costs.items()
    }
