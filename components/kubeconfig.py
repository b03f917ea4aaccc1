"""The kubeconfig: where a context's API server is, whose certificates it has, and who we are there."""

import base64
import os
import ssl
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from components.errors import PlatformError


@dataclass(frozen=True, kw_only=True)
class Context:
    """One context of the kubeconfig.

    Args:
        name: what it is called.
        cluster: its cluster's entry.
        user: its user's entry.
    """

    name: str
    cluster: dict[str, Any]
    user: dict[str, Any]

    @property
    def server(self) -> str:
        """The API server's address."""
        return str(self.cluster["server"])

    def trust(self) -> ssl.SSLContext:
        """Whose certificates the API server is known by."""
        trust = ssl.create_default_context()
        try:
            if data := self.cluster.get("certificate-authority-data"):
                trust.load_verify_locations(cadata=base64.b64decode(data).decode())
            elif file := self.cluster.get("certificate-authority"):
                trust.load_verify_locations(cafile=file)
        except (OSError, ValueError) as error:
            raise PlatformError(f"KUBECONFIG: certificate-authority of {self.server}: {error}") from None
        if self.cluster.get("insecure-skip-tls-verify"):
            trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        return trust

    def identify(self, trust: ssl.SSLContext) -> dict[str, str]:
        """The headers that say who we are; a client's certificate is added to `trust`.

        A token is read as it stands. Everything else (certificates, cloud logins by a command) is the official
        client's business, whose import costs half a second.
        """
        if token := self.user.get("token"):
            return {"Authorization": f"Bearer {token}"}
        kubernetes: Any = import_module("kubernetes")
        try:
            # The client looks at KUBECONFIG when it is imported, not when it is asked.
            client = kubernetes.config.new_client_from_config(config_file=_files(), context=self.name)
            known = client.configuration
        except kubernetes.config.ConfigException as error:
            raise PlatformError(f"KUBECONFIG: context {self.name}: {error}") from None
        if known.cert_file:
            trust.load_cert_chain(known.cert_file, known.key_file)
        return {setting["key"]: str(setting["value"]) for setting in known.auth_settings().values()}


def read(context: str) -> Context:
    """A context of the files that KUBECONFIG names.

    Raises:
        PlatformError: a file is no kubeconfig, or none has the context.
    """
    files = _files().split(os.pathsep)
    known: list[str] = []
    for file in files:
        path = Path(file).expanduser()
        try:
            config: dict[str, list[dict[str, Any]]] = yaml.safe_load(path.read_text(encoding="utf-8"))
            clusters = {entry["name"]: entry["cluster"] for entry in config["clusters"]}
            contexts = {entry["name"]: entry["context"] for entry in config["contexts"]}
            users = {entry["name"]: entry["user"] for entry in config.get("users", [])}
            if context in contexts:
                chosen = contexts[context]
                return Context(
                    name=context, cluster=clusters[chosen["cluster"]], user=users.get(chosen["user"], {})
                )
        except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            raise PlatformError(f"KUBECONFIG: {path} is no kubeconfig: {error}") from None
        known += contexts
    raise PlatformError(
        f"kubernetes.context is {context!r}, which {', '.join(files)} does not have; it has {', '.join(known)}"
    )


def _files() -> str:
    return os.environ.get("KUBECONFIG", "~/.kube/config")
