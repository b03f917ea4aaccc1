"""Who changed a path of Vault and when, out of the log of its audit device, where that can be read from here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bulkhead.drift.compare import fields
from bulkhead.drift.report import Cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bulkhead.drift.vault_server import Vault

_CHANGES: Final = frozenset({"create", "update", "patch", "delete"})
_LONGEST: Final = 256_000_000
"""Bytes of a log that are read, from its end; more would take longer than the comparison itself."""


class Audit:
    """The last change of each path, as an audit log has it.

    Args:
        changes: who and when, by path.
        missing: why there is no log to look at; empty where there is one.
    """

    def __init__(self, changes: Mapping[str, Cause], missing: str = "") -> None:
        self._changes, self._missing = changes, missing

    def cause(self, path: str) -> Cause:
        """Who changed a path last, with a mount's own settings among its changes."""
        if self._missing:
            return Cause(source=self._missing)
        candidates = (path, f"{path}/tune", path.replace("/data/", "/metadata/", 1))
        found = [self._changes[one] for one in candidates if one in self._changes]
        if found:
            return max(found, key=lambda one: one.when)
        return Cause(source="the audit log has no change of it")


def of(server: Vault) -> Audit:
    """What the audit devices of a Vault wrote down, as far as this token may know where."""
    try:
        devices = server.read("sys/audit")
    except PermissionError:
        return Audit({}, "the token may not see where Vault's audit log is")
    return read(devices or {})


def read(devices: Mapping[str, Any]) -> Audit:
    """The changes that Vault's audit devices wrote down.

    Args:
        devices: what `sys/audit` answers: each device with its type and options.
    """
    found = [fields(device) for device in devices.values()]
    files = [str(fields(one.get("options")).get("file_path", "")) for one in found if one.get("type") == "file"]
    for name in files:
        file = Path(name)
        if name not in {"", "stdout", "discard"} and file.is_file():
            try:
                return Audit(changes(_lines(file)))
            except OSError as error:
                return Audit({}, f"Vault's audit log cannot be read: {error.strerror}")
    return Audit({}, "no audit log of Vault can be read from here")


def _lines(file: Path) -> list[str]:
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - _LONGEST))
        return stream.read().decode("utf-8", "replace").splitlines()


def changes(lines: Iterable[str]) -> dict[str, Cause]:
    """The last change of each path that Vault carried out."""
    found: dict[str, Cause] = {}
    for line in lines:
        if '"type":"response"' not in line:
            continue
        try:
            entry: dict[str, Any] = json.loads(line)
        except ValueError:
            continue  # the first line may be cut
        request: dict[str, Any] = entry.get("request") or {}
        if entry.get("error") or request.get("operation") not in _CHANGES:
            continue
        auth: dict[str, Any] = entry.get("auth") or {}
        who = str(auth.get("display_name") or "unknown token")
        where = request.get("remote_address")
        found[str(request.get("path", "")).rstrip("/")] = Cause(
            who=f"{who} from {where}" if where else who,
            when=str(entry.get("time", ""))[:19] + "Z",
            source="Vault's audit log",
        )
    return found
