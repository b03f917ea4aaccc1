"""Asks each server whether it is ready: by the question that its clients' success depends on."""

from __future__ import annotations

import http.client
import ssl
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.services import Setting

_SECONDS = 5.0

_PATHS = {
    "etcd": "/health",
    "kube-apiserver": "/readyz",
    "kube-controller-manager": "/healthz",
    "kube-scheduler": "/readyz",
    "kwok": "/healthz",
    "vault": "/v1/sys/health",
    "external-secrets": "/healthz",
    "reloader": "/healthz",
    "jobs": "/healthz",
}
_TLS = frozenset({"kube-apiserver", "kube-controller-manager", "kube-scheduler"})

VAULT_STATES = {200: "ready", 501: "not initialised", 503: "sealed"}
"""What the status of Vault's health answer means."""


def ready(name: str, setting: Setting) -> bool:
    """Whether a server can be used now."""
    if name == "postgresql":
        return _postgresql_ready(setting)
    return health(name, setting) == http.client.OK


def answering(name: str, setting: Setting) -> bool:
    """Whether a server answers, though it may want something before it can be used (Vault: its key)."""
    if name == "vault":
        return health(name, setting) in VAULT_STATES
    return ready(name, setting)


def health(name: str, setting: Setting) -> int | None:
    """The status of a server's health answer; None if there is no answer."""
    connection = _connection(name, setting)
    if connection is None:
        return None
    try:
        connection.request("GET", _PATHS[name])
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _connection(name: str, setting: Setting) -> http.client.HTTPConnection | None:
    port = setting.ports[name]
    if name not in _TLS:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        context = ssl.create_default_context(cafile=str(setting.layout.certificate))
    except (OSError, ssl.SSLError):
        # The API server makes its certificate when it starts for the first time.
        return None
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=_SECONDS, context=context)


def _postgresql_ready(setting: Setting) -> bool:
    asked = subprocess.run(
        [
            str(setting.binary("pg_isready")),
            "--quiet",
            "--host=127.0.0.1",
            f"--port={setting.ports['postgresql']}",
            "--timeout=5",
        ],
        check=False,
        timeout=15,
        capture_output=True,
    )
    return asked.returncode == 0
