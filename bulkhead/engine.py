"""Stacks, through Pulumi's Automation API: the same commands that a person runs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pulumi import automation
from pulumi.automation import OpType

from bulkhead.errors import CommandError
from bulkhead.judgement import refuse
from bulkhead.policies import pack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pulumi.automation.events import StepEventMetadata


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


class Workspace(automation.LocalWorkspace):
    """A folder with a program, worked on without a change of the stack that a person has selected there."""

    def create_stack(self, stack_name: str) -> None:
        """`pulumi stack init`, and no more."""
        provider = ["--secrets-provider", self.secrets_provider] if self.secrets_provider else []
        self._run_pulumi_cmd_sync(["stack", "init", stack_name, "--no-select", *provider])

    def select_stack(self, stack_name: str) -> None:
        """Nothing: every command names its stack."""


class Stack:
    """One stack of the program in a folder."""

    def __init__(self, name: str, folder: Path, variables: Mapping[str, str]) -> None:
        self.name, self._folder = name, folder
        self._pack = [str(pack(variables))]
        try:
            workspace = Workspace(work_dir=str(folder), env_vars=dict(variables))
            self._stack = _stack(name, workspace)
        except automation.CommandError as error:
            raise _said(error) from None

    def up(self, on_resource: Callable[[int], None]) -> Done:
        """Apply; `on_resource` is told how many resources are done.

        Raises:
            EngineError: Pulumi fails, or the policy pack refuses a resource.
            PolicyError: what keeps data would be deleted or replaced; nothing was done.
        """
        began = time.monotonic()
        if self._stack.info():  # what was never applied has nothing to lose
            self.preview()
        try:
            result = self._stack.up(
                on_event=_counting(on_resource), suppress_progress=True, policy_packs=self._pack
            )
        except automation.CommandError as error:
            raise _said(error) from None
        return _counted(dict(result.summary.resource_changes or {}), began)

    def destroy(self, on_resource: Callable[[int], None]) -> Done:
        """Delete all resources, without running the program; `on_resource` is told how many are done.

        Raises:
            EngineError: Pulumi fails; what it deleted is gone from the state as well.
        """
        began = time.monotonic()
        count = _counting(on_resource)
        try:
            result = self._stack.destroy(on_event=count, suppress_progress=True, show_secrets=False)
        except automation.CommandError as error:
            raise _said(error) from None
        return _counted(dict(result.summary.resource_changes or {}), began)

    def forget_pending(self) -> None:
        """Drop from the state the creations that were begun and not ended; what came of them is not touched."""
        try:
            self._stack.refresh(clear_pending_creates=True, suppress_progress=True, show_secrets=False)
        except automation.CommandError as error:
            raise _said(error) from None

    def take_lock(self, root: str) -> None:
        """Take the stack's lock and give it back: nobody works on the stack then, or this says who does.

        Args:
            root: the URN of the stack itself, which a refresh passes over without asking a server.
        """
        try:
            self._stack.refresh(target=[root], suppress_progress=True, show_secrets=False)
        except automation.CommandError as error:
            raise _said(error) from None

    def cancel(self) -> None:
        """Take the stack's locks away: of commands that are known to work no more."""
        try:
            self._stack.cancel()
        except automation.CommandError as error:
            raise _said(error) from None

    def preview(self) -> Done:
        """Say what `up` would do.

        Raises:
            EngineError: Pulumi fails, or the policy pack refuses a resource.
            PolicyError: what keeps data would be deleted or replaced.
        """
        steps: list[StepEventMetadata] = []

        def take(event: automation.EngineEvent) -> None:
            if event.resource_pre_event:
                steps.append(event.resource_pre_event.metadata)

        began = time.monotonic()
        try:
            result = self._stack.preview(on_event=take, suppress_progress=True, policy_packs=self._pack)
        except automation.CommandError as error:
            raise _said(error) from None
        system = self._stack.workspace.project_settings().name
        refuse(map(_entry, steps), system=system, environment=self.name, place=self._folder)
        return _counted(dict(result.change_summary), began)


def _counting(on_resource: Callable[[int], None]) -> Callable[[automation.EngineEvent], None]:
    """What tells how many resources are done, one event after the other."""
    done = 0

    def count(event: automation.EngineEvent) -> None:
        nonlocal done
        if event.res_outputs_event:
            done += 1
            on_resource(done)

    return count


def _entry(step: StepEventMetadata) -> dict[str, Any]:
    """A step of the engine's events, as `pulumi preview --json` lists it."""
    old = {"inputs": step.old.inputs, "protect": step.old.protect} if step.old else None
    return {"op": str(step.op.value), "urn": step.urn, "oldState": old, "replaceReasons": step.keys or []}


def _stack(name: str, workspace: Workspace) -> automation.Stack:
    """The stack, made if it is not in the list: where nothing selects a stack, none is noticed to be missing."""
    if any(one.name == name for one in workspace.list_stacks()):
        return automation.Stack.select(name, workspace)
    return automation.Stack.create(name, workspace)


def _counted(changes: Mapping[OpType, int] | Mapping[str, int], began: float) -> Done:
    counts = {OpType(kind): count for kind, count in changes.items()}
    total = sum(counts.values())
    return Done(total, total - counts.get(OpType.SAME, 0), time.monotonic() - began)


def _said(error: automation.CommandError) -> EngineError:
    """What Pulumi reported, without the Automation API's own frame."""
    text = str(error)
    starts = [text.find(heading) for heading in ("Diagnostics:", "Policies:", "error: ") if heading in text]
    return EngineError(text[min(starts) :] if starts else text)
