"""A Vault as drift asks it: by paths, with its refusals as answers."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bulkhead.drift.compare import fields
from bulkhead.drift.finding import RepairError
from bulkhead.drift.report import HIDDEN
from bulkhead.live import LiveError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Vault:
    """A Vault as drift asks it: by paths.

    Args:
        client: an hvac client with the administrator's token.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._errors: Any = import_module("hvac").exceptions

    def read(self, path: str) -> dict[str, Any] | None:
        """What is at a path; None where there is nothing.

        Raises:
            PermissionError: the token may not read it.
        """
        try:
            answer = self._client.read(path)
        except self._errors.InvalidPath:
            return None
        except self._errors.InvalidRequest as error:
            # sys/mounts and sys/auth answer so where there is no such mount.
            if "No secret engine mount" in str(error) or "No auth engine" in str(error):
                return None
            raise PermissionError(f"Vault refuses to read {path}: {said(error)}") from None
        except self._errors.VaultError as error:
            raise PermissionError(f"Vault refuses to read {path}: {said(error)}") from None
        except OSError as error:
            raise LiveError(f"Vault does not answer: {type(error).__name__}") from None
        data = fields(answer).get("data")
        return fields(data) if isinstance(data, dict) else None

    def names(self, path: str) -> list[str]:
        """What is below a path; nothing where it cannot be listed at all."""
        try:
            answer = self._client.list(path)
        except self._errors.InvalidPath:
            return []
        except self._errors.VaultError as error:
            raise PermissionError(f"Vault refuses to list {path}: {said(error)}") from None
        except OSError as error:
            raise LiveError(f"Vault does not answer: {type(error).__name__}") from None
        return [str(name) for name in answer["data"]["keys"]] if answer else []

    def write(self, path: str, data: Mapping[str, Any]) -> None:
        """Write to a path.

        Raises:
            RepairError: Vault refuses it.
        """
        try:
            self._client.write_data(path, data=dict(data))
        except (self._errors.VaultError, OSError) as error:
            raise RepairError(f"Vault refuses to write {path}: {said(error)}") from None

    def delete(self, path: str) -> None:
        """Delete what is at a path.

        Raises:
            RepairError: Vault refuses it.
        """
        try:
            self._client.delete(path)
        except (self._errors.VaultError, OSError) as error:
            raise RepairError(f"Vault refuses to delete {path}: {said(error)}") from None


def said(error: Exception) -> str:
    """Vault's words, without the address and what was sent."""
    said: list[Any] = getattr(error, "errors", None) or [type(error).__name__]
    return " ".join(str(said[0]).split())[:300]


def without_credentials(text: str) -> str:
    """A text with the password of each URL hidden; Vault's own templates are none."""
    return re.sub(r"(://[^\s:/@]+):(?!\{\{)[^\s@]+@", rf"\1:{HIDDEN}@", text)


def as_kept(live: Mapping[str, Any]) -> dict[str, Any]:
    """What is at a path as it may be kept in a file: a URL without its password."""
    return {key: without_credentials(value) if isinstance(value, str) else value for key, value in live.items()}
