"""Rotation: whether static credentials may go to the rotation that a stack asks for.

Two logins of a database take turns. A rotation gives the one that nobody holds a new password; two at once would
give one to the login that pods hold, and their next log-in would fail. So it is with a cache's three passwords.
Vault remembers the rotation beside each credential.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from components.environment import Environment
from components.errors import PlatformError
from components.server import Server
from components.values import Credentials

KEY = "rotation"
"""What a credential's custom metadata calls it; what has none is at rotation 0."""

_STATIC, _ALWAYS = ("db_", "cache_"), ("cache_",)
"""How the paths of credentials that rotate begin: a cache's password is static in every mode."""


def refuse_leap(
    server: Server, headers: Mapping[str, str], mount: str, environment: Environment, credentials: Credentials
) -> None:
    """Refuse a rotation that is neither the present one nor the next.

    Args:
        server: Vault.
        headers: who asks.
        mount: the mount of the KV version 2 engine.
        environment: whose credentials.
        credentials: the rotation that is asked for.

    Raises:
        PlatformError: the credential, its rotation and what may be asked for.
    """
    rotating = _STATIC if credentials.mode == "static" else _ALWAYS
    folder = f"{mount}/metadata/{environment.system}/{environment.name}"
    listed: list[str] = _read(server, headers, f"{folder}/?list=true").get("keys", [])
    for name in sorted(name for name in listed if name.startswith(rotating) and not name.endswith("/")):
        kept: Mapping[str, str] = _read(server, headers, f"{folder}/{name}").get("custom_metadata") or {}
        present = int(kept.get(KEY, 0))
        if credentials.rotation not in (present, present + 1):
            raise PlatformError(
                f"credentials.rotation is {credentials.rotation}, and {mount}/{environment.system}/"
                f"{environment.name}/{name} is at {present}; use {present} or {present + 1}: "
                "any other would change the login that pods hold"
            )


def _read(server: Server, headers: Mapping[str, str], path: str) -> dict[str, Any]:
    status, body = server.get(f"/v1/{path}", headers)
    if status == HTTPStatus.NOT_FOUND:
        return {}
    if status != HTTPStatus.OK:
        raise PlatformError(
            f"which rotation static credentials are at is undecided: {path} answers {status}; "
            "the token needs read and list there"
        )
    return server.read(body).get("data") or {}
