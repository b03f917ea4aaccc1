"""A cluster as drift asks it: by apiVersion, kind, namespace and name."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from bulkhead.drift.finding import RepairError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkhead.live import Kubernetes

APPLY: Final = "application/apply-patch+yaml"


@dataclass(frozen=True)
class Place:
    """Where an object is: what its kind's address begins with, its collection, and itself."""

    collection: str
    name: str

    @property
    def path(self) -> str:
        """The object's address in the API."""
        return f"{self.collection}/{quote(self.name, safe='')}"


class Cluster:
    """An API server, with the kinds that it serves; several threads may use it at once.

    Args:
        api: the API server.
    """

    def __init__(self, api: Kubernetes) -> None:
        self.api = api
        self._kinds: dict[str, dict[str, tuple[str, bool]]] = {}
        self._lock = threading.Lock()

    def collection(self, api_version: str, kind: str, namespace: str = "") -> str | None:
        """The address of a kind's objects, of one namespace if one is given; None for a kind it does not serve."""
        with self._lock:
            if api_version not in self._kinds:
                self._kinds[api_version] = self._discover(api_version)
            served = self._kinds[api_version].get(kind)
        if served is None:
            return None
        plural, namespaced = served
        inside = f"/namespaces/{quote(namespace, safe='')}" if namespaced and namespace else ""
        return f"{_root(api_version)}{inside}/{plural}"

    def place(self, document: Mapping[str, Any]) -> Place | None:
        """Where an object is or would be; None for a kind that the cluster does not serve."""
        about: Mapping[str, Any] = document.get("metadata") or {}
        found = self.collection(
            str(document.get("apiVersion")), str(document.get("kind")), str(about.get("namespace") or "")
        )
        return Place(found, str(about.get("name"))) if found else None

    def change(
        self, method: str, path: str, body: object = None, *, kind: str = "application/json"
    ) -> dict[str, Any]:
        """A request that changes something.

        Raises:
            RepairError: the API server refuses it.
        """
        status, said = self.api.send(method, path, body, kind=kind)
        if status not in {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED}:
            raise RepairError(f"Kubernetes answers {status}: {said.get('message', '')}")
        return said

    def _discover(self, api_version: str) -> dict[str, tuple[str, bool]]:
        listed = self.api.get(_root(api_version)) or {}
        resources: list[dict[str, Any]] = listed.get("resources") or []
        return {
            str(one["kind"]): (str(one["name"]), bool(one.get("namespaced")))
            for one in resources
            if "/" not in str(one["name"])
        }


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
