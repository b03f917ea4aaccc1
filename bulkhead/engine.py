"""Stacks, through Pulumi's Automation API: the same commands that a person runs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulumi import automation
from pulumi.automation import OpType

from bulkhead.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class EngineError(CommandError):
    """A Pulumi command failed; the text is what it said."""


@dataclass(frozen=True)
class Done:
    """How a command of the engine ended.

    Args:
        resources: how many the stack has.
        changes: how many were or would be created, updated, replaced or deleted.
        seconds: from the command's start to its end.
    """

    resources: int
    changes: int
    seconds: float


class Stack:
    """One stack of the program in a folder."""

    def __init__(self, name: str, folder: Path, variables: Mapping[str, str]) -> None:
        self.name = name
        options = automation.LocalWorkspaceOptions(env_vars=dict(variables))
        try:
            self._stack = automation.create_or_select_stack(name, work_dir=str(folder), opts=options)
        except automation.CommandError as error:
            raise _said(error) from None

    def up(self, on_resource: Callable[[int], None]) -> Done:
        """Apply; `on_resource` is told how many resources are done."""
        done = 0

        def count(event: automation.EngineEvent) -> None:
            nonlocal done
            if event.res_outputs_event:
                done += 1
                on_resource(done)

        began = time.monotonic()
        try:
            result = self._stack.up(on_event=count, suppress_progress=True)
        except automation.CommandError as error:
            raise _said(error) from None
        return _counted(dict(result.summary.resource_changes or {}), began)

    def preview(self) -> Done:
        """Say what `up` would do."""
        began = time.monotonic()
        try:
            result = self._stack.preview(suppress_progress=True)
        except automation.CommandError as error:
            raise _said(error) from None
        return _counted(dict(result.change_summary), began)


def _counted(changes: Mapping[OpType, int] | Mapping[str, int], began: float) -> Done:
    counts = {OpType(kind): count for kind, count in changes.items()}
    total = sum(counts.values())
    return Done(total, total - counts.get(OpType.SAME, 0), time.monotonic() - began)


def _said(error: automation.CommandError) -> EngineError:
    """What Pulumi reported, without the Automation API's own frame."""
    text = str(error)
    start = text.find("Diagnostics:")
    return EngineError(text[start:] if start >= 0 else text)
