"""The check: reads the stacks' states, asks their servers, tries the wall if it is to, and gives one report."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import TYPE_CHECKING

from bulkhead import stacks as chosen_stacks
from bulkhead import state as states
from bulkhead.errors import CommandError
from bulkhead.isolation import attack as attacking
from bulkhead.isolation import held, network, observing, postgresql, rbac, strays, vault_access
from bulkhead.isolation.comparison import compare
from bulkhead.isolation.plain import mapping
from bulkhead.isolation.report import Report
from bulkhead.isolation.servers import declared, platform_of, same, servers_of
from bulkhead.isolation.territory import Edge, Territory
from bulkhead.live import Live

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bulkhead.isolation.attack import Tried
    from bulkhead.isolation.comparison import Comparison
    from bulkhead.isolation.identities import Family
    from bulkhead.isolation.observing import Observed
    from bulkhead.isolation.servers import Declared
    from bulkhead.isolation.strays import Stray
    from bulkhead.stacks import StackReference
    from bulkhead.state import State

_MECHANISMS: dict[str, Family] = {"database": "postgresql", "vault": "vault", "kubernetes": "kubernetes"}


class NotDeclared(CommandError):  # noqa: N818 - read as a sentence
    """A stack's servers are not those that its platform file declares; nothing was tried."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be checked.

    Args:
        stacks: which ones.
        recorded_only: compare the states, and ask no server.
        attack: try the wall with real credentials.
        most: attempts from one environment into another.
        say: told what is being done.
    """

    stacks: Sequence[StackReference]
    recorded_only: bool = False
    attack: bool = False
    most: int = attacking.MOST
    say: Callable[[str], None] = lambda _: None


@dataclass(frozen=True)
class _Side:
    """One stack on its way through the check."""

    territory: Territory
    numbers: Mapping[Family, int]
    live: Live | None = None
    observed: Observed | None = field(default=None, repr=False)


def read_all(stacks: Sequence[StackReference]) -> list[State]:
    """The states of some stacks, read side by side."""
    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(states.read, stacks))


def check(wanted: Wanted) -> Report:
    """Check that some stacks are apart.

    Raises:
        CommandError: a state cannot be read, a server cannot be asked, or an attack is not allowed.
    """
    wanted.say("reading the states")
    found, shared = read_all(wanted.stacks), [declared(stack) for stack in wanted.stacks]
    names = [_name(state, stack) for state, stack in zip(found, wanted.stacks, strict=True)]
    wanted.say("comparing the states")
    comparison = compare(found, names, shared, lambda name: wanted.say(f"comparing {name}"))
    report = Report(
        comparison=comparison, words=tuple(str(stack) for stack in wanted.stacks), declared=tuple(shared)
    )
    if wanted.recorded_only:
        return report
    numbers = same(found)
    sides = [
        _Side(Territory(name, state), number, Live.of(state) if state.providers else None)
        for name, state, number in zip(names, found, numbers, strict=True)
    ]
    with observing.answers():
        return _on_servers(report, sides, wanted)


def _on_servers(report: Report, sides: Sequence[_Side], wanted: Wanted) -> Report:
    """The report with what the live servers say besides, and with what was tried on them."""
    names = [side.territory.name for side in sides]
    sides = _observed(sides, wanted.say)
    wanted.say("comparing what their Secrets hold")
    report = replace(report, comparison=_with_held(sides, names, report.declared))
    wanted.say("looking for what nobody manages")
    report = replace(report, edges=tuple(_edges(sides)), strays=tuple(_strays(sides, wanted)))
    if not wanted.attack:
        return report
    for stack, side in zip(wanted.stacks, sides, strict=True):
        refuse_undeclared(stack, side)
    tried, planned, ended = _attacked(sides, wanted)
    return replace(report, tried=tuple(tried), planned=planned, ended=tuple(ended))


def _with_held(sides: Sequence[_Side], names: Sequence[str], shared: Sequence[Declared]) -> Comparison:
    """The comparison of states together with what is in the Secrets of their namespaces."""
    found = [
        held.secrets(side.live.kubernetes, sorted(side.territory.namespaces)) if side.live else []
        for side in sides
    ]
    states_with = [held.with_secrets(side.territory.state, one) for side, one in zip(sides, found, strict=True)]
    comparison = compare(states_with, names, shared)
    values = held.shared(list(zip(names, found, strict=True)))
    return replace(comparison, shared=tuple(sorted([*comparison.shared, *values])))


def _name(state: State, stack: StackReference) -> str:
    return f"{state.project}/{state.stack}" if state.project else str(stack)


def _observed(sides: Sequence[_Side], say: Callable[[str], None]) -> list[_Side]:
    """The same, with what each one's servers say; the servers of one platform are asked once."""
    known: dict[tuple[str, str, str, int], Observed] = {}
    done: list[_Side] = []
    for side in sides:
        if side.live is None:
            done.append(side)
            continue
        if side.live.key not in known:
            say(f"asking the servers of {side.territory.name}")
            neighbours = (one for one in sides if one.numbers["kubernetes"] == side.numbers["kubernetes"])
            namespaces = {name for one in neighbours for name in one.territory.namespaces}
            known[side.live.key] = observing.observe(side.live, namespaces)
        done.append(_Side(side.territory, side.numbers, side.live, known[side.live.key]))
    return done


def _edges(sides: Sequence[_Side]) -> Iterator[Edge]:
    """The ways from each environment to each other one that stands on the same server."""
    everyone = [side.territory for side in sides]
    for mine, theirs in permutations(sides, 2):
        if mine.observed is None:
            continue
        here, there, seen = mine.territory, theirs.territory, mine.observed
        if mine.numbers["kubernetes"] == theirs.numbers["kubernetes"]:
            yield from network.edges(seen.network, here, there)
            yield from rbac.edges(seen.rbac, here, there)
        if mine.numbers["vault"] == theirs.numbers["vault"]:
            yield from vault_access.edges(seen.access, here, there)
        if mine.numbers["postgresql"] == theirs.numbers["postgresql"]:
            yield from postgresql.edges(seen.grants, here, there, everyone)


def _strays(sides: Sequence[_Side], wanted: Wanted) -> list[Stray]:
    """What nobody manages, on each platform once."""
    systems = {side.territory.state.project for side in sides if side.territory.state.project}
    folders = list(dict.fromkeys(stack.folder for stack in wanted.stacks))
    every = [state for folder in folders[:1] for state in strays.all_of(systems, folder)]
    managed = strays.Managed.by([*every, *(side.territory.state for side in sides)], systems)
    seen: set[tuple[str, str, str, int]] = set()
    found: set[Stray] = set()
    for side in sides:
        if side.live is not None and side.observed is not None and side.live.key not in seen:
            seen.add(side.live.key)
            found.update(strays.find(side.live, managed, side.observed.grants))
    return sorted(found)


def refuse_undeclared(stack: StackReference, side: _Side) -> None:
    """Refuse to attack servers that are not those of the stack's declared platform.

    Raises:
        NotDeclared: which server, and what it says of itself.
        PlatformUnknown: no platform is declared.
    """
    platform, state = platform_of(stack), side.territory.state
    if side.live is None or not state.identity:
        raise NotDeclared(
            f"stack {stack} does not say which servers it belongs to; apply it before it is attacked"
        )
    write = platform.postgresql.write
    said = servers_of(state)
    declares: dict[Family, str] = {
        "kubernetes": platform.kubernetes.context,
        "vault": platform.vault.address,
        "postgresql": f"{write.host}:{write.port}",
    }
    for family, address in declares.items():
        if said[family].address != address:
            raise NotDeclared(
                f"stack {stack} was applied to {family} {said[family].address}, and platform {platform.name} "
                f"declares {address}; nothing was tried"
            )
    for family, found in identity_of(side.live).items():
        if state.identity[family] != found:
            raise NotDeclared(
                f"{family} of stack {stack} is {found}, and the stack belongs to {state.identity[family]}; "
                "nothing was tried"
            )


def identity_of(live: Live) -> dict[str, str]:
    """What live servers call themselves."""
    system = mapping(live.kubernetes.get("/api/v1/namespaces/kube-system"))
    with live.database() as session:
        row = session.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone()
    return {
        "kubernetes": str(mapping(system.get("metadata")).get("uid")),
        "vault": str(mapping(live.vault.sys.read_health_status(method="GET")).get("cluster_id")),
        "postgresql": str(row[0]),
    }


def _attacked(sides: Sequence[_Side], wanted: Wanted) -> tuple[list[Tried], int, list[str]]:
    """The attempts between environments on one server, how many there are, and the logins that have ended."""
    with contextlib.ExitStack() as open_now:
        arms: list[attacking.Armed] = []
        for side in sides:
            wanted.say(f"taking the credentials of {side.territory.name}")
            if side.live is not None:
                arms.append(open_now.enter_context(attacking.armed(side.territory, side.live)))
        numbers = {side.territory.name: side.numbers for side in sides}
        chosen: list[attacking.Attempt] = []
        planned = 0
        for mine, theirs in permutations(arms, 2):
            here, there = numbers[mine.territory.name], numbers[theirs.territory.name]
            possible = [
                one
                for one in attacking.plan(mine, theirs)
                if here[_MECHANISMS[one.mechanism]] == there[_MECHANISMS[one.mechanism]]
            ]
            planned += len(possible)
            chosen += attacking.bounded(possible, wanted.most)
        done = 0

        def count() -> None:
            nonlocal done
            done += 1
            wanted.say(f"{done} of {len(chosen)} attempts made")

        ended = [str(one) for arm in arms for one in arm.ended]
        return attacking.carry_out(chosen, count), planned, ended


def verify_states(words: Sequence[str]) -> list[str]:
    """The present digests of stacks, in order."""
    return [state.digest for state in read_all(chosen_stacks.chosen(words))]
