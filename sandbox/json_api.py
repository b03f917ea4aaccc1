"""A small client for servers that speak JSON over HTTP: Kubernetes' API and Vault's.

The sandbox needs a dozen calls to each before anything else runs; the official clients take longer to import
than those calls take.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import urllib3

from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_JSON = "application/json"
_SECONDS = urllib3.Timeout(connect=5, read=30)


class ApiError(SandboxError):
    """A server answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class JsonApi:
    """One server, with the credentials for it.

    Args:
        address: where it is, without a path.
        headers: sent with every request.
        authority: the certificates that the server's own must be signed by, as PEM.
    """

    def __init__(self, address: str, headers: Mapping[str, str], authority: str | None = None) -> None:
        self._address = address
        self._headers = dict(headers)
        self._pool = urllib3.PoolManager(maxsize=8, ca_cert_data=authority, timeout=_SECONDS, retries=False)

    def call(
        self, method: str, path: str, body: object = None, *, content: str = _JSON, accept: str = _JSON
    ) -> Any:
        """One request.

        Args:
            method: the HTTP method.
            path: below the server's address, with a query if need be.
            body: what is sent: bytes as they are, anything else as JSON.
            content: what the body is.
            accept: what the answer is to be; JSON of whatever kind.

        Returns:
            The decoded answer, or None where there is none.

        Raises:
            ApiError: if the server refuses.
            SandboxError: if it can't be reached.
        """
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            answer = self._pool.request(
                method,
                self._address + path,
                body=data,
                headers={**self._headers, "Accept": accept, "Content-Type": content},
            )
        except urllib3.exceptions.HTTPError as error:
            raise SandboxError(f"{self._address} can't be reached: {error}") from error
        if answer.status >= 400:  # noqa: PLR2004 - where HTTP's errors begin
            raise ApiError(answer.status, f"{method} {path}: {answer.status} {_reason(answer.data)}")
        return json.loads(answer.data) if answer.data else None

    def find(self, path: str) -> Any:
        """GET, or None if there is no such thing."""
        try:
            return self.call("GET", path)
        except ApiError as error:
            if error.status == 404:  # noqa: PLR2004 - not found
                return None
            raise

    def lines(self, path: str, *, silence_seconds: float) -> Iterator[Any]:
        """The decoded lines of an answer that goes on, until the server ends it.

        Args:
            path: below the server's address.
            silence_seconds: how long the server may say nothing.
        """
        try:
            answer = self._pool.request(
                "GET",
                self._address + path,
                headers=self._headers,
                preload_content=False,
                timeout=urllib3.Timeout(connect=5, read=silence_seconds),
            )
            try:
                if answer.status >= 400:  # noqa: PLR2004 - where HTTP's errors begin
                    raise ApiError(answer.status, f"GET {path}: {answer.status} {_reason(answer.data)}")
                rest = b""
                for chunk in answer.stream(amt=None):
                    *whole, rest = (rest + chunk).split(b"\n")
                    yield from (json.loads(line) for line in whole if line)
            finally:
                answer.close()
        except urllib3.exceptions.HTTPError as error:
            raise SandboxError(f"{self._address} can't be reached: {error}") from error


def _reason(data: bytes) -> str:
    try:
        answer = json.loads(data)
        return str(answer.get("message") or answer.get("errors"))
    except (ValueError, AttributeError):
        return data[:500].decode(errors="replace")
