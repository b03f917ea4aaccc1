"""Steps that run side by side."""

import threading

import pytest

from sandbox.schedule import Step, run


def nothing() -> None:
    pass


def fail() -> None:
    raise ValueError("broken")


def test_a_step_runs_after_what_it_needs() -> None:
    order: list[str] = []
    steps = [
        Step("c", ("a", "b"), lambda: order.append("c")),
        Step("b", ("a",), lambda: order.append("b")),
        Step("a", (), lambda: order.append("a")),
    ]
    outcome = run(steps, interrupt=nothing)
    assert order == ["a", "b", "c"]
    assert not outcome.errors
    assert not outcome.skipped


def test_independent_steps_run_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=5)
    outcome = run(
        [Step("a", (), lambda: (meeting.wait(), None)[1]), Step("b", (), lambda: (meeting.wait(), None)[1])],
        interrupt=nothing,
    )
    assert not outcome.errors


def test_a_failure_stops_what_needs_it_and_nothing_else() -> None:
    ran: list[str] = []
    outcome = run(
        [
            Step("a", (), fail),
            Step("b", ("a",), lambda: ran.append("b")),
            Step("c", ("b",), lambda: ran.append("c")),
            Step("d", (), lambda: ran.append("d")),
            Step("e", ("d",), lambda: ran.append("e")),
        ],
        interrupt=nothing,
    )
    assert ran == ["d", "e"]
    assert [str(error) for error in outcome.errors.values()] == ["broken"]
    assert outcome.skipped == ["b", "c"]


def test_a_need_that_is_no_step_counts_as_done() -> None:
    ran: list[str] = []
    run([Step("a", ("runs already",), lambda: ran.append("a"))], interrupt=nothing)
    assert ran == ["a"]


def test_an_interruption_ends_running_steps() -> None:
    interrupted = threading.Event()

    def interrupt_main() -> None:
        raise KeyboardInterrupt

    def patient() -> None:
        assert interrupted.wait(5)

    with pytest.raises(KeyboardInterrupt):
        run([Step("a", (), patient), Step("b", (), interrupt_main)], interrupt=interrupted.set)
    assert interrupted.is_set()
