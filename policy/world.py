"""What rules know of the world around a stack: its environment, what it stands on, and what was declared."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from policy.identity import Names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from policy.resource import Resource
    from policy.rule import Kind

LONGEST_ALLOWANCE = 31
"""Days: an exception for longer is no exception."""


class DeclarationError(Exception):
    """A file says what cannot be used; where, and what is allowed."""


@dataclass(frozen=True)
class EndPoint:
    """Where PostgreSQL answers.

    Args:
        host: a name or an address.
        port: its port.
        cidr: the addresses behind a name, where they are declared.
    """

    host: str
    port: int
    cidr: str = ""

    @property
    def network(self) -> str:
        """Its addresses in CIDR notation; empty where a name does not tell them."""
        if self.cidr:
            return self.cidr
        try:
            return str(ipaddress.ip_network(self.host))
        except ValueError:
            return ""


@dataclass(frozen=True, kw_only=True)
class Platform:
    """What environments stand on, as its file says it.

    Args:
        domain: of all hosts.
        points: the write end point, and the read one where there is one.
        nodes: the database nodes' own addresses.
        legacy: names that do not follow the rule: by environment, then `databases` and `logins`, then by part.
        servers: hosts of the platform itself, which all environments share.
        plain: whether it is the sandbox, whose own servers speak without TLS.
    """

    domain: str
    points: tuple[EndPoint, ...]
    nodes: tuple[str, ...] = ()
    legacy: Mapping[str, Mapping[str, Mapping[str, str]]] = field(
        default_factory=dict[str, "Mapping[str, Mapping[str, str]]"]
    )
    servers: frozenset[str] = frozenset()
    plain: bool = False

    @classmethod
    def of(cls, data: Mapping[str, Any], *, stands_in: Mapping[str, Any] | None = None) -> Platform:
        """A platform out of its file's content.

        Args:
            data: the stack's own platform file.
            stands_in: the sandbox's platform file, where it stands in for the servers.

        Raises:
            DeclarationError: something is missing that rules need.
        """
        real = stands_in or data
        try:
            database: Mapping[str, Any] = real["postgresql"]
            given = [database["write"], *([database["read"]] if database.get("read") else [])]
            points = tuple(
                EndPoint(str(one["host"]), int(one["port"]), str(one.get("cidr") or "")) for one in given
            )
            vault: Mapping[str, Any] = real.get("vault") or {}
            addresses = (str(vault.get(key) or "") for key in ("address", "clusterAddress"))
            return cls(
                domain=str(data["domain"]),
                points=points,
                nodes=tuple(map(str, data["postgresql"].get("nodes") or ())),
                legacy=data.get("legacy") or {},
                servers=frozenset(
                    filter(None, (*(one.host for one in points), *(_host(address) for address in addresses)))
                ),
                plain=stands_in is not None,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DeclarationError(f"the platform file cannot be used: {type(error).__name__}: {error}") from None


@dataclass(frozen=True, kw_only=True)
class Exempt:
    """A resource that a rule lets through because somebody said so.

    Args:
        resource: its URN, or `type::name`.
        reason: why.
        stack: of which stack; empty for all.
        until: the last day on which it holds; None for one that is no allowance.
    """

    resource: str
    reason: str
    stack: str = ""
    until: date | None = None

    def covers(self, resource: Resource, stack: str) -> bool:
        """Whether it is about a resource of a stack."""
        return self.stack in {"", stack} and self.resource in {resource.urn, resource.label}


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What `policies.yaml` says, beside the program.

    Args:
        monitoring: who may name a database node.
        shared: hosts below the platform's domain that belong to no environment.
        environments: environments that there are besides those with a stack file.
        allowances: deletions and replacements that may happen, each until a day.
        faults: what in it cannot be used.
    """

    monitoring: tuple[Exempt, ...] = ()
    shared: frozenset[str] = frozenset()
    environments: frozenset[str] = frozenset()
    allowances: tuple[Exempt, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything around one stack.

    Args:
        system: the project's name.
        environment: the stack's name.
        kind: what is at stake.
        platform: what it stands on; None where no file says.
        others: the environments that are known besides this one.
        declared: what `policies.yaml` says.
        today: the day on which allowances are looked at.
        missing: why the platform is not known.
    """

    system: str
    environment: str
    kind: Kind
    today: date
    platform: Platform | None = None
    others: frozenset[str] = frozenset()
    declared: Declared = field(default_factory=Declared)
    missing: str = "no platform file is named"

    @cached_property
    def names(self) -> Names:
        """The names that are another environment's."""
        return Names(self)

    def exempt(self, resource: Resource, among: tuple[Exempt, ...]) -> bool:
        """Whether a resource is let through by one of these that still holds."""
        return any(
            one.covers(resource, self.environment) and (one.until is None or one.until >= self.today)
            for one in among
        )


def kind_of(environment: str, said: str = "") -> Kind:
    """What is at stake in an environment of this name.

    The name decides what is production, so that no file can call production anything else.

    Args:
        environment: the stack's name.
        said: what its stack file says.
    """
    if re.fullmatch(r"prod(-.*)?", environment):
        return "production"
    if said == "production":
        return "production"
    return "ephemeral" if said == "ephemeral" or re.fullmatch(r"pr-\d+", environment) else "development"


def declared(data: object, today: date) -> Declared:
    """What the content of `policies.yaml` says; what cannot be used is a fault, and lets nothing through.

    Args:
        data: the file's content; None where there is no file.
        today: allowances that ended before are faults.
    """
    if data is None:
        return Declared()
    if not isinstance(data, dict):
        return Declared(faults=("it must be a mapping",))
    given = cast("dict[str, Any]", data)
    faults = [f"{key!r} is unknown; use {', '.join(_KEYS)}" for key in given if key not in _KEYS]
    monitoring = tuple(_exemptions(given.get("monitoring"), "monitoring", None, faults))
    allowances = tuple(_exemptions(given.get("allowances"), "allowances", today, faults))
    return Declared(
        monitoring=monitoring,
        allowances=allowances,
        shared=frozenset(_words(given.get("shared"), "shared", faults)),
        environments=frozenset(_words(given.get("environments"), "environments", faults)),
        faults=tuple(faults),
    )


_KEYS = ("monitoring", "shared", "environments", "allowances", "platform")


def _exemptions(listed: object, key: str, today: date | None, faults: list[str]) -> Iterator[Exempt]:
    wanted = {"resource", "reason", *(("stack", "until") if today else ())}
    for index, one in enumerate(_list(listed, key, faults)):
        where = f"{key}[{index}]"
        if not isinstance(one, dict):
            faults.append(f"{where} must be a mapping of {', '.join(sorted(wanted))}")
            continue
        entry = cast("dict[str, Any]", one)
        if entry.keys() != wanted:
            faults.append(f"{where} has {', '.join(sorted(entry)) or 'nothing'}; use {', '.join(sorted(wanted))}")
            continue
        if not all(isinstance(entry[word], str) and entry[word].strip() for word in wanted - {"until"}):
            faults.append(f"{where}: {', '.join(sorted(wanted - {'until'}))} are texts and not empty")
            continue
        if "::" not in entry["resource"]:
            faults.append(f"{where}.resource is {entry['resource']!r}; use a URN or type::name")
            continue
        until: Any = entry.get("until")
        if today is not None:
            fault = _until(until, today)
            if fault:
                faults.append(f"{where}.until is {str(until)!r}; {fault}")
                continue
        yield Exempt(resource=entry["resource"], reason=entry["reason"], stack=entry.get("stack", ""), until=until)


def _until(value: Any, today: date) -> str:
    if type(value) is not type(today):
        return "use a day such as 2030-01-31"
    if value < today:
        return "it has ended; take it out"
    if (value - today).days > LONGEST_ALLOWANCE:
        return f"use a day within {LONGEST_ALLOWANCE} days"
    return ""


def _words(listed: object, key: str, faults: list[str]) -> Iterator[str]:
    for index, one in enumerate(_list(listed, key, faults)):
        if isinstance(one, str) and one:
            yield one
        else:
            faults.append(f"{key}[{index}] must be a text")


def _list(value: object, key: str, faults: list[str]) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        faults.append(f"{key} must be a list")
        return []
    return cast("list[object]", value)


def _host(address: str) -> str:
    return re.sub(r"^[a-z]+://", "", address).partition("/")[0].rpartition("@")[2].partition(":")[0]
