"""Affected: what a changed file reaches; what is not known reaches all."""

import subprocess
from pathlib import Path

import pytest

from bulkhead.diff.affected import ChangeError, affected, changed_since, kind_of, platform_of
from bulkhead.stacks import StackReference

DEV, PROD = StackReference(Path(), "dev"), StackReference(Path(), "prod")
OTHER, THIRD = StackReference(Path("examples/twinme"), "dev"), StackReference(Path("examples/twinme"), "prod")
ALL = [DEV, PROD, OTHER, THIRD]
PLATFORMS = {DEV: "keybuzz", PROD: "keybuzz-prod", OTHER: "twinme", THIRD: "twinme"}


@pytest.mark.parametrize(
    ("file", "reached"),
    [
        ("Pulumi.dev.yaml", [DEV]),
        ("Pulumi.gone.yaml", [DEV, PROD]),
        ("Pulumi.yaml", [DEV, PROD]),
        ("__main__.py", [DEV, PROD]),
        ("database/api/0001.sql", [DEV, PROD]),
        ("platforms/keybuzz.yaml", [DEV]),
        ("platforms/nobody.yaml", [DEV, PROD]),
        ("examples/twinme/__main__.py", [OTHER, THIRD]),
        ("examples/twinme/Pulumi.prod.yaml", [THIRD]),
        ("examples/twinme/platforms/twinme.yaml", [OTHER, THIRD]),
        ("examples/twinme/README.md", [OTHER, THIRD]),
        ("components/app_deployment.py", ALL),
        ("policy/resource.py", ALL),
        ("pyproject.toml", ALL),
        ("uv.lock", ALL),
        ("something/nobody/knows.txt", ALL),
        ("../shared/values.yaml", ALL),
        ("docs/runbooks.md", []),
        ("tests/unit/test_settings.py", []),
        ("README.md", []),
        (".github/workflows/deploy.yml", []),
    ],
)
def test_a_file_reaches_the_stacks_that_read_it(file: str, reached: list[StackReference]) -> None:
    assert list(affected([file], ALL, PLATFORMS)) == reached


def test_a_stack_whose_platform_is_not_known_is_reached_by_every_platform() -> None:
    assert list(affected(["platforms/keybuzz.yaml"], [DEV, PROD], {DEV: "another"})) == [PROD]


def test_each_stack_is_told_because_of_which_files() -> None:
    found = affected(["Pulumi.dev.yaml", "__main__.py"], ALL, PLATFORMS)
    assert found == {DEV: ["Pulumi.dev.yaml", "__main__.py"], PROD: ["__main__.py"]}


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, timeout=30)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a branch `base`, and one commit since."""
    git(tmp_path, "init", "--initial-branch", "base")
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "a.py").write_text("")
    (tmp_path / "moved.py").write_text("content\n" * 20)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    git(tmp_path, "switch", "-c", "branch")
    git(tmp_path, "mv", "moved.py", "program/moved é.py")
    git(tmp_path, "commit", "-m", "second")
    return tmp_path


def test_committed_renamed_edited_and_new_files_are_all_changed(repository: Path) -> None:
    (repository / "program" / "a.py").write_text("edited")
    (repository / "new.txt").write_text("")
    assert changed_since("base", repository) == ["moved.py", "new.txt", "program/a.py", "program/moved é.py"]


def test_files_outside_of_the_folder_are_seen_as_outside(repository: Path) -> None:
    assert changed_since("base", repository / "program") == ["../moved.py", "moved é.py"]


@pytest.mark.parametrize("reference", ["nowhere", "--output=x"])
def test_a_reference_that_is_none_is_refused(repository: Path, reference: str) -> None:
    with pytest.raises(ChangeError):
        changed_since(reference, repository)


def test_histories_that_never_met_are_refused(repository: Path) -> None:
    git(repository, "switch", "--orphan", "lonely")
    git(repository, "commit", "--allow-empty", "-m", "alone")
    with pytest.raises(ChangeError, match="fetch-depth"):
        changed_since("base", repository)


def test_platform_and_kind_are_read_from_the_stack_file(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  bulkhead:platform: a\n  bulkhead:kind: development\n")
    (tmp_path / "Pulumi.prod.yaml").write_text("config: [")
    assert (platform_of(DEV, tmp_path), kind_of(DEV, tmp_path)) == ("a", "development")
    assert platform_of(PROD, tmp_path) is None
