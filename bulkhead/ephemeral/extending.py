"""Extending: a later expiry, recorded with the stack; no server is asked, and no resource changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkhead.ephemeral import expiry
from bulkhead.ephemeral.record import EXPIRES
from bulkhead.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from bulkhead.ephemeral.back_end import BackEnd
    from bulkhead.ephemeral.record import Record


class ShorterError(UsageError):
    """What is meant to extend a life would shorten it."""


def refuse_shorter(record: Record, until: datetime) -> None:
    """Refuse an expiry before the recorded one; one that cannot be read may be replaced.

    Raises:
        ShorterError: both.
    """
    try:
        present = record.expires()
    except expiry.ExpiryError:
        return
    if until < present:
        raise ShorterError(
            f"{record.name} lives until {expiry.spelt(present)} already, and --ttl would end it at "
            f"{expiry.spelt(until)}; use a longer time"
        )


def extend(back_end: BackEnd, record: Record, until: datetime) -> None:
    """Let an environment live until a moment.

    Raises:
        ShorterError: it lives longer already.
        BackEndError: it cannot be recorded.
    """
    refuse_shorter(record, until)
    back_end.tag(record.name, EXPIRES, expiry.spelt(until))
