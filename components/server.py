"""Server: questions to one HTTP server over one connection, which is what a preflight has time for."""

import http.client
import json
import ssl
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Self
from urllib.parse import urlsplit

from components.errors import PlatformError

TIMEOUT = 5
"""Seconds that one server has for one answer."""


class Server(AbstractContextManager["Server"]):
    """A server that is asked.

    Args:
        what: what an error calls it, such as `Vault`.
        address: where it answers, `http://` or `https://`.
        trust: whose certificates it is known by.
    """

    def __init__(self, what: str, address: str, trust: ssl.SSLContext | None = None) -> None:
        self.what, self.address = what, address
        url = urlsplit(address)
        host, self._prefix = url.hostname or "", url.path
        self._connection = (
            http.client.HTTPSConnection(host, url.port, timeout=TIMEOUT, context=trust)
            if url.scheme == "https"
            else http.client.HTTPConnection(host, url.port, timeout=TIMEOUT)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """The status and the body with which it answers a GET.

        Raises:
            PlatformError: it does not answer.
        """
        try:
            self._connection.request("GET", self._prefix + path, headers=dict(headers or {}))
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise PlatformError(f"{self.what} {self.address} does not answer: {error}") from None

    def read(self, body: bytes) -> dict[str, Any]:
        """An answer's body, which is an object of JSON.

        Raises:
            PlatformError: it is not.
        """
        try:
            found: object = json.loads(body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise PlatformError(f"{self.what} {self.address} answers with something that is no JSON object")
        return found  # pyright: ignore[reportUnknownVariableType] - what is in it, its reader checks
