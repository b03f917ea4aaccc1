"""What a review of all stacks costs: `bulkhead diff` against `pulumi preview`, both with the policy pack."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import Command, at_once, run
from bulkhead.policies import pack
from sandbox.layout import checkout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.programs import Program

SLOWEST_GOAL, ROW_GOAL = 1.5, 0.4
"""Of `bulkhead diff` over six stacks on two cores: to the slowest single preview, and to six previews in a row."""


def rows(
    stacks: Sequence[Program], variables: Mapping[str, str], rounds: int
) -> list[tuple[str, str, float, str, float | None]]:
    """Previews of applied stacks without a change: one by one, side by side, and as one report.

    Rounds alternate, so that what else the machine does meets all alike.

    Args:
        stacks: programs below one folder, each applied.
        variables: the sandbox's.
        rounds: how often each is measured.
    """
    policies = ("--policy-pack", str(pack(variables)))
    single = [_command(one.stack, one.words("preview", *policies), one.folder, variables) for one in stacks]
    place = Path(*stacks[0].folder.parts[:-1])
    named = tuple(f"{one.folder.relative_to(place)}:{one.stack}" for one in stacks)
    bulkhead = str(checkout() / ".venv" / "bin" / "bulkhead")
    review = _command("diff", (bulkhead, "diff", *named, "--json", "-"), place, variables)
    alone: dict[int, list[float]] = {number: [] for number in range(len(single))}
    spent: list[float] = []
    together: list[float] = []
    reviews: list[float] = []
    busy: list[float] = []
    for round_number in range(rounds + 1):
        costs = [run(one) for one in single]
        side_by_side = at_once(single)
        whole = run(review)
        if round_number == 0:
            continue  # byte code and caches are warm for all from here on
        for number, cost in enumerate(costs):
            alone[number].append(cost.wall)
        spent.append(sum(cost.processor for cost in costs))
        together.append(side_by_side)
        reviews.append(whole.wall)
        busy.append(whole.processor)
    each = [statistics.median(found) for found in alone.values()]
    ours, six = statistics.median(reviews), statistics.median(together)
    what = f"review of {len(stacks)} stacks, no change"
    return [
        (what, "the slowest pulumi preview alone", max(each), "s", None),
        (what, "pulumi preview, all in a row", sum(each), "s", None),
        (what, "pulumi preview, side by side", six, "s", None),
        (what, "side by side to the slowest alone", six / max(each), "×", SLOWEST_GOAL),
        (what, "bulkhead diff", ours, "s", None),
        (what, "bulkhead diff to the slowest alone", ours / max(each), "×", SLOWEST_GOAL),
        (what, "bulkhead diff to all in a row", ours / sum(each), "×", ROW_GOAL),
        (what, "bulkhead diff to side by side", ours / six, "×", None),
        (
            what,
            "processor, bulkhead diff to all previews",
            statistics.median(busy) / statistics.median(spent),
            "×",
            None,
        ),
    ]


def _command(name: str, words: tuple[str, ...], folder: Path, variables: Mapping[str, str]) -> Command:
    return Command(name=name, words=words, folder=folder, variables=variables)
