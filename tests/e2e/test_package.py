"""The library as a package: installed from its wheel, used from another repository in five lines."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from sandbox.toolbox import catalogue
from tests.e2e.engine import CHECKOUT, Project
from tests.e2e.servers import Servers

FIVE_LINES = """\
from components import Namespace, NamespaceArgs, Settings, connect

settings = Settings.load(apps=("web",))
platform = connect(settings)
args = NamespaceArgs(environment=settings.environment, part="web")
Namespace("web", args, platform)
"""
NAMESPACE = "elsewhere-web-dev"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but what the wheel installs."""
    folder = tmp_path_factory.mktemp("package")
    uv = str(next(catalogue.tools_folder().glob("uv-*/bin/uv")))
    for words in (
        ("build", "--wheel", "--out-dir", str(folder / "dist"), str(CHECKOUT)),
        ("pip", "install", "--quiet", "--no-deps", "--target", str(folder / "installed")),
    ):
        wheels = map(str, (folder / "dist").glob("*.whl")) if words[0] == "pip" else ()
        settings = {"UV_SYSTEM_CERTS": "1", **os.environ}  # as make setup runs it
        subprocess.run((uv, *words, *wheels), check=True, capture_output=True, timeout=120, env=settings)
    return folder / "installed"


@pytest.fixture
def elsewhere(installed: Path, servers: Servers, tmp_path: Path) -> Iterator[Project]:
    """Another repository, with a program of five lines and no copy of the library."""
    (tmp_path / "__main__.py").write_text(FIVE_LINES, encoding="utf-8")
    (tmp_path / "Pulumi.yaml").write_text("name: elsewhere\nruntime: python\n", encoding="utf-8")
    config = {"kind": "development", "platform": "minimal", "images": {"web": "registry.example.com/e/web:v1"}}
    stack = {"config": {f"bulkhead:{key}": value for key, value in config.items()}}
    (tmp_path / "Pulumi.dev.yaml").write_text(yaml.safe_dump(stack), encoding="utf-8")
    (tmp_path / "platforms").symlink_to(CHECKOUT / "examples" / "minimal" / "platforms")
    surroundings = {**os.environ, **servers.environment, "PYTHONPATH": str(installed)}
    project = Project(tmp_path, surroundings)
    project.init("dev")
    yield project
    project.remove("dev")


def test_the_package_is_what_another_repository_imports(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        (sys.executable, "-c", "import components; print(components.__file__)"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert Path(done.stdout.strip()).is_relative_to(installed)


def test_the_five_lines_are_those_that_the_examples_show() -> None:
    shown = (CHECKOUT / "examples" / "README.md").read_text(encoding="utf-8")
    assert f"```python\n{FIVE_LINES}```" in shown


def test_the_package_has_the_library_typed_and_the_command_and_nothing_else(installed: Path) -> None:
    record = next(installed.glob("bulkhead-*.dist-info")) / "RECORD"
    files = {line.partition(",")[0] for line in record.read_text(encoding="utf-8").splitlines()}
    assert {name.partition("/")[0] for name in files if not name.endswith("bin/bulkhead")} == {
        "components",
        "bulkhead",
        "policy",
        "sandbox",
        record.parent.name,
    }
    library = {name for name in files if name.startswith("components/")}
    checkout = (path.relative_to(CHECKOUT) for path in (CHECKOUT / "components").glob("*.py"))
    assert library == {"components/py.typed", *map(str, checkout)}


def test_the_program_takes_the_package_and_not_the_checkout(elsewhere: Project, tmp_path: Path) -> None:
    broken = tmp_path / "broken" / "components"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('this is no package')\n", encoding="utf-8")
    outcome = elsewhere.pulumi("preview", "--stack", "dev", check=False, PYTHONPATH=str(broken.parent))
    assert outcome.status != 0
    assert "this is no package" in outcome.output


def test_five_lines_in_another_repository_make_a_namespace(elsewhere: Project, servers: Servers) -> None:
    elsewhere.up("dev")
    labels = servers.core.read_namespace(NAMESPACE).metadata.labels
    assert labels["bulkhead.dev/system"] == "elsewhere"
    assert elsewhere.changes("dev") == []
