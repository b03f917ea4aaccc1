"""What the catalogue's entries are made of: a tool, its programs, and the files that it takes as they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
"""The checkout that this file is part of; an installed package has no sources of programs beside it."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """One executable of a tool, and how to tell whether a copy found on PATH is the right one."""

    name: str
    package: str = ""
    """The Go package that it is built from; empty where it is not built."""
    ldflags: str = ""
    version_command: tuple[str, ...] = ("--version",)
    """Arguments that make it print its version; empty if it can't."""
    beside: str = ""
    """The program that it is delivered with: on PATH it counts only in that one's folder."""
    pinned_by: str = ""
    """The folder under `MODULES` that pins it, where that is not the tool's own."""


@dataclass(frozen=True, kw_only=True)
class ModuleFiles:
    """Files that are taken as they are from a Go module's own folder."""

    module: str
    pattern: str
    into: str
    without: tuple[str, ...] = ()
    pinned_by: str = ""
    """The folder under `MODULES` that pins the module, where that is not the tool's own."""
    executable: bool = False


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool: what it is for, and what its folder in the cache holds."""

    name: str
    version: str
    """The very release; of a tool from Debian the series, whose releases differ by repairs alone."""
    purpose: str
    module: str = ""
    """The folder under `MODULES` whose go.mod pins it, if it is built or taken from Go modules."""
    source: str = ""
    """The folder of this repository that has its Go sources, go.mod and go.sum, if they are our own."""
    debian: tuple[str, ...] = ()
    """The Debian packages that its programs lie in, all of one source package and so of one version."""
    environment: str = ""
    """The folder under `MODULES` whose requirements.txt pins it, if it is a Python program with packages of
    its own."""
    programs: tuple[Program, ...] = ()
    files: tuple[ModuleFiles, ...] = ()
    seconds: int
    """About how long it takes from nothing on two cores, downloads included."""

    @property
    def key(self) -> str:
        """The name of its folder in the cache; what is built from our own sources has another one for others."""
        name = f"{self.name}-{self.version}"
        return f"{name}-{_digest(self.sources())}" if self.source else name

    @property
    def is_go(self) -> bool:
        """Whether it is built or taken from Go modules, others' or our own."""
        return bool(self.module or self.source)

    def sources(self) -> list[Path]:
        """The files of our own that it is built from."""
        folder = REPOSITORY / self.source
        return sorted(path for path in folder.iterdir() if path.name in _PINS or path.suffix == ".go")


_PINS = ("go.mod", "go.sum")


def _digest(files: list[Path]) -> str:
    found = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        found.update(f"{file.name} {len(content)}\n".encode() + content)
    return found.hexdigest()[:12]
