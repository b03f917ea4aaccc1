"""Runs steps side by side, each as soon as what it needs is done."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True)
class Step:
    """Something to do, and the names of the steps that must be done before."""

    name: str
    needs: tuple[str, ...]
    action: Callable[[], None]


@dataclass
class Outcome:
    """What became of the steps."""

    errors: dict[str, Exception]
    """The steps that failed."""
    skipped: list[str]
    """The steps that were not tried, because one that they need failed."""


def run(steps: Iterable[Step], *, interrupt: Callable[[], None]) -> Outcome:
    """Run all steps; one that fails stops those that need it, and no other.

    Args:
        steps: what to do; a need that is no step of this run counts as done.
        interrupt: called when the wait is broken off (Ctrl-C), so that running steps can end early.
    """
    waiting = {step.name: step for step in steps}
    names = set(waiting)
    done: set[str] = set()
    errors: dict[str, Exception] = {}
    running: dict[Future[None], str] = {}
    with ThreadPoolExecutor(max_workers=max(len(waiting), 1)) as pool:
        try:
            while True:
                for step in list(waiting.values()):
                    if all(need in done or need not in names for need in step.needs):
                        running[pool.submit(step.action)] = step.name
                        del waiting[step.name]
                if not running:
                    return Outcome(errors, list(waiting))
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    name = running.pop(future)
                    error = future.exception()
                    if isinstance(error, Exception):
                        errors[name] = error
                    else:
                        future.result()  # raises what is no mere error
                        done.add(name)
        except BaseException:
            interrupt()
            raise
