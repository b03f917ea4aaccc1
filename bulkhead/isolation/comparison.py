"""The comparison of stacks by their states: what two of them share, and what one of them names of another."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bulkhead.isolation import mentions
from bulkhead.isolation.identities import FAMILIES, Identity
from bulkhead.isolation.index import Held, Index
from bulkhead.isolation.plain import mapping
from bulkhead.isolation.servers import BUILT_IN, Declared, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bulkhead.isolation.identities import Family
    from bulkhead.state import Resource, State


@dataclass(frozen=True, order=True)
class Source:
    """Where a state says something: whose state, which resource, which property."""

    stack: str
    urn: str
    where: str

    def __str__(self) -> str:
        kind, _, name = self.urn.rpartition("::")
        return f"{self.stack}: {kind.rpartition(':')[2]} {name}, {self.where}"


@dataclass(frozen=True, order=True)
class Shared:
    """One thing that several stacks own, or name without any of them owning it."""

    identity: Identity
    sources: tuple[Source, ...]

    @property
    def stacks(self) -> tuple[str, ...]:
        """Whose it is said to be."""
        return tuple(dict.fromkeys(source.stack for source in self.sources))


@dataclass(frozen=True, order=True)
class Reference:
    """A property of one stack that names what another one owns.

    Args:
        source: the property.
        owner: the other stack.
        identity: what it owns.
    """

    source: Source
    owner: str
    identity: Identity


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One stack of a comparison.

    Args:
        name: what the comparison calls it.
        digest: the SHA-256 of its state.
        resources: how many are recorded.
        owned: how many identities it owns, by kind of server.
        referred: how many it names besides.
        servers: the number of each of its servers; stacks on one server have the same.
    """

    name: str
    digest: str
    resources: int
    owned: Mapping[str, int]
    referred: int
    servers: Mapping[Family, int]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What was found among some stacks."""

    stacks: tuple[Compared, ...]
    shared: tuple[Shared, ...]
    references: tuple[Reference, ...]

    @property
    def pairs(self) -> int:
        """How many pairs of stacks were compared."""
        return len(self.stacks) * (len(self.stacks) - 1) // 2

    @property
    def identities(self) -> int:
        """How many identities were compared."""
        return sum(sum(one.owned.values()) + one.referred for one in self.stacks)


def compare(
    states: Sequence[State],
    names: Sequence[str] = (),
    declared: Sequence[Declared] = (),
    on_stack: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Compare stacks, every one with every other.

    Args:
        states: their states.
        names: what each is called; by default its project and its name.
        declared: what each one's platform lets environments share; by default nothing.
        on_stack: told each stack that is done.
    """
    names = names or [f"{state.project}/{state.stack}" for state in states]
    declared = declared or [Declared()] * len(states)
    index = Index(states, same(states))
    references: dict[tuple[str, str, str], Reference] = {}
    named: list[dict[Identity, Source]] = []
    for number, state in enumerate(states):
        custom = [one for one in state.resources if one.custom and one.package != "pulumi"]
        reading = _Reading(index, number, names, dict(filter(None, map(_store, custom))))
        for one in custom:
            reading.read(one)
        for reference in reading.found:
            source = reference.source
            references.setdefault((source.urn, source.where, reference.owner), reference)
        named.append(reading.named)
        on_stack(names[number])
    return Comparison(
        stacks=tuple(
            Compared(
                name=name,
                digest=state.digest,
                resources=sum(not one.external for one in state.resources),
                owned=_counted(index, number),
                referred=len(named[number]),
                servers=index.numbers[number],
            )
            for number, (name, state) in enumerate(zip(names, states, strict=True))
        ),
        shared=tuple(sorted([*_shared(index, names), *_hosts(index, names), *_unowned(index, named, declared)])),
        references=tuple(sorted(references.values())),
    )


def _counted(index: Index, stack: int) -> dict[str, int]:
    counts = Counter(identity.family for identity in {one.identity for one in index.own[stack]})
    return {family: counts[family] for family in FAMILIES if counts[family]}


def _store(one: Resource) -> tuple[tuple[str, str], str] | None:
    """The namespace and name of a SecretStore, and the KV mount behind it; None for anything else."""
    if not one.type.endswith(":SecretStore"):
        return None
    metadata, spec = mapping(one.inputs.get("metadata")), mapping(one.inputs.get("spec"))
    vault = mapping(mapping(spec.get("provider")).get("vault"))
    return (str(metadata.get("namespace")), str(metadata.get("name"))), str(vault.get("path") or "")


class _Reading:
    """One stack's texts, looked up in what all stacks own."""

    def __init__(
        self, index: Index, stack: int, names: Sequence[str], mounts: Mapping[tuple[str, str], str]
    ) -> None:
        self._index, self._stack, self._names, self._mounts = index, stack, names, mounts
        self.found: list[Reference] = []
        self.named: dict[Identity, Source] = {}
        self._held = False

    def read(self, one: Resource) -> None:
        """Look up all that a resource says."""
        self._held = one.external  # it may be a secret in the clear: what is not known to be a name is not kept
        for chosen in mentions.selectors(one):
            self._chosen(chosen)
        for text in mentions.texts(one):
            for identity in mentions.typed(text, one, self._mounts):
                self._typed(text, identity)
            for held in [*self._guessed(text), *self._untyped(text.text)]:
                self._refer(text.urn, text.where, held.stack, held.owned.identity)

    def _chosen(self, chosen: mentions.Selector) -> None:
        for other, labels in enumerate(self._index.labels):
            if other == self._stack or not self._shares("kubernetes", other):
                continue
            for name in (name for name, own in labels.items() if chosen.matches(own)):
                named = chosen.labels.get("kubernetes.io/metadata.name") == name  # found as a text
                if name not in self._index.labels[self._stack] and not named:
                    self._refer(chosen.urn, chosen.where, other, Identity("kubernetes", "Namespace", "", name))

    def _typed(self, text: mentions.Text, identity: Identity) -> None:
        index, stack = self._index, self._stack
        holders = index.exact(stack, identity)
        if not holders and (identity.kind in mentions.LOCAL or identity.kind == mentions.AUTH_ROLE[1]):
            holders = index.bare(stack, identity)
        if not holders and identity.kind == "path":
            holders = self._at_vault(identity.name)
        if not holders and identity.name == "*":
            holders = [
                held for key, held in index.identities.items() if key[1].kind == identity.kind for held in held
            ]
        if any(held.stack == stack for held in holders):
            if identity.name == "*" or "*" in identity.name:
                holders = [held for held in holders if held.stack != stack]
            else:
                return
        if not holders and not self._held:
            self.named.setdefault(identity, Source(self._names[stack], text.urn, text.where))
        for held in holders:
            self._refer(text.urn, text.where, held.stack, held.owned.identity)

    def _at_vault(self, path: str) -> list[Held]:
        if "*" in path or "+" in path:
            return list(self._index.matching(self._stack, path))
        held = self._index.below(self._stack, path)
        return [held] if held else []

    def _guessed(self, text: mentions.Text) -> Iterator[Held]:
        for guess in mentions.guessed(text):
            holders = self._index.exact(self._stack, guess)
            if not any(held.stack == self._stack for held in holders):
                yield from holders

    def _untyped(self, text: str) -> Iterator[Held]:
        index, stack = self._index, self._stack
        for word in mentions.WORD.findall(text):
            yield from index.word(stack, word)
            if "." in word:
                for part in word.split("."):
                    yield from (one for one in index.word(stack, part) if one.owned.identity.kind == "Namespace")
        if "/" in text:
            for path in mentions.PATH.findall(text):
                found = list(index.path(stack, path))
                if not any(held.stack == stack for held in found):
                    yield from found

    def _shares(self, family: Family, other: int) -> bool:
        numbers = self._index.numbers
        return numbers[self._stack][family] == numbers[other][family]

    def _refer(self, urn: str, where: str, other: int, identity: Identity) -> None:
        source = Source(self._names[self._stack], urn, where)
        self.found.append(Reference(source, self._names[other], identity))


def _shared(index: Index, names: Sequence[str]) -> Iterator[Shared]:
    """What several stacks own."""
    for (_, identity), holders in index.identities.items():
        if len({held.stack for held in holders}) > 1:
            yield Shared(identity, _sources(holders, names))


def _sources(holders: Sequence[Held], names: Sequence[str]) -> tuple[Source, ...]:
    first: dict[int, Source] = {}
    for held in holders:
        first.setdefault(held.stack, Source(names[held.stack], held.owned.urn, held.owned.where))
    return tuple(first[stack] for stack in sorted(first))


def _hosts(index: Index, names: Sequence[str]) -> Iterator[Shared]:
    """Hosts of several stacks that are not equal, and yet one serves what the other does."""
    served: dict[str, list[Held]] = defaultdict(list)
    for found in index.identities.values():
        for held in found:
            if held.owned.identity.kind == "host":
                served[held.owned.identity.name.partition("/")[0]].append(held)
    for host, holders in served.items():
        others = [*holders, *served.get(_wildcard(host), [])] if _wildcard(host) != host else holders
        for position, one in enumerate(others):
            for other in others[position + 1 :]:
                names_of = one.owned.identity.name, other.owned.identity.name
                if one.stack != other.stack and len(set(names_of)) > 1 and _overlap(*names_of):
                    yield Shared(one.owned.identity, _sources([one, other], names))


def _wildcard(host: str) -> str:
    return f"*.{host.partition('.')[2]}"


def _overlap(one: str, other: str) -> bool:
    """Whether two hosts with their paths have something in common."""
    (host, _, path), (wild, _, elsewhere) = one.partition("/"), other.partition("/")
    paths = sorted((f"{path.rstrip('/')}/", f"{elsewhere.rstrip('/')}/"), key=len)
    inside = paths[0] == "/" or paths[1].startswith(paths[0])
    return inside and (host == wild or wild == _wildcard(host) or host == _wildcard(wild))


def _unowned(
    index: Index, named: Sequence[Mapping[Identity, Source]], declared: Sequence[Declared]
) -> Iterator[Shared]:
    """What several stacks name, none owns and no platform declares."""
    found: dict[tuple[int, Identity], list[int]] = defaultdict(list)
    for stack, mentioned in enumerate(named):
        for identity in mentioned:
            found[index.numbers[stack][identity.family], identity].append(stack)
    for (_, identity), stacks in found.items():
        may = identity in BUILT_IN or all(identity in declared[stack].identities for stack in stacks)
        if len(stacks) > 1 and not may:
            yield Shared(identity, tuple(named[stack][identity] for stack in stacks))
