"""A Kubernetes API in memory, as far as the plugin's cluster code asks for it."""

import copy
from collections.abc import Mapping
from typing import Any

from sandbox.plugins.kubernetes.client import ApiError, Client, Kind, UnknownKindError

KINDS = {
    ("v1", "Namespace"): Kind("/api/v1", "namespaces", namespaced=False),
    ("v1", "ConfigMap"): Kind("/api/v1", "configmaps", namespaced=True),
    ("v1", "Event"): Kind("/api/v1", "events", namespaced=True),
    ("v1", "Pod"): Kind("/api/v1", "pods", namespaced=True),
    ("v1", "Secret"): Kind("/api/v1", "secrets", namespaced=True),
    ("v1", "Service"): Kind("/api/v1", "services", namespaced=True),
    ("apps/v1", "Deployment"): Kind("/apis/apps/v1", "deployments", namespaced=True),
    ("batch/v1", "Job"): Kind("/apis/batch/v1", "jobs", namespaced=True),
    ("discovery.k8s.io/v1", "EndpointSlice"): Kind("/apis/discovery.k8s.io/v1", "endpointslices", namespaced=True),
}


class MemoryApi(Client):
    """Keeps objects by path; what it was asked is in `requests`."""

    def __init__(self) -> None:
        self.server = "https://memory"
        self.stored: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str, Mapping[str, str]]] = []
        self.failure: ApiError | None = None
        self.kinds = dict(KINDS)

    def kind(self, api_version: str, kind: str) -> Kind:
        """A known kind, or the error that the real client raises."""
        if (api_version, kind) not in self.kinds:
            raise UnknownKindError(f"no kind {kind} in {api_version}")
        return self.kinds[api_version, kind]

    def forget_kinds(self) -> None:
        """Nothing is remembered."""

    def put(self, item: dict[str, Any]) -> str:
        """Store an object as it is, and give its path."""
        about = item["metadata"]
        path = self.kind(item["apiVersion"], item["kind"]).url(about.get("namespace"), about["name"])
        self.stored[path] = copy.deepcopy(item)
        return path

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        content: str = "",
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """One request, carried out on what is stored unless it is a dry run."""
        self.requests.append((method, path, {**(query or {}), "content": content}))
        if self.failure is not None:
            raise self.failure
        answer = self._answer(method, path, copy.deepcopy(body), dry="dryRun" in (query or {}))
        return copy.deepcopy(answer)

    def _answer(self, method: str, path: str, body: Any, *, dry: bool) -> dict[str, Any]:
        if method == "GET" and path not in self.stored:
            below = [item for key, item in self.stored.items() if key.startswith(f"{path}/")]
            if path.count("/") in (3, 5, 6) and path.rsplit("/", 1)[1] in {
                one.plural for one in self.kinds.values()
            }:
                return {"items": below}
        if method == "POST":
            path = f"{path}/{body['metadata']['name']}"
            if path in self.stored:
                raise ApiError(409, "AlreadyExists", f"{path} already exists")
            made = {**body, "metadata": {**body["metadata"], "uid": f"uid-{len(self.requests)}"}}
            if not dry:
                self.stored[path] = made
            return made
        if path not in self.stored:
            raise ApiError(404, "NotFound", f"{path} not found")
        if method == "DELETE":
            return self.stored.pop(path)
        if method == "PATCH" and isinstance(body, dict):
            made = merged(self.stored[path], body)
            if not dry:
                self.stored[path] = made
            return made
        return self.stored[path]


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The objects in one, the other's values winning."""
    result = dict(one)
    for key, value in other.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result
