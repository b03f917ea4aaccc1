"""Vault of the sandbox: its configuration, its first start, its unsealing, and what programs find in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox import serverlog
from sandbox.errors import SandboxError
from sandbox.json_api import ApiError, JsonApi
from sandbox.layout import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.layout import Layout

KV_MOUNT = "secret"
KUBERNETES_AUTH = "kubernetes"

AUDIT_BYTES = 20_000_000
"""How long the audit log may be when the sandbox is brought up; longer, it begins anew, as other logs do."""

_AUDIT = "/v1/sys/audit"


def prepare(layout: Layout, port: int) -> None:
    """Write the server's configuration: data in files, so that it survives a stop."""
    write_private(
        layout.secrets / "vault.json",
        json.dumps(
            {
                "storage": {"file": {"path": str(layout.data / "vault")}},
                "listener": {"tcp": {"address": f"127.0.0.1:{port}", "tls_disable": True}},
                "api_addr": f"http://127.0.0.1:{port}",
                # Locking memory needs a capability that an ordinary user does not have.
                "disable_mlock": True,
                "log_level": "info",
            },
            indent=2,
        )
        + "\n",
    )


def root_token(layout: Layout) -> str:
    """The token that may do everything."""
    return str(json.loads(layout.vault_file.read_text(encoding="utf-8"))["root_token"])


def connect(layout: Layout, port: int) -> JsonApi:
    """Vault, as root."""
    return JsonApi(f"http://127.0.0.1:{port}", {"X-Vault-Token": root_token(layout)})


def unseal(layout: Layout, port: int) -> None:
    """Make an answering Vault usable: initialise it the first time, and give it its key."""
    anonymous = JsonApi(f"http://127.0.0.1:{port}", {})
    if not anonymous.call("GET", "/v1/sys/init")["initialized"]:
        made = anonymous.call("PUT", "/v1/sys/init", {"secret_shares": 1, "secret_threshold": 1})
        write_private(
            layout.vault_file,
            json.dumps({"unseal_key": made["keys_base64"][0], "root_token": made["root_token"]}) + "\n",
        )
    try:
        key = json.loads(layout.vault_file.read_text(encoding="utf-8"))["unseal_key"]
    except FileNotFoundError as error:
        raise SandboxError(
            f"Vault holds data but {layout.vault_file}, its key, is gone: `bulkhead sandbox reset` begins anew"
        ) from error
    if anonymous.call("GET", "/v1/sys/seal-status")["sealed"]:
        anonymous.call("PUT", "/v1/sys/unseal", {"key": key})


def provision(layout: Layout, port: int) -> None:
    """Set up what a platform team sets up once: audit log, KV store, Kubernetes log-in."""
    api = connect(layout, port)
    audit(layout.log("vault-audit"), api)
    if f"{KV_MOUNT}/" not in _data(api, "/v1/sys/mounts"):
        _mount(api, f"/v1/sys/mounts/{KV_MOUNT}", {"type": "kv", "options": {"version": "2"}})
    if f"{KUBERNETES_AUTH}/" not in _data(api, "/v1/sys/auth"):
        _mount(api, f"/v1/sys/auth/{KUBERNETES_AUTH}", {"type": "kubernetes"})


def audit(log: Path, api: JsonApi) -> None:
    """Have Vault write down every request and its answer, secrets as keyed hashes alone.

    A log that has grown too long is put aside, one before it forgotten: Vault goes on writing to the file that it
    opened, so the device is enabled anew.
    """
    enabled = "file/" in _data(api, _AUDIT)
    if enabled and serverlog.size(log) > AUDIT_BYTES:
        api.call("DELETE", f"{_AUDIT}/file")
        log.replace(log.with_name(f"{log.name}.1"))
        enabled = False
    if not enabled:
        options = {"file_path": str(log), "mode": "0600"}
        api.call("PUT", f"{_AUDIT}/file", {"type": "file", "options": options})


def trust_cluster(layout: Layout, port: int, *, api_server: str, reviewer: str) -> None:
    """Let service accounts of the cluster log in.

    Args:
        layout: the sandbox's paths.
        port: Vault's.
        api_server: the address of the cluster's API.
        reviewer: the token that Vault asks the cluster with.
    """
    connect(layout, port).call(
        "POST",
        f"/v1/auth/{KUBERNETES_AUTH}/config",
        {
            "kubernetes_host": api_server,
            "kubernetes_ca_cert": layout.certificate.read_text(encoding="utf-8"),
            "token_reviewer_jwt": reviewer,
            "disable_local_ca_jwt": True,
        },
    )


def _data(api: JsonApi, path: str) -> dict[str, Any]:
    return dict(api.call("GET", path)["data"])


def _mount(api: JsonApi, path: str, body: dict[str, Any]) -> None:
    try:
        api.call("POST", path, body)
    except ApiError as error:
        raise SandboxError(f"Vault could not be set up: {error}") from error
