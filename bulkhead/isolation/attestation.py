"""The attestation: what was compared and found, as an in-toto statement that a release can carry.

https://in-toto.io/Statement/v1 with the stacks' states as subjects; a signature is cosign's work, not ours.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from bulkhead.errors import CommandError
from bulkhead.isolation.plain import listed, mapping

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bulkhead.isolation.report import Report

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://bulkhead.dev/attestation/isolation/v1"


class NotAnAttestation(CommandError):  # noqa: N818 - read as a sentence
    """A file is no attestation of isolation."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One stack of an attestation.

    Args:
        name: its project and its name.
        stack: as a command names it: `dev`, `examples/twinme:dev`.
        digest: the SHA-256 of its state.
    """

    name: str
    stack: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Attested:
    """What an attestation says.

    Args:
        subjects: the stacks.
        isolated: whether nothing was found.
        time: when it was made.
    """

    subjects: tuple[Subject, ...]
    isolated: bool
    time: str


def statement(report: Report, now: datetime | None = None) -> dict[str, Any]:
    """A report as an in-toto statement."""
    stacks = report.comparison.stacks
    return {
        "_type": STATEMENT,
        "subject": [{"name": one.name, "digest": {"sha256": one.digest}} for one in stacks],
        "predicateType": PREDICATE,
        "predicate": {
            "result": "isolated" if report.isolated else "not isolated",
            "time": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
            "tool": {"name": "bulkhead", "version": _version()},
            "stacks": dict(zip((one.name for one in stacks), report.words, strict=True)),
            **report.counts,
        },
    }


def write(report: Report, file: Path) -> None:
    """Write a report's attestation; a file that is there is replaced as a whole."""
    draft = file.with_name(f"{file.name}.new")
    draft.write_text(json.dumps(statement(report), indent=2) + "\n", encoding="utf-8")
    draft.replace(file)


def read(file: Path) -> Attested:
    """What an attestation file says.

    Raises:
        NotAnAttestation: it cannot be read, or is something else.
    """
    try:
        said = mapping(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise NotAnAttestation(f"{file} cannot be read: {error}") from None
    for key, wanted in (("_type", STATEMENT), ("predicateType", PREDICATE)):
        if said.get(key) != wanted:
            raise NotAnAttestation(
                f"{file} is no attestation of isolation: {key} is {said.get(key)!r}, not {wanted!r}"
            )
    predicate = mapping(said.get("predicate"))
    stacks = mapping(predicate.get("stacks"))
    subjects = tuple(_subject(mapping(one), stacks) for one in listed(said.get("subject")))
    if not subjects or not all(one.digest and one.stack for one in subjects):
        raise NotAnAttestation(f"{file} names no stack, or one without its digest")
    isolated = predicate.get("result") == "isolated"
    return Attested(subjects=subjects, isolated=isolated, time=str(predicate.get("time", "")))


def _subject(one: Mapping[str, Any], stacks: Mapping[str, Any]) -> Subject:
    name = str(one.get("name"))
    digest = str(mapping(one.get("digest")).get("sha256") or "")
    return Subject(name=name, stack=str(stacks.get(name) or ""), digest=digest)


def changed(attested: Attested, digests: Sequence[str]) -> list[str]:
    """The stacks whose states are no longer those that were compared, given their present digests in order."""
    return [one.name for one, digest in zip(attested.subjects, digests, strict=True) if one.digest != digest]


def _version() -> str:
    try:
        return version("bulkhead")
    except PackageNotFoundError:
        return "unknown"
