"""Collecting: which environments' time is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bulkhead.ephemeral.expiry import ExpiryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from bulkhead.ephemeral.record import Record


@dataclass(frozen=True, kw_only=True)
class Due:
    """What a collection has to do.

    Args:
        expired: whose time is over.
        kept: whose time is not, by name.
        undecided: why that cannot be told, by name.
    """

    expired: list[Record]
    kept: list[str]
    undecided: Mapping[str, str]


def due(records: Iterable[Record], now: datetime) -> Due:
    """The environments of `bulkhead ephemeral create` among some stacks, and whether their time is over.

    Args:
        records: stacks of the back end; those of anybody else are passed over.
        now: the time.
    """
    expired: list[Record] = []
    kept: list[str] = []
    undecided: dict[str, str] = {}
    for record in records:
        if not record.marked:
            continue
        if refusal := record.refusal():
            undecided[record.name] = refusal
            continue
        try:
            over = record.is_expired(now)
        except ExpiryError as error:
            undecided[record.name] = str(error)
            continue
        if over:
            expired.append(record)
        else:
            kept.append(record.name)
    return Due(expired=expired, kept=kept, undecided=undecided)
