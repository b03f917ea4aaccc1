"""Field managers: who wrote a field of a Kubernetes object, and when, out of its managedFields; pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from bulkhead.drift.compare import Item, Path
from bulkhead.drift.report import Cause

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OWN: Final = "bulkhead-drift"
"""The field manager that `--repair` writes as."""

_PROVIDER: Final = re.compile(r"pulumi-kubernetes.*|pulumi-resource-kubernetes.*")
SOURCE: Final = "field manager"


@dataclass(frozen=True)
class Writer:
    """One who wrote to an object.

    Args:
        manager: the field manager.
        when: the time of its latest write, in ISO 8601; empty where it is not kept.
        operation: `Apply` or `Update`.
    """

    manager: str
    when: str
    operation: str

    @property
    def is_ours(self) -> bool:
        """Whether it is Pulumi's provider, or `--repair`."""
        return self.manager == OWN or bool(_PROVIDER.fullmatch(self.manager))


def writers(document: Mapping[str, Any], path: Path) -> list[Writer]:
    """Those who own what is at a path, or something below it, or the whole that it is a part of."""
    return [writer for writer, fields in _entries(document) if _owns(fields, path)]


def cause(document: Mapping[str, Any], paths: list[Path]) -> Cause:
    """Who changed an object at some paths by hand: the latest of those who own one and are not the provider.

    A field that somebody took away has no owner any more; then it is the latest who wrote to the object at all.
    """
    found = [one for path in paths for one in writers(document, path) if not one.is_ours]
    if found:
        latest = max(found, key=lambda one: one.when)
        return Cause(who=latest.manager, when=latest.when, source=SOURCE)
    others = [writer for writer, _ in _entries(document) if not writer.is_ours and not _is_of_cluster(writer)]
    if others:
        latest = max(others, key=lambda one: one.when)
        return Cause(
            who=latest.manager, when=latest.when, source=f"{SOURCE} of the object's last change by others"
        )
    return Cause(source="no field manager but the provider's is recorded")


def _is_of_cluster(writer: Writer) -> bool:
    return writer.manager.startswith(("kube-", "kwok"))


def _entries(document: Mapping[str, Any]) -> Iterator[tuple[Writer, Mapping[str, Any]]]:
    about: Mapping[str, Any] = document.get("metadata") or {}
    listed: list[Mapping[str, Any]] = about.get("managedFields") or []
    for entry in listed:
        writer = Writer(
            str(entry.get("manager", "")), str(entry.get("time") or ""), str(entry.get("operation", ""))
        )
        yield writer, entry.get("fieldsV1") or {}


def _owns(fields: Mapping[str, Any], path: Path) -> bool:
    node = fields
    for step in path:
        below = {key: inner for key, inner in node.items() if key != "."}
        if not below:
            return bool(path) and node is not fields  # an atomic value: owned as a whole
        inner = _step(below, step)
        if inner is None:
            return False
        node = inner
    return True


def _step(below: Mapping[str, Any], step: str | int | Item) -> Mapping[str, Any] | None:
    if isinstance(step, str):
        return below.get(f"f:{step}")
    if isinstance(step, Item):
        for key, inner in below.items():
            if key.startswith("k:") and cast("Mapping[str, Any]", json.loads(key[2:])).get("name") == step.name:
                return inner
        return None
    # A position says nothing about who owns an element: any of the list's owners may be it.
    return next((inner for key, inner in below.items() if key[:2] in {"k:", "v:", "i:"}), None)
