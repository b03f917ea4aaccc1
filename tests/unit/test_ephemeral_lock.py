"""Locks: stale ones of this machine are taken away, live ones waited for, those of others refused."""

import os
import subprocess
import sys

import pytest

from bulkhead.engine import EngineError
from bulkhead.ephemeral import lock
from bulkhead.ephemeral.lock import Holder, LockedError, held, holders, lives

SAID = """error: the stack is currently locked by 1 lock(s). \
Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.
  file:///state/.pulumi/locks/organization/keybuzz/pr-7/0b0c.json: created by ci@runner-1 (pid 4711) at \
2026-11-21T10:00:00+01:00"""


class Back:
    """A stack whose lock is held for some tries, or until it is taken away."""

    def __init__(self, tries: int) -> None:
        self.tries, self.cancelled, self.notes = tries, 0, list[str]()

    def work(self) -> str:
        if self.tries:
            self.tries -= 1
            raise EngineError(SAID)
        return "done"

    def cancel(self) -> None:
        self.tries, self.cancelled = 0, self.cancelled + 1

    def held(self, machine: str, *, alive: bool, force: bool = False, patience: float = 60) -> str:
        return held(
            self.work,
            self.cancel,
            self.notes.append,
            force=force,
            machine=machine,
            alive=lambda _: alive,
            patience=patience,
        )


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock.time, "sleep", lambda _: None)


def test_the_holder_is_read_from_what_pulumi_says() -> None:
    assert holders(SAID) == [Holder("ci", "runner-1", 4711, "2026-11-21T10:00:00+01:00")]
    assert holders(f"{SAID}\n  b: created by a@b (pid 1) at now")[1] == Holder("a", "b", 1, "now")
    assert holders("error: something else, created by a@b (pid 1) at now") == []


def test_a_lock_of_this_machine_whose_process_has_ended_is_taken_away() -> None:
    back = Back(tries=99)
    assert back.held("runner-1", alive=False) == "done"
    assert back.cancelled == 1
    assert back.notes == ["its lock is taken away: ci@runner-1, process 4711, since 2026-11-21T10:00:00+01:00"]


def test_a_process_that_still_works_is_waited_for() -> None:
    back = Back(tries=3)
    assert back.held("runner-1", alive=True) == "done"
    assert back.cancelled == 0
    assert len(back.notes) == 3


def test_the_waiting_has_an_end() -> None:
    back = Back(tries=99)
    with pytest.raises(LockedError, match="process 4711"):
        back.held("runner-1", alive=True, patience=-1)
    assert back.cancelled == 0


def test_a_lock_of_another_machine_is_refused_and_taken_away_only_by_force() -> None:
    back = Back(tries=99)
    with pytest.raises(LockedError, match="--force"):
        back.held("laptop", alive=False)
    assert back.cancelled == 0
    assert back.held("laptop", alive=False, force=True) == "done"
    assert back.cancelled == 1


def test_another_failure_is_no_lock() -> None:
    def fails() -> None:
        raise EngineError("error: no space left")

    with pytest.raises(EngineError, match="no space left"):
        held(fails, lambda: None, lambda _: None)


def test_a_process_that_ended_does_not_live() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not lives(ended.pid)


def test_a_process_that_has_taken_over_the_number_is_not_pulumi() -> None:
    assert not lives(os.getpid())
