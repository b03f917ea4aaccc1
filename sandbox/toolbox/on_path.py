"""Tools that the machine already has: found on PATH, asked for their version, linked if that is right."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.toolbox.catalogue import cache, place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.toolbox.kinds import Program, Tool

_NEEDED_EXTENSIONS = ("vector", "pg_trgm")


def fits(entry: Tool, text: str) -> bool:
    """Whether a program's answer names the tool's version: `1.36.3`, not `1.36.30` or `1.36.3-rc.1`.

    Of PostgreSQL every release of the major version fits, and of what Debian delivers every release of the
    series: what differs between them are repairs.
    """
    if entry.name == "postgresql":
        return re.search(rf"\(PostgreSQL\) {entry.version.split('.')[0]}\.\d", text) is not None
    if entry.debian:  # the first line, for HAProxy tells the kernel's version too
        return re.search(rf"(?<![\d.]){re.escape(entry.version)}\.\d", text.partition("\n")[0]) is not None
    return re.search(rf"(?<![\d.]){re.escape(entry.version)}(?![\d+-]|\.\d)", text) is not None


def find(entry: Tool, environment: Mapping[str, str]) -> dict[str, Path]:
    """The programs of a tool on PATH, by name; empty unless all are there in the right version."""
    if entry.name == "postgresql":
        return _find_postgresql(entry, environment)
    found: dict[str, Path] = {}
    for program in entry.programs:
        path = _find_program(entry, program, environment)
        if path is None:
            return {}
        found[program.name] = path
    return found


def plain_environment() -> dict[str, str]:
    """An environment for asking a program its version in which it knows no home to write into."""
    nowhere = os.devnull
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": nowhere,
        "PULUMI_HOME": nowhere,
        "PULUMI_SKIP_UPDATE_CHECK": "1",
    }


def link(found: Mapping[str, Path], into: Path) -> None:
    """Makes a tool's `bin` of links to the programs that were found."""
    into.mkdir(parents=True, exist_ok=True)
    for name, path in found.items():
        (into / name).symlink_to(path)


def still_fits(entry: Tool, environment: Mapping[str, str]) -> bool:
    """Whether programs that were linked are still of the right version; true for those that we made."""
    for program in entry.programs:
        path = place(entry) / "bin" / program.name
        if path.is_symlink() and not _is_right(entry, program, path.resolve(), environment):
            return False
    return True


def _is_right(entry: Tool, program: Program, path: Path, environment: Mapping[str, str]) -> bool:
    if program.beside:
        main = next(other for other in entry.programs if other.name == program.beside)
        return _is_right(entry, main, path.parent / program.beside, environment)
    return bool(program.version_command) and fits(entry, _run([str(path), *program.version_command], environment))


def _find_program(entry: Tool, program: Program, environment: Mapping[str, str]) -> Path | None:
    path = _which(program.name)
    if path is None or not _is_right(entry, program, path.resolve(), environment):
        return None
    return path


def _find_postgresql(entry: Tool, environment: Mapping[str, str]) -> dict[str, Path]:
    """A server of the right major version counts only with the extensions that environments ask for."""
    server = _which("postgres")
    if server is None:
        return {}
    folder = server.resolve().parent
    found = {program.name: folder / program.name for program in entry.programs}
    if not all(os.access(path, os.X_OK) for path in found.values()):
        return {}
    if not _is_right(entry, entry.programs[0], server, environment):
        return {}
    shared = _run([str(folder / "pg_config"), "--sharedir"], environment).strip()
    controls = [Path(shared) / "extension" / f"{name}.control" for name in _NEEDED_EXTENSIONS]
    return found if shared and all(control.is_file() for control in controls) else {}


def _which(name: str) -> Path | None:
    """The program on PATH, our own cache left out: a sandbox's shell has that first on PATH."""
    ours = str(cache())
    folders = [part for part in os.environ.get("PATH", "").split(os.pathsep) if not part.startswith(ours)]
    found = shutil.which(name, path=os.pathsep.join(folders))
    return Path(found).absolute() if found else None


def _run(command: list[str], environment: Mapping[str, str]) -> str:
    """What a command prints; nothing if it fails or hangs, for then it is no tool to rely on."""
    try:
        result = subprocess.run(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return result.stdout + result.stderr if result.returncode == 0 else ""
