"""Reports: what the commands tell people, as tables, and programs, as plain rows."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

from bulkhead.ephemeral import expiry
from bulkhead.ephemeral.record import EXPIRES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bulkhead.ephemeral.creating import Created
    from bulkhead.ephemeral.destroying import Gone
    from bulkhead.ephemeral.record import Record
    from bulkhead.ephemeral.together import Outcome


def row(record: Record, now: datetime) -> dict[str, Any]:
    """One environment of a list; `expired` is null where that cannot be told."""
    found = {"name": record.name, "resources": record.resources, "file": record.file is not None}
    if not record.marked:
        return {**found, "expires": None, "expired": None, "says": "never (not recorded)"}
    try:
        moment = record.expires()
    except expiry.ExpiryError as error:
        return {**found, "expires": record.tags[EXPIRES], "expired": None, "says": f"undecided: {error}"}
    expired = moment <= now
    says = f"{'expired ' if expired else ''}{expiry.distance(moment, now)}"
    return {**found, "expires": expiry.spelt(moment), "expired": expired, "says": says}


def created_row(outcome: Outcome[Created]) -> dict[str, Any]:
    """What became of one that was to be created."""
    done = outcome.done
    if done is None:
        return {"name": outcome.name, "complete": False, "failure": outcome.failure}
    return {
        "name": done.name,
        "complete": True,
        "expires": done.expires,
        "resources": done.resources,
        "seconds": round(done.seconds, 1),
        "outputs": dict(done.outputs),
    }


def gone_row(outcome: Outcome[Gone | None]) -> dict[str, Any]:
    """What became of one that was to be destroyed."""
    if outcome.failure:
        return {"name": outcome.name, "gone": False, "failure": outcome.failure}
    if outcome.done is None:
        return {"name": outcome.name, "gone": False, "failure": "", "says": "extended meanwhile"}
    done = outcome.done
    return {
        "name": done.name,
        "gone": True,
        "residue": 0,
        "deleted": done.deleted,
        "seconds": round(done.seconds, 1),
    }


def show_list(rows: Sequence[Mapping[str, Any]]) -> None:
    """A table of environments."""
    if not rows:
        print("none")
        return
    from rich.table import Table  # noqa: PLC0415 - help must not wait for it

    table = Table("environment", "expires", "", "resources")
    for one in rows:
        table.add_row(one["name"], one["expires"] or "", one["says"], str(one["resources"]))
    _console().print(table)


def show_created(outcomes: Sequence[Outcome[Created]], now: datetime) -> None:
    """A line for each that is there, and its addresses."""
    for one in outcomes:
        if (done := one.done) is None:
            continue
        left = expiry.distance(expiry.read(done.expires), now)
        print(f"{done.name}: {done.resources} resources, {done.seconds:.0f} s; lives until {done.expires}, {left}")
        for address in sorted(_addresses(done.outputs)):
            print(f"  {address}")


def show_gone(outcomes: Sequence[Outcome[Gone | None]]) -> None:
    """A line for each that is gone."""
    for one in outcomes:
        if one.done is not None:
            deleted, seconds = one.done.deleted, one.done.seconds
            print(
                f"{one.name}: gone; {deleted} resources deleted, residue 0 on all three servers, {seconds:.0f} s"
            )
        elif not one.failure:
            print(f"{one.name}: kept; its time was extended meanwhile")
    if not outcomes:
        print("nothing to do")


def _addresses(value: object) -> list[str]:
    """Every https address among a program's outputs."""
    if isinstance(value, str):
        return [value] if value.startswith("https://") else []
    inner: object = cast("dict[str, object]", value).values() if isinstance(value, dict) else value
    if isinstance(inner, str) or not hasattr(inner, "__iter__"):
        return []
    return [address for one in cast("list[object]", inner) for address in _addresses(one)]


def _console() -> Any:
    from rich.console import Console  # noqa: PLC0415 - help must not wait for it

    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 140)
