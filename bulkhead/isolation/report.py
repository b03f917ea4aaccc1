"""The report: all that was found, as one value, and what a person and a program read of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulkhead.isolation.attack import Tried
    from bulkhead.isolation.comparison import Comparison, Source
    from bulkhead.isolation.identities import Identity
    from bulkhead.isolation.servers import Declared
    from bulkhead.isolation.strays import Stray
    from bulkhead.isolation.territory import Edge


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found among some stacks.

    Args:
        comparison: of their states.
        words: how a command names each stack, in the same order.
        declared: what their platforms let them share.
        edges: the ways across that the live servers leave open; None where they were not asked.
        strays: what nobody manages; None where the servers were not asked.
        tried: the attempts that were made; None where none were to be.
        planned: how many attempts there would have been.
        ended: delivered logins that open nothing any more, with which nothing was tried.
    """

    comparison: Comparison
    words: tuple[str, ...]
    declared: tuple[Declared, ...] = ()
    edges: tuple[Edge, ...] | None = None
    strays: tuple[Stray, ...] | None = None
    tried: tuple[Tried, ...] | None = None
    planned: int = 0
    ended: tuple[str, ...] = ()

    @property
    def through(self) -> tuple[Tried, ...]:
        """The attempts that were not refused."""
        return tuple(one for one in self.tried or () if one.outcome != "refused")

    @property
    def not_tried(self) -> int:
        """How many attempts the bound left out."""
        return self.planned - len(self.tried or ())

    @property
    def isolated(self) -> bool:
        """Whether nothing was found that leads across, and nothing left undecided; strays lead nowhere."""
        comparison = self.comparison
        return not (comparison.shared or comparison.references or self.edges or self.through or self.not_tried)

    @property
    def counts(self) -> dict[str, Any]:
        """The figures."""
        comparison = self.comparison
        counted: dict[str, Any] = {
            "pairs": comparison.pairs,
            "identities": comparison.identities,
            "shared": len(comparison.shared),
            "references": len(comparison.references),
            "reachable": None if self.edges is None else len(self.edges),
            "strays": None if self.strays is None else len(self.strays),
        }
        if self.tried is None:
            return {**counted, "attack": None}
        outcomes = Counter(one.outcome for one in self.tried)
        attack = {outcome: outcomes[outcome] for outcome in ("refused", "through", "undecided")}
        figures = {"planned": self.planned, "tried": len(self.tried), **attack, "ended": list(self.ended)}
        return {**counted, "attack": figures}

    @property
    def summary(self) -> str:
        """The one line that says how it is."""
        comparison = self.comparison
        found = [
            f"{_some(len(comparison.shared), 'shared identity', 'shared identities')}",
            f"{_some(len(comparison.references), 'reference')} across",
            f"{comparison.identities} compared",
        ]
        if self.edges is not None:
            found.append(f"{_some(len(self.edges), 'way')} across on the live servers")
        if self.tried is not None:
            refused = len(self.tried) - len(self.through)
            found.append(f"{refused} of {_some(self.planned, 'attempt')} refused")
        if self.strays is not None:
            found.append(f"{_some(len(self.strays), 'stray')}")
        return ", ".join(found)

    @property
    def document(self) -> dict[str, Any]:
        """All of it, for a program."""
        comparison = self.comparison
        return {
            "isolated": self.isolated,
            **self.counts,
            "stacks": [
                {
                    "stack": word,
                    "name": one.name,
                    "digest": one.digest,
                    "resources": one.resources,
                    "owned": dict(one.owned),
                    "referred": one.referred,
                }
                for word, one in zip(self.words, comparison.stacks, strict=True)
            ],
            "declared": _once(words for one in self.declared for words in one.words),
            "found": {
                "shared": [
                    {"identity": _identity(one.identity), "sources": [_source(source) for source in one.sources]}
                    for one in comparison.shared
                ],
                "references": [
                    {"owner": one.owner, "identity": _identity(one.identity), "source": _source(one.source)}
                    for one in comparison.references
                ],
                "reachable": None if self.edges is None else [vars(one) for one in self.edges],
                "attempts": None if self.tried is None else [vars(one) for one in self.tried],
                "strays": None
                if self.strays is None
                else [{"identity": _identity(one.identity), "why": one.why} for one in self.strays],
            },
        }


def _identity(identity: Identity) -> dict[str, str]:
    return {
        "server": identity.family,
        "kind": identity.kind,
        "scope": identity.scope,
        "name": identity.name,
        "words": str(identity),
    }


def _source(source: Source) -> dict[str, str]:
    return {"stack": source.stack, "urn": source.urn, "property": source.where}


def _once(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _some(count: int, one: str, several: str = "") -> str:
    return f"{count} {one if count == 1 else several or f'{one}s'}"
