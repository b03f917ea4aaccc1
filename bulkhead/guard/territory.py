"""Territory: which addresses are nodes, which environments there are, and what each of them is called."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from bulkhead.errors import UsageError
from bulkhead.guard.addresses import Nodes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_PASSED_BY = frozenset({".venv", "node_modules", ".git"})
_BEFORE, _AFTER = r"(?<![A-Za-z0-9_.-])", r"(?![A-Za-z0-9_-]|\.[A-Za-z0-9])"
_DATABASE = r"(?:://[^\s/'\"]*/|dbname=['\"]?|[A-Za-z_]*database[A-Za-z_]*['\"]?\s*[:=]\s*['\"]?)"


class TerritoryError(UsageError):
    """It cannot be told what is to be looked for."""


@dataclass(frozen=True)
class System:
    """A program and its environments.

    Args:
        name: the project's name.
        domain: below which its hosts are; empty where no platform file says so.
        environments: those that have a stack file or an exception on the platform.
        parts: what its stack files call its workloads.
        legacy: the databases and logins that an environment has by exception.
    """

    name: str
    domain: str = ""
    environments: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    legacy: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])


@dataclass(frozen=True)
class Territory:
    """What is looked for.

    Args:
        nodes: the addresses that nothing may name.
        systems: whose identities are told apart.
        files: where this was read.
    """

    nodes: Nodes
    systems: tuple[System, ...]
    files: tuple[str, ...] = ()

    @property
    def environments(self) -> frozenset[str]:
        """All environments, of all systems."""
        return frozenset(name for system in self.systems for name in system.environments)

    def environment_of(self, path: str) -> str:
        """The environment that a file is for, by its path: `Pulumi.prod.yaml`, `k8s/prod/…`; empty for any."""
        *folders, name = path.split("/")
        words = re.split(r"[._]", name)
        stem = name.split(".")[0] if not name.startswith(".") else ""
        for environment in sorted(self.environments, key=len, reverse=True):
            if environment in folders or environment in words or stem.endswith(f"-{environment}"):
                return environment
        return ""

    def foreign(self, environment: str) -> Foreign:
        """What must not stand in what is for one environment."""
        patterns = [
            (f"{system.name}/{other}", pattern)
            for system in self.systems
            for other in sorted(system.environments - {environment})
            for pattern in _patterns(system, other)
        ]
        return Foreign(tuple((owner, re.compile(pattern, re.IGNORECASE)) for owner, pattern in patterns))


@dataclass(frozen=True)
class Foreign:
    """Names of other environments.

    Args:
        patterns: what each one's names look like, with whose they are.
    """

    patterns: tuple[tuple[str, re.Pattern[str]], ...]

    def seen(self, text: str) -> Iterator[tuple[str, str, int]]:
        """Whose name, the name, and where it begins."""
        for owner, pattern in self.patterns:
            for match in pattern.finditer(text):
                yield owner, match["name"], match.start("name")


def _patterns(system: System, environment: str) -> Iterator[str]:
    name, under = re.escape(system.name), re.escape(system.name.replace("-", "__"))
    written = re.escape(environment.replace("-", "__"))
    yield rf"(?<![A-Za-z0-9_.-])(?P<name>{name}(?:-[a-z0-9_]+)?-{re.escape(environment)})(?![A-Za-z0-9_-])"
    yield rf"(?<![A-Za-z0-9_.-])(?P<name>{under}(?:_[a-z0-9]+)*_{written})(?![A-Za-z0-9_-])"
    yield rf"(?<![A-Za-z0-9_.-])(?P<name>{name}/{re.escape(environment)})(?=/)"
    if system.domain:
        domain = re.escape(system.domain)
        if environment == "prod":
            parts = "|".join(map(re.escape, sorted(system.parts)))
            if parts:
                yield rf"(?<![A-Za-z0-9_.@-])(?P<name>(?:{parts})\.{domain}){_AFTER}"
            yield rf"://(?P<name>{domain}){_AFTER}"
        else:
            yield rf"{_BEFORE}(?P<name>[a-z][a-z0-9]*-{re.escape(environment)}\.{domain}){_AFTER}"
            yield rf"{_BEFORE}(?P<name>{re.escape(environment)}\.{name}\.{domain}){_AFTER}"
    for legacy in sorted(system.legacy.get(environment, ())):
        # A plain word is a database's name only where a database is named.
        before = _BEFORE if "_" in legacy else _DATABASE
        yield rf"{before}(?P<name>{re.escape(legacy)})(?![A-Za-z0-9_.-])"


def read(roots: Iterable[Path]) -> Territory:
    """What platform files, stack files and projects in and above some folders say.

    Raises:
        TerritoryError: there is no platform file, none names a node, or one cannot be read.
    """
    platforms: dict[Path, dict[str, Any]] = {}
    projects: dict[Path, dict[str, Any]] = {}
    for root in roots:
        for file in (*_below(root), *_above(root)):
            if file.name == "Pulumi.yaml":
                projects[file] = _mapping(file)
            elif file.parent.name == "platforms":
                platforms[file] = _mapping(file)
    nodes = {str(node) for said in platforms.values() for node in _nodes(said)}
    if not nodes:
        where = ", ".join(map(str, platforms)) or "no platforms/*.yaml in or above the paths"
        raise TerritoryError(f"no node is named to be looked for: {where}; name them under postgresql.nodes")
    return Territory(
        nodes=Nodes(frozenset(nodes)),
        systems=tuple(_system(file, said, platforms) for file, said in sorted(projects.items())),
        files=tuple(map(str, platforms)),
    )


def _below(root: Path) -> Iterator[Path]:
    for folder, below, files in os.walk(root):
        below[:] = sorted(name for name in below if name not in _PASSED_BY)
        here = Path(folder)
        yield from (here / name for name in sorted(files) if _is_telling(here, name))


def _above(root: Path) -> Iterator[Path]:
    for folder in root.parents:
        yield from (file for file in (folder / "Pulumi.yaml", *folder.glob("platforms/*.yaml")) if file.is_file())


def _is_telling(folder: Path, name: str) -> bool:
    return name == "Pulumi.yaml" or (folder.name == "platforms" and name.endswith(".yaml"))


def _nodes(said: Mapping[str, Any]) -> list[object]:
    postgresql: Any = said.get("postgresql")
    listed: Any = cast("dict[str, Any]", postgresql).get("nodes") if isinstance(postgresql, dict) else None
    return cast("list[object]", listed) if isinstance(listed, list) else []


def _system(project: Path, said: Mapping[str, Any], platforms: Mapping[Path, dict[str, Any]]) -> System:
    folder = project.parent
    stacks: dict[str, dict[str, Any]] = {
        file.name.removeprefix("Pulumi.").removesuffix(".yaml"): _mapping(file).get("config") or {}
        for file in sorted(folder.glob("Pulumi.*.yaml"))
    }
    names = {folder / "platforms" / f"{config.get('bulkhead:platform')}.yaml" for config in stacks.values()}
    stands_on = [platforms[file] for file in sorted(names) if file in platforms]
    legacy: dict[str, frozenset[str]] = {}
    for platform in stands_on:
        for environment, exceptions in cast("dict[str, Any]", platform.get("legacy") or {}).items():
            groups = cast("dict[str, dict[str, str]]", exceptions or {}).values()
            legacy[environment] = frozenset(str(name) for group in groups for name in group.values())
    return System(
        name=str(said.get("name")),
        domain=next((str(one["domain"]) for one in stands_on if "domain" in one), ""),
        environments=frozenset({*stacks, *legacy}),
        parts=frozenset(part for config in stacks.values() for part in _images(config)),
        legacy=legacy,
    )


def _images(config: Mapping[str, Any]) -> Mapping[str, object]:
    return cast("Mapping[str, object]", config.get("bulkhead:images") or {})


def _mapping(file: Path) -> dict[str, Any]:
    try:
        data: object = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TerritoryError(f"{file} cannot be read: {error}") from None
    return cast("dict[str, Any]", data) if isinstance(data, dict) else {}
