"""Reading the servers' logs."""

from pathlib import Path

import pytest

from sandbox import serverlog


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "server.log"
    path.write_text("one\ntwo\nthree\n")
    return path


def test_tail_gives_the_last_lines(log: Path) -> None:
    assert serverlog.tail(log, 2) == ["two", "three"]
    assert serverlog.tail(log, 9) == ["one", "two", "three"]
    assert serverlog.tail(log, 0) == []


def test_tail_begins_where_it_is_told(log: Path) -> None:
    before = serverlog.size(log)
    with log.open("a") as stream:
        stream.write("four\n")
    assert serverlog.tail(log, 9, since=before) == ["four"]


def test_tail_of_a_rotated_log_begins_anew(log: Path) -> None:
    before = serverlog.size(log)
    log.write_text("new\n")
    assert serverlog.tail(log, 9, since=before) == ["new"]


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert serverlog.tail(tmp_path / "none.log", 5) == []
    assert serverlog.size(tmp_path / "none.log") == 0


def test_follow_gives_what_is_added_by_whole_lines(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    additions = iter(["fo", "ur\nfive\n"])

    def add(_: float) -> None:
        with log.open("a") as stream:
            stream.write(next(additions))

    monkeypatch.setattr("time.sleep", add)
    lines = serverlog.follow([log])
    assert next(lines) == (log, "four")
    assert next(lines) == (log, "five")


def test_follow_goes_on_after_a_rotation(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rotate(_: float) -> None:
        log.rename(log.with_suffix(".1"))
        log.write_text("after\n")

    monkeypatch.setattr("time.sleep", rotate)
    assert next(serverlog.follow([log])) == (log, "after")
