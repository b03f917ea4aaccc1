"""Together: several environments side by side, each with an engine of its own, and how far each one is."""

from __future__ import annotations

import contextlib
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from bulkhead.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

Answer = TypeVar("Answer")

SIDE_BY_SIDE = 5
"""How many are worked on at once: each takes an engine, a program, and a process for every provider's plugin."""


@dataclass(frozen=True)
class Outcome(Generic[Answer]):
    """What became of one environment.

    Args:
        name: its name.
        done: what was done; None where it failed.
        failure: why it failed; empty where it did not.
    """

    name: str
    done: Answer | None = None
    failure: str = ""


def together(
    names: Sequence[str], work: Callable[[str, Callable[[str], None]], Answer], doing: str
) -> list[Outcome[Answer]]:
    """Do something with every environment; one that fails stops no other.

    Args:
        names: the environments.
        work: what is done with one; it is given something to tell how far it is.
        doing: what that is, in a word such as `creating`.
    """

    def tried(name: str) -> Outcome[Answer]:
        try:
            return Outcome(name, work(name, lambda text: note(name, text)))
        except CommandError as error:
            return Outcome(name, failure=str(error))

    with _shown(names, doing) as note, ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        return list(threads.map(tried, names))


@contextlib.contextmanager
def _shown(names: Sequence[str], doing: str) -> Generator[Callable[[str, str], None]]:
    """How far each one is: a live line each on a terminal, and a line that stays for what is no count."""
    if not sys.stderr.isatty():
        yield _lasting(lambda line: print(line, file=sys.stderr, flush=True))
        return
    from rich.console import Console  # noqa: PLC0415 - only for people
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True, highlight=False, markup=False), transient=True) as bar:
        tasks = {name: bar.add_task(f"{name}: {doing}") for name in names}
        lasting = _lasting(bar.console.print)

        def note(name: str, text: str) -> None:
            bar.update(tasks[name], description=f"{name}: {text}")
            lasting(name, text)

        yield note


def _lasting(show: Callable[[str], None]) -> Callable[[str, str], None]:
    """Show each text once, but for the counts of resources, which would be hundreds of lines."""
    last: dict[str, str] = {}

    def note(name: str, text: str) -> None:
        if not text[:1].isdigit() and last.get(name) != text:
            last[name] = text
            show(f"{name}: {text}")

    return note
