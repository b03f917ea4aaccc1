"""Expiry: how long an ephemeral environment may live, and when its time is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bulkhead.errors import CommandError, UsageError

LONGEST = timedelta(days=30)
"""What lives longer is no preview any more: it wants an owner, a backup, and a stack file of its own."""

_FORM = "%Y-%m-%dT%H:%M:%SZ"


class TtlError(UsageError):
    """A time to live that cannot be used; what is allowed."""


class ExpiryError(CommandError):
    """A recorded expiry is no time: whether it has passed cannot be decided."""


def lifetime(ttl: str) -> timedelta:
    """How long `48h`, `7d` or `1h30m` is.

    Raises:
        TtlError: it is no length of time, zero, negative, or above `LONGEST`.
    """
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - help must not wait for it

    from components.validation import Duration, seconds  # noqa: PLC0415

    form: TypeAdapter[str] = TypeAdapter(Duration)
    try:
        found = timedelta(seconds=seconds(form.validate_python(ttl, strict=True)))
    except (ValidationError, OverflowError):
        raise TtlError(f"--ttl is {ttl!r}; use a time such as 90m, 48h or 7d, {LONGEST.days}d at most") from None
    if found > LONGEST:
        raise TtlError(f"--ttl is {ttl!r}; use {LONGEST.days}d at most")
    return found


def spelt(moment: datetime) -> str:
    """A moment as it is recorded: `2026-11-23T10:00:00Z`."""
    return moment.astimezone(UTC).strftime(_FORM)


def read(text: str) -> datetime:
    """The moment that was recorded.

    Raises:
        ExpiryError: the text is none.
    """
    try:
        return datetime.strptime(text, _FORM).replace(tzinfo=UTC)
    except ValueError:
        raise ExpiryError(
            f"the recorded expiry is {text!r}, which is no time such as 2026-11-23T10:00:00Z"
        ) from None


def distance(moment: datetime, now: datetime) -> str:
    """How far a moment is from now, in words: `in 47 h 59 min`, `2 d 0 h ago`."""
    gap = moment - now
    hours, minutes = divmod(abs(gap) // timedelta(minutes=1), 60)
    days, rest = divmod(hours, 24)
    words = f"{days} d {rest} h" if days > 1 else f"{hours} h {minutes} min" if hours else f"{minutes} min"
    return f"in {words}" if gap > timedelta() else f"{words} ago"
