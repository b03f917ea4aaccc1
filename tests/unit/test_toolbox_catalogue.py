"""The catalogue: what it says agrees with the pinned modules, and a tool is there whole or not at all."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.toolbox import bootstrap, catalogue, kinds
from sandbox.toolbox.gomodules import pinned_sum, required

MODULE_OF_VERSION = {
    "cert-manager-crds": "github.com/cert-manager/cert-manager",
    "prometheus-operator-crds": "github.com/prometheus-operator/prometheus-operator",
    "gateway-api-crds": "sigs.k8s.io/gateway-api",
    "nginx-ingress-crds": "github.com/nginxinc/kubernetes-ingress",
    "pulumi": "github.com/pulumi/pulumi/pkg/v3",
    "pulumi-language-python": "github.com/pulumi/pulumi/sdk/v3",
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-score": "github.com/zegl/kube-score",
    "actionlint": "github.com/rhysd/actionlint",
    "kubernetes": "k8s.io/kubernetes",
    "kwok": "sigs.k8s.io/kwok",
    "traefik": "github.com/traefik/traefik/v3",
    "external-secrets": "github.com/external-secrets/external-secrets",
    "vault": "github.com/hashicorp/vault",
}
BUILT = [entry for entry in catalogue.CATALOGUE if entry.module]
OWN = [entry for entry in catalogue.CATALOGUE if entry.source]
ENVIRONMENTS = [entry for entry in catalogue.CATALOGUE if entry.environment]


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
    hosts = {program.pinned_by for entry in BUILT for program in entry.programs if program.pinned_by}
    assert folders_with("go.mod") == folders_with("go.sum") == {entry.module for entry in BUILT} | hosts


def folders_with(file: str) -> set[str]:
    return {path.name for path in catalogue.MODULES.iterdir() if (path / file).exists()}


def test_every_tool_comes_from_one_kind_of_source() -> None:
    others = [entry for entry in catalogue.CATALOGUE if entry.name != "postgresql"]
    assert others
    for entry in others:
        sources = (entry.module, entry.source, entry.debian, entry.environment)
        assert [bool(source) for source in sources].count(True) == 1, entry.name
        assert entry.module or not entry.files, entry.name


def test_our_own_program_is_built_with_the_modules_of_pulumi() -> None:
    (own,) = OWN
    mine, others = (
        dict(re.findall(r"^(?:require)?\s+(\S+/\S+)\s+(v\S+)", file.read_text(encoding="utf-8"), re.MULTILINE))
        for file in (kinds.REPOSITORY / own.source / "go.mod", catalogue.MODULES / "pulumi" / "go.mod")
    )
    assert mine["github.com/pulumi/pulumi/sdk/v3"] == f"v{own.version}"
    assert {name: version for name, version in mine.items() if others.get(name, version) != version} == {}


def test_an_installed_package_has_no_tool_whose_sources_stay_in_the_repository(tmp_path: Path) -> None:
    shutil.copytree(catalogue.MODULES.parent / "toolbox", tmp_path / "sandbox" / "toolbox")
    (tmp_path / "sandbox" / "__init__.py").touch()
    program = "from sandbox.toolbox.catalogue import CATALOGUE; print(*(entry.name for entry in CATALOGUE))"
    done = subprocess.run(
        (sys.executable, "-c", program), cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60
    )
    there = [entry.name for entry in catalogue.CATALOGUE]
    assert done.stdout.split() == [name for name in there if name != "go-example"]


def test_our_own_program_has_another_folder_once_its_sources_are_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "REPOSITORY", tmp_path)
    entry = kinds.Tool(name="own", version="1.0.0", purpose="a test", source="go", seconds=1)
    (tmp_path / "go").mkdir()
    keys: list[str] = []
    for name, text in (("go.mod", "a"), ("main.go", "b"), ("main.go", "c"), ("more.go", ""), ("dev.json", "{}")):
        (tmp_path / "go" / name).write_text(text, encoding="utf-8")
        keys.append(entry.key)
    assert all(key.startswith("own-1.0.0-") for key in keys)
    assert len(set(keys)) == 4
    assert keys[-1] == keys[-2]


@pytest.mark.parametrize("entry", ENVIRONMENTS, ids=lambda entry: entry.name)
def test_every_package_of_an_environment_is_pinned_with_its_sums(entry: catalogue.Tool) -> None:
    lock = (catalogue.MODULES / entry.environment / "requirements.txt").read_text(encoding="utf-8")
    packages = re.split(r"\n(?=[a-z])", lock.strip())
    assert f"{entry.name}=={entry.version} \\" in [package.splitlines()[0] for package in packages]
    for package in packages:
        first, *sums = package.splitlines()
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; .+)? \\", first), first
        assert sums, first
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in sums), first


def test_every_pinned_environment_belongs_to_a_tool() -> None:
    wanted = {entry.environment: f"{entry.name}=={entry.version}" for entry in ENVIRONMENTS}
    assert folders_with("requirements.txt") == folders_with("requirements.in") == set(wanted)
    for folder, pin in wanted.items():
        asked = (catalogue.MODULES / folder / "requirements.in").read_text(encoding="utf-8").splitlines()
        assert [line for line in asked if not line.startswith("#")] == [pin]


def test_what_comes_from_debian_names_a_series() -> None:
    assert {entry.name for entry in catalogue.CATALOGUE if entry.debian} == {"redis", "haproxy"}
    for entry in catalogue.CATALOGUE:
        if entry.debian:
            assert re.fullmatch(r"\d+\.\d+", entry.version), entry.name
            assert all(program.version_command and not program.package for program in entry.programs)


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


def test_resource_definitions_of_all_operators_and_controllers(tools: Path) -> None:
    for entry in catalogue.CATALOGUE:
        put(tools, entry.name)
    names = [path.parent.name.rsplit("-", 1)[0] for path in catalogue.crd_folders()]
    assert names == [
        "cert-manager-crds",
        "prometheus-operator-crds",
        "gateway-api-crds",
        "nginx-ingress-crds",
        "traefik",
        "external-secrets",
    ]
