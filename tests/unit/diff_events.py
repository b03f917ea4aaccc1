"""A preview's events, as the engine writes them into its log and the Automation API gives them."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulumi.automation import EngineEvent

from bulkhead.diff import steps
from bulkhead.diff.model import Preview
from bulkhead.stacks import StackReference

DEV, PROD = StackReference(Path(), "dev"), StackReference(Path(), "prod")
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
DATABASE = "postgresql:index/database:Database"


def urn(name: str, type_token: str, stack: str = "prod") -> str:
    return f"urn:pulumi:{stack}::keybuzz::{type_token}::{name}"


def step(
    operation: str,
    name: str = "api",
    type_token: str = DEPLOYMENT,
    *,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
    stack: str = "prod",
    **more: Any,
) -> EngineEvent:
    """What the engine tells of one resource: its inputs before and after, `old_outputs` as the provider said."""
    where, outputs = urn(name, type_token, stack), more.pop("old_outputs", {})
    protect = more.pop("protect", (False, False))
    metadata = {"op": operation, "urn": where, "type": type_token, "provider": "", **more}
    common = {"type": type_token, "urn": where, "id": "1", "parent": "", "provider": "", "custom": True}
    if old is not None:
        metadata["old"] = {**common, "inputs": old, "outputs": outputs, "protect": protect[0]}
    if new is not None:
        metadata["new"] = {**common, "inputs": new, "outputs": {}, "protect": protect[1]}
    return EngineEvent.from_json({"resourcePreEvent": {"metadata": metadata}})


def summary(**counts: int) -> EngineEvent:
    changes = {operation.replace("_", "-"): count for operation, count in counts.items()}
    return EngineEvent.from_json({"summaryEvent": {"resourceChanges": changes}})


def diagnostic(severity: str, message: str, **more: Any) -> EngineEvent:
    return EngineEvent.from_json(
        {"diagnosticEvent": {"severity": severity, "message": message, "color": "never", **more}}
    )


def policy(name: str, message: str, *, level: str = "mandatory", resource: str = "") -> EngineEvent:
    said = {"policyName": name, "message": message, "enforcementLevel": level, "resourceUrn": resource}
    return EngineEvent.from_json({"policyEvent": {"policyPackName": "bulkhead", **said}})


def preview(*events: EngineEvent, stack: StackReference = PROD) -> Preview:
    """The preview that events come to, with the summary that the engine would end them with."""
    counts = Counter(event.resource_pre_event.metadata.op.value for event in events if event.resource_pre_event)
    return steps.preview(stack, [*events, summary(**counts)])


def workload(image: str, **spec: Any) -> dict[str, Any]:
    """A restricted Deployment of one container."""
    closed = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    container = {"name": "api", "image": image, "securityContext": closed}
    whole = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    pod = {"containers": [container], "securityContext": whole, **spec}
    return {"kind": "Deployment", "spec": {"template": {"spec": pod}}}
