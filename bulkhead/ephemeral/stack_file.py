"""Stack files: what an ephemeral environment's `Pulumi.<name>.yaml` says, derived from another stack's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

from bulkhead.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_HEADER = "# {name}: made from {source} by `bulkhead ephemeral create`; lives until the stack's tag {tag} says.\n"

REQUESTS = {"cpu": "25m", "memory": "64Mi"}
"""What the scheduler sets aside for a pod: nobody's customers wait for it."""

_CPU_LIMIT = "250m"
_DEFAULT_LIMITS = {"cpu": "500m", "memory": "512Mi"}
_DEFAULT_QUOTA = {"cpu": "20", "memory": "40Gi", "pods": 100}
_CACHE = {"replicas": 1, "memory": "64Mi"}


class SourceError(UsageError):
    """The stack that was named cannot be the model of an ephemeral environment."""


def read(folder: Path, stack: str) -> dict[str, Any] | None:
    """What a stack's file has under `config`; None where there is no file, or nothing under it.

    Raises:
        SourceError: it is no YAML, or has no mapping there.
    """
    config: object = _whole(folder / f"Pulumi.{stack}.yaml").get("config")
    if not isinstance(config, dict | None):
        raise SourceError(f"{folder / f'Pulumi.{stack}.yaml'} has no mapping under config")
    return cast("dict[str, Any]", config) or None


def _whole(file: Path) -> dict[str, Any]:
    """A stack's file; empty where there is none."""
    import yaml  # noqa: PLC0415 - help must not wait for it

    try:
        data: object = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SourceError(f"{file} cannot be read: {error}") from None
    if not isinstance(data, dict):
        raise SourceError(f"{file} is no mapping")
    return cast("dict[str, Any]", data)


def derived(source: Mapping[str, Any], stack: str, *, seeds: bool) -> dict[str, Any]:
    """An ephemeral environment's configuration: the same program and images, in small sizes.

    One pod of each workload, small requests, DEV's memory limits (an application that does not fit into less would
    not start), a cache of one node, a quota for what is left. Connection limits stay: they are ceilings that the
    program's own pools are measured by.

    Args:
        source: the other stack's.
        stack: what it is called, for errors.
        seeds: whether the databases begin with the program's seeds; else they are empty.

    Raises:
        SourceError: it is of kind production, or has secrets of its own.
    """
    kind = source.get("bulkhead:kind")
    if kind != "development":
        raise SourceError(
            f"--from {stack} is of kind {kind!r}; use a stack of kind 'development': what stands on production's "
            "servers is not tried out there"
        )
    hidden = [key for key, value in source.items() if isinstance(value, dict) and "secure" in value]
    if hidden:
        raise SourceError(f"--from {stack} has {hidden[0]} encrypted; settings are no secrets")
    images: Mapping[str, Any] = source.get("bulkhead:images") or {}
    given: Mapping[str, Any] = source.get("bulkhead:apps") or {}
    apps = {name: _small(given.get(name) or {}) for name in images}
    caches: Mapping[str, Any] = source.get("bulkhead:caches") or {}
    return {
        **source,
        "bulkhead:kind": "ephemeral",
        **({} if seeds else {"bulkhead:seeds": False}),
        "bulkhead:apps": apps,
        "bulkhead:quota": _quota(apps, source.get("bulkhead:quota") or {}),
        **(
            {"bulkhead:caches": {name: {**(one or {}), **_CACHE} for name, one in caches.items()}}
            if caches
            else {}
        ),
        **({"bulkhead:databases": unprotected} if (unprotected := _databases(source)) else {}),
    }


def _databases(source: Mapping[str, Any]) -> dict[str, Any]:
    """The databases' values without a protection, which would stand in the way of the end."""
    given: Mapping[str, Any] = source.get("bulkhead:databases") or {}
    kept: dict[str, dict[str, Any]] = {
        name: {key: value for key, value in cast("dict[str, Any]", one or {}).items() if key != "protect"}
        for name, one in given.items()
    }
    return {name: one for name, one in kept.items() if one}


def _small(app: Mapping[str, Any]) -> dict[str, Any]:
    """A workload's values, as small as they may be."""
    resources: Mapping[str, Any] = app.get("resources") or {}
    requests: Mapping[str, Any] = resources.get("requests") or {}
    limits: dict[str, str] = {**_DEFAULT_LIMITS, **(resources.get("limits") or {})}
    limits["cpu"] = _least(limits["cpu"], _CPU_LIMIT)
    wanted = {key: _least(requests.get(key, small), small, limits[key]) for key, small in REQUESTS.items()}
    return {**app, "replicas": 1, "resources": {"requests": wanted, "limits": limits}}


def _quota(apps: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Room for every workload twice, as a roll-out has it, and for jobs and caches; at most what there was."""
    from components.validation import quantity  # noqa: PLC0415 - help must not wait for it

    limits = [app["resources"]["limits"] for app in apps.values()]
    cpu = math.ceil(2 * sum(quantity(str(one["cpu"])) for one in limits)) + 4
    memory = math.ceil(2 * sum(quantity(str(one["memory"])) for one in limits) / 2**30) + 4
    least: dict[str, Any] = {**_DEFAULT_QUOTA, **given}
    return {
        "cpu": _least(str(cpu), str(least["cpu"])),
        "memory": _least(f"{memory}Gi", str(least["memory"])),
        "pods": min(2 * len(apps) + 10, int(least["pods"])),
    }


def _least(*values: str) -> str:
    from components.validation import quantity  # noqa: PLC0415 - help must not wait for it

    return min(values, key=quantity)


def write(folder: Path, name: str, source: str, tag: str, config: Mapping[str, Any]) -> Path:
    """Write a stack's file, whole or not at all; what Pulumi keeps there for itself stays.

    Args:
        folder: the program's.
        name: the new stack's.
        source: the stack that it was made from.
        tag: where its expiry is recorded.
        config: what it says under `config`.
    """
    import yaml  # noqa: PLC0415 - help must not wait for it

    file = folder / f"Pulumi.{name}.yaml"
    draft = file.with_name(f".{file.name}.new")
    text = yaml.safe_dump({**_whole(file), "config": dict(config)}, sort_keys=False, allow_unicode=True, width=110)
    draft.write_text(_HEADER.format(name=name, source=source, tag=tag) + text, encoding="utf-8")
    draft.replace(file)
    return file
