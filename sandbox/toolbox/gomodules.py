"""Programs and files from pinned Go modules.

Each folder under `sandbox/tools` pins one tool by a go.mod and its complete go.sum. Go is run on a copy of
these two files, and of our own sources where a tool is made of them, so that nothing it does can change them.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, cast

from sandbox.toolbox.catalogue import MODULES
from sandbox.toolbox.workshop import WorkFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.toolbox.kinds import ModuleFiles, Program, Tool
    from sandbox.toolbox.workshop import Workshop

GO_NEEDED = (1, 26)
BATCH = 250
"""Packages compiled by one command."""
_LIBRARIES = '{{if not (or .Standard (eq .Name "main"))}}{{.ImportPath}}{{end}}'


def check_go(workshop: Workshop) -> None:
    """Makes sure of a Go that can build the tools, before half an hour is spent on finding out.

    Raises:
        WorkFailed: if there is no Go, or one that is too old and may not fetch a newer one.
    """
    wanted = ".".join(map(str, GO_NEEDED))
    go = shutil.which("go")
    if go is None:
        raise WorkFailed(f"Go {wanted} or newer is needed to build tools, and there is no `go` on PATH")
    module = _copy("etcd", workshop)
    try:
        answer = workshop.run([go, "env", "GOVERSION"], cwd=module, env=workshop.go_environment())
    except WorkFailed as error:
        raise WorkFailed(f"Go {wanted} or newer is needed to build tools; {go} says: {error}") from error
    version = answer.strip().splitlines()[-1]
    if go_version(version) < GO_NEEDED:
        raise WorkFailed(f"Go {wanted} or newer is needed to build tools; {go} is {version}")


def go_version(text: str) -> tuple[int, int]:
    """Major and minor of what `go env GOVERSION` prints; (0, 0) if it can't be read."""
    found = re.search(r"go(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def build(entry: Tool, program: Program, into: Path, workshop: Workshop, tell: Callable[[str], None]) -> None:
    """Builds one program of a tool into a folder, its packages first and in batches.

    Go keeps a second copy of everything that one command compiled until this command ends: of the largest
    tool that is 4 GB. Batches keep it small, and say how far the work is.
    """
    into.mkdir(parents=True, exist_ok=True)
    module = _copy_sources(entry, workshop) if entry.source else _copy(program.pinned_by or entry.module, workshop)
    environment = workshop.go_environment()
    tell(f"downloading modules for {program.name}")
    listing = workshop.run(["go", "list", "-deps", "-f", _LIBRARIES, program.package], cwd=module, env=environment)
    packages = libraries(listing)
    for start in range(0, len(packages), BATCH):
        tell(f"compiling {program.name}, {start} of {len(packages)} packages")
        workshop.run(["go", "build", *packages[start : start + BATCH]], cwd=module, env=environment)
    tell(f"linking {program.name}")
    flags = f"-s -w {program.ldflags}".strip()
    workshop.run(
        ["go", "build", "-ldflags", flags, "-o", str(into / program.name), program.package],
        cwd=module,
        env=environment,
    )


def libraries(listing: str) -> list[str]:
    """The import paths in what `go list` printed, without its lines about downloads."""
    return [line for line in listing.splitlines() if line and not line.startswith("go: ")]


def take_files(entry: Tool, files: ModuleFiles, into: Path, workshop: Workshop) -> None:
    """Copies files out of a module whose sum is pinned in the tool's go.sum.

    Raises:
        WorkFailed: if the module is not the pinned one, or has no such file.
    """
    folder = files.pinned_by or entry.module
    module = _copy(folder, workshop)
    version = required(module, files.module)
    pinned = f"{files.module}@{version}"
    answer = workshop.run(["go", "mod", "download", "-json", pinned], cwd=module, env=workshop.go_environment())
    told = cast("dict[str, str]", json.loads(answer[answer.index("{") :]))
    expected = pinned_sum(MODULES / folder / "go.sum", files.module, version)
    if told.get("Sum") != expected:
        raise WorkFailed(f"{pinned} has the sum {told.get('Sum')}, but {expected} is pinned")
    source, target = Path(told["Dir"]), into / files.into
    chosen = [path for path in sorted(source.glob(files.pattern)) if path.name not in files.without]
    if not chosen:
        raise WorkFailed(f"{pinned} has no files {files.pattern}")
    target.mkdir(parents=True, exist_ok=True)
    for path in chosen:
        copy = Path(shutil.copyfile(path, target / path.name))
        copy.chmod(0o755 if files.executable else 0o644)


def required(module: Path, path: str) -> str:
    """The version of a module that a go.mod asks for.

    Raises:
        WorkFailed: if it asks for none.
    """
    text = (module / "go.mod").read_text()
    found = re.search(rf"^\s*(?:require\s+)?{re.escape(path)}\s+(v\S+)", text, re.MULTILINE)
    if found is None:
        raise WorkFailed(f"{module.name}/go.mod requires no {path}")
    return found[1]


def pinned_sum(sums: Path, path: str, version: str) -> str:
    """The sum of a module in a go.sum.

    Raises:
        WorkFailed: if it has none.
    """
    for line in sums.read_text().splitlines():
        if line.startswith(f"{path} {version} "):
            return line.split()[2]
    raise WorkFailed(f"{sums.parent.name}/go.sum has no sum of {path} {version}")


def _copy(name: str, workshop: Workshop) -> Path:
    folder = workshop.folder / "modfiles" / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in ("go.mod", "go.sum"):
        shutil.copyfile(MODULES / name / file, folder / file)
    return folder


def _copy_sources(entry: Tool, workshop: Workshop) -> Path:
    folder = workshop.folder / "sources" / entry.name
    shutil.rmtree(folder, ignore_errors=True)  # an interrupted run may have left a file that is gone since
    folder.mkdir(parents=True)
    for file in entry.sources():
        shutil.copyfile(file, folder / file.name)
    return folder
