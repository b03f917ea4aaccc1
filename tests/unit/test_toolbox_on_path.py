"""Tools on PATH: taken only in exactly the right version, and complete."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sandbox.toolbox import on_path
from sandbox.toolbox.catalogue import place, tool

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is alone on PATH."""
    monkeypatch.setenv("BULKHEAD_CACHE", str(tmp_path / "cache"))
    there = tmp_path / "there"
    there.mkdir()
    monkeypatch.setenv("PATH", str(there))
    return there


def program(path: Path, says: str, status: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("kubernetes", "Kubernetes v1.36.3", True),
        ("kubernetes", "Kubernetes v1.36.30", False),
        ("kubernetes", "Kubernetes v1.36.3-rc.1", False),
        ("kubernetes", "Kubernetes v11.36.3", False),
        ("etcd", "etcd Version: 3.6.8\nGit SHA: abc", True),
        ("etcd", "etcd Version: 3.6.8.1", False),
        ("vault", "Vault v1.21.0 (abc), built 2025-10-20T10:32:30Z", True),
        ("vault", "Vault v1.21.0+ent", False),
        ("kwok", "kwok version v0.8.0 go1.26.8 (linux/amd64)", True),
        ("redis", "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", True),
        ("redis", "redis-cli 7.0.4", True),
        ("redis", "redis-cli 7.2.4", False),
        ("redis", "redis-cli 17.0.4", False),
        ("haproxy", "HAProxy version 2.6.12-1+deb12u4 2026/10/17\nRunning on: Linux 6.1.7", True),
        ("haproxy", "HAProxy version 3.0.11 2025/04/17\nRunning on: Linux 2.6.32", False),
        ("haproxy", "", False),
        ("postgresql", "postgres (PostgreSQL) 16.3 (Debian 16.3-1)", True),
        ("postgresql", "postgres (PostgreSQL) 17.16", False),
        ("postgresql", "", False),
    ],
)
def test_only_the_very_version_fits(name: str, text: str, expected: bool) -> None:  # noqa: FBT001
    assert on_path.fits(tool(name), text) is expected


def test_a_fitting_program_is_found(folder: Path) -> None:
    etcd = program(folder / "etcd", "etcd Version: 3.6.8")
    assert on_path.find(tool("etcd"), ENVIRONMENT) == {"etcd": etcd}


def test_a_program_that_fails_is_not_relied_on(folder: Path) -> None:
    program(folder / "etcd", "etcd Version: 3.6.8", status=1)
    assert on_path.find(tool("etcd"), ENVIRONMENT) == {}


def test_one_program_of_another_version_spoils_the_tool(folder: Path) -> None:
    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        program(folder / name, "Kubernetes v1.36.3")
    assert len(on_path.find(tool("kubernetes"), ENVIRONMENT)) == 3
    program(folder / "kube-scheduler", "Kubernetes v1.35.0")
    assert on_path.find(tool("kubernetes"), ENVIRONMENT) == {}


def test_our_own_cache_on_path_is_not_the_machines(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = program(place(tool("etcd")) / "bin" / "etcd", "etcd Version: 3.6.8").parent
    monkeypatch.setenv("PATH", f"{ours}{os.pathsep}{folder}")
    assert on_path.find(tool("etcd"), ENVIRONMENT) == {}


def test_a_program_that_cannot_say_its_version_counts_only_beside_its_owner(folder: Path) -> None:
    host = program(folder / "pulumi-language-python", "")
    assert on_path.find(tool("pulumi"), ENVIRONMENT) == {}
    engine = program(folder / "pulumi", "v3.259.0")
    assert on_path.find(tool("pulumi"), ENVIRONMENT) == {"pulumi": engine, "pulumi-language-python": host}
    program(folder / "pulumi", "v3.100.0")
    assert on_path.find(tool("pulumi"), ENVIRONMENT) == {}


def test_external_secrets_cannot_say_its_version(folder: Path) -> None:
    program(folder / "external-secrets", "0.20.4")
    assert on_path.find(tool("external-secrets"), ENVIRONMENT) == {}


def test_postgresql_counts_only_with_its_extensions(folder: Path, tmp_path: Path) -> None:
    for entry in tool("postgresql").programs:
        program(folder / entry.name, "postgres (PostgreSQL) 16.10")
    extensions = tmp_path / "share" / "extension"
    extensions.mkdir(parents=True)
    program(folder / "pg_config", str(extensions.parent))
    (extensions / "vector.control").touch()
    assert on_path.find(tool("postgresql"), ENVIRONMENT) == {}
    (extensions / "pg_trgm.control").touch()
    assert on_path.find(tool("postgresql"), ENVIRONMENT)["initdb"] == folder / "initdb"


def test_a_linked_program_that_became_another_version_no_longer_fits(folder: Path) -> None:
    etcd = program(folder / "etcd", "etcd Version: 3.6.8")
    on_path.link({"etcd": etcd}, place(tool("etcd")) / "bin")
    assert on_path.still_fits(tool("etcd"), ENVIRONMENT)
    program(etcd, "etcd Version: 3.7.0")
    assert not on_path.still_fits(tool("etcd"), ENVIRONMENT)


def test_a_program_that_we_built_is_not_asked_again(folder: Path) -> None:
    program(place(tool("etcd")) / "bin" / "etcd", "whatever", status=1)
    assert on_path.still_fits(tool("etcd"), ENVIRONMENT)
