"""Reads the servers' logs: the end of one, what was added since, and what is being added."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_TAIL_BYTES = 64 * 1024
_FOLLOW_SECONDS = 0.2


def size(path: Path) -> int:
    """How long a log is; 0 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def tail(path: Path, lines: int, *, since: int = 0) -> list[str]:
    """The last lines of a log.

    Args:
        path: the log.
        lines: at most so many.
        since: where to begin at the earliest, as `size` said before; a log that was rotated begins anew.
    """
    try:
        with path.open("rb") as stream:
            length = stream.seek(0, 2)
            start = since if since <= length else 0
            stream.seek(max(start, length - _TAIL_BYTES))
            text = stream.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-lines:] if lines else []


def follow(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """The lines that are added to logs from now on, without end."""
    positions = {path: (_inode(path), size(path)) for path in paths}
    rests = dict.fromkeys(paths, "")
    while True:
        for path in paths:
            inode, position = positions[path]
            if _inode(path) != inode or size(path) < position:
                position = 0  # rotated
            try:
                with path.open("rb") as stream:
                    stream.seek(position)
                    added = stream.read()
            except FileNotFoundError:
                continue
            positions[path] = (_inode(path), position + len(added))
            *whole, rests[path] = (rests[path] + added.decode(errors="replace")).split("\n")
            yield from ((path, line) for line in whole)
        time.sleep(_FOLLOW_SECONDS)


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0
