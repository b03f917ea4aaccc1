"""The command `bulkhead guard`: what is looked at, what is written of it, and how the command ends."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bulkhead.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkhead.guard.files import Looked
    from bulkhead.guard.finding import Finding
    from bulkhead.guard.territory import Territory

FOUND = 1


def guard(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...", help="Files and folders; without: the current folder.", show_default=False
        ),
    ] = None,
    live: Annotated[
        list[str] | None,
        typer.Option(metavar="STACK", help="Look at this stack's live objects as well; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    sarif: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write SARIF 2.1.0, which code scanning reads.")
    ] = None,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append one line about this run, for a schedule.")
    ] = None,
) -> None:
    """Find database nodes' addresses and other environments' names in files, and with --live on the servers.

    Nodes are those that platform files name under postgresql.nodes, in and above the paths. A file for one
    environment (Pulumi.prod.yaml, .env.prod, k8s/prod/…) may name no identity of another one. Files that git
    ignores are passed by. Exceptions stand with their reasons in .bulkhead-guard.yaml, or on the line; one that
    lets nothing through is a finding itself.

    Exit codes: 0 clean, 1 something was found or could not be looked at, 2 wrong usage.
    """
    from bulkhead.guard import files, finding, territory  # noqa: PLC0415 - help must not wait for them

    asked = paths or [Path()]
    tops = list(dict.fromkeys(files.top(path) for path in asked))
    if len(tops) != 1:
        raise UsageError(f"the paths are in {len(tops)} repositories or folders; ask about one at a time")
    (root,) = tops
    known = territory.read(tops)
    allowances = finding.declared(root / finding.EXCEPTIONS_FILE)
    looked = files.look(asked, root, known)
    texts = _look_live(live, known, looked) if live else 0
    whole = any(path.is_dir() and path.resolve() == root for path in asked)
    found = finding.judged(looked.found, allowances, files=whole, live=bool(live))
    open_ = [one for one in found if not one.allowed]
    if sarif:
        from bulkhead.guard.sarif import document  # noqa: PLC0415

        _write(sarif, json.dumps(document(found, looked.skipped), indent=2, ensure_ascii=False) + "\n")
    if log:
        _append(log, _line(known, looked, texts, live or [], found))
    if as_json:
        print(json.dumps(_data(known, looked, texts, found), indent=2, ensure_ascii=False))
    else:
        _show(open_, looked, texts, len(found) - len(open_))
    if open_:
        raise typer.Exit(FOUND)


def _look_live(stacks: Sequence[str], known: Territory, looked: Looked) -> int:
    from bulkhead import state  # noqa: PLC0415 - help must not wait for them
    from bulkhead.guard import live  # noqa: PLC0415
    from bulkhead.live import Live  # noqa: PLC0415
    from bulkhead.stacks import chosen  # noqa: PLC0415

    def told(what: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True)

    count = 0
    for reference in chosen(stacks):
        recorded = state.read(reference)
        found, texts = live.look(recorded, Live.of(recorded), known, told)
        looked.found += found
        count += texts
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    return count


def _data(known: Territory, looked: Looked, texts: int, found: Sequence[Finding]) -> dict[str, Any]:
    def row(one: Finding) -> dict[str, Any]:
        place = {"path": one.path, "line": one.line, "column": one.column}
        return {"rule": one.rule, **place, "says": one.says, "fingerprint": one.fingerprint}

    return {
        "clean": all(one.allowed for one in found),
        "nodes": sorted(known.nodes.names),
        "files": looked.files,
        "live": texts,
        "findings": [row(one) for one in found if not one.allowed],
        "allowed": [{**row(one), "reason": one.allowed} for one in found if one.allowed],
        "skipped": [{"path": path, "why": why} for path, why in looked.skipped],
    }


def _line(known: Territory, looked: Looked, texts: int, stacks: Sequence[str], found: Sequence[Finding]) -> str:
    open_ = [one for one in found if not one.allowed]
    about = {
        "result": "found" if open_ else "clean",
        "findings": len(open_),
        "allowed": len(found) - len(open_),
        "nodes": len(known.nodes.names),
        "files": looked.files,
        "skipped": len(looked.skipped),
        "stacks": ",".join(stacks) or "-",
        "live": texts,
    }
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{now} guard " + " ".join(f"{key}={value}" for key, value in about.items()) + "\n"


def _show(found: Sequence[Finding], looked: Looked, texts: int, allowed: int) -> None:
    for one in found:
        print(f"{one.place}: {one.rule}: {one.says}")
    for path, why in looked.skipped:
        print(f"{path}: not looked into: {why}", file=sys.stderr)
    seen = f"{looked.files} files" + (f" and {texts} live texts" if texts else "")
    print(f"{len(found)} findings in {seen}; {allowed} more are allowed with a reason", file=sys.stderr)


def _write(place: Path, text: str) -> None:
    try:
        place.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{place} cannot be written: {error.strerror}") from None


def _append(place: Path, line: str) -> None:
    try:
        with place.open("a", encoding="utf-8") as file:
            file.write(line)
    except OSError as error:
        raise UsageError(f"{place} cannot be written: {error.strerror}") from None
