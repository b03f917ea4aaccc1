"""Puts drift right: each finding once, in the order of the declarations, and the servers are asked again after it.

What is changed or taken away is kept in a file before, without a secret.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bulkhead.drift.examine import Examined, examine_one
from bulkhead.drift.report import Repaired
from bulkhead.errors import CommandError

if TYPE_CHECKING:
    from pathlib import Path

    from bulkhead.drift.finding import Finding
    from bulkhead.drift.postgresql_log import Log

ROUNDS: Final = 3
"""How often the servers are asked again: what one repair uncovers, the next puts right."""


class KeepError(CommandError):
    """What is to be changed cannot be kept; nothing was changed."""


def repair(examined: Examined, keep: Path, log: Log) -> Examined:
    """Put a stack right, and look at it again.

    Args:
        examined: what was found.
        keep: the folder for files of what is changed or taken away.
        log: of the PostgreSQL server.

    Returns:
        What is found afterwards, with what was done.

    Raises:
        KeepError: the folder cannot be written to.
    """
    done: list[Repaired] = []
    now = examined
    for _ in range(ROUNDS):
        if not now.findings:
            break
        folder = keep / re.sub(r"[^\w.-]+", "_", str(now.stack)) / now.report.looked_at.replace(":", "")
        made = [_one(finding, folder, number) for number, finding in enumerate(now.findings, len(done) + 1)]
        done += made
        now = examine_one(now.stack, log, now.elsewhere)
        if not any(one.done for one in made):
            break
    left = {(drift.name, drift.object) for drift in now.report.drifts}
    # What a later round has put right did not fail; of several tries of one thing the last one counts.
    last = {(one.name, one.object): one for one in done}
    kept = [
        one for one in done if one.done or ((one.name, one.object) in left and last[one.name, one.object] is one)
    ]
    return replace(now, report=replace(now.report, repaired=tuple(kept)))


def _one(finding: Finding, folder: Path, number: int) -> Repaired:
    drift = finding.drift
    kept = _keep(finding, folder, number)
    if finding.repair is None:
        reason = "not by this command: `pulumi up --refresh` replaces it, or a person decides"
        return Repaired(name=drift.name, object=drift.object, failed=reason, kept=kept)
    try:
        finding.repair()
    except CommandError as error:
        return Repaired(name=drift.name, object=drift.object, failed=str(error), kept=kept)
    return Repaired(name=drift.name, object=drift.object, done=drift.remedy, kept=kept)


def _keep(finding: Finding, folder: Path, number: int) -> str:
    if finding.before is None:
        return ""
    name = re.sub(r"[^\w.-]+", "_", finding.drift.object)[:120]
    file = folder / f"{number:03}-{name}.json"
    text = json.dumps({"drift": str(finding.drift.object), "was": finding.before}, indent=2, default=str)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(
            os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as stream:
            stream.write(text + "\n")
    except OSError as error:
        raise KeepError(f"{folder}: {error.strerror}; nothing more was changed") from None
    return str(file)
