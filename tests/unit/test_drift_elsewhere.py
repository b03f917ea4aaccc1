"""What other stacks declare is theirs, whoever else it touches."""

import json
from pathlib import Path
from typing import Any

import pytest

from bulkhead import state
from bulkhead.drift import elsewhere
from bulkhead.drift.declared import Declaration, parse
from bulkhead.drift.elsewhere import Elsewhere
from bulkhead.stacks import StackReference
from bulkhead.state import StateError

EXPORT = {
    "deployment": {
        "resources": [
            {
                "urn": f"urn:pulumi:prod::shop::{kind}::{number}",
                "type": kind,
                "custom": True,
                "inputs": inputs,
            }
            for number, (kind, inputs) in enumerate(
                (
                    (
                        "kubernetes:core/v1:Service",
                        {"kind": "Service", "metadata": {"name": "a", "namespace": "n"}},
                    ),
                    ("vault:index/policy:Policy", {"name": "shop", "policy": "x"}),
                    ("postgresql:index/role:Role", {"name": "l", "roles": ["g"]}),
                    ("postgresql:index/grantRole:GrantRole", {"role": "v", "grantRole": "g"}),
                )
            )
        ]
    }
}


def declaration() -> Declaration:
    return parse(EXPORT, "prod")


def test_everything_is_known_by_what_the_servers_call_it() -> None:
    assert elsewhere.of([declaration()]) == Elsewhere(
        objects=frozenset({("Service", "n", "a")}),
        paths=frozenset({"sys/policies/acl/shop"}),
        memberships=frozenset({("g", "l"), ("g", "v")}),
    )


def test_siblings_are_the_other_stacks_of_the_same_programs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("Pulumi.dev.yaml", "Pulumi.prod.yaml", "Pulumi.pr-7.yaml"):
        (tmp_path / name).write_text("", encoding="utf-8")
    here = Path()
    assert elsewhere.siblings([StackReference(here, "prod")]) == [
        StackReference(here, "dev"),
        StackReference(here, "pr-7"),
    ]


def test_a_siblings_secrets_stay_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def export(words: Any, folder: Path) -> str:
        asked.append(words)
        return json.dumps(EXPORT)

    monkeypatch.setattr(state, "export", export)
    found = elsewhere.read(StackReference(Path(), "prod"))
    assert found is not None
    assert len(found.resources) == 4
    assert asked == [["--stack", "prod"]]


def test_a_stack_that_was_never_made_declares_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def export(words: Any, folder: Path) -> str:
        raise StateError("no stack named pr-7")

    monkeypatch.setattr(state, "export", export)
    assert elsewhere.read(StackReference(Path(), "pr-7")) is None
