"""Watching a cluster: what the sandbox's own controllers, Reloader's stand-in and the Jobs' runner, share."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import threading
import time
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sandbox.errors import SandboxError
from sandbox.json_api import ApiError, JsonApi

if TYPE_CHECKING:
    from collections.abc import Iterator

_WATCH_SECONDS = 300
_RETRY_SECONDS = 1.0
_GONE = 410

_log = logging.getLogger("watch")


class Controller(Protocol):
    """Is told of every object of one kind."""

    def look_at(self, item: dict[str, Any]) -> None:
        """An object as it is now: at first sight, and after each change."""
        ...

    def forget(self, item: dict[str, Any]) -> None:
        """An object that is gone."""
        ...


class Watch:
    """Follows all objects of one collection, for ever.

    Args:
        api: the cluster.
        collection: the collection's path, such as `/api/v1/secrets`.
        controller: what is told.
    """

    def __init__(self, api: JsonApi, collection: str, controller: Controller) -> None:
        self._api = api
        self._collection = collection
        self._controller = controller
        self._known: dict[str, dict[str, Any]] = {}
        self.watching = threading.Event()
        """Set while changes are seen as they happen."""

    def run(self) -> None:
        """Watch for ever; an unreachable API server is waited for."""
        while True:
            try:
                self._follow()
            except SandboxError as error:
                self.watching.clear()
                if not (isinstance(error, ApiError) and error.status == _GONE):
                    _log.warning("%s", error)
                time.sleep(_RETRY_SECONDS)

    def _follow(self) -> None:
        listed = self._api.call("GET", self._collection)
        there = {_identity(item) for item in listed["items"]}
        for gone in self._known.keys() - there:
            self._forget(self._known[gone])
        for item in listed["items"]:
            self._look_at(item)
        version = listed["metadata"]["resourceVersion"]
        self.watching.set()
        while True:
            for event in self._events(version):
                if event["type"] == "ERROR":
                    raise ApiError(int(event["object"].get("code", 0)), str(event["object"].get("message")))
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] in {"ADDED", "MODIFIED"}:
                    self._look_at(event["object"])
                elif event["type"] == "DELETED":
                    self._forget(event["object"])

    def _look_at(self, item: dict[str, Any]) -> None:
        self._known[_identity(item)] = {"metadata": item["metadata"]}
        self._controller.look_at(item)

    def _forget(self, item: dict[str, Any]) -> None:
        self._known.pop(_identity(item), None)
        self._controller.forget(item)

    def _events(self, version: str) -> Iterator[dict[str, Any]]:
        query = f"watch=1&allowWatchBookmarks=true&timeoutSeconds={_WATCH_SECONDS}&resourceVersion={version}"
        return self._api.lines(f"{self._collection}?{query}", silence_seconds=_WATCH_SECONDS + 10)


def _identity(item: dict[str, Any]) -> str:
    return str(item["metadata"]["uid"])


def parser(purpose: str | None) -> argparse.ArgumentParser:
    """The arguments that every controller's command has."""
    arguments = argparse.ArgumentParser(description=purpose)
    arguments.add_argument("--kubeconfig", type=Path, required=True)
    arguments.add_argument("--health-port", type=int, required=True)
    return arguments


def serve(watch: Watch, health_port: int) -> None:
    """Watch until stopped, and say on the way whether it does."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    serve_health(health_port, watch.watching)
    watch.run()


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
    """Answer `/healthz` in the background: 200 while the cluster is watched, else 503."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if watching.is_set() else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
