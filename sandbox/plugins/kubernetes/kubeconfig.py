"""Which API server a kubeconfig names, and how to prove to it who we are."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from sandbox.plugins.process import PluginError


@dataclass(frozen=True, kw_only=True)
class Connection:
    """One cluster as one user of it: what a client needs and nothing else."""

    server: str
    certificate_authority: bytes | None = None
    client_certificate: bytes | None = None
    client_key: bytes | None = None
    token: str | None = None
    insecure: bool = False
    namespace: str | None = None


def connection(kubeconfig: str | None, context: str | None, cluster: str | None = None) -> Connection:
    """Read a kubeconfig, given as a path or as its text; without one, KUBECONFIG or the default place."""
    text, folder = _text(kubeconfig)
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise PluginError(f"The kubeconfig is not YAML: {error}") from error
    if not isinstance(document, Mapping):
        raise PluginError("The kubeconfig is empty.")
    configuration = cast("Mapping[str, Any]", document)
    name = context or configuration.get("current-context") or ""
    chosen = _named(configuration, "contexts", "context", name)
    server = _named(configuration, "clusters", "cluster", cluster or chosen.get("cluster", ""))
    user: Mapping[str, Any] = {}
    if chosen.get("user"):
        user = _named(configuration, "users", "user", str(chosen["user"]))
    token: str | None = user.get("token")
    if not token and user.get("tokenFile"):
        token = Path(folder, user["tokenFile"]).read_text(encoding="utf-8").strip()
    return Connection(
        server=str(server["server"]).rstrip("/"),
        certificate_authority=_data(server, "certificate-authority", folder),
        client_certificate=_data(user, "client-certificate", folder),
        client_key=_data(user, "client-key", folder),
        token=token,
        insecure=bool(server.get("insecure-skip-tls-verify", False)),
        namespace=chosen.get("namespace"),
    )


def _text(kubeconfig: str | None) -> tuple[str, Path]:
    if kubeconfig and ("\n" in kubeconfig or kubeconfig.lstrip().startswith("{")):
        return kubeconfig, Path.cwd()
    place = kubeconfig or os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or "~/.kube/config"
    path = Path(place).expanduser()
    try:
        return path.read_text(encoding="utf-8"), path.parent
    except OSError as error:
        raise PluginError(f"The kubeconfig {path} cannot be read: {error.strerror}.") from error


def _named(configuration: Mapping[str, Any], plural: str, singular: str, name: str) -> Mapping[str, Any]:
    entries = cast("list[Mapping[str, Any]]", configuration.get(plural) or [])
    for entry in entries:
        if entry.get("name") == name:
            return cast("Mapping[str, Any]", entry.get(singular) or {})
    known = ", ".join(str(entry.get("name")) for entry in entries) or "none"
    raise PluginError(f"The kubeconfig has no {singular} named {name!r}; it has: {known}.")


def _data(section: Mapping[str, Any], key: str, folder: Path) -> bytes | None:
    if inline := section.get(f"{key}-data"):
        return base64.b64decode(inline)
    if place := section.get(key):
        return Path(folder, place).read_bytes()
    return None
