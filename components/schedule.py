"""Schedules: when something happens, in cron's five fields."""

import re
import zoneinfo

from components.errors import InputError, nearest

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),
)
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")
_ITEM = re.compile(r"(?P<first>\*|\?|\w+)(-(?P<last>\w+))?(/(?P<step>[0-9]{1,4}))?")


def refuse_schedule(schedule: object) -> None:
    """Refuse what cron does not understand, and a day that never comes.

    Raises:
        InputError: the field, what it says, and what is allowed.
    """
    fields = schedule.split(" ") if isinstance(schedule, str) else []
    if len(fields) != len(_FIELDS):
        raise InputError(
            f"schedule is {schedule!r}; use five fields with single spaces: "
            f'{", ".join(name for name, *_ in _FIELDS)}, such as "30 2 * * *"'
        )
    values = [
        _values(f"schedule {schedule!r}", name, text, least, most, words)
        for text, (name, least, most, words) in zip(fields, _FIELDS, strict=True)
    ]
    days, months = values[2], values[3]
    any_week_day = fields[4][0] in "*?"
    if any_week_day and min(days) > max(_LONGEST_MONTHS[month - 1] for month in months):
        raise InputError(f"schedule {schedule!r} never comes: none of its months has so many days")


def refuse_time_zone(zone: object) -> None:
    """Refuse a time zone that nobody knows; `Local` would be the control plane's own, whatever that is.

    Raises:
        InputError: the zone, and the one that was probably meant.
    """
    if not isinstance(zone, str) or not _ZONE.fullmatch(zone) or zone == "Local":
        raise InputError(f"time_zone is {zone!r}; use a name such as Europe/Paris or Etc/UTC")
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = zoneinfo.available_timezones()
        if known:  # a machine without a time zone database leaves it to the API server
            raise InputError(f"time_zone is {zone!r}, which nobody knows{nearest(zone, known)}") from None


def _values(key: str, name: str, text: str, least: int, most: int, words: tuple[str, ...]) -> set[int]:
    """The numbers that a field stands for."""
    found: set[int] = set()
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if not match:
            raise InputError(f"{key}: {name} is {text!r}; use {_allowed(least, most, words)}")
        star = match["first"] in "*?"
        first = least if star else _number(match["first"], words)
        last = most if star or (match["step"] and not match["last"]) else first
        last = _number(match["last"], words) if match["last"] and not star else last
        step = int(match["step"] or 1)
        if (star and match["last"]) or not least <= first <= last <= most or not 1 <= step <= most:
            raise InputError(f"{key}: {name} is {text!r}; use {_allowed(least, most, words)}")
        found.update(range(first, last + 1, step))
    return found


def _number(text: str, words: tuple[str, ...]) -> int:
    """A number, or the one that a name such as MON stands for; -1 for neither."""
    if text.isascii() and text.isdigit():
        return int(text)
    offset = 1 if words is _MONTHS else 0
    return words.index(text.upper()) + offset if text.upper() in words else -1


def _allowed(least: int, most: int, words: tuple[str, ...]) -> str:
    names = f" or {words[0]} to {words[-1]}" if words else ""
    return f"*, numbers {least} to {most}{names}, ranges such as {least}-{least + 1}, lists and steps such as */2"
