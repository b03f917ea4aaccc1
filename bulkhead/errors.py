"""Tells a person what went wrong, without a traceback, and a program by exit code."""

from __future__ import annotations

MISSING_TOOL = 4
ENGINE_FAILED = 1


def explain(error: Exception) -> tuple[str, int] | None:
    """Message and exit code of an error that is an answer; None for one that is a fault of ours."""
    from sandbox.errors import SandboxError  # noqa: PLC0415 - only once something has gone wrong
    from sandbox.toolbox.catalogue import ToolMissing  # noqa: PLC0415

    if isinstance(error, SandboxError):
        return str(error), error.exit_code
    if isinstance(error, ToolMissing):
        return str(error), MISSING_TOOL
    if type(error).__name__ in ("EngineError", "StructureError"):  # by name: to import one takes half a second
        return str(error), ENGINE_FAILED
    return None
