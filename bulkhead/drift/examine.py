"""Examines stacks for drift, side by side; changes nothing.

`find` is for other commands, such as one that tells drift apart from what a program is about to change:

    reports = find(stacks.chosen(["prod"]))
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Final

from bulkhead.drift import declared, elsewhere
from bulkhead.drift.declared import Declaration
from bulkhead.drift.elsewhere import NOTHING, Elsewhere
from bulkhead.drift.finding import Finding, Findings
from bulkhead.drift.report import Report
from bulkhead.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from bulkhead.drift.postgresql_log import Log
    from bulkhead.stacks import StackReference

AT_ONCE: Final = 4
"""Stacks that are looked at side by side; each asks three servers."""

NO_SERVER: Final = frozenset({"random"})
"""Packages whose resources live in the state alone: there is no server on which they could drift."""

_OURS: Final = frozenset({"kubernetes", "vault", "postgresql"})
_LOADED_FIRST: Final = ("kubernetes", "hvac", "psycopg", "yaml", "urllib3")
"""Modules that load their own lazily, which two threads at once do not survive."""


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What was found of one stack, with what puts it right.

    Args:
        stack: the stack.
        report: what was found.
        findings: each drift with its repair, in the order in which they are to be made.
        elsewhere: what the other stacks of the same programs declare.
    """

    stack: StackReference
    report: Report
    findings: tuple[Finding, ...] = field(default=(), repr=False)
    elsewhere: Elsewhere = NOTHING


def find(stacks: Iterable[StackReference]) -> list[Report]:
    """The drift of stacks, and nothing else about them; a stack that cannot be looked at says so in its report."""
    return [one.report for one in examine(stacks)]


def examine(
    stacks: Iterable[StackReference],
    *,
    postgresql_log: Path | None = None,
    on_stack: Callable[[str], None] | None = None,
) -> list[Examined]:
    """The drift of stacks, each with what puts it right.

    Args:
        stacks: which.
        postgresql_log: the log of the PostgreSQL server, for the causes; None where there is none to read.
        on_stack: is told of each stack that is done.

    Raises:
        LogError: the log cannot be read.
    """
    for module in _LOADED_FIRST:
        import_module(module)
    from bulkhead.drift import postgresql_log as logs  # noqa: PLC0415 - after psycopg

    log, chosen = logs.read(postgresql_log), list(stacks)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        read = list(pool.map(_read, chosen))
        beside = pool.map(elsewhere.read, elsewhere.siblings(chosen))
        known = [one for one in (*read, *beside) if isinstance(one, Declaration)]

        def work(stack: StackReference, declaration: Declaration | CommandError) -> Examined:
            others = elsewhere.of(one for one in known if one is not declaration)
            done = _examined(stack, declaration, log, others)
            if on_stack is not None:
                on_stack(str(stack))
            return done

        return list(pool.map(work, chosen, read))


def examine_one(stack: StackReference, log: Log, others: Elsewhere = NOTHING) -> Examined:
    """One stack: its state is read, and its three servers are asked side by side."""
    return _examined(stack, _read(stack), log, others)


def _read(stack: StackReference) -> Declaration | CommandError:
    try:
        return declared.read(stack)
    except CommandError as error:
        return error


def _examined(
    stack: StackReference, declaration: Declaration | CommandError, log: Log, others: Elsewhere
) -> Examined:
    began, now = time.monotonic(), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        if isinstance(declaration, CommandError):
            raise declaration
        found = look(declaration, log, others)
    except CommandError as error:
        spent = round(time.monotonic() - began, 1)
        report = Report(stack=str(stack), looked_at=now, seconds=spent, failed=str(error))
        return Examined(stack=stack, report=report, elsewhere=others)
    report = Report(
        stack=str(stack),
        looked_at=now,
        seconds=round(time.monotonic() - began, 1),
        resources=found.compared,
        drifts=tuple(one.drift for one in found.drifts),
        noise=tuple(found.noise),
        undecided=tuple(found.undecided),
    )
    return Examined(stack=stack, report=report, findings=tuple(found.drifts), elsewhere=others)


def look(declaration: Declaration, log: Log, others: Elsewhere = NOTHING) -> Findings:
    """What the servers have otherwise than it was declared.

    Raises:
        CommandError: a server cannot be asked.
    """
    from bulkhead.drift import added, kubernetes, postgresql, vault, vault_audit  # noqa: PLC0415 - see above
    from bulkhead.drift.cluster import Cluster  # noqa: PLC0415
    from bulkhead.drift.vault_server import Vault  # noqa: PLC0415
    from bulkhead.live import Live  # noqa: PLC0415

    found = Findings()
    if not declaration.resources:
        return found
    live = Live.of(declaration.state)

    def on_kubernetes() -> Findings:
        cluster = Cluster(live.kubernetes)
        objects = kubernetes.compare(declaration, cluster)
        objects.add(added.compare(declaration, cluster, others))
        return objects

    def on_vault() -> Findings:
        server = Vault(live.vault)
        return vault.compare(declaration, server, vault_audit.of(server), others)

    with ThreadPoolExecutor(max_workers=3) as pool:
        parts = [
            pool.submit(on_kubernetes),
            pool.submit(on_vault),
            pool.submit(postgresql.compare, declaration, live, log, others),
        ]
        for part in parts:
            found.add(part.result())
    for one in declaration.resources:
        if one.resource.package not in _OURS | NO_SERVER:
            found.cannot_decide(one, f"no comparison for {one.type}")
    order = {one.resource.urn: place for place, one in enumerate(declaration.resources)}
    found.drifts.sort(key=lambda one: order.get(one.drift.urn, len(order)))
    return found
