"""A Redis client of a few lines: one connection, one command at a time."""

import socket
from types import TracebackType
from typing import Any, Self


class Refused(Exception):  # noqa: N818 - read as a sentence: Refused: NOPERM this user has no permissions
    """The server answered with an error."""


class Redis:
    """One connection, logged in where a password is given."""

    def __init__(
        self, host: str, password: str = "", *, user: str = "", port: int = 6379, seconds: float = 3
    ) -> None:
        self._socket = socket.create_connection((host, port), timeout=seconds)
        self._answers = self._socket.makefile("rb")
        if password:
            try:
                self.call("AUTH", *([user] if user else []), password)
            except Exception:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._answers.close()
        self._socket.close()

    def call(self, *words: object) -> Any:
        """The answer to one command; an error of the server's is raised."""
        parts = [str(word).encode() for word in words]
        lengths = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        self._socket.sendall(b"*%d\r\n%s" % (len(parts), lengths))
        return self._answer()

    def info(self, section: str) -> dict[str, str]:
        """What INFO says."""
        lines = [line for line in str(self.call("INFO", section)).splitlines() if ":" in line]
        return {line.partition(":")[0]: line.partition(":")[2] for line in lines}

    def _answer(self) -> Any:
        line = self._answers.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"-":
            raise Refused(rest)
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if int(rest) < 0:
            return None
        if kind == b"*":
            return [self._answer() for _ in range(int(rest))]
        return self._answers.read(int(rest) + 2)[:-2].decode()
