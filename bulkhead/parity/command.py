"""The command `bulkhead parity`: which two stacks, what is shown of them, and how the command ends."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bulkhead.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from bulkhead.parity.graph import Difference
    from bulkhead.parity.judging import Explained, Parity

UNEXPLAINED = 1


def parity(
    one: Annotated[str, typer.Argument(metavar="A", help="STACK or FOLDER:STACK.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Another stack of the same program.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with every difference.")] = False,
) -> None:
    """Show that two environments' programs differ in nothing but what their stack files say.

    Runs the program itself, without an engine or a server: under each stack's own name, under one that nobody can
    have written into it, and on the way from A's values to B's, a key at a time. Each difference is shown with the
    key that causes it. A difference that follows from the environment's name is unexplained.

    Exit codes: 0 parity, 1 something is unexplained or could not be decided, 2 wrong usage.
    """
    from bulkhead.parity import judging, running, values  # noqa: PLC0415 - help must not wait for them
    from bulkhead.stacks import chosen  # noqa: PLC0415

    references = chosen([one, other])
    if len(references) != 2 or len({reference.folder for reference in references}) != 1:  # noqa: PLR2004 - a pair
        raise UsageError(f"{one!r} and {other!r}: name two stacks of one program")
    first, second = (values.read(reference, Path()) for reference in references)
    with _progress() as told:
        found = judging.judge(first, second, running.run, told)
    if as_json:
        print(json.dumps(as_data(found), indent=2, ensure_ascii=False))
    else:
        for line in lines(found):
            print(line)
    if found.unexplained:
        raise typer.Exit(UNEXPLAINED)


def as_data(found: Parity) -> dict[str, Any]:
    """What was found, for a program to read."""
    first, second = found.stacks

    def sides(one: Difference, here: str, there: str) -> dict[str, str]:
        place = {"resource": one.resource, "where": one.where}
        return {**place, here: one.shown(one.one), there: one.shown(one.other)}

    return {
        "stacks": list(found.stacks),
        "parity": not found.unexplained,
        "resources": dict(zip(found.stacks, found.compared, strict=True)),
        "runs": found.runs,
        "unexplained": [
            {
                "stack": one.stack,
                "says": str(one),
                **(sides(one.difference, "own", "nameless") if one.difference else {}),
            }
            for one in found.unexplained
        ],
        "explained": [{"keys": list(one.keys), **sides(one.difference, first, second)} for one in found.explained],
    }


def lines(found: Parity) -> Iterator[str]:
    """What was found, for a person to read: a line a resource that differs, under the keys that say so."""
    by_keys: dict[tuple[str, ...], list[Explained]] = defaultdict(list)
    for one in found.explained:
        by_keys[one.keys].append(one)
    for keys, differing in sorted(by_keys.items(), key=lambda pair: (len(pair[0]), pair[0])):
        yield f"{', '.join(keys)}:"
        yield from _resources(differing, found.stacks)
    if found.unexplained:
        yield "unexplained:"
        yield from (f"  {one}" for one in found.unexplained)
    first, second = found.stacks
    verdict = f"{len(found.unexplained)} unexplained" if found.unexplained else "nothing unexplained"
    yield (
        f"{first} ({found.compared[0]} resources) and {second} ({found.compared[1]}): "
        f"{len(found.explained)} differences that stack files say, {verdict}; {found.runs} runs of the program"
    )


def _resources(differing: list[Explained], stacks: tuple[str, str]) -> Iterator[str]:
    places: dict[str, list[Difference]] = defaultdict(list)
    for one in differing:
        places[one.difference.called].append(one.difference)
    for resource, found in sorted(places.items()):
        alone = next((one for one in found if not one.where), None)
        if alone:
            yield f"  {resource}: only in {stacks[alone.shown(alone.one) != 'declared']}"
        elif len(found) == 1:
            one = found[0]
            yield f"  {resource}: {one.where}: {_line(one, one.one)} → {_line(one, one.other)}"
        else:
            yield f"  {resource}: {', '.join(one.where for one in found)}"


def _line(one: Difference, side: object) -> str:
    return " ".join(one.shown(side).split())


@contextmanager
def _progress() -> Generator[Callable[[str], None]]:
    """What is told each run: on a terminal a line, written without a thread, since processes are forked."""
    shown = sys.stderr.isatty()
    runs = 0

    def told(name: str) -> None:
        nonlocal runs
        runs += 1
        if shown:
            print(f"\r\033[Krun {runs}, as {name}", end="", file=sys.stderr, flush=True)

    yield told
    if shown:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
