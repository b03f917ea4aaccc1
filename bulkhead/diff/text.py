"""Text: foreign words as Markdown that shows them and does nothing else.

Names, values and messages come from programs, providers and pull requests. Inline they stand in `<code>`, with all
that Markdown or HTML reads written as entities; in blocks, in a fence longer than any of theirs. A forge looks for
mentions and references in neither.
"""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING

from markupsafe import Markup

from bulkhead.diff.steps import plain

if TYPE_CHECKING:
    from bulkhead.diff.model import PropertyChange

LONGEST_VALUE = 400
"""Characters of one value; PostgreSQL's statements and policies fit, a certificate need not be read in a diff."""
_CONTEXT = 2
_SPECIAL = re.compile(r"[^\w \-.,/=+]|_", re.ASCII)


def inline(value: object, longest: int = LONGEST_VALUE) -> Markup:
    """A foreign word inside a sentence or a table's cell."""
    text = " ".join(plain(str(value)).split())
    return Markup("<code>{}</code>").format(Markup(_SPECIAL.sub(_entity, shortened(text, longest))))  # noqa: S704


def _entity(match: re.Match[str]) -> str:
    character = match[0]
    # Letters of other alphabets need no protection; all that is ASCII and not a letter or digit may be syntax.
    return character if ord(character) > 127 else f"&#{ord(character)};"  # noqa: PLR2004 - the last of ASCII


def block(lines: list[str], language: str = "diff") -> Markup:
    """Foreign lines as a block of code."""
    cleaned = [plain(line).replace("\n", " ") for line in lines]
    longest = max((len(run) for line in cleaned for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markup("\n".join([f"{fence}{language}", *cleaned, fence]))  # noqa: S704 - a fence is never read as HTML


def shortened(text: str, longest: int = LONGEST_VALUE) -> str:
    """A text cut to some length, with the length that it had."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


def difference(change: PropertyChange) -> list[str]:
    """One property's change as the lines of a diff."""
    because = "  # the resource is replaced because of this" if change.replaces else ""
    before, after = change.before, change.after
    if isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=_CONTEXT)
        shown = [shortened(line) for line in lines if not line.startswith(("---", "+++"))]
        return [f"  {change.path}:{because}", *shown]
    if before == after:
        return [f"! {change.path}: {value(after)}, what it is made of differs{because}"]
    lines = [f"- {change.path}: {value(before)}"] if before is not None else []
    if after is not None:
        lines.append(f"+ {change.path}: {value(after)}")
    lines[-1] += because
    return lines


def value(given: object) -> str:
    """A value on one line."""
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, sort_keys=True)
    return shortened(text)


def length(text: str) -> int:
    """How long a forge takes a text to be: in UTF-16 units, as browsers and JavaScript count."""
    return len(text.encode("utf-16-le")) // 2
