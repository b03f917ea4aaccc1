"""Judge: the policy pack beside one preview, in a process that was forked once everything was imported.

The engine starts a policy pack as a program of its own. That program takes a pipe's word for where the pack is
served (`policy/pulumi-analyzer-bulkhead`), so that six previews at once load it once.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from policy.serving import serve

if TYPE_CHECKING:
    from collections.abc import Generator

PIPE = "BULKHEAD_PACK"


@contextmanager
def served() -> Generator[dict[str, str]]:
    """Serve the pack to the program in the current folder; the variables by which its engine finds it.

    No thread may run in this process yet.
    """
    with tempfile.TemporaryDirectory(prefix="bulkhead-pack-") as folder:
        pipe = Path(folder) / "port"
        os.mkfifo(pipe, mode=0o600)
        process = get_context("fork").Process(target=_serve, args=(pipe,), name="policy pack", daemon=True)
        process.start()
        try:
            yield {PIPE: str(pipe)}
        finally:
            process.kill()
            process.join()


def _serve(pipe: Path) -> None:
    """Wait until the engine asks for the pack, and serve it."""
    with pipe.open("wb", buffering=0) as out:
        sys.stdout = io.TextIOWrapper(out, write_through=True)  # pyright: ignore[reportArgumentType] - it is raw
        serve()
