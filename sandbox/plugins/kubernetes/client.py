"""A small client of the Kubernetes API: the few verbs and the discovery that a plugin needs.

The official client takes half a second of processor time to import, more than everything else together; every
preview would pay for it.
"""

from __future__ import annotations

import json
import os
import ssl
import tempfile
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote, urlencode

import urllib3
from urllib3.util import Timeout

from sandbox.plugins.process import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.plugins.kubernetes.kubeconfig import Connection
    from sandbox.plugins.kubernetes.objects import Object

CONNECTIONS: Final = 16
CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 60.0

APPLY: Final = "application/apply-patch+yaml"
JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
JSON: Final = "application/json"


class UnreachableError(PluginError):
    """The API server did not answer: nothing is known about the object, least of all that it is gone."""


class UnknownKindError(PluginError):
    """The API server does not serve this kind, for instance because its definition is not installed yet."""


class ApiError(PluginError):
    """The API server refused, with its reason."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason

    @property
    def not_found(self) -> bool:
        """The object, or something that it needs, does not exist."""
        return self.status == 404  # noqa: PLR2004 - HTTP's numbers are clearer than names for them

    @property
    def namespace_missing(self) -> bool:
        """The object's namespace does not exist (yet)."""
        return self.not_found and str(self).startswith("namespaces ")

    @property
    def conflict(self) -> bool:
        """Another manager owns a field that we declare."""
        return self.status == 409 and self.reason == "Conflict"  # noqa: PLR2004

    @property
    def already_exists(self) -> bool:
        """There is an object of this name."""
        return self.reason == "AlreadyExists"

    @property
    def forbidden(self) -> bool:
        """This user may not do this, or admission refused."""
        return self.status == 403  # noqa: PLR2004

    @property
    def immutable(self) -> bool:
        """A field cannot be changed once it is set."""
        return self.reason == "Invalid" and "field is immutable" in str(self)


@dataclass(frozen=True)
class Kind:
    """How the API server serves a kind."""

    path: str
    plural: str
    namespaced: bool

    def url(self, namespace: str | None, name: str | None = None) -> str:
        """The path of one object, or without a name of all objects."""
        scope = f"/namespaces/{quote(namespace or 'default', safe='')}" if self.namespaced else ""
        return f"{self.path}{scope}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


class Client:
    """Requests to one API server as one user; several threads may use it at once."""

    def __init__(self, connection: Connection) -> None:
        self.server = connection.server
        self._headers = {"Accept": JSON, "User-Agent": "bulkhead-sandbox"}
        if connection.token:
            self._headers["Authorization"] = f"Bearer {connection.token}"
        self._http = urllib3.PoolManager(
            maxsize=CONNECTIONS,
            block=True,
            ssl_context=_tls(connection) if connection.server.startswith("https:") else None,
            retries=False,
            timeout=Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
        )
        self._kinds: dict[str, dict[str, Kind]] = {}
        self._discovery = threading.Lock()

    def kind(self, api_version: str, kind: str) -> Kind:
        """How a kind is served; asked once a group and version."""
        with self._discovery:
            kinds = self._kinds.get(api_version)
            if kinds is None:
                kinds = self._kinds[api_version] = self._discover(api_version)
        if kind not in kinds:
            raise UnknownKindError(f"The API server at {self.server} has no kind {kind} in {api_version}.")
        return kinds[kind]

    def knows(self, api_version: str, kind: str) -> bool:
        """Whether a kind is served now."""
        try:
            self.kind(api_version, kind)
        except UnknownKindError:
            return False
        return True

    def forget_kinds(self) -> None:
        """Ask again: definitions were added."""
        with self._discovery:
            self._kinds.clear()

    def get(self, api_version: str, kind: str, namespace: str | None, name: str) -> Object | None:
        """An object, or None where there is none."""
        try:
            return self.request("GET", self.kind(api_version, kind).url(namespace, name))
        except ApiError as error:
            if error.not_found:
                return None
            raise

    def objects(
        self, api_version: str, kind: str, namespace: str | None, query: Mapping[str, str] | None = None
    ) -> list[Object]:
        """All objects of a kind in a namespace."""
        answer = self.request("GET", self.kind(api_version, kind).url(namespace), query=query)
        return cast("list[Object]", answer.get("items") or [])

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        content: str = JSON,
        query: Mapping[str, str] | None = None,
    ) -> Object:
        """One request; what is not a success is raised."""
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = self._headers if body is None else {**self._headers, "Content-Type": content}
        data = None if body is None else json.dumps(body).encode()
        try:
            response = self._http.request(method, url, body=data, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise UnreachableError(
                f"The Kubernetes API server at {self.server} cannot be reached: {_cause(error)}"
            ) from error
        if response.status < 300:  # noqa: PLR2004
            return cast("Object", json.loads(response.data))
        raise _refusal(response.status, response.data, f"{method} {path}")

    def _discover(self, api_version: str) -> dict[str, Kind]:
        path = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        try:
            answer = self.request("GET", path)
        except ApiError as error:
            if error.not_found:
                return {}
            raise
        resources = cast("list[dict[str, Any]]", answer.get("resources") or [])
        return {
            resource["kind"]: Kind(path, resource["name"], bool(resource["namespaced"]))
            for resource in resources
            if "/" not in resource["name"]
        }


def _refusal(status: int, data: bytes, request: str) -> ApiError:
    try:
        answer = cast("dict[str, Any]", json.loads(data))
        return ApiError(status, str(answer.get("reason", "")), str(answer.get("message", "")))
    except ValueError:
        text = data.decode(errors="replace").strip()
        return ApiError(status, "", f"{request} was answered with {status}: {text[:300]}")


def _cause(error: BaseException) -> str:
    """What lies below urllib3's own words, which begin with the address of an object in memory."""
    return str(error).split(": ", 1)[-1]


def _tls(connection: Connection) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if connection.certificate_authority:
        context.load_verify_locations(cadata=connection.certificate_authority.decode())
    if connection.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if connection.client_certificate and connection.client_key:
        # OpenSSL takes a certificate's key from a file only; it exists, unreadable for others, for a moment.
        descriptor, place = tempfile.mkstemp()
        try:
            os.write(descriptor, connection.client_certificate + b"\n" + connection.client_key)
            context.load_cert_chain(place)
        finally:
            os.close(descriptor)
            os.unlink(place)  # noqa: PTH108 - nothing else of pathlib is needed here
    return context
