"""Python programs that are tools: each with an environment of its own, beside and never in the project's.

What it consists of is pinned, sums included, in a requirements.txt under `sandbox/tools`; uv, which set-up
brought, installs exactly that.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.toolbox.catalogue import ENVIRONMENT, MODULES, tools_folder
from sandbox.toolbox.workshop import WorkFailed, write_program

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.toolbox.kinds import Tool
    from sandbox.toolbox.workshop import Workshop

_START = """\
#!/bin/sh
# Starts the program in the environment beside, whatever Python environment it is called from.
here=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
unset PYTHONHOME PYTHONPATH VIRTUAL_ENV
exec "$here/{folder}/bin/{name}" "$@"
"""


def find_uv() -> Path:
    """The uv that set-up left in the cache, or the one on PATH.

    Raises:
        WorkFailed: if there is none.
    """
    ours = sorted(tools_folder().glob("uv-*/bin/uv"))
    found = ours[-1] if ours else shutil.which("uv")
    if found is None:
        raise WorkFailed("uv is neither in the cache nor on PATH: run `make setup`, which installs it")
    return Path(found)


def assemble(entry: Tool, into: Path, workshop: Workshop, tell: Callable[[str], None]) -> None:
    """Makes the environment in an empty folder; `bin` holds the tool's own programs and no second `python`.

    Raises:
        WorkFailed: if a package can't be had or is not the pinned one, or if a program is not among them.
    """
    uv, environment = find_uv(), into / ENVIRONMENT
    settings = workshop.package_environment()
    settings.pop("VIRTUAL_ENV", None)
    # It is put together in one folder and renamed: what it starts must find its Python from where it lies.
    make = [uv, "venv", "--quiet", "--no-project", "--relocatable", "--python", sys.executable, environment]
    workshop.run(make, cwd=workshop.folder, env=settings)
    tell("downloading and unpacking Python packages")
    exactly = ["--require-hashes", "--only-binary", ":all:", "--compile-bytecode", "--quiet"]
    workshop.run(
        [
            *(uv, "pip", "sync", *exactly, "--python", environment / "bin" / "python"),
            MODULES / entry.environment / "requirements.txt",
        ],
        cwd=workshop.folder,
        env=settings,
    )
    (into / "bin").mkdir()
    for program in entry.programs:
        if not (environment / "bin" / program.name).exists():
            raise WorkFailed(
                f"the packages that {entry.environment}/requirements.txt pins bring no {program.name}"
            )
        write_program(into / "bin" / program.name, _START.format(folder=ENVIRONMENT, name=program.name))
