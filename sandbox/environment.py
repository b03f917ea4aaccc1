"""What the running sandbox tells others: the variables of a shell, and the platform file of programs."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox import cluster, postgresql, vault
from sandbox.layout import write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.layout import Layout
    from sandbox.services import Setting

PASSPHRASE = "sandbox"  # noqa: S105 - no secret: stack files in the repository are encrypted with this word
_PATH = "PATH"


def write(setting: Setting, *, plugins: str, folders: Iterable[Path]) -> None:
    """Write both files.

    Args:
        setting: the sandbox's paths and ports.
        plugins: which provider plugins are in use, official or sandbox.
        folders: where the tools are, for PATH.
    """
    layout, ports = setting.layout, setting.ports
    import yaml  # noqa: PLC0415 - `bulkhead sandbox env` only reads

    write_private(layout.platform_file, yaml.safe_dump(platform(layout, ports), sort_keys=False))
    known = variables(layout, ports, plugins)
    first = [str(Path(sys.executable).parent), *map(str, folders)]
    write_private(
        layout.environment_file,
        json.dumps({"variables": known, "path": list(dict.fromkeys(first))}, indent=2) + "\n",
    )


def platform(layout: Layout, ports: Mapping[str, int]) -> dict[str, Any]:
    """The platform file's content."""
    return {
        "name": "sandbox",
        "backend": layout.state.as_uri(),
        "domain": "keybuzz.io",
        "kubernetes": {
            "context": cluster.CONTEXT,
            "ingressClass": "traefik",
            "ingressNamespace": cluster.INGRESS_NAMESPACE,
            "clusterIssuer": "letsencrypt-prod",
        },
        "vault": {
            "address": f"http://127.0.0.1:{ports['vault']}",
            "kvMount": vault.KV_MOUNT,
            "kubernetesAuth": vault.KUBERNETES_AUTH,
        },
        "postgresql": {
            "write": {"host": "127.0.0.1", "port": ports["postgresql"]},
            "nodes": [],
            "sslmode": "disable",
        },
    }


def variables(layout: Layout, ports: Mapping[str, int], plugins: str) -> dict[str, str]:
    """What `pulumi`, `kubectl`, `vault` and `psql` need to work against this sandbox."""
    values = {
        "PULUMI_HOME": str(layout.pulumi_home),
        "PULUMI_BACKEND_URL": layout.state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "KUBECONFIG": str(layout.kubeconfig),
        "VAULT_ADDR": f"http://127.0.0.1:{ports['vault']}",
        "VAULT_TOKEN": vault.root_token(layout),
        "PGHOST": "127.0.0.1",
        "PGPORT": str(ports["postgresql"]),
        "PGUSER": postgresql.ADMINISTRATOR,
        "PGPASSWORD": postgresql.password(layout, "administrator"),
        "PGDATABASE": "postgres",
        "PGSSLMODE": "disable",
        "BULKHEAD_PLATFORM": "sandbox",
        "BULKHEAD_SANDBOX": str(layout.home),
        "BULKHEAD_PLUGINS": plugins,
    }
    if plugins == "sandbox":
        # The plugins that programs ask for are there; a download would put others in their place.
        values["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
    return values


def read(layout: Layout) -> dict[str, str]:
    """The variables as they are to be set in this process's surroundings, PATH among them."""
    known: dict[str, Any] = json.loads(layout.environment_file.read_text(encoding="utf-8"))
    path = [*known["path"], *os.environ.get(_PATH, os.defpath).split(os.pathsep)]
    return {**known["variables"], _PATH: os.pathsep.join(dict.fromkeys(path))}


def shell(values: Mapping[str, str]) -> str:
    """Commands that set these variables in a POSIX shell."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
