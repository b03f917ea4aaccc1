"""Restarts pods whose Secret changed: the sandbox's stand-in for Stakater Reloader, which runs in clusters.

It does what programs ask of Reloader: a Deployment with the annotation
`secret.reloader.stakater.com/reload: "name[,name]"` gets a new pod template when the data of one of these
Secrets changes. What it has seen is kept in a file as hashes, so that a change that happens while it is
stopped is noticed as well, and a Secret that is seen for the first time restarts nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import sys
import threading
import time
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.errors import SandboxError
from sandbox.json_api import ApiError, JsonApi
from sandbox.layout import write_private

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKED = "secret.reloader.stakater.com/reload"
RELOADED = "reloader.stakater.com/last-reloaded-from"

_WATCH_SECONDS = 300
_RETRY_SECONDS = 1.0
_GONE = 410

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
    """Watches all Secrets of a cluster."""

    def __init__(self, api: JsonApi, seen: Seen) -> None:
        self._api = api
        self._seen = seen
        self.watching = threading.Event()

    def run(self) -> None:
        """Watch for ever; an unreachable API server is waited for."""
        while True:
            try:
                self._watch()
            except SandboxError as error:
                self.watching.clear()
                if not (isinstance(error, ApiError) and error.status == _GONE):
                    _log.warning("%s", error)
                time.sleep(_RETRY_SECONDS)

    def _watch(self) -> None:
        listed = self._api.call("GET", "/api/v1/secrets")
        for secret in listed["items"]:
            self.look_at(secret)
        version = listed["metadata"]["resourceVersion"]
        self.watching.set()
        while True:
            for event in self._events(version):
                if event["type"] == "ERROR":
                    raise ApiError(int(event["object"].get("code", 0)), str(event["object"].get("message")))
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] in {"ADDED", "MODIFIED"}:
                    self.look_at(event["object"])

    def _events(self, version: str) -> Iterator[dict[str, Any]]:
        query = f"watch=1&allowWatchBookmarks=true&timeoutSeconds={_WATCH_SECONDS}&resourceVersion={version}"
        return self._api.lines(f"/api/v1/secrets?{query}", silence_seconds=_WATCH_SECONDS + 10)

    def look_at(self, secret: dict[str, Any]) -> None:
        """Restart what asks for it if a Secret is not what it was."""
        namespace, name = secret["metadata"]["namespace"], secret["metadata"]["name"]
        key, now = f"{namespace}/{name}", data_hash(secret)
        if self._seen.changed(key, now):
            self._restart(namespace, name, now)
        # Only now: if a restart failed, the change is met again.
        self._seen.keep(key, now)

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


def connect(kubeconfig: Path) -> JsonApi:
    """The cluster of the sandbox's kubeconfig, which the sandbox writes as JSON."""
    content = json.loads(kubeconfig.read_text(encoding="utf-8"))
    cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
    return JsonApi(
        cluster["server"],
        {"Authorization": f"Bearer {user['token']}"},
        b64decode(cluster["certificate-authority-data"]).decode(),
    )


def serve_health(port: int, watching: threading.Event) -> None:
    """Answer `/healthz` in the background: 200 while Secrets are watched, else 503."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if watching.is_set() else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main() -> None:
    """Run until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--seen", type=Path, required=True, help="file to keep hashes in")
    parser.add_argument("--health-port", type=int, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    reloader = Reloader(connect(options.kubeconfig), Seen(options.seen))
    serve_health(options.health_port, reloader.watching)
    reloader.run()


if __name__ == "__main__":
    main()
