"""Torn: what an engine that was killed has left half written in a back end of files.

Beside each file of such a back end lies a small one with its attributes, `pr-7.json.attrs`, which is made first
and written then. Killed in between, it stays empty, and from then on `pulumi stack ls` ends with "error: EOF", or
a stack's tags seem to be gone. Nothing needs it: without it all is read again.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit


def mend(url: str, system: str) -> list[Path]:
    """Take away the empty side files of a system's stacks; which they were.

    A process that is just writing one goes on writing to what it has open, and loses nothing but the side file.

    Args:
        url: the back end's address; of one that is not made of files nothing is taken.
        system: the project's name.
    """
    place = urlsplit(url)
    if place.scheme != "file":
        return []
    folder = Path(unquote(place.netloc + place.path)).expanduser() / ".pulumi" / "stacks" / system
    empty = [file for file in sorted(folder.glob("*.attrs")) if file.stat().st_size == 0]
    for file in empty:
        file.unlink(missing_ok=True)
    return empty
