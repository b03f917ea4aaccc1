"""Plain data of which nothing is known: a value as a mapping or as a list, empty where it is something else."""

from __future__ import annotations

from typing import Any, cast


def mapping(value: object) -> dict[str, Any]:
    """The value if it is a mapping; an empty one if it is not."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def listed(value: object) -> list[Any]:
    """The value if it is a list; an empty one if it is not."""
    return cast("list[Any]", value) if isinstance(value, list) else []
