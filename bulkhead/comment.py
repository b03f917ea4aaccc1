"""The command `bulkhead comment`: a file as a comment on the pull request that a workflow runs for."""

from __future__ import annotations

import os
import sys
from pathlib import Path  # noqa: TC003 - typer reads it from the annotation
from typing import Annotated

import typer

from bulkhead.errors import UsageError

LONGEST = 65_000
"""Characters; what is longer is cut, for a forge would refuse it."""


def comment(
    file: Annotated[Path, typer.Argument(help="The comment's Markdown.")],
    mark: Annotated[str, typer.Option(help="What the comment is found again by; nobody sees it.")],
) -> None:
    """Write a Markdown file as a comment on the pull request that this runs for, or update the one that is there.

    Exit codes: 0 written, 1 the forge does not take it, 2 wrong usage.
    """
    from bulkhead import forge  # noqa: PLC0415 - help must not wait for it

    if not forge.is_mark(mark):
        raise UsageError(f"--mark is {mark!r}; use letters, digits, dots, dashes and colons")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None
    pull = forge.pull_request(os.environ)
    whole = f"<!-- bulkhead-comment:{mark} -->\n{text}"
    print(forge.comment(pull, f"bulkhead-comment:{mark}", whole[:LONGEST]), file=sys.stderr)
