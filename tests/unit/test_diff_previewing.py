"""Workers: which programs may share an interpreter, what pairs there are, and that a lost worker is a failure."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from bulkhead import state
from bulkhead.diff import gather, previewing, worker
from bulkhead.diff.model import Preview
from bulkhead.diff.worker import Request, fits
from bulkhead.stacks import StackReference
from tests.unit.diff_events import DATABASE, DEV, PROD, preview, step

PYTHON = "runtime: {name: python, options: {virtualenv: %s}}\n"


def written(folder: Path, text: str) -> Path:
    (folder / "Pulumi.yaml").write_text(f"name: a\n{text}")
    return folder


def test_a_program_of_this_environment_shares_the_interpreter(tmp_path: Path) -> None:
    assert fits(DEV, written(tmp_path, PYTHON % sys.prefix))
    (tmp_path / ".venv").symlink_to(sys.prefix)
    assert fits(DEV, written(tmp_path, PYTHON % ".venv"))


@pytest.mark.parametrize(
    "text",
    [
        PYTHON % "another",
        "runtime: python\n",
        "runtime: go\n",
        "runtime: {name: nodejs}\n",
        "runtime: {name: python}\n",
        f"main: elsewhere\n{PYTHON % sys.prefix}",
    ],
)
def test_any_other_program_is_run_by_its_own_host(tmp_path: Path, text: str) -> None:
    assert not fits(DEV, written(tmp_path, text))


def test_each_stack_has_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: Request, command: object) -> Preview:
        return Preview(stack=request.stack, failure=str(os.getpid()))

    monkeypatch.setattr(previewing, "engine", lambda: None)
    monkeypatch.setattr(worker, "preview", answer)
    stacks = [StackReference(Path(), f"pr-{number}") for number in range(5)]
    found = list(previewing.begin([Request(stack=one, root=Path()) for one in stacks], at_once=2))
    assert {one.stack for one in found} == set(stacks)
    assert len({one.failure for one in found} | {str(os.getpid())}) == 6


def test_a_worker_that_ends_without_an_answer_is_a_failed_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(request: Request, command: object) -> Preview:
        if request.stack == DEV:
            os._exit(9)
        return Preview(stack=request.stack)

    monkeypatch.setattr(previewing, "engine", lambda: None)
    monkeypatch.setattr(worker, "preview", die)
    found = {
        one.stack: one
        for one in previewing.begin([Request(stack=one, root=Path()) for one in (DEV, PROD)], at_once=8)
    }
    assert found[DEV].failed
    assert not found[PROD].failed


def test_dev_and_prod_are_those_of_their_kinds_whatever_they_are_called(tmp_path: Path) -> None:
    written(tmp_path, "runtime: go\n")
    for name, kind in (("staging", "development"), ("live", "production"), ("pr-7", "ephemeral")):
        (tmp_path / f"Pulumi.{name}.yaml").write_text(f"config:\n  bulkhead:kind: {kind}\n")
    stacks = [StackReference(Path(), name) for name in ("live", "pr-7", "staging")]
    previews = [preview(step("create", "q", DATABASE, new={}), stack=one) for one in stacks]
    (pair,) = gather._pairs(previews, tmp_path)
    assert (pair.dev, pair.prod) == ("staging", "live")


def test_a_prod_that_gets_nothing_is_put_beside_nothing(tmp_path: Path) -> None:
    written(tmp_path, "runtime: go\n")
    for name in ("dev", "prod"):
        (tmp_path / f"Pulumi.{name}.yaml").write_text("config: {}\n")
    same = [preview(step("same", old={}, new={}), stack=one) for one in (DEV, PROD)]
    assert not list(gather._pairs(same, tmp_path))


def test_the_project_is_named_after_its_file_or_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert gather.project() == tmp_path.name
    (tmp_path / "Pulumi.yaml").write_text("name: keybuzz\n")
    assert gather.project() == "keybuzz"


def test_a_dev_that_is_not_previewed_is_taken_as_it_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "runtime: go\n")
    for name in ("dev", "prod"):
        (tmp_path / f"Pulumi.{name}.yaml").write_text("config: {}\n")
    there = state.Resource(urn="u", type=DATABASE, name="q", inputs={"connectionLimit": 60})
    monkeypatch.setattr(
        gather, "read", lambda stack: state.State(project="a", stack=stack.name, resources=(there,))
    )
    prod = preview(step("update", "q", DATABASE, old={"connectionLimit": 60}, new={"connectionLimit": 80}))
    (pair,) = gather._pairs([prod], tmp_path)
    assert [(one.path, one.first, one.then) for one in pair.ahead] == [("connectionLimit", 60, 80)]


def test_a_dev_that_cannot_be_read_leaves_it_undecided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "runtime: go\n")
    for name in ("dev", "prod"):
        (tmp_path / f"Pulumi.{name}.yaml").write_text("config: {}\n")

    def refuse(stack: StackReference) -> NoReturn:
        raise state.StateError("no such stack")

    monkeypatch.setattr(gather, "read", refuse)
    (pair,) = gather._pairs([preview(step("create", "q", DATABASE, new={}))], tmp_path)
    assert pair.undecided
