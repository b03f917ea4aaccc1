"""What the sandbox is made of: every tool, its version, and where it lies once it is installed.

Only this module is needed to *use* the tools (`binary`, `folder`, `crd_folders`, `search_path`);
it starts nothing and reads no file but our own Go sources. How they get there is the business of `install`.

Layout of the cache, one folder a tool and version, complete or absent::

    <cache>/tools/<tool>-<version>/bin/<program>
    <cache>/tools/<tool>-<version>-<digest of the sources>      one whose sources are in this repository
    <cache>/tools/<tool>-<version>/<files taken from the tool's module>
    <cache>/tools/<tool>-<version>/libexec, lib, environment    what programs from packages start from
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.toolbox.entries import CATALOGUE

if TYPE_CHECKING:
    from sandbox.toolbox.kinds import Tool

MODULES = Path(__file__).resolve().parent.parent / "tools"
"""Where the pins are: a folder with go.mod and go.sum for each Go module, one with requirements.txt for each
Python program."""
ENVIRONMENT = "environment"
"""Where in its tool's folder a Python program's own environment lies."""


class ToolMissing(Exception):  # noqa: N818 - read as a sentence: "ToolMissing: vault 1.21.0 ..."
    """A tool was asked for that is not installed."""


def cache() -> Path:
    """The folder of ours that outlives a checkout; `BULKHEAD_CACHE` names another one."""
    chosen = os.environ.get("BULKHEAD_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "bulkhead"


def tools_folder() -> Path:
    """Where the tools' folders lie."""
    return cache() / "tools"


def tool(name: str) -> Tool:
    """The tool of that name."""
    for entry in CATALOGUE:
        if entry.name == name:
            return entry
    raise KeyError(f"no tool is called {name!r}; there are {', '.join(entry.name for entry in CATALOGUE)}")


def place(entry: Tool) -> Path:
    """Where a tool lies, or will lie once it is installed."""
    return tools_folder() / entry.key


def is_installed(entry: Tool) -> bool:
    """Whether a tool's folder is there, with every program that belongs in it, and the Python that one needs."""
    where = place(entry)
    needed = [where / "bin" / program.name for program in entry.programs]
    if entry.environment and not any(path.is_symlink() for path in needed):
        needed.append(where / ENVIRONMENT / "bin" / "python")  # a link, and Pythons of a machine come and go
    return where.is_dir() and all(os.access(path, os.X_OK) for path in needed)


def folder(name: str) -> Path:
    """The folder of an installed tool.

    Raises:
        ToolMissing: if it is not installed.
    """
    entry = tool(name)
    if not is_installed(entry):
        raise ToolMissing(
            f"{entry.name} {entry.version} is not in {tools_folder()}: run `make setup` "
            f"(or `bulkhead tools install {entry.name}`)"
        )
    return place(entry)


def binary(name: str) -> Path:
    """The path of an installed program, by the program's own name (`kube-apiserver`, `psql`, ...).

    Raises:
        ToolMissing: if its tool is not installed, or has no such program.
    """
    for entry in CATALOGUE:
        if any(program.name == name for program in entry.programs):
            return folder(entry.name) / "bin" / name
    raise ToolMissing(f"no tool has a program called {name!r}")


def tool_paths() -> dict[str, Path]:
    """Every program's name and path; all tools must be installed."""
    return {program.name: binary(program.name) for entry in CATALOGUE for program in entry.programs}


def search_path() -> list[Path]:
    """The folders that belong on PATH for the tools to be found by name."""
    return [place(entry) / "bin" for entry in CATALOGUE if entry.programs]


def crd_folders() -> list[Path]:
    """The folders whose YAML files define the custom resources that programs use."""
    return [
        folder(entry.name) / "crds" for entry in CATALOGUE if any(files.into == "crds" for files in entry.files)
    ]
