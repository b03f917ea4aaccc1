"""Gather: the stacks that are asked for, previewed, judged and put beside each other."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.status import Status

from bulkhead import policies
from bulkhead.diff import affected, previewing, worker
from bulkhead.diff.model import Preview, Resource
from bulkhead.diff.report import Report
from bulkhead.diff.together import Together, together
from bulkhead.errors import UsageError
from bulkhead.stacks import PROJECT, StackReference, chosen, stacks_of
from bulkhead.state import StateError, read

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST, _SECOND = ("development", "dev"), ("production", "prod")
"""The kind of environment that has things first, the one that gets them then, and the names that these have."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked of `bulkhead diff`.

    Args:
        words: the stacks, as a person names them; none for all of this folder's.
        everything: all stacks of all programs in and below this folder.
        since: only those that the changes since this commit can affect; empty for all.
        plans: the folder for plans; None where none are wanted.
        at_once: how many are previewed at the same time.
        drift: whether the servers are looked at as well.
    """

    words: tuple[str, ...] = ()
    everything: bool = False
    since: str = ""
    plans: Path | None = None
    at_once: int = 8
    drift: bool = False


def report(wanted: Wanted, details_url: str) -> Report:
    """Preview what is wanted.

    Args:
        wanted: which stacks, and how.
        details_url: where the whole report will be.
    """
    root = Path.cwd()
    stacks = chosen(wanted.words, everything=wanted.everything)
    passed_by: tuple[StackReference, ...] = ()
    if wanted.since:
        there = sorted({*stacks, *chosen([], everything=True)})
        platforms = {one: platform for one in there if (platform := affected.platform_of(one, root))}
        reached = affected.affected(affected.changed_since(wanted.since, root), there, platforms)
        passed_by = tuple(one for one in stacks if one not in reached)
        stacks = [one for one in stacks if one in reached]
    previews = _previews(stacks, wanted, root)
    return Report(
        previews=tuple(previews),
        pairs=tuple(_pairs(previews, root)),
        passed_by=passed_by,
        drift=_drift(stacks) if wanted.drift else None,
        details_url=details_url,
    )


def _drift(stacks: list[StackReference]) -> dict[StackReference, tuple[str, ...]]:
    """What `bulkhead drift` finds, a line for each object; what it cannot tell is a line too."""
    from bulkhead.drift import examine  # noqa: PLC0415 - it loads the servers' clients, which few ask for

    found: dict[StackReference, tuple[str, ...]] = {}
    for stack, seen in zip(stacks, examine.find(stacks), strict=True):
        lines = [f"{one.object} is {one.kind}: {'; '.join(map(str, one.differences))}" for one in seen.drifts]
        lines += [f"undecided: {one.name}: {one.reason}" for one in seen.undecided]
        found[stack] = tuple([f"undecided: {seen.failed}"] if seen.failed else lines)
    return found


def project() -> str:
    """The name of the project in this folder; the folder's own where there is none."""
    import yaml  # noqa: PLC0415 - help must not wait for it

    try:
        return str(yaml.safe_load(Path(PROJECT).read_text(encoding="utf-8"))["name"])
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return Path.cwd().name


def _previews(stacks: list[StackReference], wanted: Wanted, root: Path) -> list[Preview]:
    if not stacks:
        return []
    if wanted.plans:
        try:
            wanted.plans.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--plan {wanted.plans}: {error.strerror}") from None
    pack = str(policies.pack(os.environ))
    requests = [
        worker.Request(
            stack=one,
            root=root,
            packs=(pack,),
            plan=_plan(wanted.plans, one),
            inline=worker.fits(one, root),
        )
        for one in stacks
    ]
    running = previewing.begin(requests, at_once=wanted.at_once)
    # The line that says how far it is has a thread of its own, so it comes after the forks.
    found: dict[StackReference, Preview] = {}
    with Status("previewing", console=Console(stderr=True, force_terminal=sys.stderr.isatty())) as status:
        if not sys.stderr.isatty():
            status.stop()
        for done in running:
            found[done.stack] = done
            status.update(f"previewing {', '.join(str(one) for one in stacks if one not in found)}")
    return [found[one] for one in stacks]


def _plan(folder: Path | None, stack: StackReference) -> Path | None:
    return folder.resolve() / f"{'.'.join((*stack.folder.parts, stack.name))}.json" if folder else None


def _pairs(previews: list[Preview], root: Path) -> Iterator[Together]:
    """DEV and PROD of each program whose PROD was previewed; a DEV that was not is taken from what is recorded."""
    for prod in previews:
        if not _is(prod.stack, _SECOND, root) or not prod.changes:
            continue
        there = {one.stack: one for one in previews}
        siblings = [one for one in stacks_of(prod.stack.folder, root) if _is(one, _FIRST, root)]
        if siblings:
            first = next((one for one in siblings if one.name == _FIRST[1]), siblings[0])
            yield together(there[first] if first in there else _recorded(first), prod)


def _is(stack: StackReference, which: tuple[str, str], root: Path) -> bool:
    kind, name = which
    said = affected.kind_of(stack, root)
    return said == kind if said else stack.name == name


def _recorded(stack: StackReference) -> Preview:
    """What is recorded of a stack, as a preview in which nothing would be done."""
    try:
        state = read(stack)
    except StateError as error:
        return Preview(stack=stack, failure=str(error))
    resources = (
        Resource(urn=one.urn, type=one.type, name=one.name, before=one.inputs, after=one.inputs)
        for one in state.resources
    )
    return replace(Preview(stack=stack, project=state.project), resources=tuple(resources))
