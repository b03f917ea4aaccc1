"""A real Traefik on loopback for one test module, and applications that it can reach.

The sandbox's pods have no network, so a Service of type ExternalName stands in for each application's Service
and leads to a small server of this process. The proxy reads the sandbox's API as a service account with the
rights it needs and no more, in the named namespaces alone.
"""

import base64
import contextlib
import http.client
import http.server
import json
import socket
import ssl
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.json_api import ApiError, JsonApi
from sandbox.layout import write_private
from sandbox.toolbox.catalogue import binary
from tests.e2e.waiting import eventually

ACCOUNT = "traefik-under-test"
CONTROLLER_NAMESPACE = "ingress"
SLOW_SECONDS = 8
LARGE = "bulkhead " * 2000
_APPLY = "application/apply-patch+yaml"
_SECONDS = 10

_RIGHTS = [
    {"apiGroups": [""], "resources": ["services", "secrets", "configmaps"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    {
        "apiGroups": ["traefik.io"],
        "resources": [
            "ingressroutes",
            "ingressroutetcps",
            "ingressrouteudps",
            "middlewares",
            "middlewaretcps",
            "serverstransports",
            "serverstransporttcps",
            "tlsoptions",
            "tlsstores",
            "traefikservices",
        ],
        "verbs": ["get", "list", "watch"],
    },
]


@dataclass(frozen=True)
class Answer:
    """What a client got."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    tls: str | None

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class _Application(http.server.BaseHTTPRequestHandler):
    """Says what it was asked; `/slow` takes its time, `/large` says much; frames it would allow."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/slow"):
            time.sleep(SLOW_SECONDS)
        large = self.path.startswith("/large")
        said = LARGE.encode() if large else json.dumps({"service": self._service, "path": self.path}).encode()
        self.send_response(int(self.path.removeprefix("/status/")) if "/status/" in self.path else 200)
        self.send_header("Content-Type", "text/plain" if large else "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.send_header("X-Frame-Options", "SAMEORIGIN")
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(said)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    @property
    def _service(self) -> str:
        return getattr(self.server, "service", "")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing: pytest shows what matters."""


@contextlib.contextmanager
def application(service: str) -> Iterator[int]:
    """A server that stands in for an application; its port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Application)
    server.daemon_threads = True
    server.__dict__["service"] = service
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def address_of(made: Mapping[str, Any], plurals: Mapping[str, str]) -> tuple[str, str]:
    """Where objects of this kind are, and this one's name."""
    group, kind = str(made["apiVersion"]), str(made["kind"])
    root = f"/apis/{group}" if "/" in group else f"/api/{group}"
    namespace = made["metadata"].get("namespace")
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{inside}/{plurals.get(kind, kind.lower() + 's')}", str(made["metadata"]["name"])


@dataclass
class Cluster:
    """The sandbox's API, as its administrator; what is applied goes away with its namespaces."""

    api: JsonApi
    namespaces: list[str] = field(default_factory=list[str])
    plurals: Mapping[str, str] = field(
        default_factory=lambda: {"Policy": "policies", "NetworkPolicy": "networkpolicies"}
    )

    def apply(self, made: Mapping[str, Any], *, dry: bool = False) -> dict[str, Any]:
        """Apply an object strictly: an unknown or doubled field is an error. What the server then holds."""
        collection, name = address_of(made, self.plurals)
        options = "fieldManager=bulkhead-test&fieldValidation=Strict&force=true" + ("&dryRun=All" if dry else "")
        found = self.api.call("PATCH", f"{collection}/{name}?{options}", dict(made), content=_APPLY)
        if made["kind"] == "Namespace" and not dry:
            self.namespaces.append(name)
        return found

    def read(self, made: Mapping[str, Any]) -> dict[str, Any]:
        """The object as the server has it."""
        collection, name = address_of(made, self.plurals)
        return self.api.call("GET", f"{collection}/{name}")

    def clear(self) -> None:
        """Remove the namespaces, and wait until they are gone."""
        for name in self.namespaces:
            with contextlib.suppress(ApiError):
                self.api.call("DELETE", f"/api/v1/namespaces/{name}")
        for name in self.namespaces:
            eventually(lambda name=name: self.api.find(f"/api/v1/namespaces/{name}") is None, f"{name} is gone")

    def stand_in(self, namespace: str, service: str, port: int) -> None:
        """A Service that leads to a port of this machine."""
        spec = {
            "type": "ExternalName",
            "externalName": "localhost",
            "ports": [{"name": "http", "port": port, "targetPort": port}],
        }
        self.apply(_object("v1", "Service", service, namespace, spec=spec))

    def certificate(self, namespace: str, name: str, chain: str, key: str) -> None:
        """A certificate, in cert-manager's place."""
        data = {
            word: base64.b64encode(text.encode()).decode() for word, text in (("tls.crt", chain), ("tls.key", key))
        }
        self.apply(_object("v1", "Secret", name, namespace, type="kubernetes.io/tls", data=data))

    def token(self, namespaces: list[str]) -> str:
        """A token for the proxy, which may read these namespaces and nothing else."""
        self.apply(_object("v1", "ServiceAccount", ACCOUNT, CONTROLLER_NAMESPACE))
        subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": CONTROLLER_NAMESPACE}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT}
        for namespace in namespaces:
            rbac = "rbac.authorization.k8s.io/v1"
            self.apply(_object(rbac, "Role", ACCOUNT, namespace, rules=_RIGHTS))
            self.apply(_object(rbac, "RoleBinding", ACCOUNT, namespace, roleRef=role, subjects=[subject]))
        path = f"/api/v1/namespaces/{CONTROLLER_NAMESPACE}/serviceaccounts/{ACCOUNT}"
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 3600},
        }
        return str(self.api.call("POST", f"{path}/token", request)["status"]["token"])

    def forget_account(self) -> None:
        """Remove the proxy's service account, and its tokens with it."""
        with contextlib.suppress(ApiError):
            self.api.call("DELETE", f"/api/v1/namespaces/{CONTROLLER_NAMESPACE}/serviceaccounts/{ACCOUNT}")


def _object(api_version: str, kind: str, name: str, namespace: str, **content: Any) -> dict[str, Any]:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        **content,
    }


@dataclass(frozen=True)
class Proxy:
    """A running proxy."""

    http: int
    https: int

    def ask(
        self,
        host: str,
        path: str = "/",
        *,
        client: str = "127.0.0.1",
        tls: ssl.TLSVersion | None = None,
        plain: bool = False,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request on a connection of its own, as the client that has this address."""
        with socket.create_connection(
            ("127.0.0.1", self.http if plain else self.https), timeout=_SECONDS, source_address=(client, 0)
        ) as raw:
            stream = raw if plain else _context(tls).wrap_socket(raw, server_hostname=host)
            connection = http.client.HTTPConnection(host)
            connection.sock = stream
            try:
                connection.request(method, path, body=body, headers=dict(headers or {}))
                answer = connection.getresponse()
                version = stream.version() if isinstance(stream, ssl.SSLSocket) else None
                return Answer(answer.status, dict(answer.getheaders()), answer.read(), version)
            finally:
                connection.close()

    def certificate(self, host: str) -> str:
        """The certificate that this host is served with, as PEM."""
        with (
            socket.create_connection(("127.0.0.1", self.https), timeout=_SECONDS) as raw,
            _context(None).wrap_socket(raw, server_hostname=host) as stream,
        ):
            return ssl.DER_cert_to_PEM_cert(stream.getpeercert(binary_form=True) or b"")


def _context(version: ssl.TLSVersion | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.set_ciphers("ALL:@SECLEVEL=0")  # so that the server refuses what is old, and not this client
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
    return context


@contextlib.contextmanager
def traefik(
    folder: Path, cluster: Cluster, endpoint: str, authority: Path, namespaces: list[str]
) -> Iterator[Proxy]:
    """A Traefik that serves what these namespaces have, until the block ends."""
    ports = {name: _free_port() for name in ("web", "websecure", "ping")}
    configuration = {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "INFO"},
        "entryPoints": {name: {"address": f"127.0.0.1:{port}"} for name, port in ports.items()},
        "ping": {"entryPoint": "ping"},
        "providers": {
            "kubernetesCRD": {
                "endpoint": endpoint,
                "token": cluster.token(namespaces),
                "certAuthFilePath": str(authority),
                "namespaces": namespaces,
                "ingressClass": "traefik",
                "allowExternalNameServices": True,
                "disableClusterScopeResources": True,
                "throttleDuration": "100ms",
            }
        },
    }
    file = folder / "traefik.yaml"  # JSON is YAML
    write_private(file, json.dumps(configuration))
    log = folder / "traefik.log"
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [str(binary("traefik")), f"--configFile={file}"], stdout=output, stderr=subprocess.STDOUT, env={}
        )
    try:
        eventually(lambda: _answers(ports["ping"], process, log), "Traefik answers", 30)
        yield Proxy(http=ports["web"], https=ports["websecure"])
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        cluster.forget_account()


def _answers(port: int, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text(encoding="utf-8")[-3000:]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
