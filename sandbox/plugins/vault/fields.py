"""From a resource's properties to the fields of Vault's API and back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

from sandbox.plugins.bridged.schema import Property
from sandbox.plugins.vault.client import VaultError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.plugins.bridged.schema import Values

#: A property that exists, but that the sandbox's Vault has no use for; a program that sets it is refused.
UNSERVED: Final = Property(output=True)
SECRET_UNSERVED: Final = Property(output=True, secret=True)

_CAPITAL = re.compile(r"(?<!^)([A-Z])")


def snake(name: str) -> str:
    """The API's name of a property: `tokenBoundCidrs` is `token_bound_cidrs`."""
    return _CAPITAL.sub(r"_\1", name).lower()


def trimmed(path: str) -> str:
    """A path without slashes around it, as Vault keeps it."""
    return path.strip("/")


def block(values: Mapping[str, Any], name: str) -> Values:
    """A nested block of properties or of an answer; an empty one where there is none."""
    return cast("Values", values.get(name) or {})


def changed(old: Mapping[str, Any], plan: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """The names whose values differ; unset, empty and zero are the same to Vault."""
    return [name for name in names if (old.get(name) or None) != (plan.get(name) or None)]


def some(values: Iterable[Any] | None) -> list[Any] | None:
    """A list, or None where it is empty: how lists that nobody declared are shown."""
    return list(values or ()) or None


def secret_texts(*values: Any) -> list[str]:
    """Every text inside secret values, to be kept out of error messages."""
    found: list[str] = []
    for value in values:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            found += secret_texts(*value.values())
        elif isinstance(value, (list, tuple)):
            found += secret_texts(*value)
    return found


def present(outputs: Values | None, place: str) -> Values:
    """What was read right after it was written, which must be there."""
    if outputs is None:
        raise VaultError(f"Vault has nothing at {place} right after it was written")
    return outputs
