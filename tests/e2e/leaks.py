"""Looks for secrets where they must not be: in files, texts and process arguments, in any usual spelling."""

import base64
import contextlib
import json
import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

LOOKS = 25
"""How often one process's arguments are looked at."""

SHORTEST = 16
"""Characters: a shorter text could stand somewhere by chance."""


def spellings(secret: str) -> dict[str, bytes]:
    """How a secret may be written: as it is, escaped, or encoded, alone or within something longer."""
    assert len(secret) >= SHORTEST, f"a text of {len(secret)} characters is no secret to search for"
    in_json = json.dumps(secret)[1:-1]
    html_safe = in_json.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    texts = {
        "raw": secret,
        "JSON": in_json,
        "JSON in JSON": json.dumps(in_json)[1:-1],
        "JSON as Go writes it": html_safe,
        "URL": quote(secret, safe=""),
        "URL form": quote_plus(secret),
        "hexadecimal": secret.encode().hex(),
        **dict(_base64(secret)),
    }
    return {how: text.encode() for how, text in texts.items()}


def _base64(secret: str) -> Iterator[tuple[str, str]]:
    """The part of its base64 that does not depend on what stands before and after it, at each alignment."""
    for alphabet, altchars in (("base64", b"+/"), ("base64 for URLs", b"-_")):
        for before in range(3):
            encoded = base64.b64encode(b"\0" * before + secret.encode(), altchars).decode()
            whole = (before + len(secret.encode())) // 3 * 4  # groups of four that the secret fills
            yield f"{alphabet} at {before}", encoded[4 if before else 0 : whole]


class Search:
    """Looks for a set of secrets, each with a name, so that a find tells which without telling what."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._needles: dict[bytes, list[str]] = {}
        for name, secret in secrets.items():
            for how, needle in spellings(secret).items():
                self._needles.setdefault(needle, []).append(f"{name} ({how})")

    def text(self, place: str, content: str | bytes) -> set[str]:
        """What was found in a text."""
        content = content.encode() if isinstance(content, str) else content
        hits = [names for needle, names in self._needles.items() if needle in content]
        return {f"{place}: {name}" for names in hits for name in names}

    def folder(self, folder: Path) -> set[str]:
        """What was found in the files of a folder, and in their names."""
        found: set[str] = set()
        for file in sorted(folder.rglob("*")):
            place = str(file.relative_to(folder.parent))
            found |= self.text("the name of a file", place)
            if file.is_file() and not file.is_symlink():
                found |= self.text(place, file.read_bytes())
        return found

    def arguments(self, seen: Iterable[bytes]) -> set[str]:
        """What was found in processes' arguments."""
        return {find for line in seen for find in self.text(_program(line), line)}


def _program(line: bytes) -> str:
    program, _, _ = line.partition(b"\0")
    return f"arguments of {Path(program.decode(errors='replace')).name}"


@contextlib.contextmanager
def watched_arguments() -> Iterator[set[bytes]]:
    """The arguments of all processes that run meanwhile.

    A process is looked at some fifty times a second in its first half second, as it begins with its parent's
    arguments, and then no more: looking at all of them for ever would slow down what is watched.
    """
    seen: set[bytes] = set()
    over = threading.Event()

    def watch() -> None:
        looks: Counter[int] = Counter()
        while not over.wait(0.02):
            for process in os.scandir("/proc"):
                which = process.inode()  # a process's number may be given to the next one
                if process.name.isdecimal() and looks[which] < LOOKS:
                    looks[which] += 1
                    with contextlib.suppress(OSError):  # it ended meanwhile
                        seen.add(Path(process.path, "cmdline").read_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()
