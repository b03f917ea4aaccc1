"""The stand-in for Reloader: what makes it restart pods, and what does not."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any, cast

import pytest

from sandbox.json_api import ApiError, JsonApi
from sandbox.reloader import RELOADED, Reloader, Seen, asks_for, data_hash


def secret(value: str, name: str = "db") -> dict[str, Any]:
    data = {"password": b64encode(value.encode()).decode()}
    return {"metadata": {"namespace": "shop", "name": name}, "data": data}


def deployment(name: str, wish: str | None) -> dict[str, Any]:
    annotations = {"secret.reloader.stakater.com/reload": wish} if wish is not None else None
    return {"metadata": {"name": name, "annotations": annotations}}


class Cluster:
    """Answers what the reloader asks, and keeps what it changes."""

    def __init__(self) -> None:
        self.deployments = [deployment("api", "db"), deployment("both", "tls, db"), deployment("other", "tls")]
        self.patches: list[tuple[str, dict[str, Any]]] = []
        self.broken = False

    def call(self, method: str, path: str, body: Any = None, **_: str) -> Any:
        if self.broken:
            raise ApiError(500, "broken")
        if method == "GET":
            return {"items": self.deployments}
        self.patches.append((path.rpartition("/")[2].partition("?")[0], body))
        return None


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def reloader(cluster: Cluster, file: Path) -> Reloader:
    return Reloader(cast("JsonApi", cluster), Seen(file))


def test_first_sight_restarts_nothing(cluster: Cluster, tmp_path: Path) -> None:
    reloader(cluster, tmp_path / "seen").look_at(secret("one"))
    assert cluster.patches == []


def test_a_change_restarts_exactly_what_asks_for_it(cluster: Cluster, tmp_path: Path) -> None:
    watching = reloader(cluster, tmp_path / "seen")
    watching.look_at(secret("one"))
    watching.look_at(secret("two"))
    assert [name for name, _ in cluster.patches] == ["api", "both"]


def test_the_same_data_again_restarts_nothing(cluster: Cluster, tmp_path: Path) -> None:
    watching = reloader(cluster, tmp_path / "seen")
    for _ in range(3):
        watching.look_at(secret("one"))
    assert cluster.patches == []


def test_a_change_while_it_was_stopped_is_noticed(cluster: Cluster, tmp_path: Path) -> None:
    reloader(cluster, tmp_path / "seen").look_at(secret("one"))
    reloader(cluster, tmp_path / "seen").look_at(secret("two"))
    assert [name for name, _ in cluster.patches] == ["api", "both"]


def test_a_restart_that_failed_is_tried_again(cluster: Cluster, tmp_path: Path) -> None:
    watching = reloader(cluster, tmp_path / "seen")
    watching.look_at(secret("one"))
    cluster.broken = True
    with pytest.raises(ApiError):
        watching.look_at(secret("two"))
    cluster.broken = False
    watching.look_at(secret("two"))
    assert [name for name, _ in cluster.patches] == ["api", "both"]


def test_neither_the_annotation_nor_the_file_tells_the_data(cluster: Cluster, tmp_path: Path) -> None:
    watching = reloader(cluster, tmp_path / "seen")
    watching.look_at(secret("one"))
    watching.look_at(secret("planted-canary"))
    note = cluster.patches[0][1]["spec"]["template"]["metadata"]["annotations"][RELOADED]
    assert json.loads(note)["name"] == "db"
    for text in (note, (tmp_path / "seen").read_text()):
        assert "planted-canary" not in text
        assert b64encode(b"planted-canary").decode() not in text


def test_the_hash_is_of_the_data_alone() -> None:
    labelled = secret("one")
    labelled["metadata"]["labels"] = {"a": "b"}
    assert data_hash(labelled) == data_hash(secret("one"))
    assert data_hash(secret("one")) != data_hash(secret("two"))
    assert data_hash({"metadata": {}}) == data_hash({"metadata": {}, "data": {}})


@pytest.mark.parametrize(
    ("wish", "wanted"),
    [("db", True), ("tls,db", True), ("tls, db ", True), ("dbx", False), ("", False), (None, False)],
)
def test_what_asks_for_a_secret(wish: str | None, wanted: bool) -> None:  # noqa: FBT001
    assert asks_for(deployment("api", wish), "db") is wanted
