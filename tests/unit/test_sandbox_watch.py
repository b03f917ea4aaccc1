"""Following a collection of the API: first sight, changes, ends, and a server that is away for a while."""

from collections.abc import Iterator
from typing import Any, cast

import pytest

from sandbox import watch
from sandbox.errors import SandboxError
from sandbox.json_api import ApiError, JsonApi
from sandbox.watch import Watch


class Enough(Exception):  # noqa: N818 - ends a loop that has no end
    pass


def item(name: str, version: str = "1") -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": f"uid of {name}", "resourceVersion": version}}


class Server:
    """Lists what there is, then tells the events that a test has written down, one batch a watch."""

    def __init__(self, *batches: list[dict[str, Any]] | Exception) -> None:
        self.batches = list(batches)
        self.asked: list[str] = []

    def call(self, method: str, path: str) -> Any:
        assert method == "GET"
        self.asked.append(path)
        return {"items": [item("listed")], "metadata": {"resourceVersion": "7"}}

    def lines(self, path: str, *, silence_seconds: float) -> Iterator[dict[str, Any]]:
        assert silence_seconds > 0
        self.asked.append(path)
        if not self.batches:
            raise Enough
        batch = self.batches.pop(0)
        if isinstance(batch, Exception):
            raise batch
        yield from batch


class Notes:
    """What a controller was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def look_at(self, item: dict[str, Any]) -> None:
        self.told.append(f"look at {item['metadata']['name']}")

    def forget(self, item: dict[str, Any]) -> None:
        self.told.append(f"forget {item['metadata']['name']}")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_RETRY_SECONDS", 0)


def followed(*batches: list[dict[str, Any]] | Exception) -> tuple[Notes, Server, Watch]:
    notes, server = Notes(), Server(*batches)
    watching = Watch(cast("JsonApi", server), "/api/v1/things", notes)
    with pytest.raises(Enough):
        watching.run()
    return notes, server, watching


def test_what_there_is_comes_first_and_then_every_change() -> None:
    events = [
        {"type": "ADDED", "object": item("new")},
        {"type": "MODIFIED", "object": item("new")},
        {"type": "BOOKMARK", "object": item("mark")},
        {"type": "DELETED", "object": item("new", "9")},
    ]
    notes, server, watching = followed(events)
    assert notes.told == ["look at listed", "look at new", "look at new", "forget new"]
    assert "resourceVersion=7" in server.asked[1]
    assert "resourceVersion=9" in server.asked[2], "it goes on after the last event"
    assert watching.watching.is_set()


@pytest.mark.parametrize(
    "trouble",
    [
        SandboxError("can't be reached"),
        ApiError(410, "too old"),
        [{"type": "ERROR", "object": {"code": 410, "message": "too old"}}],
    ],
)
def test_after_trouble_everything_is_looked_at_again(trouble: Any) -> None:
    notes, server, _ = followed(trouble, [])
    assert notes.told == ["look at listed", "look at listed"]
    assert server.asked.count("/api/v1/things") == 2


def test_a_server_that_is_away_is_said_once_but_an_old_version_is_not(caplog: pytest.LogCaptureFixture) -> None:
    followed(SandboxError("can't be reached"), ApiError(410, "too old"))
    assert [record.message for record in caplog.records] == ["can't be reached"]


def test_what_went_while_nobody_watched_is_forgotten() -> None:
    notes, _, _ = followed([{"type": "ADDED", "object": item("new")}], SandboxError("can't be reached"), [])
    assert notes.told == ["look at listed", "look at new", "forget new", "look at listed"]
