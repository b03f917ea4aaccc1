"""Graph: what a program declares, a line a property, and what differs between two of them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Element = tuple[str, str]
"""A resource, by its types and logical name as a URN has them, and a place in it; empty: that it is declared."""

STACK = "stack"
"""The resource whose properties are the stack's exports."""


@dataclass(frozen=True)
class Secret:
    """A value that is compared and never shown."""

    value: object = field(repr=False)


class Missing:
    """No value: not declared at all."""

    def __repr__(self) -> str:
        return "not declared"


MISSING = Missing()


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One place where two graphs differ.

    Args:
        resource: its types and logical name, as a URN has them.
        where: the property, an option in brackets; empty where the resource is only on one side.
        one: what is there on the first side.
        other: what is there on the second.
    """

    resource: str
    where: str
    one: object
    other: object

    @property
    def element(self) -> Element:
        """What it is about."""
        return self.resource, self.where

    @property
    def called(self) -> str:
        """The resource as a person calls it: `Deployment api-deployment`."""
        types, _, name = self.resource.rpartition("::")
        return f"{types.rpartition(':')[2]} {name}" if types else "stack"

    def shown(self, side: object) -> str:
        """A side's value for a report."""
        if not self.where:
            return "declared" if side is not MISSING else repr(side)
        if isinstance(side, Secret):
            return "[secret]"
        text = side if isinstance(side, str) else repr(side)
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


_LONGEST = 120


@dataclass(frozen=True)
class Graph:
    """All that one program declares.

    Args:
        elements: the value at each place.
    """

    elements: Mapping[Element, object]

    @property
    def resources(self) -> frozenset[str]:
        """The resources that it has."""
        return frozenset(resource for resource, where in self.elements if not where)

    def said(self) -> Iterator[str]:
        """All texts in it, of names, places and values."""
        for (resource, where), value in self.elements.items():
            yield resource
            yield where
            yield from _texts(value)

    def renamed(self, rename: Callable[[str], str]) -> Graph:
        """The same with every text changed by a function: resources, places and values."""
        return Graph(
            {
                (rename(resource), rename(where)): _renamed(value, rename)
                for (resource, where), value in self.elements.items()
            }
        )


def differences(one: Graph, other: Graph) -> list[Difference]:
    """Where two graphs differ; a resource that is only on one side is one difference, without its properties."""
    found: list[Difference] = []
    lone = one.resources ^ other.resources
    for resource, where in sorted(one.elements.keys() | other.elements.keys()):
        if resource in lone and where:
            continue
        here, there = (graph.elements.get((resource, where), MISSING) for graph in (one, other))
        if here is MISSING or there is MISSING or not _equal(here, there):
            waited_for = where.removeprefix("(after ").removesuffix(")") if where.startswith("(after ") else ""
            if waited_for not in lone:  # told already, as the resource itself
                found.append(Difference(resource=resource, where=where, one=here, other=there))
    return found


def _equal(one: object, other: object) -> bool:
    # In Python True is 1; in a resource's inputs it is not.
    return type(one) is type(other) and one == other


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, Secret):
        yield from _texts(value.value)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for inner in cast("list[object]", value):
            yield from _texts(inner)


def _renamed(value: object, rename: Callable[[str], str]) -> object:
    if isinstance(value, Secret):
        return Secret(_renamed(value.value, rename))
    if isinstance(value, str):
        return rename(value)
    if isinstance(value, list):
        return [_renamed(inner, rename) for inner in cast("list[Any]", value)]
    return value


@dataclass(frozen=True, kw_only=True)
class Names:
    """What a run made of its environment's name.

    Args:
        environment: the name itself.
        derived: each name that `Environment` made, by the question that it answered.
        digests: each SHA-256 that the run took, in hexadecimal, and of what.
    """

    environment: str
    derived: Mapping[str, str] = field(default_factory=dict[str, str])
    digests: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


_SHORTEST, _DEEP = 8, 3
"""How few characters of a digest are still taken for one; how often a digest may be of another digest."""
_HEXADECIMAL = re.compile(rf"(?<![0-9a-f])[0-9a-f]{{{_SHORTEST},64}}(?![0-9a-f])")


class Renaming:
    """Gives the texts of one run the names of another.

    A run under a mark that stands nowhere else can be renamed exactly: each name that has the mark was made of it.
    A digest is renamed by taking it anew of what it was taken of, renamed.

    Args:
        names: of the run whose texts are renamed.
        mark: what every one of its names contains.
        others: the name that takes the place of each, by the same questions.
        environment: the environment's own name that takes its place.
    """

    def __init__(self, names: Names, mark: str, others: Mapping[str, str], environment: str) -> None:
        pairs = {
            name: others[question]
            for question, name in names.derived.items()
            if mark in name and question in others
        }
        for hyphen in ("-", "__"):  # PostgreSQL's names write a hyphen as two underscores
            pairs.setdefault(names.environment.replace("-", hyphen), environment.replace("-", hyphen))
        self._pairs, self._mark = pairs, mark
        self._known: dict[str, str] = {}
        longest_first = sorted(pairs, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        self._digests: dict[str, list[tuple[str, str]]] = {}
        for _ in range(_DEEP):
            self._digests, before = self._taken_anew(names.digests), self._digests
            self._known.clear()
            if self._digests == before:
                break

    def __call__(self, text: str) -> str:
        """The text with the other run's names."""
        if text not in self._known:
            renamed = self._pattern.sub(self._name, text) if self._mark in text else text
            self._known[text] = _HEXADECIMAL.sub(self._digest, renamed) if self._digests else renamed
        return self._known[text]

    def _name(self, found: re.Match[str]) -> str:
        return self._pairs[found[0]]

    def _taken_anew(self, digests: Mapping[str, bytes]) -> dict[str, list[tuple[str, str]]]:
        found: dict[str, list[tuple[str, str]]] = {}
        for digest, content in digests.items():
            try:
                text = content.decode()
            except UnicodeDecodeError:
                continue  # no text, so no name in it
            renamed = self(text)
            if renamed != text:
                other = hashlib.sha256(renamed.encode()).hexdigest()
                found.setdefault(digest[:_SHORTEST], []).append((digest, other))
        return found

    def _digest(self, found: re.Match[str]) -> str:
        short = found[0]
        for digest, other in self._digests.get(short[:_SHORTEST], ()):
            if digest.startswith(short):
                return other[: len(short)]
        return short
