"""Together: DEV and PROD side by side, so that a reviewer sees what PROD will get that DEV has not had."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from bulkhead.diff.pods import WORKLOADS, Image, images
from bulkhead.diff.properties import at, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkhead.diff.model import Preview, Resource

Key = tuple[str, str]
_OURS = frozenset({"pulumi", "bulkhead"})
"""Packages whose resources are nobody's: what they are told, their children are told as well."""


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """One thing that PROD will get and that DEV, as it is applied, has not had.

    Args:
        resource: PROD's.
        path: the property; empty for a whole resource.
        first: what DEV has there; None where it has nothing.
        then: what PROD will have there; None where it is taken away.
    """

    resource: Resource
    path: str
    first: object
    then: object


@dataclass(frozen=True, kw_only=True)
class Row:
    """The images of one container in both environments, now and then.

    Args:
        workload: its logical name.
        container: the container.
        dev: DEV's version now, and as the program gives it; empty where it has none.
        prod: PROD's.
        had: whether DEV runs now what PROD will run.
    """

    workload: str
    container: str
    dev: tuple[str, str]
    prod: tuple[str, str]
    had: bool


@dataclass(frozen=True, kw_only=True)
class Together:
    """Two environments of one program.

    Args:
        dev: the first one's name.
        prod: the second one's.
        project: whose environments they are.
        images: containers whose image would change in one of them.
        ahead: what the second will get that the first has not had.
        undecided: why it cannot be told; empty where it can.
    """

    dev: str
    prod: str
    project: str
    images: tuple[Row, ...] = ()
    ahead: tuple[Ahead, ...] = ()
    undecided: str = ""


def together(dev: Preview, prod: Preview) -> Together:
    """Compare what PROD's preview would do with what DEV has now.

    Args:
        dev: DEV's preview, or what is recorded of it with nothing to be done.
        prod: PROD's preview.
    """
    both = Together(dev=dev.stack.name, prod=prod.stack.name, project=prod.project or dev.project)
    failed = next((one for one in (dev, prod) if one.failure and not one.resources), None)
    if failed:
        return replace(both, undecided=f"{failed.stack.name} could not be previewed")
    deployed = {(one.type, one.name): one.before for one in dev.resources if one.before}
    return replace(
        both,
        images=tuple(_rows(dev, prod)),
        ahead=tuple(
            found
            for one in prod.changes
            if one.package not in _OURS
            for found in _ahead(one, deployed.get((one.type, one.name)), dev.stack.name, prod.stack.name)
        ),
    )


def _ahead(one: Resource, there: Mapping[str, Any] | None, dev: str, prod: str) -> Iterator[Ahead]:
    if one.operation == "delete":
        if there is not None:
            yield Ahead(resource=one, path="", first="there", then=None)
    elif there is None:
        yield Ahead(resource=one, path="", first=None, then="created" if one.operation == "create" else "there")
    else:
        for change in one.properties:
            if one.kind in WORKLOADS and change.path.endswith(".image"):
                continue  # the images have a table of their own
            has = at(there, parsed(change.path))
            if normal(has, dev) != normal(change.after, prod):
                yield Ahead(resource=one, path=change.path, first=has, then=change.after)


def _rows(dev: Preview, prod: Preview) -> Iterator[Row]:
    first, then = _images(dev), _images(prod)
    for key in sorted({*first, *then}):
        devs, prods = first.get(key, ("", "")), then.get(key, ("", ""))
        if devs[0] != devs[1] or prods[0] != prods[1]:
            had = prods[0] == prods[1] or not prods[1] or prods[1] == devs[0]
            yield Row(workload=key[0], container=key[1], dev=_short(devs), prod=_short(prods), had=had)


def _images(preview: Preview) -> dict[Key, tuple[str, str]]:
    """Each container's image, now and then."""
    found: dict[Key, tuple[str, str]] = {}
    for one in preview.resources:
        if one.kind not in WORKLOADS or one.kind == "Job":
            continue  # a Job runs a workload's image once, under a name that changes with it
        before, after = images(one.before), images(one.after)
        for container in {*before, *after}:
            found[one.name, container] = before.get(container, ""), after.get(container, "")
    return found


def _short(pair: tuple[str, str]) -> tuple[str, str]:
    """Two images as versions where both are of one repository."""
    names = {Image.of(one).name for one in pair if one}
    if len(names) > 1:
        return pair
    now, then = (Image.of(one).version if one else "" for one in pair)
    return now, then


def normal(value: object, stack: str) -> object:
    """A value without the environment's name in it: what is the same in all environments but for that.

    PROD's hosts do not bear its name, so the name goes together with what joins it to its neighbours.
    """
    if isinstance(value, str):
        return re.sub(rf"[-_./]?(?<![A-Za-z0-9]){re.escape(stack)}(?![A-Za-z0-9])", "", value)
    if isinstance(value, list):
        return [normal(one, stack) for one in cast("list[object]", value)]
    if isinstance(value, dict):
        return {key: normal(one, stack) for key, one in cast("dict[str, object]", value).items()}
    return value
