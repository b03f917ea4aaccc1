"""A small Vault client: what the plugin needs of Vault's HTTP API, and errors that say where and why.

It stands on the standard library's HTTP client, because a plugin is a process of its own for every preview
and a full Vault library costs a fifth of a second of processor time just to import.
"""

from __future__ import annotations

import http.client
import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlsplit

from sandbox.plugins.process import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

NOT_FOUND = 404
FORBIDDEN = 403
BAD_REQUEST = 400
UNAVAILABLE = 503
_FIRST_ERROR = 400
_RETRIED = frozenset({412, 502, 503, 504})
_SHORTEST_SECRET = 4
_HEADING = re.compile(r"\d+ errors? occurred:")

# Vault itself gives up a request after 90 seconds. Taking away a mount waits for its leases, so that a client
# that gave up earlier would hide Vault's own account of what went wrong.
REQUEST_SECONDS = 120.0

Data = dict[str, Any]


class VaultError(PluginError):
    """A request that Vault refused or could not serve; never carries a secret."""

    def __init__(self, message: str, *, status: int = 0, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.reasons = reasons


@dataclass(frozen=True)
class Reply:
    """What Vault answered: the HTTP status and the decoded body."""

    status: int
    body: Data

    @property
    def data(self) -> Data:
        """The `data` of the answer; empty where it has none."""
        value = self.body.get("data")
        return cast("Data", value) if isinstance(value, dict) else {}

    @property
    def reasons(self) -> tuple[str, ...]:
        """Vault's own words about what went wrong, a line each."""
        return tuple(_one_line(str(reason)) for reason in self.body.get("errors") or ())


@dataclass(frozen=True)
class Vault:
    """One Vault server, spoken to with one token; safe to use from several threads."""

    address: str
    token: Callable[[], str] = field(repr=False)
    retries: int = 2
    pause: float = 0.5

    def read(self, path: str) -> Data | None:
        """The data at a path; None only where Vault says that there is nothing (404 without data)."""
        reply = self._ask("GET", path, None, ())
        if reply.status == NOT_FOUND:
            return reply.data or None
        return reply.data

    def names(self, path: str) -> list[str]:
        """The names under a path; none where there is nothing."""
        reply = self._ask("LIST", path, None, ())
        return [str(key) for key in reply.data.get("keys", ())]

    def write(self, path: str, data: Mapping[str, Any], *, secrets: Iterable[str] = ()) -> Data:
        """Writes data to a path and gives the whole answer; `secrets` are kept out of any error's text."""
        reply = self._ask("POST", path, data, tuple(secrets))
        if reply.status == NOT_FOUND:
            raise self._error("POST", path, reply, tuple(secrets))
        return reply.body

    def delete(self, path: str) -> None:
        """Takes away what is at a path; nothing there is fine."""
        self._ask("DELETE", path, None, ())

    def _ask(self, method: str, path: str, data: Mapping[str, Any] | None, secrets: tuple[str, ...]) -> Reply:
        """One request, tried again while Vault is not (yet) able to serve it."""
        reply = self._reach(method, path, data, secrets)
        for _ in range(self.retries):
            if not _passing(reply):
                break
            time.sleep(self.pause)
            reply = self._reach(method, path, data, secrets)
        if reply.status >= _FIRST_ERROR and reply.status != NOT_FOUND:
            raise self._error(method, path, reply, secrets)
        return reply

    def _reach(self, method: str, path: str, data: Mapping[str, Any] | None, secrets: tuple[str, ...]) -> Reply:
        """One request, with the lack of a server told in one line."""
        reason = ""
        for left in range(self.retries, -1, -1):
            try:
                return self._send(method, path, data)
            except (OSError, http.client.HTTPException) as problem:
                reason = _without(_cause(problem), (self.token(), *secrets))
                if not left or isinstance(problem, TimeoutError):
                    break  # whoever waited for the whole time limit need not do so again
            time.sleep(self.pause)
        raise VaultError(f"Vault at {self.address} cannot be reached ({method} {path}): {reason}")

    def _send(self, method: str, path: str, data: Mapping[str, Any] | None) -> Reply:
        """One request over a connection of its own, so that threads share nothing."""
        parts = urlsplit(self.address)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=REQUEST_SECONDS)
        headers = {"X-Vault-Request": "true", "X-Vault-Token": self.token()}
        body = None if data is None else json.dumps(data).encode()
        target = parts.path.rstrip("/") + "/v1/" + quote(path, safe="/")
        try:
            connection.request(method, target, body=body, headers=headers)
            response = connection.getresponse()
            return Reply(response.status, _decoded(response.read()))
        finally:
            connection.close()

    def _error(self, method: str, path: str, reply: Reply, secrets: tuple[str, ...]) -> VaultError:
        reasons = tuple(_without(reason, (self.token(), *secrets)) for reason in reply.reasons)
        said = "; ".join(reasons) or http.client.responses.get(reply.status, "no reason given")
        if reply.status == FORBIDDEN:
            text = f"Vault at {self.address} denies {method} {path} to the token in use: {said}"
        elif reply.status == UNAVAILABLE:
            text = f"Vault at {self.address} cannot serve {method} {path}: {said}"
        else:
            text = f"Vault at {self.address} answered {method} {path} with {reply.status}: {said}"
        return VaultError(text, status=reply.status, reasons=reasons)


def _passing(reply: Reply) -> bool:
    """Whether trying again may help: a server that is starting, not one that found fault with the request.

    Vault answers 500 both when it is not ready and when, say, a database refused a connection's password.
    Trying the latter again would only lock accounts and delay the message.
    """
    if reply.status == http.client.INTERNAL_SERVER_ERROR:
        return not reply.reasons
    return reply.status in _RETRIED


def _one_line(reason: str) -> str:
    """A reason without the form that Vault gives to several of them ("2 errors occurred:" and a list)."""
    lines = (line.strip().removeprefix("* ") for line in reason.splitlines())
    return "; ".join(line for line in lines if line and not _HEADING.fullmatch(line))


def _decoded(raw: bytes) -> Data:
    """An answer's body as data; a body that is not JSON (a proxy's page, say) counts as a reason."""
    if not raw.strip():
        return {}
    try:
        value = json.loads(raw)
    except ValueError:
        return {"errors": ["the answer is not Vault's: " + raw[:120].decode(errors="replace")]}
    return cast("Data", value) if isinstance(value, dict) else {}


def _cause(problem: Exception) -> str:
    """Why a connection failed, in the operating system's words."""
    return getattr(problem, "strerror", None) or str(problem) or type(problem).__name__


def _without(text: str, secrets: tuple[str, ...]) -> str:
    """A text with every secret masked, plain and as it appears inside a connection URL or JSON."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) < _SHORTEST_SECRET:
            continue
        for form in {secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1]}:
            text = text.replace(form, "[secret]")
    return text
