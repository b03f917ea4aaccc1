"""The files that say what is around a stack, read as plain YAML: stack files, platform files, `policies.yaml`."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from policy.world import DeclarationError, Declared, Platform, World, declared, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

DECLARATIONS = "policies.yaml"
_SANDBOX = "sandbox"


def world(
    system: str,
    environment: str,
    folder: Path = Path(),
    *,
    variables: Mapping[str, str] | None = None,
    today: date | None = None,
) -> World:
    """The world around one stack of the program in a folder; a file that cannot be used is told by it as well.

    Args:
        system: the project's name.
        environment: the stack's name.
        folder: where `Pulumi.yaml` is.
        variables: of the process: BULKHEAD_PLATFORM and BULKHEAD_SANDBOX, where the sandbox stands in.
        today: the current day in UTC, unless given.
    """
    today = today or datetime.now(UTC).date()
    said, declarations, missing = _load(folder, environment, today)
    platform = None
    if not missing:
        try:
            platform = _platform(folder, said, os.environ if variables is None else variables)
        except DeclarationError as error:
            missing = str(error)
    stacks = {file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in folder.glob("Pulumi.*.yaml")}
    known = stacks | declarations.environments | set(platform.legacy if platform else ()) | {"dev", "prod"}
    return World(
        system=system,
        environment=environment,
        kind=kind_of(environment, str(said.get("bulkhead:kind", ""))),
        today=today,
        platform=platform,
        others=frozenset(known - {environment}),
        declared=declarations,
        missing=missing,
    )


def _load(folder: Path, environment: str, today: date) -> tuple[dict[str, Any], Declared, str]:
    """The stack's configuration, what is declared, and what cannot be read."""
    said: dict[str, Any] = {}
    missing = ""
    try:
        stack = _mapping(folder / f"Pulumi.{environment}.yaml")
        said = dict(stack.get("config") or {})
    except (DeclarationError, ValueError) as error:
        missing = str(error)
    try:
        content = _content(folder / DECLARATIONS)
    except DeclarationError as error:
        return said, Declared(faults=(str(error),)), missing
    found = declared(content, today)
    if isinstance(content, dict) and "platform" in content:
        said["platform-file"] = str(cast("dict[str, object]", content)["platform"])
    return said, found, missing


def _platform(folder: Path, said: Mapping[str, Any], variables: Mapping[str, str]) -> Platform:
    named = said.get("bulkhead:platform")
    if named is None and "platform-file" not in said:
        raise DeclarationError(f"neither the stack file's bulkhead:platform nor {DECLARATIONS} names a platform")
    file = folder / str(said.get("platform-file") or f"platforms/{named}.yaml")
    if not file.is_file():
        raise DeclarationError(f"{file} does not exist")
    data = _mapping(file)
    if variables.get("BULKHEAD_PLATFORM") != _SANDBOX:
        return Platform.of(data)
    return Platform.of(data, stands_in=_mapping(Path(variables.get("BULKHEAD_SANDBOX", "")) / "platform.yaml"))


def _mapping(file: Path) -> dict[str, Any]:
    content = _content(file)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise DeclarationError(f"{file} must be a mapping")
    return cast("dict[str, Any]", content)


def _content(file: Path) -> object:
    """A file's content; None where there is no file."""
    try:
        return cast("object", yaml.safe_load(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DeclarationError(f"{file} cannot be read: {error}") from None
