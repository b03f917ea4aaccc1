"""Addresses: finds a node in a text, in whatever way its address is written there.

As itself with or without a port, in a URL, as a network or a range that has it, as a number, percent-encoded, as a
reverse name, and in base64, gzip within it included.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import ipaddress
import re
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NARROWEST: Final = 24
"""A network of at least this many bits names the neighbourhood of its nodes; a wider one names no address."""

_DEEP = 3
"""How often base64 may be within base64: a Helm release is base64 of base64 of gzip."""
_LARGEST = 4 * 1024 * 1024
"""Bytes that a compressed text may grow to."""

_QUAD = re.compile(r"(?<![\d.])(\d{1,3})([.-])(\d{1,3})\2(\d{1,3})\2(\d{1,3})(?![\d])(?!\.\d)(/\d{1,2}(?!\d))?")
_RANGE = re.compile(
    r"(?<![\d.])(\d{1,3}\.\d{1,3}\.\d{1,3})\.(?:\[?(\d{1,3})(?:\s*-\s*|:)(\d{1,3})\]?(?![\d.])|\{([\d,]+)\})"
)
_LONG_RANGE = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})\s*-\s*(\d{1,3}(?:\.\d{1,3}){3})(?![\d.])")
_NUMBER = re.compile(r"(?<![\w.])(?:0x([0-9a-fA-F]{8})|(\d{8,10}))(?![\w.])")
_SIX = re.compile(r"(?<![\w:.])[0-9a-fA-F:]*::?[0-9a-fA-F:.]+(?:/\d{1,3})?(?![\w:])")
_REVERSE = re.compile(r"(?<![\d.])(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa", re.IGNORECASE)
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{11,}={0,2}(?![A-Za-z0-9+/_=-])")
_WRAPPED = re.compile(r"(?:^[ \t]*[A-Za-z0-9+/]{40,}\r?\n)+^[ \t]*[A-Za-z0-9+/]+={0,2}[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Seen:
    """A node in a text.

    Args:
        node: as the platform file has it.
        at: where in the text it begins.
        how: how it is written there; empty for its plain form.
    """

    node: str
    at: int
    how: str = ""


@dataclass(frozen=True)
class Nodes:
    """The nodes that must not be named.

    Args:
        names: IP addresses and DNS names.
    """

    names: frozenset[str]
    _four: frozenset[ipaddress.IPv4Address] = field(init=False, repr=False)
    _six: frozenset[ipaddress.IPv6Address] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        addresses = [found for found in map(_address, self.names) if found]
        object.__setattr__(self, "_four", frozenset(a for a in addresses if isinstance(a, ipaddress.IPv4Address)))
        object.__setattr__(self, "_six", frozenset(a for a in addresses if isinstance(a, ipaddress.IPv6Address)))

    def seen(self, text: str) -> Iterator[Seen]:
        """All nodes in a text, each place once."""
        places: set[tuple[str, int]] = set()
        for one in self._seen(text, 0):
            if (one.node, one.at) not in places:
                places.add((one.node, one.at))
                yield one

    def _seen(self, text: str, depth: int) -> Iterator[Seen]:
        yield from self._plain(text)
        if "%" in text:
            for match in re.finditer(r"\S*%[0-9A-Fa-f]{2}\S*", text):
                for one in self._plain(unquote(match[0])):
                    yield Seen(one.node, match.start(), "percent-encoded")
        if depth < _DEEP:
            for at, inner in _decoded(text):
                for one in self._seen(inner, depth + 1):
                    yield Seen(one.node, at, "in base64")

    def _plain(self, text: str) -> Iterator[Seen]:
        if self._four:
            yield from self._quads(text)
            yield from self._ranges(text)
            yield from self._numbers(text)
        if self._six or (self._four and "::" in text):
            yield from self._sixes(text)
        if self._hosts:
            for match in self._hosts.finditer(text):
                yield Seen(match[0].lower(), match.start())

    @cached_property
    def _hosts(self) -> re.Pattern[str] | None:
        hosts = sorted(name for name in self.names if not _address(name))
        if not hosts:
            return None
        any_of = "|".join(map(re.escape, hosts))
        return re.compile(rf"(?<![A-Za-z0-9._-])(?:{any_of})(?![A-Za-z0-9_-]|\.[A-Za-z0-9])", re.IGNORECASE)

    def _quads(self, text: str) -> Iterator[Seen]:
        for match in _QUAD.finditer(text):
            address = _quad(match[1], match[3], match[4], match[5])
            if address is None:
                continue
            padded = str(address) != match[0].partition("/")[0]
            if address in self._four:
                yield Seen(str(address), match.start(), f"as {match[0]}" if padded or match[6] else "")
            elif match[6]:
                yield from self._network(f"{address}{match[6]}", match)
        for match in _REVERSE.finditer(text):
            address = _quad(match[4], match[3], match[2], match[1])
            if address in self._four:
                yield Seen(str(address), match.start(), "as a reverse name")

    def _network(self, text: str, match: re.Match[str]) -> Iterator[Seen]:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            return
        if network.prefixlen >= NARROWEST:
            for node in sorted(self._four):
                if node in network:
                    yield Seen(str(node), match.start(), f"in the network {match[0]}")

    def _ranges(self, text: str) -> Iterator[Seen]:
        for match in _RANGE.finditer(text):
            lasts = [int(one) for one in (match[4] or "").split(",") if one]
            low, high = (int(match[2]), int(match[3])) if match[2] else (1, 0)
            for node in sorted(self._four):
                stem, _, last = str(node).rpartition(".")
                if stem == match[1] and (low <= int(last) <= high or int(last) in lasts):
                    yield Seen(str(node), match.start(), f"in the range {match[0]}")
        for match in _LONG_RANGE.finditer(text):
            first, last = (_address(match[1]), _address(match[2]))
            if isinstance(first, ipaddress.IPv4Address) and isinstance(last, ipaddress.IPv4Address):
                for node in sorted(self._four):
                    if first <= node <= last:
                        yield Seen(str(node), match.start(), f"in the range {match[0]}")

    def _numbers(self, text: str) -> Iterator[Seen]:
        for match in _NUMBER.finditer(text):
            number = int(match[1], 16) if match[1] else int(match[2])
            if number <= int(ipaddress.IPv4Address("255.255.255.255")):
                address = ipaddress.IPv4Address(number)
                if address in self._four:
                    yield Seen(str(address), match.start(), f"as the number {match[0]}")

    def _sixes(self, text: str) -> Iterator[Seen]:
        for match in _SIX.finditer(text):
            word, _, bits = match[0].partition("/")
            address = _address(word)
            if not isinstance(address, ipaddress.IPv6Address):
                continue
            mapped = address.ipv4_mapped
            if mapped in self._four and "." not in word:
                yield Seen(str(mapped), match.start(), f"as {word}")
            elif address in self._six:
                yield Seen(str(address), match.start())
            elif bits and int(bits) >= NARROWEST:
                network = ipaddress.ip_network(f"{address}/{bits}", strict=False)
                for node in sorted(self._six):
                    if node in network:
                        yield Seen(str(node), match.start(), f"in the network {match[0]}")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _quad(*parts: str) -> ipaddress.IPv4Address | None:
    numbers = [int(part) for part in parts]
    return ipaddress.IPv4Address(bytes(numbers)) if all(number <= 255 for number in numbers) else None  # noqa: PLR2004 - a byte


def _decoded(text: str) -> Iterator[tuple[int, str]]:
    """What stands in base64 in a text, and where."""
    for match in _candidates(text):
        word = re.sub(r"\s", "", match[0]).rstrip("=").replace("-", "+").replace("_", "/")
        if len(word) % 4 == 1:
            continue
        try:
            content = base64.b64decode(word + "=" * (-len(word) % 4))
        except (binascii.Error, ValueError):
            continue
        found = _text(content)
        if found:
            yield match.start(), found


def _candidates(text: str) -> Iterable[re.Match[str]]:
    yield from _BASE64.finditer(text)
    if "\n" in text:
        yield from _WRAPPED.finditer(text)


def _text(content: bytes) -> str:
    """Decoded bytes as a text; empty where they are none."""
    if content[:2] == b"\x1f\x8b":
        try:
            content = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(content, _LARGEST)
        except (zlib.error, gzip.BadGzipFile):
            return ""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return ""
