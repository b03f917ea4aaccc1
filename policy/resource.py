"""Resources as rules see them: plain data, in which what is not known yet stays visible."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class Unknown:
    """A value that cannot be judged now.

    Args:
        why: what it waits for, such as "known after the update".
    """

    why: str = "known after the update"


class UndecidedError(Exception):
    """A rule needs a value that cannot be judged now."""

    def __init__(self, path: str, unknown: Unknown) -> None:
        super().__init__(f"{path} is {unknown.why}" if path else unknown.why)


@dataclass(frozen=True)
class Place:
    """A value within a resource, and where it is.

    Args:
        path: such as `spec.containers[0].image`.
        value: plain data, or an `Unknown` below it.
    """

    path: str
    value: Any

    def at(self, *keys: str) -> Place:
        """The place below, by its keys; its value is None where there is none.

        Raises:
            UndecidedError: it, or what is above it, is not known.
        """
        here = self
        for key in keys:
            path = f"{here.path}.{key}" if here.path else key
            here = Place(path, here.entries.get(key)).known()
        return here

    def each(self, *keys: str) -> Iterator[Place]:
        """The places of a list's items; none where there is no list.

        Raises:
            UndecidedError: the list or one of the items is not known.
        """
        listed = self.at(*keys)
        values = cast("list[Any]", listed.value) if isinstance(listed.value, list) else []
        for index, value in enumerate(values):
            yield Place(f"{listed.path}[{index}]", value).known()

    def known(self) -> Place:
        """This place.

        Raises:
            UndecidedError: its value is not known.
        """
        if isinstance(self.value, Unknown):
            raise UndecidedError(self.path, self.value)
        return self

    @property
    def text(self) -> str:
        """Its value as text; empty where there is none."""
        return "" if self.value is None else str(self.value)

    @property
    def entries(self) -> dict[str, Any]:
        """Its value as a mapping; empty where it is none."""
        return cast("dict[str, Any]", self.value) if isinstance(self.value, dict) else {}

    @property
    def inside(self) -> Iterator[Place]:
        """The places directly below it, whether they are known or not."""
        for key, value in self.entries.items():
            yield Place(f"{self.path}.{key}" if self.path else key, value)
        listed = cast("list[Any]", self.value) if isinstance(self.value, list) else []
        yield from (Place(f"{self.path}[{index}]", value) for index, value in enumerate(listed))

    @property
    def number(self) -> float | None:
        """Its value as a number; None where it is none."""
        try:
            return float(self.value)
        except (TypeError, ValueError):
            return None


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource of a stack.

    Args:
        urn: its URN.
        type: its type token, such as `kubernetes:apps/v1:Deployment`.
        name: its logical name.
        props: its inputs as plain data; secrets are unwrapped, what is not known is an `Unknown`.
        secrets: where its secrets are: `postgresql.password`, or `data` for all below it.
        protect: whether it is protected.
        provider: its provider's logical name; empty for a component, or where none is told.
        provider_props: its provider's own inputs.
    """

    urn: str
    type: str
    name: str
    props: Mapping[str, Any] = field(default_factory=dict[str, Any])
    secrets: frozenset[str] = frozenset()
    protect: bool = False
    provider: str = ""
    provider_props: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def kind(self) -> str:
        """The last word of the type token: `Deployment`, `Role`."""
        return self.type.rpartition(":")[2]

    @property
    def package(self) -> str:
        """Whose it is: `kubernetes`, `vault`, `postgresql`; `pulumi` for what the engine itself keeps."""
        return self.type.partition(":")[0]

    @property
    def is_object(self) -> bool:
        """Whether it is an object on the cluster."""
        return self.type.startswith("kubernetes:")

    @property
    def is_custom(self) -> bool:
        """Whether a provider manages it."""
        return self.package in PACKAGES or (self.package not in {"pulumi", "bulkhead"} and bool(self.provider))

    @cached_property
    def place(self) -> Place:
        """All of its inputs."""
        return Place("", dict(self.props))

    @property
    def metadata(self) -> Place:
        """An object's metadata."""
        return self.place.at("metadata")

    @property
    def label(self) -> str:
        """What allowances call it besides its URN: `type::name`."""
        return f"{self.type}::{self.name}"

    def is_secret(self, path: str) -> bool:
        """Whether a place within it is marked as a secret, by itself or with what is above it."""
        return any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in self.secrets)

    @cached_property
    def leaves(self) -> tuple[Place, ...]:
        """Every key and every scalar in its inputs; what an object has in base64 as it reads."""
        return tuple(self._decoded(place) for place in _leaves(self.place))

    def _decoded(self, place: Place) -> Place:
        if not (self.type == SECRET and place.path.startswith("data.") and isinstance(place.value, str)):
            return place
        try:
            return Place(place.path, base64.b64decode(place.value, validate=True).decode())
        except (binascii.Error, UnicodeDecodeError):
            return place


SECRET = "kubernetes:core/v1:Secret"  # noqa: S105 - a type token
PACKAGES = frozenset({"kubernetes", "vault", "postgresql", "random"})
"""The packages whose resources our programs use; each of them is a provider's."""


def _leaves(place: Place) -> Iterator[Place]:
    below = list(place.inside)
    for key, one in zip(place.entries, below, strict=False):
        yield Place(one.path, key)
    for one in below:
        yield from _leaves(one)
    if not below and isinstance(place.value, (str, int, float, Unknown)):
        yield place
