"""Questions to one HTTP server."""

import http.client
import json
from types import SimpleNamespace
from typing import ClassVar, Self

import pytest

from components.errors import PlatformError
from components.server import Server


class Connection:
    """Answers with the path and a header of the question, and remembers who is connected."""

    made: ClassVar[list[Self]] = []

    def __init__(self, host: str, port: int | None, **_: object) -> None:
        self.where, self.open, self._said = (host, port), True, ""
        self.made.append(self)

    def request(self, method: str, path: str, headers: dict[str, str]) -> None:
        assert (method, self.open) == ("GET", True)
        self._said = json.dumps({"path": path, **headers})

    def getresponse(self) -> SimpleNamespace:
        return SimpleNamespace(status=200, read=self._said.encode)

    def close(self) -> None:
        self.open = False


@pytest.mark.parametrize(("scheme", "kind"), [("http", "HTTPConnection"), ("https", "HTTPSConnection")])
def test_all_questions_go_over_one_connection(monkeypatch: pytest.MonkeyPatch, scheme: str, kind: str) -> None:
    monkeypatch.setattr(Connection, "made", [])
    monkeypatch.setattr(http.client, kind, Connection)
    with Server("Vault", f"{scheme}://vault:8200/prefix") as server:
        for path in ("/one", "/two?a=b"):
            status, body = server.get(path, {"X-Token": "t"})
            assert status == 200
            assert server.read(body) == {"path": f"/prefix{path}", "X-Token": "t"}
    [made] = Connection.made
    assert made.where == ("vault", 8200)
    assert not made.open


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'"text"'])
def test_an_answer_that_is_no_object_is_a_fault_with_the_address(body: bytes) -> None:
    with pytest.raises(PlatformError, match="Vault http://vault answers with something that is no JSON object"):
        Server("Vault", "http://vault").read(body)


def test_a_server_that_does_not_answer_is_a_fault_with_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(http.client.HTTPConnection, "request", refuse)
    with (
        pytest.raises(PlatformError, match=r"Vault http://10\.1\.1\.1:8200 does not answer: .*refused"),
        Server("Vault", "http://10.1.1.1:8200") as server,
    ):
        server.get("/v1/sys/health")
