"""Stacks examined side by side: a stack that cannot be looked at says so, and hides no other."""

from pathlib import Path
from typing import Any

import pytest

from bulkhead.drift import declared, examine
from bulkhead.drift.declared import Declaration, parse
from bulkhead.drift.finding import Finding, Findings
from bulkhead.drift.postgresql_log import NO_LOG
from bulkhead.drift.report import Drift, exit_code
from bulkhead.stacks import StackReference
from bulkhead.state import StateError

DEV, PROD = StackReference(Path(), "dev"), StackReference(Path(), "prod")
DRIFT = Drift(urn="urn:x", name="x", type="t", object="Role n/x")


def declaration(*types: str) -> Declaration:
    entries = [
        {"urn": f"urn:pulumi:dev::shop::{kind}::x{number}", "type": kind, "custom": True}
        for number, kind in enumerate(types)
    ]
    return parse({"deployment": {"resources": entries}}, "dev")


def test_every_stack_has_its_report(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(stack: StackReference) -> Declaration:
        if stack == PROD:
            raise StateError("no such stack")
        return declaration()

    monkeypatch.setattr(declared, "read", read)
    found = Findings(drifts=[Finding(drift=DRIFT)], compared=4)
    monkeypatch.setattr(examine, "look", lambda *_: found)
    done: list[str] = []
    dev, prod = (one.report for one in examine.examine([DEV, PROD], on_stack=done.append))
    assert (dev.stack, dev.drifts, dev.resources, dev.failed) == ("dev", (DRIFT,), 4, "")
    assert (prod.stack, prod.drifts, prod.failed) == ("prod", (), "no such stack")
    assert sorted(done) == ["dev", "prod"]
    assert exit_code([dev]) == 3
    assert exit_code([prod]) == 1


def test_a_fault_of_ours_is_no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(stack: StackReference) -> Declaration:
        raise KeyError(stack)

    monkeypatch.setattr(declared, "read", read)
    with pytest.raises(KeyError):
        examine.find([DEV])


def test_a_stack_without_resources_has_nothing_to_ask() -> None:
    assert examine.look(declaration(), NO_LOG) == Findings()


def test_what_no_comparison_knows_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new package in a program is seen here before its resources drift unseen."""
    from bulkhead.drift import added, kubernetes, postgresql, vault  # noqa: PLC0415 - replaced below
    from bulkhead.live import Live  # noqa: PLC0415

    def nothing(*_: Any) -> Findings:
        return Findings()

    for module in (added, kubernetes, postgresql, vault):
        monkeypatch.setattr(module, "compare", nothing)

    class Nowhere:
        kubernetes = vault = None

    monkeypatch.setattr(Live, "of", lambda *_: Nowhere())
    monkeypatch.setattr("bulkhead.drift.vault_audit.of", lambda *_: None)
    found = examine.look(declaration("aws:s3/bucket:Bucket", "random:index/randomPassword:RandomPassword"), NO_LOG)
    assert [(one.name, one.reason) for one in found.undecided] == [
        ("x0", "no comparison for aws:s3/bucket:Bucket")
    ]
