"""Findings, the rules that they break, and the exceptions that are declared with a reason."""

from __future__ import annotations

import fnmatch
import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, cast

import yaml

from bulkhead.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

EXCEPTIONS_FILE: Final = ".bulkhead-guard.yaml"
MARKER: Final = "bulkhead-guard: allow"
NODE, FOREIGN, UNUSED, UNDECIDED = "node-address", "foreign-identity", "unused-exception", "undecided"
RULES: Final = {
    NODE: "A node of the database cluster is named; use the write or read end point, which follows a failover.",
    FOREIGN: "What is for one environment names a thing of another one.",
    UNUSED: "An exception is declared that lets nothing through, or that gives no reason; remove or complete it.",
    UNDECIDED: "Something could not be looked at, so it cannot be said that it is clean.",
}
"""What is looked for, by the rule's id."""

_MARKED = re.compile(rf"{re.escape(MARKER)}\s+([a-z-]+)[ \t]*(.*?)\s*(?:-->|\*/|#}}|$)")


class ExceptionsError(UsageError):
    """The file of exceptions cannot be used."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that must not be there.

    Args:
        rule: the rule's id.
        path: the file, from the folder that was asked about; or `live/STACK/…` for a live object.
        line: the line in it, from 1; 0 for a live object.
        column: the column, from 1.
        what: the node or the name that was found.
        how: how it is written; empty for its plain form.
        text: the line, in memory alone: it may hold a password.
        allowed: the reason of the exception that lets it through; empty where none does.
    """

    rule: str
    path: str
    what: str
    line: int = 0
    column: int = 0
    how: str = ""
    text: str = field(default="", repr=False, compare=False)
    allowed: str = ""

    @property
    def says(self) -> str:
        """The finding in words, without its place."""
        words = {
            NODE: f"names the database node {self.what}",
            FOREIGN: f"names {self.what}",
            UNUSED: self.what,
            UNDECIDED: self.what,
        }
        return f"{words[self.rule]}{f', {self.how}' if self.how else ''}"

    @property
    def place(self) -> str:
        """Where it is: `file:line:column`."""
        return f"{self.path}:{self.line}:{self.column}" if self.line else self.path

    @property
    def fingerprint(self) -> str:
        """What stays the same when lines above it come and go."""
        about = "\0".join((self.rule, self.path, self.what, self.how, " ".join(self.text.split())))
        return hashlib.sha256(about.encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """A declared exception.

    Args:
        where: `.bulkhead-guard.yaml`'s entry.
        paths: the pattern of the paths that it is for.
        rule: the rule that it lifts there.
        containing: what the line must contain; empty for any line.
        reason: why.
    """

    where: str
    paths: str
    rule: str
    reason: str
    containing: str = ""

    def covers(self, one: Finding) -> bool:
        """Whether it lets a finding through."""
        fits = fnmatch.fnmatchcase(one.path, self.paths)
        return fits and one.rule == self.rule and self.containing in one.text

    @property
    def is_live(self) -> bool:
        """Whether it is about live objects."""
        return self.paths.startswith("live/")


def declared(file: Path) -> tuple[Allowance, ...]:
    """The exceptions that a file declares; none where there is no file.

    Raises:
        ExceptionsError: each fault in it.
    """
    if not file.is_file():
        return ()
    try:
        data: object = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ExceptionsError(f"{file} cannot be read: {error}") from None
    if not isinstance(data, dict) or not set(cast("dict[str, Any]", data)) <= {"allow", "monitoring"}:
        raise ExceptionsError(f"{file} may have the keys allow and monitoring")
    said = cast("dict[str, Any]", data)
    found: list[Allowance] = []
    for key in ("monitoring", "allow"):
        for number, entry in enumerate(cast("list[Any]", said.get(key) or [])):
            found.append(_allowance(file, f"{key}[{number}]", entry, monitoring=key == "monitoring"))
    return tuple(found)


def _allowance(file: Path, where: str, entry: object, *, monitoring: bool) -> Allowance:
    keys = {"path", "reason"} | (set[str]() if monitoring else {"rule", "containing"})
    wanted = keys - {"containing"}
    given = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
    texts = {str(key): str(value or "").strip() for key, value in given.items()}
    if not wanted <= texts.keys() <= keys or not all(texts[key] for key in wanted):
        raise ExceptionsError(
            f"{file}: {where} needs {', '.join(sorted(wanted))}; it may have {', '.join(sorted(keys))}"
        )
    rule = NODE if monitoring else texts["rule"]
    if rule not in {NODE, FOREIGN, UNDECIDED}:
        raise ExceptionsError(f"{file}: {where}.rule is {rule!r}; use {NODE}, {FOREIGN} or {UNDECIDED}")
    reason = f"monitoring: {texts['reason']}" if monitoring else texts["reason"]
    return Allowance(
        where=f"{file.name}: {where} {texts['path']}",
        paths=texts["path"],
        rule=rule,
        reason=reason,
        containing=texts.get("containing", ""),
    )


def judged(found: Iterable[Finding], allowances: Iterable[Allowance], *, files: bool, live: bool) -> list[Finding]:
    """Findings with the exceptions applied, and exceptions that let nothing through as findings of their own.

    Args:
        found: what was found.
        allowances: the declared exceptions.
        files: whether all files were looked at that an exception can be about.
        live: whether live objects were.
    """
    allowances = list(allowances)
    used: set[Allowance] = set()
    judged_: list[Finding] = []
    for one in found:
        covering = next((allowance for allowance in allowances if allowance.covers(one)), None)
        if covering and not one.allowed:
            used.add(covering)
        judged_.append(replace(one, allowed=covering.reason) if covering and not one.allowed else one)
    judged_.extend(
        Finding(rule=UNUSED, path=EXCEPTIONS_FILE, line=1, column=1, what=f"{one.where} lets nothing through")
        for one in allowances
        if one not in used and (live if one.is_live else files)
    )
    return judged_


def marked(line: str) -> tuple[str, str] | None:
    """The rule and the reason of the marker on a line; None where there is none."""
    match = _MARKED.search(line)
    return (match[1], match[2].strip()) if match else None


def with_marker(found: list[Finding], path: str, number: int, line: str) -> Iterator[Finding]:
    """The findings of a line with its marker applied; a marker that is of no use is a finding."""
    marker = marked(line)
    if marker is None:
        yield from found
        return
    rule, reason = marker
    column = line.find(MARKER) + 1

    def useless(what: str) -> Finding:
        return Finding(rule=UNUSED, path=path, line=number, column=column, text=line, what=what)

    if not reason:
        yield useless(f"the marker for {rule} gives no reason")
        yield from found
        return
    if not any(one.rule == rule for one in found):
        yield useless(f"the marker for {rule} lets nothing through")
    yield from (replace(one, allowed=reason) if one.rule == rule else one for one in found)
