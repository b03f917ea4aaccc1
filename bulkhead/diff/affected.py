"""Affected: which stacks a change of files can reach. What is not known to reach none reaches all."""

from __future__ import annotations

import subprocess
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from bulkhead.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bulkhead.stacks import StackReference

_READS_NOTHING = ("docs", "tests", "benchmarks", ".github", ".ci")
"""Folders beside the programs that no program, component or policy reads."""
_PROSE = frozenset({"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", ".gitignore"})
"""The same, files beside the programs."""
_PLATFORMS = "platforms"


class ChangeError(UsageError):
    """What changed cannot be told."""


def affected(
    changed: Iterable[str], stacks: Sequence[StackReference], platforms: Mapping[StackReference, str]
) -> dict[StackReference, list[str]]:
    """The stacks that a change can affect, each with the files because of which it is.

    Args:
        changed: the files, relative to the folder that the stacks' folders are relative to.
        stacks: all there are.
        platforms: the platform that each names.
    """
    found: dict[StackReference, list[str]] = {}
    for file in sorted(changed):
        for stack in _reached(PurePosixPath(file), stacks, platforms):
            found.setdefault(stack, []).append(file)
    return {stack: found[stack] for stack in stacks if stack in found}


def _reached(
    file: PurePosixPath, stacks: Sequence[StackReference], platforms: Mapping[StackReference, str]
) -> list[StackReference]:
    folders = sorted({stack.folder.as_posix() for stack in stacks}, key=len, reverse=True)
    if file.parts[0] == ".." or not file.parts:
        return list(stacks)
    inner = next((folder for folder in folders if folder != "." and file.is_relative_to(folder)), "")
    if not inner and (file.parts[0] in _READS_NOTHING or str(file) in _PROSE):
        return []
    owner = inner or "."
    place = file.relative_to(owner)
    own = [stack for stack in stacks if stack.folder.as_posix() == owner]
    if len(place.parts) == 1 and place.name.startswith("Pulumi.") and place.suffix == ".yaml" and own:
        name = place.name.removeprefix("Pulumi.").removesuffix(".yaml")
        return [stack for stack in own if stack.name == name] or own
    if place.parts[0] == _PLATFORMS and place.suffix == ".yaml" and own:
        users = [stack for stack in own if platforms.get(stack, place.stem) == place.stem]
        return users or own
    if inner or file.parts[0] == "database" or str(file) == "__main__.py":
        return own
    return list(stacks)


def platform_of(stack: StackReference, root: Path) -> str | None:
    """The platform that a stack's file names; None where it cannot be told."""
    return _setting(stack, root, "platform")


def kind_of(stack: StackReference, root: Path) -> str | None:
    """The kind of environment that a stack's file names; None where it cannot be told."""
    return _setting(stack, root, "kind")


def _setting(stack: StackReference, root: Path, key: str) -> str | None:
    import yaml  # noqa: PLC0415 - help must not wait for it

    file = root / stack.folder / f"Pulumi.{stack.name}.yaml"
    try:
        read: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
        value = read["config"][f"bulkhead:{key}"]
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return None
    return value if isinstance(value, str) else None


def changed_since(reference: str, root: Path) -> list[str]:
    """The files that differ from where a branch left another one, those not yet committed among them.

    Args:
        reference: the other branch, a tag or a commit.
        root: the folder that the answer is relative to; what lies outside it begins with `..`.

    Raises:
        ChangeError: git cannot tell.
    """
    if reference.startswith("-"):
        raise ChangeError(f"{reference!r} is no branch, tag or commit")
    base = _git(root, "merge-base", reference, "HEAD").strip()
    listed = _git(root, "diff", "--no-renames", "--name-only", "-z", base, "--", ":/")
    new = _git(root, "ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", ":/")
    whole = Path(_git(root, "rev-parse", "--show-toplevel").strip())
    here = root.resolve().relative_to(whole.resolve())
    return sorted({_seen_from(here, PurePosixPath(name)) for name in (listed + new).split("\0") if name})


def _seen_from(here: Path, file: PurePosixPath) -> str:
    if here == Path():
        return str(file)
    return str(file.relative_to(here.as_posix())) if file.is_relative_to(here.as_posix()) else f"../{file}"


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-c", "core.quotePath=off", *words],
            cwd=root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise ChangeError("--changed-since needs git, which is not on PATH") from None
    if done.returncode:
        said = done.stderr.strip() or "there is no common commit; is the history there (fetch-depth: 0)?"
        raise ChangeError(f"git {words[0]} {words[1]}: {said}")
    return done.stdout
