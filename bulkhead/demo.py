"""`bulkhead demo`: DEV and PROD applied for real, and what can be seen of it."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from bulkhead.engine import Done, Stack
from bulkhead.isolation import attack
from bulkhead.isolation.checking import Wanted, check
from bulkhead.isolation.credentials import logged_in_as
from bulkhead.isolation.territory import Territory
from bulkhead.live import Live
from bulkhead.sandbox_progress import progress
from bulkhead.stacks import StackReference
from bulkhead.state import read
from sandbox.layout import checkout, default_home
from sandbox.platform import Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkhead.isolation.attack import Tried
    from bulkhead.isolation.credentials import Credential

STACKS = ("dev", "prod")

_NEXT = """\
The sandbox goes on running. What to try next:
  eval "$(.venv/bin/bulkhead sandbox env)"       plain pulumi, kubectl and psql work against it
  pulumi preview -s prod                         nothing to do
  psql -c 'ALTER DATABASE keybuzz CONNECTION LIMIT 5'                or, with kubectl:
  kubectl -n keybuzz-api-dev scale deployment api --replicas 5
  pulumi preview -s dev --refresh                shows both; `pulumi up -s dev --refresh` puts them right
  .venv/bin/bulkhead drift dev                   who did it, and what --refresh does not see; `--repair`
  .venv/bin/bulkhead isolation --attack          the wall tried with every credential there is
  .venv/bin/bulkhead sandbox status              the servers; `down` stops them, `reset` forgets them as well"""


def run() -> bool:
    """Bring the sandbox up, apply both stacks, show what there is; whether all of it is as it should be."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    began = time.monotonic()
    sandbox = Sandbox(default_home())
    with progress(quiet=False) as shown:
        started = sandbox.up(shown, os.environ.get("BULKHEAD_PLUGINS", ""))
    console.print(
        f"Sandbox: {'running already' if started.already else f'up in {started.seconds:.1f} s'}; "
        f"provider plugins: {started.plugins}, as {started.plugins_reason.partition(' (')[0]}."
    )
    variables = sandbox.variables()
    os.environ.update(variables)  # the engine is found on the sandbox's PATH
    applied = {name: _apply(name, variables, console) for name in STACKS}
    console.print(_stacks(applied))
    with contextlib.ExitStack() as held:
        armed = {name: held.enter_context(_armed(name)) for name in STACKS}
        console.print(_delivered([credential for one in armed.values() for credential in one.credentials]))
        directions = (STACKS, STACKS[::-1])
        tried = attack.carry_out([one for a, b in directions for one in attack.sample(armed[a], armed[b])])
    console.print(_refusals(tried))
    report = check(Wanted(stacks=[StackReference(checkout(), name) for name in STACKS]))
    console.print(f"bulkhead isolation: {report.summary}.")
    unchanged = not any(second.changes for _, second in applied.values())
    good = unchanged and report.isolated and all(one.outcome == "refused" for one in tried)
    console.print(
        f"{'All as it should be' if good else '[red]Not as it should be[/]'}: {time.monotonic() - began:.0f} s.\n"
    )
    console.print(_NEXT, markup=False)
    return good


def _armed(name: str) -> contextlib.AbstractContextManager[attack.Armed]:
    """One environment with the credentials that its pods hold."""
    state = read(StackReference(checkout(), name))
    return attack.armed(Territory(name, state), Live.of(state))


def _apply(name: str, variables: Mapping[str, str], console: Console) -> tuple[Done, Done]:
    """Apply one stack, then preview it."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(f"{name}: starting")
        stack = Stack(name, checkout(), variables)
        first = stack.up(lambda count: bar.update(task, description=f"{name}: {count} resources applied"))
        bar.update(task, description=f"{name}: previewing again")
        return first, stack.preview()


def _stacks(applied: Mapping[str, tuple[Done, Done]]) -> Table:
    table = Table(
        "stack", "resources", "changed", "seconds", "second preview", title="pulumi up", title_justify="left"
    )
    for name, (first, second) in applied.items():
        again = f"no change, {second.seconds:.1f} s" if not second.changes else f"[red]{second.changes} changes[/]"
        table.add_row(name, str(first.resources), str(first.changes), f"{first.seconds:.1f}", again)
    return table


def _delivered(credentials: list[Credential]) -> Table:
    table = Table("Secret", "keys", "logged in as", title="Delivered by External Secrets", title_justify="left")
    for credential in credentials:
        keys = ", ".join(sorted(credential.values))
        table.add_row(f"{credential.namespace}/\n{credential.secret}", keys, logged_in_as(credential))
    return table


def _refusals(tried: list[Tried]) -> Table:
    table = Table("attempt", "", "answer", title="The wall, tried with real credentials", title_justify="left")
    for one in tried:
        outcome = "refused" if one.outcome == "refused" else "[red]GOT THROUGH[/]"
        table.add_row(f"{one.source}'s {one.what}", outcome, one.answer)
    return table
