"""SARIF 2.1.0: findings as code scanning reads them."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from bulkhead.guard.finding import RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkhead.guard.finding import Finding

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT: Final = "bulkheadGuard/v1"


def document(findings: Sequence[Finding], skipped: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    """Findings as one SARIF log.

    A finding that an exception lets through is suppressed, with its reason. A live object has no file: its place
    is the stack's file, and the object stands as a logical location.

    Args:
        findings: with exceptions applied.
        skipped: files that were not looked into, each with the reason.
    """
    ids = list(RULES)
    seen: dict[str, int] = {}
    results: list[dict[str, Any]] = []
    for one in findings:
        seen[one.fingerprint] = seen.get(one.fingerprint, 0) + 1
        result = {
            "ruleId": one.rule,
            "ruleIndex": ids.index(one.rule),
            "level": "error",
            "message": {"text": f"{one.path}: {one.says}" if not one.line else one.says},
            "locations": [_location(one)],
            "partialFingerprints": {FINGERPRINT: f"{one.fingerprint}:{seen[one.fingerprint]}"},
        }
        if one.allowed:
            result["suppressions"] = [{"kind": "external", "justification": one.allowed}]
        results.append(result)
    rules = [
        {
            "id": rule,
            "name": "".join(word.capitalize() for word in rule.split("-")),
            "shortDescription": {"text": text.split(";")[0].rstrip(".") + "."},
            "fullDescription": {"text": text},
            "defaultConfiguration": {"level": "error"},
        }
        for rule, text in RULES.items()
    ]
    notes = [
        {"level": "note", "message": {"text": f"not looked into: {why}"}, "locations": [_artifact(path)]}
        for path, why in skipped
    ]
    driver = {"name": "bulkhead guard", "version": version("bulkhead"), "rules": rules}
    invocation = {"executionSuccessful": True, "toolExecutionNotifications": notes}
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "results": results,
        "columnKind": "utf16CodeUnits",
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _location(one: Finding) -> dict[str, Any]:
    if one.line:
        located = _artifact(one.path)
        located["physicalLocation"]["region"] = {"startLine": one.line, "startColumn": one.column}
        return located
    if not one.path.startswith("live/"):
        return _artifact(one.path)
    stack = one.path.split("/")[1]
    located = _artifact(f"Pulumi.{stack}.yaml")
    return {**located, "logicalLocations": [{"fullyQualifiedName": one.path, "kind": "resource"}]}


def _artifact(path: str) -> dict[str, Any]:
    from urllib.parse import quote  # noqa: PLC0415 - a path with a blank is rare

    place = {"uri": quote(path)} if path.startswith("/") else {"uri": quote(path), "uriBaseId": "%SRCROOT%"}
    return {"physicalLocation": {"artifactLocation": place}}
