"""Shows how the sandbox comes up: a live table on a terminal, a line a step elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

    from rich.text import Text

    from sandbox.startup import Progress


@contextlib.contextmanager
def progress(*, quiet: bool) -> Generator[Progress]:
    """The fitting way to show progress.

    Args:
        quiet: only what a person must know, for commands whose output is read by programs.
    """
    if quiet:
        yield Quiet()
    elif sys.stderr.isatty():
        from rich.live import Live  # noqa: PLC0415 - a tenth of a second

        live = Lively()
        with Live(get_renderable=live.render, refresh_per_second=8, transient=True, redirect_stdout=False):
            yield live
        for text in live.notes:
            print(f"note: {text}", file=sys.stderr)
    else:
        yield Plain()


class Quiet:
    """Notes only."""

    def begin(self, name: str) -> None:
        """Nothing."""

    def done(self, name: str, seconds: float) -> None:
        """Nothing."""

    def failed(self, name: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """One line."""
        print(f"note: {text}", file=sys.stderr, flush=True)


class Plain(Quiet):
    """One line for each step that ended."""

    def done(self, name: str, seconds: float) -> None:
        """One line."""
        print(f"{name}: ready after {seconds:.1f} s", file=sys.stderr, flush=True)

    def failed(self, name: str) -> None:
        """One line."""
        print(f"{name}: FAILED", file=sys.stderr, flush=True)


class Lively:
    """The state of all steps at once."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._began: dict[str, float] = {}
        self._ended: dict[str, tuple[str, float]] = {}

    def begin(self, name: str) -> None:
        """The step appears."""
        self._began[name] = time.monotonic()

    def done(self, name: str, seconds: float) -> None:
        """The step gets its mark."""
        self._ended[name] = ("[green]ready[/]", seconds)

    def failed(self, name: str) -> None:
        """The step gets its mark."""
        self._ended[name] = ("[red]failed[/]", time.monotonic() - self._began[name])

    def note(self, text: str) -> None:
        """Kept until the table is gone."""
        self.notes.append(text)

    def render(self) -> Text:
        """The table as it is now."""
        from rich.text import Text  # noqa: PLC0415

        now = time.monotonic()
        rows = [
            (name, *self._ended.get(name, ("[yellow]starting[/]", now - began)))
            for name, began in list(self._began.items())
        ]
        width = max((len(name) for name, _, _ in rows), default=0)
        return Text.from_markup(
            "\n".join(f"{name:<{width}}  {seconds:5.1f} s  {mark}" for name, mark, seconds in rows)
        )
