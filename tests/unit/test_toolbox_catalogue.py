"""The catalogue: what it says agrees with the pinned modules, and a tool is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.toolbox import bootstrap, catalogue
from sandbox.toolbox.gomodules import pinned_sum, required

MODULE_OF_VERSION = {
    "cert-manager-crds": "github.com/cert-manager/cert-manager",
    "prometheus-operator-crds": "github.com/prometheus-operator/prometheus-operator",
    "gateway-api-crds": "sigs.k8s.io/gateway-api",
    "pulumi": "github.com/pulumi/pulumi/pkg/v3",
    "pulumi-language-python": "github.com/pulumi/pulumi/sdk/v3",
    "etcd": "go.etcd.io/etcd/server/v3",
    "kubernetes": "k8s.io/kubernetes",
    "kwok": "sigs.k8s.io/kwok",
    "external-secrets": "github.com/external-secrets/external-secrets",
    "vault": "github.com/hashicorp/vault",
}
BUILT = [entry for entry in catalogue.CATALOGUE if entry.module]


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BULKHEAD_CACHE", str(tmp_path))
    return tmp_path / "tools"


def put(tools: Path, name: str) -> Path:
    entry = catalogue.tool(name)
    folder = tools / entry.key / "bin"
    folder.mkdir(parents=True)
    for program in entry.programs:
        (folder / program.name).touch(mode=0o755)
    return folder


@pytest.mark.parametrize("entry", BUILT, ids=lambda entry: entry.name)
def test_version_is_the_one_that_the_module_pins(entry: catalogue.Tool) -> None:
    module = catalogue.MODULES / entry.module
    path = MODULE_OF_VERSION[entry.name]
    version = required(module, path)
    assert version == f"v{entry.version.split('+')[0]}"
    assert pinned_sum(module / "go.sum", path, version).startswith("h1:")


@pytest.mark.parametrize("entry", BUILT, ids=lambda entry: entry.name)
def test_every_module_that_files_are_taken_from_is_pinned(entry: catalogue.Tool) -> None:
    for files in entry.files:
        module = catalogue.MODULES / (files.pinned_by or entry.module)
        version = required(module, files.module)
        assert pinned_sum(module / "go.sum", files.module, version).startswith("h1:")


def test_every_pinned_module_belongs_to_a_tool() -> None:
    folders = {path.name for path in catalogue.MODULES.iterdir() if (path / "go.mod").exists()}
    hosts = {program.pinned_by for entry in BUILT for program in entry.programs if program.pinned_by}
    assert folders == {entry.module for entry in BUILT} | hosts


def test_programs_are_named_once() -> None:
    names = [program.name for entry in catalogue.CATALOGUE for program in entry.programs]
    assert len(names) == len(set(names))


def test_cache_is_where_the_variables_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("BULKHEAD_CACHE", raising=False)
    assert catalogue.cache() == tmp_path / "xdg" / "bulkhead" == bootstrap.cache()
    monkeypatch.setenv("BULKHEAD_CACHE", str(tmp_path / "own"))
    assert catalogue.cache() == tmp_path / "own" == bootstrap.cache()
    monkeypatch.delenv("BULKHEAD_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert catalogue.cache() == Path.home() / ".cache" / "bulkhead" == bootstrap.cache()


def test_programs_are_found_by_their_own_name(tools: Path) -> None:
    folder = put(tools, "kubernetes")
    assert catalogue.binary("kube-scheduler") == folder / "kube-scheduler"
    assert catalogue.folder("kubernetes") == folder.parent


def test_what_is_absent_is_named_with_what_to_do(tools: Path) -> None:
    with pytest.raises(catalogue.ToolMissing, match=r"vault 1\.21\.0 is not in .*make setup"):
        catalogue.binary("vault")
    with pytest.raises(catalogue.ToolMissing, match="'kubelet'"):
        catalogue.binary("kubelet")


def test_a_tool_without_all_its_programs_is_not_installed(tools: Path) -> None:
    folder = put(tools, "kubernetes")
    assert catalogue.is_installed(catalogue.tool("kubernetes"))
    (folder / "kube-scheduler").unlink()
    assert not catalogue.is_installed(catalogue.tool("kubernetes"))
    (folder / "kube-scheduler").symlink_to(tools / "gone")
    assert not catalogue.is_installed(catalogue.tool("kubernetes"))


def test_resource_definitions_of_all_four_operators(tools: Path) -> None:
    for entry in catalogue.CATALOGUE:
        put(tools, entry.name)
    names = [path.parent.name.rsplit("-", 1)[0] for path in catalogue.crd_folders()]
    assert names == ["cert-manager-crds", "prometheus-operator-crds", "gateway-api-crds", "external-secrets"]
