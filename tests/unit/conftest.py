"""What unit tests share: no network, and a component built on KeyBuzz's platform."""

import socket
from typing import NoReturn

import pytest

from tests.stacks import forget_surroundings


@pytest.fixture(autouse=True)
def no_server_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that opens a connection, and hide the developer's own sandbox from all of them."""

    def refuse(_socket: socket.socket, address: object) -> NoReturn:
        raise AssertionError(f"a unit test connects to {address!r}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    forget_surroundings(monkeypatch)
