"""Restarts pods whose Secret changed: the sandbox's stand-in for Stakater Reloader, which runs in clusters.

It does what programs ask of Reloader: a Deployment with the annotation
`secret.reloader.stakater.com/reload: "name[,name]"` gets a new pod template when the data of one of these
Secrets changes. What it has seen is kept in a file as hashes, so that a change that happens while it is
stopped is noticed as well, and a Secret that is seen for the first time restarts nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.layout import write_private
from sandbox.watch import Watch, connect, parser, serve

if TYPE_CHECKING:
    from sandbox.json_api import JsonApi

ASKED = "secret.reloader.stakater.com/reload"
RELOADED = "reloader.stakater.com/last-reloaded-from"

_log = logging.getLogger("reloader")


def data_hash(secret: dict[str, Any]) -> str:
    """Tells whether a Secret's data is what it was, without telling the data."""
    canonical = json.dumps(secret.get("data") or {}, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def asks_for(deployment: dict[str, Any], secret: str) -> bool:
    """Whether a Deployment wants to be restarted when a Secret changes."""
    annotations: dict[str, str] = deployment["metadata"].get("annotations") or {}
    return secret in {name.strip() for name in annotations.get(ASKED, "").split(",")}


def restart_patch(namespace: str, secret: str, seen: str) -> dict[str, Any]:
    """The change of a Deployment that makes Kubernetes replace its pods."""
    source = {"type": "SECRET", "name": secret, "namespace": namespace, "hash": seen}
    note = json.dumps(source, sort_keys=True)
    return {"spec": {"template": {"metadata": {"annotations": {RELOADED: note}}}}}


class Seen:
    """The hashes of the Secrets as they were when last looked at, kept in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._hashes: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            self._hashes = {}

    def changed(self, key: str, now: str) -> bool:
        """Whether a Secret was seen before, and was different then."""
        return self._hashes.get(key, now) != now

    def keep(self, key: str, now: str) -> None:
        """Remember a Secret's hash."""
        if self._hashes.get(key) != now:
            self._hashes[key] = now
            write_private(self._path, json.dumps(self._hashes, indent=0, sort_keys=True))


class Reloader:
    """Restarts what asks for it when a Secret changes."""

    def __init__(self, api: JsonApi, seen: Seen) -> None:
        self._api = api
        self._seen = seen

    def look_at(self, item: dict[str, Any]) -> None:
        """Restart what asks for it if a Secret is not what it was."""
        namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
        key, now = f"{namespace}/{name}", data_hash(item)
        if self._seen.changed(key, now):
            self._restart(namespace, name, now)
        # Only now: if a restart failed, the change is met again.
        self._seen.keep(key, now)

    def forget(self, item: dict[str, Any]) -> None:
        """A Secret that is gone restarts nothing; one that comes back with other data does."""

    def _restart(self, namespace: str, secret: str, now: str) -> None:
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        for deployment in self._api.call("GET", path)["items"]:
            if asks_for(deployment, secret):
                name = deployment["metadata"]["name"]
                self._api.call(
                    "PATCH",
                    f"{path}/{name}?fieldManager=reloader",
                    restart_patch(namespace, secret, now),
                    content="application/strategic-merge-patch+json",
                )
                _log.info("restarted %s/%s: Secret %s changed", namespace, name, secret)


def main() -> None:
    """Run until stopped."""
    arguments = parser(__doc__)
    arguments.add_argument("--seen", type=Path, required=True, help="file to keep hashes in")
    options = arguments.parse_args()
    api = connect(options.kubeconfig)
    serve(Watch(api, "/api/v1/secrets", Reloader(api, Seen(options.seen))), options.health_port)


if __name__ == "__main__":
    main()
