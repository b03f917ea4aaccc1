"""The commands `bulkhead ephemeral create | list | extend | destroy | collect`."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkhead.ephemeral.back_end import BackEnd
    from bulkhead.ephemeral.record import Record

app = typer.Typer(no_args_is_help=True, help="Environments that live for a while, and leave nothing behind.")

_Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="The environments, such as pr-7.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Force = Annotated[
    bool, typer.Option(help="Take away a stack's lock that is not known to be stale: nobody works on it any more.")
]


@app.callback()
def ephemeral() -> None:
    """Environments that live for a while, and leave nothing behind.

    All of them work on the program in this folder, and on the state back end that Pulumi uses here.
    """


@app.command()
def create(
    names: _Names,
    source: Annotated[str, typer.Option("--from", help="The stack of kind development that they are made from.")],
    ttl: Annotated[str, typer.Option(help="How long they live: 90m, 48h, 7d; 30d at most.")] = "48h",
    seeds: Annotated[bool, typer.Option(help="Begin with the program's seeds, or with empty tables.")] = True,
    force: _Force = False,
    as_json: _Json = False,
) -> None:
    """Create environments, each with a stack, databases, secrets, hosts and namespaces of its own.

    The structure of their databases comes from the program's own files, never from another database. For what is
    there already the command goes on where it was interrupted, applies the program as it is now, and lets the time
    to live begin anew, unless it was extended for longer. Several names are created side by side.

    Exit codes: 0 all are there, 1 one is not complete, 2 wrong usage, 4 a tool is not installed.
    """
    from bulkhead.ephemeral import creating, expiry, report  # noqa: PLC0415 - help must not wait for them
    from bulkhead.ephemeral.together import together  # noqa: PLC0415

    now = datetime.now(UTC)
    wanted = creating.Wanted(source=source, expires=now + expiry.lifetime(ttl), seeds=seeds, force=force)
    names = list(dict.fromkeys(names))
    creating.refuse_names(names)
    back_end = _back_end()
    config = creating.configuration(back_end, wanted)
    known = {record.name: record for record in back_end.records()}
    for name in names:
        creating.refuse_taken(known.get(name) or back_end.unmade(name))

    def work(name: str, note: Callable[[str], None]) -> creating.Created:
        return creating.create(back_end, name, known.get(name), config, wanted, note)

    outcomes = together(names, work, "creating")
    if as_json:
        _print([report.created_row(one) for one in outcomes])
    else:
        report.show_created(outcomes, now)
    _failed(outcomes)


@app.command(name="list")
def list_environments(as_json: _Json = False) -> None:
    """List the ephemeral environments of this program that the back end has, and when their time is over.

    One that was made by hand has no recorded expiry; it is known here only by its stack file.

    Exit codes: 0 listed, 1 the back end does not answer, 2 wrong usage, 4 a tool is not installed.
    """
    from bulkhead.ephemeral import report  # noqa: PLC0415 - help must not wait for it

    now = datetime.now(UTC)
    rows = [
        report.row(record, now) for record in _back_end().records() if record.marked or record.kind == "ephemeral"
    ]
    if as_json:
        _print(rows)
    else:
        report.show_list(rows)


@app.command()
def extend(
    name: Annotated[str, typer.Argument(help="The environment, such as pr-7.")],
    ttl: Annotated[str, typer.Option(help="How long it lives from now on: 90m, 24h, 7d; 30d at most.")],
) -> None:
    """Let an environment live longer: its expiry is recorded anew, and nothing else changes.

    Exit codes: 0 recorded, 1 the back end does not answer, 2 wrong usage, 4 a tool is not installed.
    """
    from bulkhead.ephemeral import expiry, extending  # noqa: PLC0415 - help must not wait for them

    now = datetime.now(UTC)
    until = now + expiry.lifetime(ttl)
    back_end = _back_end()
    extending.extend(back_end, _chosen(back_end, [name])[0], until)
    print(f"{name} lives until {expiry.spelt(until)}, {expiry.distance(until, now)}")


@app.command()
def destroy(names: _Names, force: _Force = False, as_json: _Json = False) -> None:
    """Destroy environments, prove on all three servers that nothing is left, and forget their stacks.

    Only what `bulkhead ephemeral create` made is destroyed. No stack file is needed. Interrupted, even by kill -9,
    the command is run again. What is left is searched for by name and label: databases, roles and leased logins;
    mounts, policies, auth roles, secrets and leases; namespaces and everything labelled.

    Exit codes: 0 nothing is left, 1 something is left or failed, 2 wrong usage, 4 a tool is not installed.
    """
    from bulkhead.ephemeral import destroying, report  # noqa: PLC0415 - help must not wait for them
    from bulkhead.ephemeral.together import together  # noqa: PLC0415

    back_end = _back_end()
    records = {record.name: record for record in _chosen(back_end, list(dict.fromkeys(names)))}

    def work(name: str, note: Callable[[str], None]) -> destroying.Gone | None:
        return destroying.destroy(back_end, records[name], force=force, note=note)

    outcomes = together(list(records), work, "destroying")
    if as_json:
        _print([report.gone_row(one) for one in outcomes])
    else:
        report.show_gone(outcomes)
    _failed(outcomes)


@app.command()
def collect(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which would be destroyed.")] = False,
    force: _Force = False,
    as_json: _Json = False,
) -> None:
    """Destroy every environment whose time is over, and report; one that fails stops no other.

    Whose recorded expiry cannot be read is reported as undecided and kept.

    Exit codes: 0 all expired ones are gone, 1 something is left, failed or undecided, 2 wrong usage, 4 a tool is
    not installed.
    """
    from bulkhead.ephemeral import collecting, destroying, report  # noqa: PLC0415 - help must not wait for them
    from bulkhead.ephemeral.together import together  # noqa: PLC0415

    now, back_end = datetime.now(UTC), _back_end()
    found = collecting.due(back_end.records(), now)
    records = {record.name: record for record in found.expired}

    def work(name: str, note: Callable[[str], None]) -> destroying.Gone | None:
        return destroying.destroy(back_end, records[name], force=force, expired_at=now, note=note)

    outcomes = [] if dry_run else together(list(records), work, "destroying")
    rows = [*([report.row(one, now) for one in found.expired] if dry_run else map(report.gone_row, outcomes))]
    if as_json:
        _print({"collected" if not dry_run else "expired": rows, "undecided": found.undecided, "kept": found.kept})
    elif dry_run:
        report.show_list(rows)
    else:
        report.show_gone(outcomes)
    for name, why in found.undecided.items():
        print(f"{name}: undecided, kept: {why}", file=sys.stderr)
    _failed(outcomes)
    if found.undecided:
        raise typer.Exit(1)


def _back_end() -> BackEnd:
    from bulkhead.ephemeral.back_end import BackEnd  # noqa: PLC0415 - help must not wait for it

    return BackEnd(Path())


def _chosen(back_end: BackEnd, names: list[str]) -> list[Record]:
    """The stacks of some environments, each of them ours; else a UsageError, and nothing is begun."""
    from bulkhead.ephemeral import destroying  # noqa: PLC0415 - help must not wait for it

    records = {record.name: record for record in back_end.records()}
    ours = [record.name for record in records.values() if not record.refusal()]
    return [destroying.permitted(records.get(name), name, ours) for name in names]


def _print(document: Any) -> None:
    print(json.dumps(document, indent=2, ensure_ascii=False))


def _failed(outcomes: Any) -> None:
    """Say what failed, and end with 1 if anything did."""
    failures = [one for one in outcomes if one.failure]
    for one in failures:
        print(f"bulkhead: {one.name}: {one.failure}", file=sys.stderr)
    if failures:
        raise typer.Exit(1)
