"""Stacks: which ones a command is about, and where each one's program is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bulkhead.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

PROJECT = "Pulumi.yaml"
_PASSED_BY = frozenset({".venv", "node_modules", ".git", "tests", "benchmarks"})


Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[STACK]...",
        help="STACK or FOLDER:STACK; all of this folder's if none is named.",
        show_default=False,
    ),
]
"""The argument of a command that is about stacks."""

Everything = Annotated[
    bool, typer.Option("--all", help="Every stack of every program in and below this folder.", show_default=False)
]
"""The option of a command that can be about all of them."""


class StackError(UsageError):
    """A stack that is named is not there; which there are."""


@dataclass(frozen=True, order=True)
class StackReference:
    """One stack of the program in a folder.

    Args:
        folder: where `Pulumi.yaml` is; relative to the current folder as far as it is below it.
        name: the stack's.
    """

    folder: Path
    name: str

    def __str__(self) -> str:
        return self.name if self.folder == Path() else f"{self.folder}:{self.name}"


def chosen(words: Iterable[str], *, everything: bool = False, root: Path = Path()) -> list[StackReference]:
    """The stacks that a command's arguments mean.

    Args:
        words: `dev`, or `examples/twinme:dev` for another folder's program; none: all stacks of this folder's.
        everything: all stacks of all programs in and below this folder.
        root: the current folder.

    Raises:
        StackError: a folder has no program, or no stack file of that name; which there are.
    """
    words = list(words)
    if words and everything:
        raise StackError("stacks are named and --all is given; use one of both")
    if words:
        return list(dict.fromkeys(_named(word, root) for word in words))
    folders = programs(root) if everything else [Path()]
    found = [reference for folder in folders for reference in stacks_of(folder, root)]
    if not found:
        raise StackError(f"{root.resolve()} has no stack: no {PROJECT} with a Pulumi.<stack>.yaml beside it")
    return found


def programs(root: Path = Path()) -> list[Path]:
    """The folders in and below one that have a program, relative to it."""
    found = (file.parent.relative_to(root) for file in root.rglob(PROJECT))
    return sorted(folder for folder in found if not _PASSED_BY & set(folder.parts))


def stacks_of(folder: Path, root: Path = Path()) -> list[StackReference]:
    """The stacks that have a file beside a program."""
    files = (root / folder).glob("Pulumi.*.yaml")
    return sorted(
        StackReference(folder, file.name.removeprefix("Pulumi.").removesuffix(".yaml")) for file in files
    )


def _named(word: str, root: Path) -> StackReference:
    place, colon, name = word.rpartition(":")
    folder = Path(place) if colon else Path()
    if not (root / folder / PROJECT).is_file():
        raise StackError(f"{word!r}: {root / folder} has no {PROJECT}; use STACK or FOLDER:STACK")
    wanted = StackReference(folder, name)
    known = stacks_of(folder, root)
    if wanted not in known:
        there = ", ".join(map(str, known)) or "none"
        raise StackError(f"there is no stack {word!r}: Pulumi.{name}.yaml is missing; there are {there}")
    return wanted
