"""A pretended Vault at the end of an HTTP connection: what was asked of it, and answers from a table."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import pytest

from sandbox.plugins.vault import client
from sandbox.plugins.vault.client import Vault

ADDRESS = "http://127.0.0.1:8200"
TOKEN = "hvs.canary-token"

Answer = tuple[int, Any]


@dataclass
class Wire:
    """Answers by method and path; an answer that is an exception is a connection that fails.

    A list of answers is used up one by one, its last answer stays. A path without an answer gives 404 to whoever
    reads, 204 to whoever writes or deletes.
    """

    answers: dict[tuple[str, str], Answer | Exception | list[Answer | Exception]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    sent: dict[str, Any] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)

    def answer(self, method: str, path: str) -> Answer:
        """What this request gets."""
        found = self.answers.get((method, path))
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        if isinstance(found, Exception):
            raise found
        if found is not None:
            return found
        return (404, {"errors": []}) if method in {"GET", "LIST"} else (204, None)

    def holds(self, path: str, data: Any) -> None:
        """Lets a read of the path give data."""
        self.answers["GET", path] = (200, {"data": data})

    def writes(self) -> list[tuple[str, str]]:
        """The requests that change something."""
        return [(method, path) for method, path in self.asked if method in {"POST", "DELETE"}]


@dataclass
class Response:
    """What the client reads of an HTTP response."""

    status: int
    body: bytes

    def read(self) -> bytes:
        """The whole body."""
        return self.body


class Connection:
    """Stands in for http.client.HTTPConnection."""

    wire: Wire

    def __init__(self, host: str, port: int | None, timeout: float) -> None:
        assert (host, port) == ("127.0.0.1", 8200)
        assert timeout > 90, "Vault itself takes up to 90 seconds"

    def request(self, method: str, target: str, body: bytes | None, headers: dict[str, str]) -> None:
        """Notes the request."""
        self.method, self.path = method, unquote(target.removeprefix("/v1/"))
        self.wire.asked.append((method, self.path))
        self.wire.headers.append(headers)
        if body is not None:
            self.wire.sent[self.path] = json.loads(body)

    def getresponse(self) -> Response:
        """Answers it."""
        status, body = self.wire.answer(self.method, self.path)
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return Response(status, raw)

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """The pretended Vault behind every client of this test; nobody sleeps."""
    pretended = Wire()
    monkeypatch.setattr(client.http.client, "HTTPConnection", type("Bound", (Connection,), {"wire": pretended}))
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    return pretended


@pytest.fixture
def vault() -> Vault:
    """A client of it."""
    return Vault(address=ADDRESS, token=lambda: TOKEN)
