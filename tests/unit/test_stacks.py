"""Which stacks a command's words mean, and what a person is told of those that are not there."""

from pathlib import Path

import pytest

from bulkhead.errors import UsageError
from bulkhead.stacks import StackError, StackReference, chosen, programs, stacks_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A program with two stacks, one below it with one, one without any, and what is no program of ours."""
    for folder, stacks in ((".", ("dev", "prod")), ("examples/shop", ("dev",)), ("examples/empty", ())):
        place = tmp_path / folder
        place.mkdir(parents=True, exist_ok=True)
        (place / "Pulumi.yaml").touch()
        for stack in stacks:
            (place / f"Pulumi.{stack}.yaml").touch()
    for folder in (".venv/lib", "node_modules/x", "tests/e2e", "benchmarks"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "Pulumi.yaml").touch()
        (tmp_path / folder / "Pulumi.dev.yaml").touch()
    return tmp_path


def named(root: Path, *words: str, everything: bool = False) -> list[str]:
    return [str(one) for one in chosen(words, everything=everything, root=root)]


def test_without_words_all_stacks_of_this_folder_are_meant(root: Path) -> None:
    assert named(root) == ["dev", "prod"]


def test_all_means_every_program_below_but_no_installed_or_test_one(root: Path) -> None:
    assert named(root, everything=True) == ["dev", "prod", "examples/shop:dev"]
    assert [str(folder) for folder in programs(root)] == [".", "examples/empty", "examples/shop"]


def test_words_keep_their_order_and_count_once(root: Path) -> None:
    assert named(root, "prod", "examples/shop:dev", "dev", "prod") == ["prod", "examples/shop:dev", "dev"]


def test_a_stack_of_this_folder_has_one_spelling(root: Path) -> None:
    assert chosen([".:dev", "dev"], root=root) == [StackReference(Path(), "dev")]


def test_a_stack_reads_as_it_is_written(root: Path) -> None:
    assert str(StackReference(Path(), "dev")) == "dev"
    assert str(StackReference(Path("examples/shop"), "dev")) == "examples/shop:dev"


def test_a_stack_that_is_not_there_is_told_with_those_that_are(root: Path) -> None:
    with pytest.raises(
        StackError, match=r"no stack 'staging': Pulumi\.staging\.yaml is missing; .* are dev, prod"
    ):
        named(root, "staging")
    with pytest.raises(StackError, match="there are none"):
        named(root, "examples/empty:dev")


def test_a_folder_without_a_program_is_told(root: Path) -> None:
    with pytest.raises(StackError, match=r"has no Pulumi\.yaml; use STACK or FOLDER:STACK"):
        named(root, "examples:dev")


def test_words_and_all_exclude_each_other(root: Path) -> None:
    with pytest.raises(StackError, match="use one of both"):
        named(root, "dev", everything=True)


def test_a_folder_without_a_stack_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no stack"):
        chosen([], root=tmp_path)
    with pytest.raises(UsageError, match="has no stack"):
        chosen([], everything=True, root=tmp_path)


def test_stacks_of_a_program_are_in_order_and_its_own_file_is_none(root: Path) -> None:
    assert [one.name for one in stacks_of(Path(), root)] == ["dev", "prod"]


def test_a_stack_may_have_a_number(root: Path) -> None:
    (root / "Pulumi.pr-7.yaml").touch()
    assert named(root, "pr-7") == ["pr-7"]
