"""The first step of set-up: a Python that will do, and an environment that is made anew only if it must."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from sandbox.toolbox import bootstrap

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("uv.lock", "pyproject.toml"):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(bootstrap, "CHECKOUT", tmp_path)
    return tmp_path


def environment(checkout: Path, status: int = 0) -> Path:
    """An environment that was made from what is there, whose Python ends with that status."""
    folder = checkout / ".venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text(f"#!/bin/sh\nexit {status}\n")
    (folder / "bin" / "python").chmod(0o755)
    (folder / ".bulkhead").write_text(bootstrap.fingerprint(sys.executable))
    return folder


def test_this_python_will_do() -> None:
    assert bootstrap.find_python() == sys.executable


def test_an_old_python_hands_over_to_a_newer_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python3.12").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    assert bootstrap.find_python() == str(tmp_path / "python3.12")


def test_without_a_newer_one_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(bootstrap.SetupFailed, match=r"Python 3\.11 or newer is needed; .* is 3\.9\.2.*PYTHON="):
        bootstrap.find_python()


def test_an_unchanged_environment_is_left_alone(checkout: Path) -> None:
    folder = environment(checkout)
    assert bootstrap.is_current(folder, bootstrap.fingerprint(sys.executable))


@pytest.mark.parametrize("name", ["uv.lock", "pyproject.toml"])
def test_a_changed_file_makes_a_new_environment(checkout: Path, name: str) -> None:
    folder = environment(checkout)
    (checkout / name).write_text("changed")
    assert not bootstrap.is_current(folder, bootstrap.fingerprint(sys.executable))


def test_a_moved_checkout_makes_a_new_environment(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = bootstrap.fingerprint(sys.executable)
    moved = checkout / "moved"
    moved.mkdir()
    for name in ("uv.lock", "pyproject.toml"):
        (moved / name).write_text(name)
    monkeypatch.setattr(bootstrap, "CHECKOUT", moved)
    assert bootstrap.fingerprint(sys.executable) != before


def test_an_environment_whose_python_no_longer_starts_is_made_anew(checkout: Path) -> None:
    folder = environment(checkout, status=1)
    assert not bootstrap.is_current(folder, bootstrap.fingerprint(sys.executable))
    (folder / "bin" / "python").unlink()
    assert not bootstrap.is_current(folder, bootstrap.fingerprint(sys.executable))


def test_uv_in_the_cache_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULKHEAD_CACHE", str(tmp_path))
    version = bootstrap.PINNED_UV.read_text().split("==")[1].split()[0]
    uv = tmp_path / "tools" / f"uv-{version}" / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    uv.touch(mode=0o755)
    assert bootstrap.get_uv("no python is needed", tmp_path) == uv


def test_everything_from_the_index_is_pinned_by_its_sum() -> None:
    for path in bootstrap.PINNED_UV.parent.glob("*.txt"):
        text = path.read_text()
        assert text.count("==") == 1
        assert text.count("--hash=sha256:") > 1


def test_failure_says_why_and_ends_with_1(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BULKHEAD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(bootstrap, "find_python", lambda: sys.executable)
    monkeypatch.setattr(bootstrap, "_pip", lambda _python, _work: ["/bin/sh", "-c", "echo no route; exit 1"])
    assert bootstrap.main() == 1
    error = capsys.readouterr().err
    assert "error:" in error
    assert "no route" in error
    assert not (checkout / ".venv").exists()
