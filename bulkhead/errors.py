"""Tells a person what went wrong, without a traceback, and a program by exit code."""

from __future__ import annotations

from typing import ClassVar

FAILED, USAGE, MISSING_TOOL = 1, 2, 4


class CommandError(Exception):
    """What a command answers a person with instead of a result; a fault of ours is none."""

    exit_code: ClassVar[int] = FAILED


class UsageError(CommandError):
    """The command's words, or what they name, cannot be used; nothing was begun."""

    exit_code: ClassVar[int] = USAGE


def explain(error: Exception) -> tuple[str, int] | None:
    """Message and exit code of an error that is an answer; None for one that is a fault of ours."""
    from sandbox.errors import SandboxError  # noqa: PLC0415 - only once something has gone wrong
    from sandbox.toolbox.catalogue import ToolMissing  # noqa: PLC0415

    if isinstance(error, (CommandError, SandboxError)):
        return str(error), error.exit_code
    if isinstance(error, ToolMissing):
        return str(error), MISSING_TOOL
    return None
