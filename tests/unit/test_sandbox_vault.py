"""Vault's audit log in the sandbox: always on, closed to others, and not without end."""

from pathlib import Path
from typing import Any, cast

import pytest

from sandbox import vault


class Recorder:
    """An API that remembers what it was told."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self.told: list[tuple[str, str, Any]] = []

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Tell it something."""
        if method != "GET":
            self.told.append((method, path, body))
        return {"data": {"file/": {}} if self.enabled else {}}


def audit(log: Path, *, enabled: bool) -> list[tuple[str, str, Any]]:
    recorder = Recorder(enabled=enabled)
    vault.audit(log, cast("Any", recorder))
    return recorder.told


def test_the_log_is_closed_to_others(tmp_path: Path) -> None:
    options = {"file_path": str(tmp_path / "audit.log"), "mode": "0600"}
    put = ("PUT", "/v1/sys/audit/file", {"type": "file", "options": options})
    assert audit(tmp_path / "audit.log", enabled=False) == [put]


def test_a_device_that_is_on_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "audit.log").write_text("a line\n")
    assert audit(tmp_path / "audit.log", enabled=True) == []


def test_a_log_that_is_too_long_is_put_aside_and_the_device_opens_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault, "AUDIT_BYTES", 3)
    log = tmp_path / "audit.log"
    log.write_text("a line\n")
    assert [method for method, _, _ in audit(log, enabled=True)] == ["DELETE", "PUT"]
    assert not log.exists()
    assert (tmp_path / "audit.log.1").read_text() == "a line\n"
