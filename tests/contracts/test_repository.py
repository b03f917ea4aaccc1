"""How the repository is laid out, and what may import what."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.stacks import ROOT

LONGEST_FILE, LONGEST_PROGRAM = 400, 60


def tracked(*patterns: str) -> list[Path]:
    """The repository's own files, those not yet added among them."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    ).stdout
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).is_file()]


@cache
def syntax(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imports(file: Path) -> set[str]:
    """The top-level names of all packages that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(syntax(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.relative_to(ROOT)} imports relatively"
            found.add((node.module or "").partition(".")[0])
    return found


def test_no_file_is_too_long_to_read() -> None:
    files = tracked("*.py")
    assert len(files) > 30
    lengths = {str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    assert not {name: length for name, length in lengths.items() if length > LONGEST_FILE}


def test_the_program_fits_on_a_page() -> None:
    assert len((ROOT / "__main__.py").read_text(encoding="utf-8").splitlines()) <= LONGEST_PROGRAM


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("components", {"bulkhead", "sandbox", "policy", "tests"}),
        ("policy", {"bulkhead", "sandbox", "components", "tests"}),
        ("sandbox", {"bulkhead", "tests"}),
        ("bulkhead", {"tests"}),
    ],
)
def test_dependencies_point_one_way(folder: str, forbidden: set[str]) -> None:
    for file in tracked(f"{folder}/*.py"):
        assert not imports(file) & forbidden, file.relative_to(ROOT)


def test_the_program_imports_the_library_alone() -> None:
    assert imports(ROOT / "__main__.py") <= {"pathlib", "typing", "pulumi", "components"}


def test_importing_the_library_reads_writes_and_connects_to_nothing() -> None:
    watch = f"""
import sys
import pulumi, pulumi_kubernetes, pulumi_postgresql, pulumi_random, pulumi_vault, pydantic, yaml
def hook(event, arguments):
    if event in ("socket.connect", "socket.bind", "subprocess.Popen", "os.system", "os.mkdir", "os.remove"):
        raise SystemExit(f"importing components does {{event}} {{arguments}}")
    if event == "open":
        place, mode = str(arguments[0]), arguments[1] or "r"
        own = place.startswith({str(ROOT)!r}) and "/.venv/" not in place
        if set(mode) & set("wax+") or (own and not place.endswith((".py", ".pyc"))):
            raise SystemExit(f"importing components opens {{place}} as {{mode}}")
sys.addaudithook(hook)
import components
print(len(components.__all__))
"""
    done = subprocess.run(
        [sys.executable, "-B", "-W", "ignore", "-c", watch],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10


def test_every_test_is_where_pytest_collects_it() -> None:
    for file in tracked("*.py"):
        tests = [
            node.name
            for node in ast.walk(syntax(file))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")
        ]
        place = file.relative_to(ROOT)
        collected = place.parts[0] == "tests" and place.name.startswith("test_")
        assert bool(tests) == collected, f"{place} has {len(tests)} tests"


def test_every_folder_of_tests_is_a_package() -> None:
    for file in tracked("tests/*.py"):
        assert (file.parent / "__init__.py").is_file(), file.parent.relative_to(ROOT)


def test_every_component_has_its_tests() -> None:
    modules = {file.stem for file in tracked("components/*.py")} - {"__init__", "errors"}
    tested = {file.stem.removeprefix("test_") for file in tracked("tests/unit/test_*.py")}
    assert not modules - tested


def test_no_two_projects_on_the_sandbox_have_one_name() -> None:
    """Their stacks' state, namespaces, databases and Vault paths would be the same."""
    texts = {file: file.read_text(encoding="utf-8") for file in tracked("*Pulumi.yaml", "tests/e2e/*.py")}
    names: dict[str, set[str]] = {}
    code = r'"name: ([\w-]+)(?:\n|\\n)runtime|= small_project\(.*, servers, "([\w-]+)"'
    for file, text in texts.items():
        pattern = re.compile(r"^name: (\S+)()$" if file.suffix == ".yaml" else code, re.MULTILINE)
        for name in ("".join(found) for found in pattern.findall(text)):
            names.setdefault(name, set()).add(str(file.relative_to(ROOT)))
    assert names.keys() >= {"keybuzz", "shop", "chat", "turn"}, "each way to write a name is found"
    assert not {name: files for name, files in names.items() if len(files) > 1}


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    for file in tracked("tests/*.py"):
        for node in ast.walk(syntax(file)):
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"skip", "skipif", "xfail", "importorskip"}, file.relative_to(ROOT)
