"""Markdown: the report as a comment that fits, or whole as a file."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bulkhead.diff.text import block, difference, inline, length, shortened, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkhead.diff.model import Preview, Resource
    from bulkhead.diff.report import Report

LONGEST = 65_000
"""Characters of a comment. GitHub takes 65,536; the rest is for what a forge adds."""
_RESERVED = 600
"""Characters that the end of a comment may take, and the end of a part that is cut."""
_TITLES = {"data": "Data would be lost", "access": "Access would be widened", "image": "Images"}
_FIRST = {"data": 12_000, "access": 12_000, "image": 8_000, "ahead": 12_000, "policies": 8_000}
_FAILURE = 4_000
"""How many characters a part may take of a comment, and one stack's failure, so that none hides the next."""


def mark(project: str) -> str:
    """What a comment of a project's is found again by; nobody sees it."""
    return f"bulkhead-diff:{project}"


def render(report: Report, project: str, longest: int | None = None) -> str:
    """The report as Markdown.

    Args:
        report: what was found.
        project: whose comment it is.
        longest: how many characters there are; None for as many as it takes.
    """
    parts = _parts()
    written = _Written(longest)
    written.always(str(parts.head(mark(project), report)))
    for one in report.previews:
        if one.failure:
            said = one.failure if longest is None else shortened(one.failure, _FAILURE)
            written.always(str(parts.failure(one, said.splitlines())))
    lines = [str(parts.violation(one, broken)) for one in report.previews for broken in one.violations]
    if lines:
        written.part("policies", lines, head=str(parts.part_head("Policies")), cut=parts.more)
    for kind, title in _TITLES.items():
        lines = [str(parts.danger(one.stack, danger)) for one, danger in report.dangers if danger.kind == kind]
        if lines:
            written.part(kind, lines, head=str(parts.part_head(title)), cut=parts.more)
    for both in report.pairs:
        written.always(str(parts.pair(both)))
        if both.ahead:
            lines = [str(parts.ahead(both, one)) for one in both.ahead]
            written.part("ahead", lines, head=str(parts.ahead_head(both)), cut=parts.more)
    if report.drift is not None:
        lines = [str(parts.drift(stack, line)) for stack, found in report.drift.items() for line in found]
        written.part("ahead", lines or ["None.\n"], head=str(parts.drift_head()), cut=parts.more)
    left_out = sum(_details(written, parts, one) for one in report.previews)
    return written.text + str(parts.foot(report, left_out))


def _details(written: _Written, parts: Any, one: Preview) -> int:
    """One stack's changes, folded; how many of them found no room."""
    if not one.changes and not one.warnings:
        return 0
    head, tail = str(parts.details_head(one)), str(parts.details_tail())
    pieces = [str(parts.change(change)) for change in one.changes]
    if one.warnings:
        pieces.append(str(parts.warnings(one)))
    return written.folded(head, pieces, tail)


class _Written:
    """What is written so far, and how much more may be."""

    def __init__(self, longest: int | None) -> None:
        self.text = ""
        self._longest = longest

    def _room(self) -> int | None:
        return None if self._longest is None else self._longest - _RESERVED - length(self.text)

    def always(self, text: str) -> None:
        """A part without which the rest cannot be understood: cut hard where even it does not fit."""
        room = self._room()
        if room is not None and length(text) > room:
            lines = text.splitlines(keepends=True)
            while lines and length("".join(lines)) > room:
                lines.pop()
            text = "".join(lines)
        self.text += text

    def part(self, name: str, lines: list[str], *, head: str = "", cut: Any) -> None:
        """A list of lines, as many as its share allows."""
        room = self._room()
        if room is None:
            self.text += head + "".join(lines)
            return
        share = min(room, _FIRST[name]) - length(head)
        kept: list[str] = []
        for line in lines:
            share -= length(line)
            if share < 0:
                break
            kept.append(line)
        rest = len(lines) - len(kept)
        if room > length(head):
            self.text += head + "".join(kept) + (str(cut(rest)) if rest else "")

    def folded(self, head: str, pieces: list[str], tail: str) -> int:
        """Pieces between a head and a tail, those that fit; how many did not."""
        room = self._room()
        if room is None:
            self.text += head + "".join(pieces) + tail
            return 0
        room -= length(head) + length(tail)
        kept = [piece for piece, fits in _fitting(pieces, room) if fits]
        if kept:
            self.text += head + "".join(kept) + tail
        return len(pieces) - len(kept)


def _fitting(pieces: list[str], room: int) -> Iterator[tuple[str, bool]]:
    for piece in pieces:
        fits = length(piece) <= room
        room -= length(piece) if fits else 0
        yield piece, fits


def _diff_lines(one: Resource) -> list[str]:
    return [line for change in one.properties for line in difference(change)]


@cache
def _parts() -> Any:
    """The template's macros."""
    environment = Environment(
        loader=PackageLoader("bulkhead.diff"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    filters: dict[str, Any] = {"inline": inline, "block": block, "diff_lines": _diff_lines, "value": value}
    environment.filters.update(filters)
    return environment.get_template("report.md.j2").module
