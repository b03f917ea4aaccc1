"""Who changed something on a PostgreSQL server and when, out of the server's log, where one is given.

The catalogue does not keep who changed it. A server that logs statements (`log_statement = 'ddl'` or more) with
time, user and database before each (`log_line_prefix = '%m [%p] %q%u@%d '`) does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bulkhead.drift.report import Cause
from bulkhead.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from bulkhead.drift.report import Difference

_LINE: Final = re.compile(
    r"^(?P<when>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.\d+)? (?P<zone>\S+) \[\d+\] "
    r"(?P<who>[^@\s]+)@(?P<database>\S+) LOG:  (?:statement|execute [^:]*): (?P<sql>.*)$"
)
_CHANGES: Final = re.compile(r"^\s*(ALTER|CREATE|DROP|GRANT|REVOKE)\b", re.IGNORECASE)
_LONGEST: Final = 64_000_000
"""Bytes of a log that are read, from its end."""


class LogError(UsageError):
    """The server's log cannot be read."""


@dataclass(frozen=True)
class Written:
    """One logged statement; its text is searched and never shown."""

    who: str
    when: str
    database: str
    text: str = field(repr=False)


@dataclass(frozen=True)
class Log:
    """What a server logged, in its order.

    Args:
        written: the statements.
        missing: why there are none to look at; empty where a log was read.
    """

    written: tuple[Written, ...] = ()
    missing: str = ""

    def cause(self, called: str, differences: Sequence[Difference]) -> Cause:
        """Who executed the last statement that names an object and what is different of it.

        Args:
            called: the object, as reports call it.
            differences: what is different.
        """
        if self.missing:
            return Cause(source=self.missing)
        kind, _, rest = called.split("(", maxsplit=1)[0].rpartition(" ")
        name = rest.rpartition(".")[2].strip('"')
        others = {word.lower() for one in differences for word in re.findall(r"\w+", one.path)}
        best: Written | None = None
        most = 0
        for one in self.written:
            found = set(re.findall(r"\w+", one.text.lower()))
            to_come = kind == "default privileges" and one.database == rest and {"default", "privileges"} <= found
            if name.lower() in found or to_come:
                points = 1 + len(others & found)
                if points >= most:  # of two that say as much, the later
                    best, most = one, points
        if best is None:
            return Cause(source="the server's log has no statement about it")
        return Cause(who=best.who, when=best.when, source="PostgreSQL's log")


NO_LOG: Final = Log(missing="PostgreSQL's catalogue does not keep who changed it; give --postgresql-log")


def read(file: Path | None) -> Log:
    """The statements that a server logged.

    Raises:
        LogError: there is no such file, or it cannot be read.
    """
    if file is None:
        return NO_LOG
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - _LONGEST))
            return parse(stream.read().decode("utf-8", "replace").splitlines())
    except OSError as error:
        raise LogError(f"--postgresql-log {file}: {error.strerror}") from None


def parse(lines: Iterable[str]) -> Log:
    """The statements that change something, of a log's lines."""
    found: list[Written] = []
    for line in lines:
        match = _LINE.match(line)
        if match and _CHANGES.match(match["sql"]):
            zone = "Z" if match["zone"] in {"UTC", "GMT"} else f" {match['zone']}"
            when = match["when"].replace(" ", "T") + zone
            found.append(Written(match["who"], when, match["database"], match["sql"]))
    return Log(tuple(found))
