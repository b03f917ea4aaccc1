"""State: what the engine has recorded of a stack, as plain data and without a secret.

`pulumi stack export` leaves secrets encrypted; here each is a mark, so that nothing made of a state can show one.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from bulkhead.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from bulkhead.stacks import StackReference

SECRET = "[secret]"  # noqa: S105 - what stands in a secret's place
_SIGNATURE, _SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
_BOOK_KEEPING = "__"
"""How the keys begin that plugins keep for themselves (`__defaults`, `__pulumi_raw_state_delta`)."""


class StateError(CommandError):
    """A stack's state cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource as it was recorded.

    Args:
        urn: its URN.
        type: its type token, such as `kubernetes:apps/v1:Deployment`.
        name: its logical name.
        id: what its provider calls it; empty for a component.
        inputs: what the program declared; secrets are the mark `[secret]`.
        outputs: what the provider answered; the same.
        parent: its parent's URN.
        provider: its provider's URN; empty for a component.
        protect: whether it is protected.
        custom: whether it is a provider's, and not a component.
        external: whether it was only read.
    """

    urn: str
    type: str
    name: str
    id: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    parent: str = ""
    provider: str = ""
    protect: bool = False
    custom: bool = True
    external: bool = False

    @property
    def package(self) -> str:
        """The provider's package: `kubernetes`, `vault`, `postgresql`; `pulumi` for providers themselves."""
        return self.type.partition(":")[0]


@dataclass(frozen=True, kw_only=True)
class State:
    """A stack's recorded state.

    Args:
        project: the project's name, which is the system's.
        stack: the stack's name, which is the environment's.
        resources: all resources, in the order of their recording: each after what it depends on.
        digest: the SHA-256 of the resources, for proofs that name what they looked at: the same as long as they
            are, though every update stores secrets encrypted anew, another time and another order.
        pending: operations that were begun and not ended, by URN.
    """

    project: str
    stack: str
    resources: tuple[Resource, ...] = ()
    digest: str = ""
    pending: tuple[str, ...] = ()

    def of_type(self, *types: str) -> Iterator[Resource]:
        """Its resources of some types."""
        return (one for one in self.resources if one.type in types)

    @property
    def providers(self) -> dict[str, Resource]:
        """The providers that it configured, by package; of two of one package, the first."""
        found: dict[str, Resource] = {}
        for one in self.resources:
            if one.type.startswith("pulumi:providers:"):
                found.setdefault(one.type.rpartition(":")[2], one)
        return found

    @property
    def identity(self) -> dict[str, str]:
        """The three servers' own ids (`kubernetes`, `vault`, `postgresql`); empty for a hand-made stack."""
        for one in self.of_type("pulumi:index:Stash"):
            kept: dict[str, str] | None = one.outputs.get("output")
            if isinstance(kept, dict) and {"kubernetes", "vault", "postgresql"} <= set(kept):
                return kept
        return {}


def read(stack: StackReference) -> State:
    """What the back end that the environment names has of a stack.

    Raises:
        StateError: there is no such stack there, or Pulumi says why not.
    """
    said = export(["--stack", stack.name], stack.folder)
    return parse(json.loads(said), stack.name)


def export(words: Iterable[str], folder: Path) -> str:
    """`pulumi stack export` in a program's folder; secrets stay encrypted.

    Raises:
        StateError: what Pulumi says.
    """
    try:
        done = subprocess.run(
            ["pulumi", "--non-interactive", "stack", "export", *words],
            cwd=folder,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        from sandbox.toolbox.catalogue import ToolMissing  # noqa: PLC0415 - only once something has gone wrong

        raise ToolMissing("pulumi is not on PATH") from None
    if done.returncode:
        raise StateError(f"the state of {' '.join(words)} cannot be read: {done.stderr.strip()}")
    return done.stdout


def parse(exported: Mapping[str, Any], stack: str) -> State:
    """A state out of what `pulumi stack export` prints.

    Args:
        exported: the document.
        stack: the stack's name, which an empty state does not tell.
    """
    deployment: dict[str, Any] = exported.get("deployment") or {}
    listed: list[dict[str, Any]] = deployment.get("resources") or []
    resources = tuple(_resource(entry) for entry in listed if not entry.get("delete"))
    pending: list[dict[str, Any]] = deployment.get("pending_operations") or []
    return State(
        project=resources[0].urn.split("::")[1] if resources else "",
        stack=stack,
        resources=resources,
        digest=_digest(resources),
        pending=tuple(str(one["resource"]["urn"]) for one in pending),
    )


def _digest(resources: Iterable[Resource]) -> str:
    found = sorted((vars(one) for one in resources), key=lambda one: str(one["urn"]))
    text = json.dumps(found, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _resource(entry: Mapping[str, Any]) -> Resource:
    urn = str(entry["urn"])
    hidden: list[str] = entry.get("additionalSecretOutputs") or []
    outputs = cast("dict[str, Any]", without_secrets(entry.get("outputs") or {}))
    return Resource(
        urn=urn,
        type=str(entry["type"]),
        name=urn.split("::", 3)[3],
        id=str(entry.get("id", "")),
        inputs=cast("dict[str, Any]", without_secrets(entry.get("inputs") or {})),
        outputs={key: SECRET if key in hidden else value for key, value in outputs.items()},
        parent=str(entry.get("parent", "")),
        provider=str(entry.get("provider", "")).rpartition("::")[0],
        protect=bool(entry.get("protect")),
        custom=bool(entry.get("custom")),
        external=bool(entry.get("external")),
    )


def without_secrets(value: object) -> object:
    """A value with a mark for each secret in it, and without the plugins' own book-keeping."""
    if isinstance(value, list):
        return [without_secrets(one) for one in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    mapping = cast("dict[str, object]", value)
    if mapping.get(_SIGNATURE) == _SECRET_SIGNATURE:
        return SECRET
    return {key: without_secrets(inner) for key, inner in mapping.items() if not key.startswith(_BOOK_KEEPING)}
