"""Files: which ones are looked at, and what is found in them."""

from __future__ import annotations

import bisect
import codecs
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bulkhead.errors import UsageError
from bulkhead.guard.finding import FOREIGN, MARKER, NODE, UNDECIDED, Finding, with_marker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bulkhead.guard.territory import Territory

LARGEST: Final = 5 * 1024 * 1024
"""Bytes of the largest file that is looked into."""

_HEAD = 8192
_PASSED_BY = frozenset({".git", ".venv", "node_modules", "__pycache__"})
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16", codecs.BOM_UTF8: "utf-8-sig"}


class PathError(UsageError):
    """A path that is not there."""


@dataclass
class Looked:
    """What was looked at, and what was found.

    Args:
        files: how many files were read.
        found: the findings.
        skipped: files that were not read, each with the reason.
    """

    files: int = 0
    found: list[Finding] = field(default_factory=list[Finding])
    skipped: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


def top(path: Path) -> Path:
    """The repository that a path is in; where it is in none, the folder itself."""
    folder = path if path.is_dir() else path.parent
    done = _git(folder, "rev-parse", "--show-toplevel")
    return Path(done.strip()) if done else folder.resolve()


def listed(path: Path) -> list[Path]:
    """The files that a path means: itself, or all in a folder but those that git ignores.

    Raises:
        PathError: there is nothing of that name.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise PathError(f"{path} does not exist")
    said = _git(path, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if said is not None:
        return sorted({path / name for name in said.split("\0") if name})
    found: list[Path] = []
    for folder, below, files in os.walk(path):
        below[:] = [name for name in below if name not in _PASSED_BY]
        found += [Path(folder, name) for name in files]
    return sorted(found)


def look(paths: Iterable[Path], root: Path, territory: Territory) -> Looked:
    """Look into files.

    Args:
        paths: files and folders.
        root: what findings' paths are relative to, as far as they are below it.
        territory: what is looked for.
    """
    looked = Looked()
    for file in dict.fromkeys(file for path in paths for file in listed(path)):
        name = _name(file, root)
        if file.is_symlink() or not file.is_file():
            continue  # what it leads to is looked at where it is
        try:
            text, why = _read(file)
        except OSError as error:
            looked.found.append(Finding(rule=UNDECIDED, path=name, what=f"cannot be read: {error.strerror}"))
            continue
        if why:
            looked.skipped.append((name, why))
            continue
        looked.files += 1
        looked.found += _in_text(text, name, territory)
    return looked


def _name(file: Path, root: Path) -> str:
    whole = file.absolute()
    whole = whole.parent.resolve() / whole.name
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else whole.as_posix()


def _read(file: Path) -> tuple[str, str]:
    size = file.stat().st_size
    if size > LARGEST:
        return "", f"{size / 1024 / 1024:.0f} MiB, more than {LARGEST // 1024 // 1024}"
    content = file.read_bytes()
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    if encoding != "utf-16" and b"\0" in content[:_HEAD]:
        return "", "binary"
    return content.decode(encoding, errors="replace"), ""


def _in_text(text: str, path: str, territory: Territory) -> Iterator[Finding]:
    lines = text.splitlines(keepends=True)
    begins = [0]
    for line in lines:
        begins.append(begins[-1] + len(line))
    by_line: dict[int, list[Finding]] = {}
    for one, at in _places(text, path, territory):
        number = bisect.bisect_right(begins, at)
        line = lines[number - 1] if number <= len(lines) else ""
        found = Finding(
            rule=one.rule,
            path=path,
            line=number,
            column=at - begins[number - 1] + 1,
            what=one.what,
            how=one.how,
            text=line,
        )
        by_line.setdefault(number, []).append(found)
    for number, line in enumerate(lines, 1):
        if number in by_line or MARKER in line:
            yield from with_marker(by_line.get(number, []), path, number, line.rstrip("\r\n"))


def _places(text: str, path: str, territory: Territory) -> Iterator[tuple[Finding, int]]:
    for seen in territory.nodes.seen(text):
        yield Finding(rule=NODE, path=path, what=seen.node, how=seen.how), seen.at
    if environment := territory.environment_of(path):
        for owner, name, at in territory.foreign(environment).seen(text):
            what = f"{name!r} of {owner} in what is for {environment}"
            yield Finding(rule=FOREIGN, path=path, what=what), at


def _git(folder: Path, *words: str) -> str | None:
    """What git says; None where it is not there or the folder is in no repository."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
