"""Values: what a stack's files say, where two of them differ, and the steps from the one to the other."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from bulkhead.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkhead.stacks import StackReference

Key = tuple[str, ...]
"""A value's place in a stack file: `("bulkhead:apps", "api", "replicas")`."""

_NAMESPACE = "bulkhead:"
_NOT_KNOWN = "known to the engine alone"


class ProgramError(UsageError):
    """A program whose environments cannot be compared."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One stack of a program.

    Args:
        folder: where the program is.
        project: the project's name.
        name: the stack's.
        values: its configuration, by key; a host of its own is written as a mark.
        domain: below which its hosts are; empty where no platform file says so.
        is_exception: whether its platform makes exceptions for it by name.
    """

    folder: Path
    project: str
    name: str
    values: Mapping[str, Any]
    domain: str = ""
    is_exception: bool = False

    def given(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values for an environment of this name, its hosts in them."""
        text = json.dumps(values, ensure_ascii=False)
        for host, mark in _hosts(self.project, name, values, self.domain).items():
            text = text.replace(mark, host)
        return json.loads(text)


def read(reference: StackReference, root: Path = Path()) -> Stack:
    """A stack out of `Pulumi.yaml`, its own file, and its platform's.

    Raises:
        ProgramError: it is no program in Python of this environment, or a file cannot be used.
    """
    folder = (root / reference.folder).resolve()
    project = _mapping(folder / "Pulumi.yaml")
    _refuse_other_languages(project, folder)
    values = {key: _plain(value) for key, value in _merged(project, folder, reference.name).items()}
    platform = folder / "platforms" / f"{values.get(f'{_NAMESPACE}platform')}.yaml"
    said = _mapping(platform) if platform.is_file() else {}
    domain, exceptions = str(said.get("domain") or ""), cast("dict[str, Any]", said.get("legacy") or {})
    name = str(project["name"])
    text = json.dumps(values, ensure_ascii=False)
    for host, mark in _hosts(name, reference.name, values, domain).items():
        text = re.sub(rf"(?<![A-Za-z0-9.@-]){re.escape(host)}(?![A-Za-z0-9-]|\.[A-Za-z0-9])", mark, text)
    return Stack(
        folder=folder,
        project=name,
        name=reference.name,
        values=json.loads(text),
        domain=domain,
        is_exception=reference.name in exceptions,
    )


def _merged(project: Mapping[str, Any], folder: Path, name: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, said in cast("dict[str, Any]", project.get("config") or {}).items():
        about = cast("dict[str, Any]", said) if isinstance(said, dict) else {"value": said}
        full = key if ":" in key else f"{project['name']}:{key}"
        if (value := about.get("value", about.get("default"))) is not None:
            values[full] = value
    return {**values, **(_mapping(folder / f"Pulumi.{name}.yaml").get("config") or {})}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        held = cast("dict[str, Any]", value)
        return _NOT_KNOWN if set(held) == {"secure"} else {key: _plain(inner) for key, inner in held.items()}
    return [_plain(inner) for inner in cast("list[Any]", value)] if isinstance(value, list) else value


def _mapping(file: Path) -> dict[str, Any]:
    try:
        data: object = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ProgramError(f"{file} cannot be read: {error}") from None
    if data is not None and not isinstance(data, dict):
        raise ProgramError(f"{file} is no mapping of keys to values")
    return cast("dict[str, Any]", data or {})


def _refuse_other_languages(project: Mapping[str, Any], folder: Path) -> None:
    runtime: Any = project.get("runtime")
    said: dict[str, Any] = cast("dict[str, Any]", runtime) if isinstance(runtime, dict) else {"name": runtime}
    if said.get("name") != "python" or not (folder / "__main__.py").is_file():
        raise ProgramError(
            f"{folder / 'Pulumi.yaml'}: the runtime is {said.get('name')!r}; "
            "parity runs a program in Python, whose __main__.py is beside Pulumi.yaml"
        )
    named = cast("dict[str, str]", said.get("options") or {}).get("virtualenv")
    place = folder / named if named else None
    if place and place.is_dir() and place.resolve() != Path(sys.prefix).resolve():
        raise ProgramError(
            f"{folder / 'Pulumi.yaml'}: the program has an environment of its own, {place}; "
            f"run the bulkhead that is installed there"
        )


def _hosts(project: str, name: str, values: Mapping[str, Any], domain: str) -> dict[str, str]:
    """The public hosts that an environment may have, longest first, each with the mark that stands for it."""
    from components import Environment, InputError  # noqa: PLC0415 - help must not wait for it

    if not domain:
        return {}
    kind: Any = values.get(f"{_NAMESPACE}kind")
    try:
        environment = Environment(system=project, name=name, kind=kind, domain=domain)
        parts = cast("dict[str, Any]", values.get(f"{_NAMESPACE}images") or {})
        found = {environment.host(part): f"⟨host of {part}⟩" for part in (*parts, None)}
    except (InputError, AttributeError, TypeError):
        return {}  # the program itself will say what is wrong
    return dict(sorted(found.items(), key=lambda pair: len(pair[0]), reverse=True))


def differing(one: object, other: object, key: Key = ()) -> Iterator[Key]:
    """The places where two configurations differ, as deep as both have keys or one has nothing."""
    here, there = (cast("dict[str, object]", side) if isinstance(side, dict) else None for side in (one, other))
    if here is None and there is None:
        if type(one) is not type(other) or one != other:
            yield key
    elif (here is not None or one is None) and (there is not None or other is None) and (here or there):
        mine, theirs = here or {}, there or {}
        for name in [*mine, *(name for name in theirs if name not in mine)]:
            yield from differing(mine.get(name), theirs.get(name), (*key, name))
    elif here != there:
        yield key


def with_value(values: Mapping[str, Any], key: Key, source: Mapping[str, Any]) -> dict[str, Any]:
    """Values with one place as another configuration has it; empty mappings that this leaves are left out."""
    name, rest = key[0], key[1:]
    changed = dict(values)
    if name not in source:
        inner = with_value(values.get(name) or {}, rest, {}) if rest else None
    else:
        inner = with_value(values.get(name) or {}, rest, source.get(name) or {}) if rest else source[name]
    if inner is None or (rest and not inner and not source.get(name)):
        changed.pop(name, None)
    else:
        changed[name] = inner
    return changed


def called(key: Key) -> str:
    """A key as a person writes it: `apps.api.replicas`."""
    return ".".join(key).removeprefix(_NAMESPACE)
