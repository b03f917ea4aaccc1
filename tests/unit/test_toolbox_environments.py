"""Python tools: an environment of their own, exactly as pinned, that lends no Python to anybody."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sandbox.toolbox import environments, on_path
from sandbox.toolbox.catalogue import MODULES, is_installed, place, tool
from sandbox.toolbox.workshop import WorkFailed, Workshop

if TYPE_CHECKING:
    from pathlib import Path

CHECKOV = tool("checkov")
UV = """\
#!/bin/sh
echo "$*" >> {folder}/calls
env > {folder}/environment
for last; do :; done
case $1 in
venv) mkdir -p "$last/bin"; ln -s {folder}/python "$last/bin/python"; echo "$last" > {folder}/made ;;
pip) echo '#!/bin/sh
echo "{name} $0 [$PYTHONPATH$VIRTUAL_ENV] $*"' > "$(cat {folder}/made)/bin/{name}"
     chmod +x "$(cat {folder}/made)/bin/{name}" ;;
esac
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A workshop, and a stand-in for uv in the cache."""
    monkeypatch.setenv("BULKHEAD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("VIRTUAL_ENV", "/the/projects/own")
    (tmp_path / "shop" / "tmp").mkdir(parents=True)
    put_uv(tmp_path, brings="checkov")
    return Workshop(tmp_path / "shop", lambda: None)


def put_uv(folder: Path, *, brings: str) -> None:
    uv = folder / "cache" / "tools" / "uv-1.0" / "bin" / "uv"
    uv.parent.mkdir(parents=True, exist_ok=True)
    uv.write_text(UV.format(folder=folder, name=brings))
    uv.chmod(0o755)


def assemble(shop: Workshop) -> Path:
    into = shop.folder / "tool"
    into.mkdir()
    environments.assemble(CHECKOV, into, shop, lambda _text: None)
    return into


def test_exactly_what_is_pinned_is_installed_into_an_environment_of_its_own(
    shop: Workshop, tmp_path: Path
) -> None:
    into = assemble(shop)
    made, filled = (tmp_path / "calls").read_text().splitlines()
    assert made.startswith("venv ")
    assert "--relocatable" in made
    assert f"--python {sys.executable} " in made
    assert made.endswith(f" {into}/environment")
    assert filled.startswith("pip sync --require-hashes --only-binary :all: ")
    assert f"--python {into}/environment/bin/python" in filled
    assert filled.endswith(f" {MODULES}/checkov/requirements.txt")
    settings = (tmp_path / "environment").read_text()
    assert "/the/projects/own" not in settings
    assert f"UV_CACHE_DIR={shop.folder}/uv\n" in settings


def test_the_program_starts_wherever_it_lies_and_sees_no_other_environment(shop: Workshop, tmp_path: Path) -> None:
    moved = assemble(shop).rename(tmp_path / "elsewhere")
    answer = subprocess.run(
        [moved / "bin" / "checkov", "--version", "a b"],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": "/work", "VIRTUAL_ENV": "/other"},
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    assert answer.stdout == f"checkov {moved}/environment/bin/checkov [] --version a b\n"


def test_what_is_put_on_path_holds_no_python(shop: Workshop) -> None:
    assert [path.name for path in (assemble(shop) / "bin").iterdir()] == ["checkov"]


def test_an_environment_whose_python_is_gone_is_made_anew(shop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "python").touch(mode=0o755)
    place(CHECKOV).parent.mkdir(parents=True, exist_ok=True)
    assemble(shop).rename(place(CHECKOV))
    assert is_installed(CHECKOV)
    (tmp_path / "python").unlink()
    assert not is_installed(CHECKOV)


def test_a_program_of_the_machine_needs_no_environment_of_ours(shop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "checkov").touch(mode=0o755)
    on_path.link({"checkov": tmp_path / "checkov"}, place(CHECKOV) / "bin")
    assert is_installed(CHECKOV)


def test_packages_without_the_program_are_an_error(shop: Workshop, tmp_path: Path) -> None:
    put_uv(tmp_path, brings="other")
    with pytest.raises(WorkFailed, match=r"checkov/requirements\.txt pins bring no checkov"):
        assemble(shop)


def test_without_uv_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("BULKHEAD_CACHE", str(tmp_path))
    with pytest.raises(WorkFailed, match="make setup"):
        environments.find_uv()
