"""Mistakes and misfortunes of the sandbox that are told to a person in one message, each with its exit code."""

from __future__ import annotations

from typing import ClassVar


class SandboxError(Exception):
    """Something about the sandbox that its user should read; the text says what is wrong and what to do."""

    exit_code: ClassVar[int] = 1


class ServerFailed(SandboxError):  # noqa: N818 - named for what happened, as it is read in `except`
    """A server died, or did not become ready in time; the text ends with the end of its log."""


class SandboxNotRunning(SandboxError):  # noqa: N818 - named for what happened
    """A command needs the sandbox's servers, and there are none."""

    exit_code: ClassVar[int] = 3


class SandboxBusy(SandboxError):  # noqa: N818 - named for what happened
    """Another command that starts or stops servers is at work on the same sandbox, and went on for too long."""

    exit_code: ClassVar[int] = 5
