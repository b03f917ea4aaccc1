"""Installing tools: what is missing is linked from PATH, built or unpacked, then renamed into place.

A tool's folder is complete or absent, whenever the work is interrupted; the next run goes on where it was.
"""

from __future__ import annotations

import fcntl
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from sandbox.toolbox import debian, environments, gomodules, on_path, postgresql
from sandbox.toolbox.catalogue import is_installed, place, tools_folder
from sandbox.toolbox.workshop import GIGABYTE, ROOM_NEEDED, WorkFailed, open_workshop

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from sandbox.toolbox.kinds import Tool
    from sandbox.toolbox.progress import Progress
    from sandbox.toolbox.workshop import Workshop

_STAGING = ".new-"
"""Prefix of folders in which a tool is put together; a leading dot keeps them out of every listing."""


class InstallFailed(Exception):  # noqa: N818 - read as a sentence
    """A tool could not be installed; the text says which, why and what to do."""


def missing(wanted: Sequence[Tool]) -> list[Tool]:
    """The tools that are absent, incomplete, or linked to a program that has since become another version."""
    environment = on_path.plain_environment()
    return [entry for entry in wanted if not (is_installed(entry) and on_path.still_fits(entry, environment))]


def origin(entry: Tool) -> Literal["missing", "path", "built", "packages"]:
    """Where an installed tool came from."""
    if not is_installed(entry):
        return "missing"
    if any((place(entry) / "bin" / program.name).is_symlink() for program in entry.programs):
        return "path"
    return "built" if entry.is_go and entry.programs else "packages"


def install(wanted: Sequence[Tool], report: Callable[[Sequence[Tool]], Progress]) -> list[Tool]:
    """Brings every wanted tool into the cache and returns those that had been missing.

    Args:
        wanted: the tools, in the order in which they are to be made.
        report: makes the progress for the tools that are really missing.

    Raises:
        InstallFailed: at the first tool that can't be had; those before it stay.
    """
    if not missing(wanted):
        return []
    progress = report(())
    with _alone(progress):
        absent = missing(wanted)
        if not absent:
            return []
        progress = report(absent)
        try:
            _install_all(absent, progress)
        finally:
            progress.close()
        return absent


def _install_all(absent: Sequence[Tool], progress: Progress) -> None:
    for leftover in tools_folder().glob(f"{_STAGING}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    builds = any(program.package for entry in absent for program in entry.programs)
    try:
        with open_workshop(ROOM_NEEDED if builds else GIGABYTE, progress.tick) as workshop:
            if any(entry.is_go for entry in absent):
                gomodules.check_go(workshop)
            for entry in absent:
                _install_one(entry, workshop, progress)
                workshop.make_room()
    except WorkFailed as error:
        raise InstallFailed(str(error)) from error


def _install_one(entry: Tool, workshop: Workshop, progress: Progress) -> None:
    progress.begin(entry)
    staging = tools_folder() / f"{_STAGING}{entry.key}"
    staging.mkdir()
    try:
        how = _put_together(entry, staging, workshop, progress)
    except WorkFailed as error:
        raise InstallFailed(
            f"{entry.name} {entry.version} could not be installed.\n{error}\n"
            f"What is done stays, and what was downloaded is kept in {workshop.folder}: once the reason is "
            f"mended, run the same command again. A fitting {entry.name} {entry.version} on PATH is used too."
        ) from error
    finished = place(entry)
    if finished.exists() or finished.is_symlink():
        shutil.rmtree(finished)
    staging.rename(finished)
    progress.done(how)


def _put_together(entry: Tool, staging: Path, workshop: Workshop, progress: Progress) -> str:
    found = on_path.find(entry, on_path.plain_environment())
    how = "unpacked"
    if found:
        on_path.link(found, staging / "bin")
        how = "found on PATH"
    elif entry.debian:
        debian.assemble(entry, staging, workshop, progress.step)
    elif entry.environment:
        environments.assemble(entry, staging, workshop, progress.step)
    elif not entry.is_go:
        progress.step("downloading and unpacking")
        postgresql.assemble(staging, workshop)
    for program in () if found or not entry.is_go else entry.programs:
        gomodules.build(entry, program, staging / "bin", workshop, progress.step)
        how = "built"
    for files in entry.files:
        progress.step(f"taking {files.into} from {files.module}")
        gomodules.take_files(entry, files, staging, workshop)
    return how


@contextmanager
def _alone(progress: Progress) -> Generator[None]:
    """Waits until no other installation works on the cache; the lock ends with the process that holds it."""
    tools_folder().mkdir(parents=True, exist_ok=True)
    with (tools_folder() / ".lock").open("w") as lock:
        told = 0.0
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() - told > 15:  # noqa: PLR2004 - a sign of life now and then
                    told = time.monotonic()
                    progress.note(f"another installation is at work in {tools_folder()}: waiting for it to end")
                time.sleep(0.5)
        yield
