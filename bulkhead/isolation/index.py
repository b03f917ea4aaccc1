"""The index of what all compared stacks own, by every form in which another one could name it."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from bulkhead.isolation.identities import Identity, Owned, owned
from bulkhead.isolation.mentions import AUTH_ROLE, LOCAL, canonical
from bulkhead.isolation.plain import mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bulkhead.isolation.identities import Family
    from bulkhead.state import State

_UNIQUE = frozenset({"Namespace", "policy", "auth role", "database", "role", "host"})
"""Kinds whose bare names say enough wherever they stand."""

_FOLDER = 2
"""Segments of a path at Vault from which on it may be one stack's own folder."""

_ROLE_AT_VAULT = re.compile(r"auth/.+/role/([^/]+)")


@dataclass(frozen=True)
class Held:
    """An identity in the hands of one stack, by the stack's number."""

    stack: int
    owned: Owned


class Index:
    """What all stacks own, by server and by each form of its name.

    Args:
        states: the stacks' states.
        numbers: for each stack, the number of each of its servers.
    """

    def __init__(self, states: Sequence[State], numbers: Sequence[Mapping[Family, int]]) -> None:
        self.numbers = numbers
        self.identities: dict[tuple[int, Identity], list[Held]] = defaultdict(list)
        self._bare: dict[tuple[int, str, str], list[Held]] = defaultdict(list)
        self._words: dict[tuple[int, str], list[Held]] = defaultdict(list)
        self._paths: dict[tuple[int, str], list[Held]] = defaultdict(list)
        self.own = [sorted(owned(state)) for state in states]  # a state has them in the order of their making
        self.kinds = [{(one.identity.kind, one.identity.name) for one in found} for found in self.own]
        self.names = [
            {state.project, state.stack, *(one.identity.name for one in found)}
            for state, found in zip(states, self.own, strict=True)
        ]
        self.labels = [dict(sorted(_labels(state), key=itemgetter(0))) for state in states]
        self._vault: dict[int, list[Held]] = defaultdict(list)
        for stack, found in enumerate(self.own):
            for one in found:
                self._add(Held(stack, one))
        self.folders = self._folders()

    def _add(self, held: Held) -> None:
        identity = held.owned.identity
        number = self.numbers[held.stack][identity.family]
        self.identities[number, identity].append(held)
        if identity.kind in LOCAL:
            self._bare[number, identity.kind, identity.name].append(held)
        if identity.kind in _UNIQUE:
            self._words[number, identity.name.partition("/")[0]].append(held)
        if identity.family == "vault" and identity.kind == "path":
            self._vault[number].append(held)
            self._paths[number, identity.name].append(held)
            below_mount = identity.name.partition("/")[2]
            if "/" in below_mount and not identity.name.startswith("auth/"):
                self._paths[number, below_mount].append(held)
            if role := _ROLE_AT_VAULT.fullmatch(identity.name):
                self._bare[number, AUTH_ROLE[1], role[1]].append(held)
                self._words[number, role[1]].append(held)
                self.names[held.stack].add(role[1])

    def _folders(self) -> dict[tuple[int, str], Held]:
        """The folders at Vault that one stack alone has something in."""
        holders: dict[tuple[int, str], list[Held]] = defaultdict(list)
        for number, found in self._vault.items():
            for held in found:
                parts = held.owned.identity.name.split("/")
                if parts[0] not in ("auth", "sys"):
                    for length in range(_FOLDER, len(parts)):
                        holders[number, "/".join(parts[:length])].append(held)
        return {key: found[0] for key, found in holders.items() if len({one.stack for one in found}) == 1}

    def exact(self, stack: int, identity: Identity) -> list[Held]:
        """Who owns an identity on the server of a stack."""
        return self.identities.get((self.numbers[stack][identity.family], identity), [])

    def bare(self, stack: int, identity: Identity) -> list[Held]:
        """Who owns something of this kind and name in any namespace."""
        return self._bare.get((self.numbers[stack][identity.family], identity.kind, identity.name), [])

    def word(self, stack: int, word: str) -> Iterator[Held]:
        """What others own that a word can only mean; nothing where it may mean something of the stack itself."""
        if word in self.names[stack] or not is_telling(word):
            return
        for number in {self.numbers[stack][family] for family in self.numbers[stack]}:
            for held in self._words.get((number, word), ()):
                if held.stack != stack and self._same_server(stack, held):
                    yield held

    def path(self, stack: int, path: str) -> Iterator[Held]:
        """What others own at Vault that a path names, in whatever it is a part of."""
        number = self.numbers[stack]["vault"]
        parts = canonical(path).split("/")
        for start in range(len(parts)):
            for end in range(len(parts), start + 1, -1):
                found = self._paths.get((number, "/".join(parts[start:end])), ())
                if found:
                    yield from found
                    return

    def below(self, stack: int, path: str) -> Held | None:
        """Whose folder at Vault a path is in."""
        parts = path.split("/")
        for length in range(len(parts), _FOLDER - 1, -1):
            if held := self.folders.get((self.numbers[stack]["vault"], "/".join(parts[:length]))):
                return held
        return None

    def matching(self, stack: int, pattern: str) -> Iterator[Held]:
        """What others own at Vault that a policy's path with wildcards may match."""
        expression = re.compile(
            "".join({"+": "[^/]+", "*": ".*"}.get(part, re.escape(part)) for part in re.split(r"([+*])", pattern))
        )
        for held in self._vault.get(self.numbers[stack]["vault"], ()):
            if held.stack != stack and expression.fullmatch(held.owned.identity.name):
                yield held

    def _same_server(self, stack: int, held: Held) -> bool:
        family = held.owned.identity.family
        return self.numbers[stack][family] == self.numbers[held.stack][family]


def is_telling(word: str) -> bool:
    """Whether a word is no plain one: `keybuzz_prod`, `api.keybuzz.io`, and not `backend`."""
    return not word.isalpha()


def _labels(state: State) -> Iterator[tuple[str, dict[str, str]]]:
    """The labels of the namespaces that a stack owns."""
    for one in state.of_type("kubernetes:core/v1:Namespace"):
        metadata = mapping(one.outputs.get("metadata")) or mapping(one.inputs.get("metadata"))
        name = str(metadata.get("name") or one.id)
        yield name, {"kubernetes.io/metadata.name": name, **mapping(metadata.get("labels"))}
