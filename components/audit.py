"""Audit: whether Vault writes down who asks it for what."""

from collections.abc import Mapping
from http import HTTPStatus

from components.errors import PlatformError
from components.server import Server


def unaudited(server: Server, headers: Mapping[str, str], *, demanded: bool) -> str:
    """What is to be said of Vault's audit devices; empty where it has one.

    Args:
        server: Vault.
        headers: who asks.
        demanded: whether to refuse a Vault without one.

    Raises:
        PlatformError: it has none, and one is demanded.
    """
    status, body = server.get("/v1/sys/audit", headers)
    if status != HTTPStatus.OK:
        return (
            f"whether Vault {server.address} has an audit device is undecided: /v1/sys/audit answers {status}; "
            "the token needs read and sudo on sys/audit"
        )
    if server.read(body).get("data"):
        return ""
    fault = (
        f"Vault {server.address} has no audit device, so nobody can tell who read a secret; enable one: "
        "vault audit enable file file_path=/var/log/vault/audit.log"
    )
    if demanded:
        raise PlatformError(fault)
    return fault
