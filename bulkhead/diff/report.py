"""Report: all that `bulkhead diff` found, what it comes to, and how a program reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bulkhead.diff.danger import Danger, dangers
from bulkhead.diff.model import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkhead.diff.model import Preview, Resource
    from bulkhead.diff.together import Together
    from bulkhead.stacks import StackReference

VERSION = 1
"""Of the JSON: it grows with what is added, and changes when something is taken away or means another thing."""
GATES = ("dangerous", "change")


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the previews of some stacks found.

    Args:
        previews: one a stack.
        pairs: DEV and PROD of each program that has both.
        passed_by: stacks that no changed file reaches.
        drift: what differs on the servers from what is recorded, a line for each, by stack; None: nobody asked.
        details_url: where the full report is; empty where it is nowhere.
    """

    previews: tuple[Preview, ...]
    pairs: tuple[Together, ...] = ()
    passed_by: tuple[StackReference, ...] = ()
    drift: Mapping[StackReference, tuple[str, ...]] | None = None
    details_url: str = field(default="")

    @cached_property
    def dangers(self) -> tuple[tuple[Preview, Danger], ...]:
        """The dangerous changes of all stacks, those of one kind together, PROD's where DEV's are."""
        found = [(preview, danger) for preview in self.previews for danger in dangers(preview)]
        order = {"data": 0, "access": 1, "image": 2}
        return tuple(sorted(found, key=lambda one: order[one[1].kind]))

    @property
    def failed(self) -> bool:
        """Whether a stack could not be previewed, or an update of it would be refused."""
        return any(one.failed for one in self.previews)

    @property
    def changes(self) -> int:
        """To how many resources something would be done."""
        return sum(len(one.changes) for one in self.previews)

    @property
    def is_dangerous(self) -> bool:
        """Whether data would be lost or access widened. A new image is shown first, but every release has one."""
        return any(danger.kind != "image" for _, danger in self.dangers)

    def breaks(self, gate: str) -> bool:
        """Whether a gate of `GATES` is broken."""
        return self.is_dangerous if gate == "dangerous" else bool(self.changes)

    @property
    def verdict(self) -> str:
        """All of it in one line."""
        failures = sum(bool(one.failure) for one in self.previews)
        refused = sum(not one.failure and one.failed for one in self.previews)
        risky = sum(danger.kind != "image" for _, danger in self.dangers)
        words = [
            f"{failures} of {_stacks(len(self.previews))} could not be previewed" if failures else "",
            f"policies refuse {_stacks(refused)}" if refused else "",
            f"{risky} dangerous" if risky else "",
            f"{self.changes} {'change' if self.changes == 1 else 'changes'} in {_stacks(len(self.previews))}"
            if self.changes
            else "",
        ]
        said = ", ".join(word for word in words if word)
        if said:
            return said[0].upper() + said[1:]
        return (
            f"Nothing would change in {_stacks(len(self.previews))}" if self.previews else "No stack is affected"
        )

    def as_json(self) -> dict[str, Any]:
        """For gates and other programs; every secret in it is a mark."""
        return {
            "version": VERSION,
            "verdict": self.verdict,
            "failed": self.failed,
            "dangerous": self.is_dangerous,
            "changes": self.changes,
            "stacks": [_preview(one) for one in self.previews],
            "passedBy": [str(one) for one in self.passed_by],
            "pairs": [_pair(one) for one in self.pairs],
            "drift": None
            if self.drift is None
            else {str(stack): list(lines) for stack, lines in self.drift.items()},
        }


def _stacks(count: int) -> str:
    return f"{count} stack{'' if count == 1 else 's'}"


def _preview(one: Preview) -> dict[str, Any]:
    return {
        "stack": str(one.stack),
        "project": one.project,
        "failure": one.failure or None,
        "seconds": round(one.seconds, 2),
        "counts": {operation: one.count(operation) for operation in OPERATIONS} | {"unchanged": one.unchanged},
        "dangers": [danger.as_json() for danger in dangers(one)],
        "policies": [
            {"policy": broken.policy, "mandatory": broken.mandatory, "urn": broken.urn, "text": broken.text}
            for broken in one.violations
        ],
        "warnings": list(one.warnings),
        "changes": [_change(change) for change in one.changes],
        "plan": one.plan or None,
    }


def _change(one: Resource) -> dict[str, Any]:
    return {
        "urn": one.urn,
        "type": one.type,
        "name": one.name,
        "operation": one.operation,
        "imported": one.imported,
        "properties": [
            {
                "path": change.path,
                "kind": change.kind,
                "replaces": change.replaces,
                "before": change.before,
                "after": change.after,
            }
            for change in one.properties
        ],
    }


def _pair(one: Together) -> dict[str, Any]:
    return {
        "project": one.project,
        "first": one.dev,
        "second": one.prod,
        "undecided": one.undecided or None,
        "images": [
            {
                "workload": row.workload,
                "container": row.container,
                "first": {"now": row.dev[0], "then": row.dev[1]},
                "second": {"now": row.prod[0], "then": row.prod[1]},
                "had": row.had,
            }
            for row in one.images
        ],
        "ahead": [
            {"urn": ahead.resource.urn, "path": ahead.path, "first": ahead.first, "second": ahead.then}
            for ahead in one.ahead
        ],
    }
