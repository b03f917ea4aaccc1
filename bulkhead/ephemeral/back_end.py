"""The back end: which stacks a program has there, and what is recorded with each of them."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from bulkhead import state
from bulkhead.ephemeral import stack_file
from bulkhead.ephemeral.record import Record
from bulkhead.ephemeral.torn import mend
from bulkhead.errors import CommandError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pulumi.automation import StackSummary

    from bulkhead.engine import Stack


_AT_ONCE = 4
"""How many stacks are asked for their tags at once."""


class BackEndError(CommandError):
    """Pulumi's back end cannot be used; what it said."""


class BackEnd:
    """The stacks of the program in a folder, in the back end that the environment names.

    Args:
        folder: where `Pulumi.yaml` is.

    Raises:
        UsageError: there is no program.
        BackEndError: Pulumi cannot be run.
    """

    def __init__(self, folder: Path) -> None:
        import yaml  # noqa: PLC0415 - help must not wait for them
        from pulumi import automation  # noqa: PLC0415

        from bulkhead.engine import Workspace  # noqa: PLC0415

        self.folder, self._failed = folder, automation.CommandError
        try:
            project: dict[str, Any] = yaml.safe_load((folder / "Pulumi.yaml").read_text(encoding="utf-8")) or {}
        except FileNotFoundError:
            raise UsageError(f"{folder.resolve()} has no Pulumi.yaml; run this beside a program") from None
        self.system = str(project.get("name", ""))
        own: dict[str, str] = project.get("backend") or {}
        self._url = os.environ.get("PULUMI_BACKEND_URL") or own.get("url", "")
        if not self.system:
            raise UsageError(f"{folder.resolve() / 'Pulumi.yaml'} has no name")
        try:
            self._workspace = Workspace(work_dir=str(folder))
        except FileNotFoundError:
            from sandbox.toolbox.catalogue import ToolMissing  # noqa: PLC0415 - only once something is wrong

            raise ToolMissing("pulumi is not on PATH") from None

    def records(self) -> list[Record]:
        """Every stack of the program, by name.

        Raises:
            BackEndError: the back end does not tell.
        """
        mend(self._url, self.system)  # else one engine that was killed hides every stack
        try:
            listed = self._workspace.list_stacks()
        except self._failed as error:
            raise _answer("the stacks cannot be listed", error) from None
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return sorted(threads.map(self._record, listed), key=lambda record: record.name)

    def record(self, name: str) -> Record | None:
        """One stack; None where there is none of that name."""
        return next((record for record in self.records() if record.name == name), None)

    def unmade(self, name: str) -> Record:
        """A stack that is not there: only a file may be."""
        return Record(name=name, file=stack_file.read(self.folder, name))

    def _record(self, summary: StackSummary) -> Record:
        try:
            tags = self._workspace.list_tags(summary.name)
        except self._failed as error:
            raise _answer(f"the tags of stack {summary.name} cannot be read", error) from None
        return Record(
            name=summary.name,
            resources=summary.resource_count or 0,
            updating=bool(summary.update_in_progress),
            tags=tags,
            file=stack_file.read(self.folder, summary.name),
        )

    def tags(self, name: str) -> Mapping[str, str]:
        """A stack's tags as they are now.

        Raises:
            BackEndError: there is no such stack, or the back end does not tell.
        """
        try:
            return self._workspace.list_tags(name)
        except self._failed as error:
            raise _answer(f"the tags of stack {name} cannot be read", error) from None

    def tag(self, name: str, key: str, value: str) -> None:
        """Record something with a stack."""
        try:
            self._workspace.set_tag(name, key, value)
        except self._failed as error:
            raise _answer(f"stack {name} cannot be given the tag {key}", error) from None

    def init(self, name: str) -> None:
        """Make an empty stack."""
        try:
            self._workspace.create_stack(name)
        except self._failed as error:
            raise _answer(f"stack {name} cannot be made", error) from None

    def remove(self, name: str) -> None:
        """Forget a stack that has nothing any more, and its file."""
        try:
            self._workspace.remove_stack(name)
        except self._failed as error:
            raise _answer(f"stack {name} cannot be removed", error) from None
        (self.folder / f"Pulumi.{name}.yaml").unlink(missing_ok=True)

    def exported(self, name: str) -> dict[str, Any]:
        """A stack's state as it is stored, secrets encrypted."""
        return json.loads(state.export(["--stack", name], self.folder))

    def engine(self, name: str) -> Stack:
        """The engine, for one stack."""
        from bulkhead.engine import Stack  # noqa: PLC0415 - help must not wait for it

        return Stack(name, self.folder, dict(os.environ))


def _answer(what: str, error: Exception) -> BackEndError:
    text = str(error)
    return BackEndError(f"{what}: {text[max(text.find('error: '), 0) :].strip()}")
