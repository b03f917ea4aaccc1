"""Programs from Debian packages, unpacked without root and without a trace on the machine.

apt runs with lists, locks and downloads of its own in the workshop and takes from the machine what only the
machine knows: its package sources, their keys, its proxy. So it does not matter whether the machine's own lists
were ever fetched, and nothing is installed: the packages are unpacked, and a program starts with the libraries
of its packages beside it. apt checks signatures and sums itself.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from sandbox.toolbox import on_path
from sandbox.toolbox.workshop import WorkFailed, write_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from sandbox.toolbox.kinds import Program, Tool
    from sandbox.toolbox.workshop import Workshop

_CLIENTS = ("apt-get", "apt-cache", "dpkg-deb")
_NOT_TAKEN = "libc6"
"""The C library must be the one of the loader that starts every program of the machine."""
_PROGRAMS = ("usr/bin", "usr/sbin", "bin", "sbin")
_LIBRARIES = ("usr/lib/*/*.so*", "lib/*/*.so*")
_SETTINGS = """\
Dir::State "{folder}/state";
Dir::State::status "{folder}/state/status";
Dir::Cache "{folder}/cache";
APT::Sandbox::User "root";  // the folder is ours alone: the user _apt could not write into it
Acquire::Retries "3";
APT::Update::Error-Mode "any";  // lists that can't be fetched are no mere warning here
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";  // software centres' pictures and texts
Acquire::IndexTargets::deb::CNF::DefaultEnabled "false";
#clear Acquire::Languages;
Acquire::Languages {{ "none"; }};
#clear APT::Update::Pre-Invoke;  // what the machine does after an update of its own lists
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""
_START = """\
#!/bin/sh
# Starts the program with the libraries that came with it.
here=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
export LD_LIBRARY_PATH="$here/lib${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
exec "$here/libexec/{name}" "$@"
"""


def assemble(entry: Tool, into: Path, workshop: Workshop, tell: Callable[[str], None]) -> None:
    """Puts a tool together in an empty folder: programs in `libexec`, their libraries in `lib`, starters in `bin`.

    Raises:
        WorkFailed: if the packages can't be had, or if what they hold does not start on this machine.
    """
    check_clients(entry)
    apt = _Apt(workshop)
    tell("reading the lists of Debian packages")
    trouble = apt.update()
    version = fitting(apt.versions(entry.debian[0]), entry.version)
    if version is None:
        raise WorkFailed(_no_version(entry, apt.versions(entry.debian[0]), trouble))
    tell("downloading and unpacking Debian packages")
    root = apt.unpack(f"{name}={version}" for name in entry.debian)
    _take(entry, root, into)
    shutil.rmtree(root)
    for program in entry.programs:
        _try(entry, program, into, workshop)


def check_clients(entry: Tool) -> None:
    """Makes sure that this is a machine with Debian's package tools.

    Raises:
        WorkFailed: if it is not.
    """
    absent = [name for name in _CLIENTS if shutil.which(name) is None]
    if absent:
        raise WorkFailed(
            f"{entry.name} is unpacked from Debian packages, and there is no {' and no '.join(absent)} on PATH. "
            f"On another kind of machine install {entry.name} {entry.version} its own way and have "
            f"{_listed(program.name for program in entry.programs)} on PATH."
        )


def fitting(versions: Iterable[str], series: str) -> str | None:
    """The first of these versions that belongs to a series: `5:7.0.15-1~deb12u7` to 7.0."""
    for version in versions:
        upstream = version.partition(":")[2] or version
        if re.match(rf"{re.escape(series)}(?!\d)", upstream):
            return version
    return None


def libraries(depends: str) -> set[str]:
    """The packages of shared libraries in a `Depends` field; of alternatives the first, as apt would have it."""
    first = (part.partition("|")[0].strip() for part in depends.split(","))
    names = {re.split(r"[\s:(]", part)[0] for part in first}
    return {name for name in names if name.startswith("lib")} - {_NOT_TAKEN}


class _Apt:
    """apt, with everything that it writes in the workshop."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._folder = workshop.folder / "debian"
        self._environment = workshop.package_environment() | {"LC_ALL": "C"}
        for name in ("state/lists/partial", "cache/archives/partial"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        (self._folder / "state" / "status").touch()
        self._settings = self._folder / "apt.conf"
        self._settings.write_text(_SETTINGS.format(folder=self._folder), encoding="utf-8")

    def update(self) -> str:
        """Fetches the lists; what went wrong is returned, for a source that we don't need may be the one."""
        try:
            self._run("apt-get", "update")
        except WorkFailed as error:
            return str(error)
        return ""

    def versions(self, package: str) -> list[str]:
        """Every version of a package that the machine's sources have, the newest first."""
        rows = [line.split("|") for line in self._run("apt-cache", "madison", package).splitlines()]
        return [row[1].strip() for row in rows if len(row) > 2 and row[0].strip() == package]  # noqa: PLR2004

    def unpack(self, packages: Iterable[str]) -> Path:
        """Unpacks packages and, again and again, the libraries that these need, into one folder."""
        root, archives = self._folder / "root", self._folder / "archives"
        wanted, seen = list(packages), set[str]()
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        while wanted:
            shutil.rmtree(archives, ignore_errors=True)
            archives.mkdir()
            self._run("apt-get", "download", *wanted, cwd=archives)
            needed = set[str]()
            for archive in sorted(archives.glob("*.deb")):
                self._run("dpkg-deb", "-x", archive, root)
                needed |= libraries(self._run("dpkg-deb", "-f", archive, "Depends"))
            wanted = sorted(needed - seen)
            seen |= needed
        shutil.rmtree(archives)
        return root

    def _run(self, program: str, *words: str | Path, cwd: Path | None = None) -> str:
        settings = () if program == "dpkg-deb" else ("-c", self._settings)
        return self._workshop.run([program, *settings, *words], cwd=cwd or self._folder, env=self._environment)


def _take(entry: Tool, root: Path, into: Path) -> None:
    """Copies programs and libraries out of what was unpacked."""
    for name in ("bin", "lib", "libexec"):
        (into / name).mkdir()
    for program in entry.programs:
        found = next(
            (root / place / program.name for place in _PROGRAMS if (root / place / program.name).exists()), None
        )
        if found is None or not found.resolve().is_relative_to(root.resolve()):
            raise WorkFailed(f"no program {program.name} is in the Debian packages {_listed(entry.debian)}")
        shutil.copy2(found, into / "libexec" / program.name)  # some are links, and told apart by their name
        write_program(into / "bin" / program.name, _START.format(name=program.name))
    for library in (path for pattern in _LIBRARIES for path in root.glob(pattern) if path.exists()):
        shutil.copy2(library, into / "lib" / library.name, follow_symlinks=False)


def _try(entry: Tool, program: Program, into: Path, workshop: Workshop) -> None:
    """Starts a program: the loader says so if a library is missing."""
    command = [into / "bin" / program.name, *program.version_command]
    said = workshop.run(command, cwd=workshop.folder, env=on_path.plain_environment())
    if not on_path.fits(entry, said):
        raise WorkFailed(f"{program.name} of the Debian packages is not {entry.version}; it says: {said.strip()}")


def _no_version(entry: Tool, versions: list[str], trouble: str) -> str:
    have = f"have {_listed(dict.fromkeys(versions))}" if versions else "do not have it"
    text = (
        f"{entry.name} {entry.version} is needed as Debian package {entry.debian[0]}, but this machine's package "
        f"sources {have}. Install {entry.name} {entry.version} another way and have "
        f"{_listed(program.name for program in entry.programs)} on PATH."
    )
    return f"{text}\nWhen the lists were read: {trouble}" if trouble else text


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
