"""Steps: a preview out of the engine's events, secrets and unknown values marked on entry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pulumi.automation import OpType

from bulkhead.diff.model import Operation, Preview, Resource, Violation
from bulkhead.diff.properties import changed, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pulumi.automation import EngineEvent, PolicyEvent
    from pulumi.automation.events import DiagnosticEvent, StepEventMetadata, StepEventStateMetadata

    from bulkhead.stacks import StackReference

_OPERATIONS: dict[str, Operation] = {
    "create": "create",
    "import": "create",
    "update": "update",
    "replace": "replace",
    "create-replacement": "replace",
    "import-replacement": "replace",
    "delete": "delete",
    "remove-pending-replace": "delete",
}
"""What the engine's steps come to (pulumi/sdk, display/events.go)."""
_SAME = frozenset({"same", "refresh", "read", "read-replacement", "discard"})
_HALF = frozenset({"delete-replaced", "discard-replaced"})
"""The other half of a replacement, which `replace` has told already."""
_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|<\{%[a-z0-9 :]*%\}>",
    re.IGNORECASE,
)
_MARKS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_REFUSED = "preview failed"
"""What the engine ends a preview with in which a mandatory policy is broken."""
_RANK = {None: 0, "update": 1, "create": 2, "delete": 2, "replace": 3}


def plain(text: str) -> str:
    """A text without what terminals obey, and without what turns its direction or cannot be seen."""
    return _MARKS.sub("", _ESCAPE.sub("", text.replace("\r\n", "\n")))


def preview(stack: StackReference, events: Iterable[EngineEvent]) -> Preview:
    """What the events of one preview come to.

    A preview whose events do not add up to the engine's own summary failed: what is missing may be the change that
    mattered, and the Automation API drops an event that it cannot read.

    Args:
        stack: whose they are.
        events: as the Automation API gives them.
    """
    resources: dict[str, Resource] = {}
    violations: dict[tuple[str, str, str], Violation] = {}
    warnings: dict[str, None] = {}
    errors: dict[str, None] = {}
    told: dict[str, int] = {}
    counted: dict[str, int] = {}
    for event in events:
        if event.resource_pre_event:
            metadata = event.resource_pre_event.metadata
            told[metadata.op.value] = told.get(metadata.op.value, 0) + 1
            one = _resource(metadata)
            # A replacement is told in up to three steps: the one that says most of it stays.
            known = resources.get(one.urn) if one else None
            if one and (known is None or _RANK[one.operation] > _RANK[known.operation]):
                resources[one.urn] = one
        elif event.policy_event:
            violation = _violation(event.policy_event)
            violations[violation.policy, violation.urn, violation.text] = violation
        elif event.diagnostic_event:
            _note(event.diagnostic_event, warnings, errors)
        elif event.summary_event:
            counted = {
                OpType(operation).value: count for operation, count in event.summary_event.resource_changes.items()
            }
    if any(one.mandatory for one in violations.values()):
        errors.pop(_REFUSED, None)  # the policy is what is to be said
    if not errors and (missing := {one: count for one, count in counted.items() if told.get(one, 0) < count}):
        errors[f"the engine counts steps of which it told nothing: {missing}"] = None
    found = tuple(resources.values())
    return Preview(
        stack=stack,
        project=found[0].urn.split("::")[1] if found else "",
        resources=found,
        violations=tuple(sorted(violations.values(), key=lambda one: (not one.mandatory, one.policy, one.urn))),
        warnings=tuple(warnings),
        failure="\n".join(errors),
    )


def _resource(metadata: StepEventMetadata) -> Resource | None:
    operation, urn = metadata.op.value, metadata.urn
    if operation in _HALF:
        return None
    # A step that no version of this code has seen is shown as a replacement: more may be done than is known.
    meant = None if operation in _SAME else _OPERATIONS.get(operation, "replace")
    before = _inputs(metadata.old)
    after = _inputs(metadata.new if meant != "delete" else None)
    outputs: Mapping[str, Any] = shown((metadata.old.outputs if metadata.old else None) or {})
    details = metadata.detailed_diff or {}
    return Resource(
        urn=urn,
        type=metadata.type,
        name=plain(urn.split("::", 3)[3]),
        operation=meant,
        before=before,
        after=after,
        properties=changed(
            before,
            after,
            outputs,
            {path: (one.diff_kind.value, one.input_diff) for path, one in details.items()},
            frozenset((metadata.keys or []) if meant == "replace" else ()),
        )
        if meant in {"update", "replace"}
        else (),
        protected=(bool(metadata.old and metadata.old.protect), bool(metadata.new and metadata.new.protect)),
        imported=operation.startswith("import"),
    )


def _inputs(state: StepEventStateMetadata | None) -> Mapping[str, Any]:
    return shown((state.inputs if state else None) or {})


def _violation(event: PolicyEvent) -> Violation:
    return Violation(
        policy=event.policy_name,
        mandatory=event.enforcement_level not in {"warning", "advisory"},
        text=_unframed(plain(event.message)),
        urn=event.resource_urn or "",
    )


def _unframed(message: str) -> str:
    """A policy's message without the line that the engine puts before it: level, pack, policy, resource."""
    lines = [line.strip() for line in message.strip().splitlines() if line.strip()]
    return " ".join(lines)


def _note(said: DiagnosticEvent, warnings: dict[str, None], errors: dict[str, None]) -> None:
    text = plain(said.message).strip()
    if not text or said.ephemeral:
        return
    name = plain((said.urn or "").rpartition("::")[2])
    line = f"{name}: {text}" if name else text
    if said.severity == "warning":
        warnings[line] = None
    elif said.severity == "error":
        errors[line] = None
