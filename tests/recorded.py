"""Recorded states: what the engine would have of a program's stacks, from what the program registers."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from bulkhead.state import State, parse
from tests.recording import STACK_TYPE, UNKNOWN
from tests.stacks import FOUND, ROOT, run_program

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x:y"}
"""What stands in an exported state in a secret's place."""


@cache
def _exported(stack: str, folder: Path) -> str:
    project = json.loads(json.dumps(_project(folder)))
    root = f"urn:pulumi:{stack}::{project}::{STACK_TYPE}::{project}-{stack}"
    resources: list[dict[str, Any]] = [{"urn": root, "type": STACK_TYPE, "custom": False}]
    for made in run_program(stack, folder=folder):
        inputs = _with_secrets(made.inputs, made.secrets)
        outputs = {"output": vars(FOUND.identity)} if made.type == "pulumi:index:Stash" else inputs
        resources.append(
            {
                "urn": made.urn,
                "type": made.type,
                "custom": not made.is_component,
                "id": "" if made.is_component else f"{made.name}-id",
                "inputs": inputs,
                "outputs": outputs,
                "parent": made.parent or root,
                "provider": f"{made.provider}::some-id" if made.provider else "",
            }
        )
    return json.dumps({"version": 3, "deployment": {"manifest": {}, "resources": resources}}, default=_unknown)


def exported(stack: str, folder: Path = ROOT) -> dict[str, Any]:
    """What `pulumi stack export` would print; the caller's own, to be changed."""
    return json.loads(_exported(stack, folder))


def recorded(stack: str, folder: Path = ROOT) -> State:
    """A stack's state."""
    return parse(exported(stack, folder), stack)


def _project(folder: Path) -> str:
    line = next(line for line in (folder / "Pulumi.yaml").read_text().splitlines() if line.startswith("name:"))
    return line.partition(":")[2].strip()


def _with_secrets(value: Any, secrets: frozenset[str], path: str = "") -> Any:
    if path in secrets:
        return SECRET
    if isinstance(value, dict):
        return {
            key: _with_secrets(inner, secrets, f"{path}.{key}" if path else key) for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_with_secrets(inner, secrets, f"{path}[{index}]") for index, inner in enumerate(value)]
    return value


def _unknown(value: object) -> str:
    assert value is UNKNOWN
    return ""
