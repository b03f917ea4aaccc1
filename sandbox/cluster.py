"""What Kubernetes needs before its servers start, and what a platform team would have put into it."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from sandbox.errors import SandboxError
from sandbox.json_api import JsonApi
from sandbox.layout import write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from sandbox.layout import Layout

CONTEXT = "sandbox"
"""The context in the kubeconfig."""

NODES = ("node-1", "node-2")

_ROOM = {"cpu": "1k", "memory": "1Ti", "pods": "1M", "ephemeral-storage": "1Ti"}
"""What a simulated node has; kwok gives it no ephemeral storage, for which pods would wait for ever."""

INGRESS_NAMESPACE = "ingress"
REVIEWER = ("vault", "token-reviewer")
"""Namespace and service account as which Vault asks whose a token is."""

_CERTIFICATE_SECONDS = 300 * 24 * 3600
"""The API server signs its certificate for a year and does not look at its age when it starts."""

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_APPLY = "application/apply-patch+yaml"
_CREATED = "fieldManager=bulkhead-sandbox"
_APPLIED = f"{_CREATED}&force=true"
_NAMES = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_DISCOVERY = "application/json;as=APIGroupDiscoveryList;g=apidiscovery.k8s.io;v=v2"
_DEFINITIONS_AT_ONCE = 2
_RUN_BY_US = "pod-complete.yaml"


def prepare_api_server(layout: Layout) -> None:
    """Make the service-account key and the administrator's token, and drop a certificate grown old."""
    layout.certificates.mkdir(mode=0o700, exist_ok=True)
    if layout.certificate.exists() and (time.time() - layout.certificate.stat().st_mtime > _CERTIFICATE_SECONDS):
        layout.certificate.unlink()
        layout.certificate.with_suffix(".key").unlink(missing_ok=True)
    key = layout.secrets / "service-accounts.key"
    if not key.exists():
        write_private(key, elliptic_key())
    tokens = layout.secrets / "tokens.csv"
    if not tokens.exists():
        write_private(tokens, f'{secrets.token_urlsafe(32)},administrator,administrator,"system:masters"\n')


def elliptic_key() -> str:
    """A new private key on the curve P-256, as PEM.

    In this format (SEC 1, RFC 5915) the public key may be left out, and what remains is a random number in
    a fixed frame; so no cryptography library and no openssl is needed.
    """
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    number = (secrets.randbelow(order - 1) + 1).to_bytes(32, "big")
    curve = bytes.fromhex("a00a06082a8648ce3d030107")
    frame = bytes.fromhex("30310201010420") + number + curve
    return f"-----BEGIN EC PRIVATE KEY-----\n{b64encode(frame).decode()}\n-----END EC PRIVATE KEY-----\n"


def write_kubeconfig(layout: Layout, port: int) -> None:
    """Write the administrator's kubeconfig; the API server must have made its certificate."""
    token = _token(layout)
    write_private(
        layout.kubeconfig,
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": CONTEXT,
                "clusters": [
                    {
                        "name": CONTEXT,
                        "cluster": {
                            "server": f"https://127.0.0.1:{port}",
                            "certificate-authority-data": b64encode(layout.certificate.read_bytes()).decode(),
                        },
                    }
                ],
                "users": [{"name": CONTEXT, "user": {"token": token}}],
                "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
            },
            indent=2,
        )
        + "\n",
    )


def connect(layout: Layout, port: int) -> JsonApi:
    """The API server, as its administrator."""
    return JsonApi(
        f"https://127.0.0.1:{port}",
        {"Authorization": f"Bearer {_token(layout)}"},
        layout.certificate.read_text(encoding="utf-8"),
    )


def _token(layout: Layout) -> str:
    return (layout.secrets / "tokens.csv").read_text(encoding="utf-8").partition(",")[0]


def write_stages(layout: Layout, stages: Path) -> None:
    """Write kwok's configuration: how simulated nodes and pods come to life.

    What completes the pods of Jobs is left out: `sandbox.jobs` runs those.

    Args:
        layout: the sandbox's paths.
        stages: the folder of kwok's own stages.
    """
    chosen = [
        path.read_text(encoding="utf-8")
        for name in ("node-fast", "node-heartbeat", "pod-fast")
        for path in sorted((stages / name).glob("*.yaml"))
        if path.name != _RUN_BY_US
    ]
    (layout.secrets / "kwok.yaml").write_text("\n---\n".join(chosen), encoding="utf-8")


def fingerprint(folders: Iterable[Path]) -> str:
    """Tells whether the custom resource definitions are those of the last time."""
    files = sorted(path for folder in folders for path in folder.glob("*.yaml"))
    described = [f"{path}:{path.stat().st_size}:{path.stat().st_mtime_ns}" for path in files]
    return hashlib.sha256("\n".join(described).encode()).hexdigest()


def definitions(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Name and YAML of each custom resource definition of a folder; other kinds are passed over."""
    for path in sorted(folder.glob("*.yaml")):
        for document in re.split(r"^---\s*$", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
            if re.search(r"^kind: CustomResourceDefinition\s*$", document, re.MULTILINE):
                name = re.search(r"^metadata:\n(?:^ .*\n)*?^  name: (\S+)\s*$", document, re.MULTILINE)
                if name is None:
                    raise SandboxError(f"{path} holds a custom resource definition without a name")
                yield name[1], document.encode()


def apply_definitions(api: JsonApi, folders: Iterable[Path], *, again: bool) -> None:
    """Apply custom resource definitions and return once their resources are served.

    The server reads YAML itself, so megabytes of it are not parsed here.

    Args:
        api: the API server.
        folders: where the YAML files are.
        again: whether to apply definitions that are there already.
    """
    wanted = {name: document for folder in folders for name, document in definitions(folder)}
    listed = api.call("GET", _DEFINITIONS, accept=_NAMES)["items"] or ()
    present = {entry["metadata"]["name"] for entry in listed}

    def apply(name: str) -> None:
        if name not in present:
            # To create is a third of the server's work of applying.
            api.call("POST", f"{_DEFINITIONS}?{_CREATED}", wanted[name], content="application/yaml")
        elif again:
            api.call("PATCH", f"{_DEFINITIONS}/{name}?{_APPLIED}", wanted[name], content=_APPLY)

    with ThreadPoolExecutor(_DEFINITIONS_AT_ONCE) as pool:
        list(pool.map(apply, wanted))
    deadline = time.monotonic() + 60
    while missing := wanted.keys() - _served(api):
        if time.monotonic() > deadline:
            raise SandboxError(f"not served within 60 s after being defined: {', '.join(sorted(missing))}")
        time.sleep(0.1)


def _served(api: JsonApi) -> set[str]:
    """The resources that can be used, as `<plural>.<group>`: asked from the API's own discovery."""
    groups: list[dict[str, Any]] = api.call("GET", "/apis", accept=_DISCOVERY)["items"]
    return {
        f"{resource['resource']}.{group['metadata']['name']}"
        for group in groups
        for version in group["versions"]
        for resource in version.get("resources", ())
    }


def provision(api: JsonApi) -> None:
    """Create what every cluster of ours has: the ingress namespace, Vault's reviewer, a class of volumes."""
    namespace, account = REVIEWER
    for name in (INGRESS_NAMESPACE, namespace):
        _apply(api, "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    _apply(
        api,
        f"/api/v1/namespaces/{namespace}/serviceaccounts",
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}},
    )
    _apply(
        api,
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "vault-token-reviewer"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:auth-delegator",
            },
            "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": account}],
        },
    )
    _apply(
        api,
        "/apis/storage.k8s.io/v1/storageclasses",
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": "standard",
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            # The controller manager's own, meant for trying: an empty folder in the temporary one.
            "provisioner": "kubernetes.io/host-path",
            "reclaimPolicy": "Delete",
        },
    )


def reviewer_token(api: JsonApi) -> str:
    """A token for Vault to ask with; each `up` makes a new one, so a year is enough."""
    namespace, account = REVIEWER
    answer = api.call(
        "POST",
        f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token",
        {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 365 * 24 * 3600},
        },
    )
    return str(answer["status"]["token"])


def create_nodes(api: JsonApi) -> None:
    """Create the simulated nodes and return once they are ready."""
    for name in NODES:
        _apply(
            api,
            "/api/v1/nodes",
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {
                    "name": name,
                    "labels": {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": f"zone-{name[-1]}"},
                },
            },
        )
        room = {"status": {"capacity": _ROOM, "allocatable": _ROOM}}
        api.call("PATCH", f"/api/v1/nodes/{name}/status", room, content="application/merge-patch+json")
    deadline = time.monotonic() + 60
    while missing := [name for name in NODES if not _is_ready(api.call("GET", f"/api/v1/nodes/{name}"))]:
        if time.monotonic() > deadline:
            raise SandboxError(f"nodes that did not become ready within 60 s: {', '.join(missing)}")
        time.sleep(0.1)


def _is_ready(node: dict[str, Any]) -> bool:
    conditions: Sequence[dict[str, str]] = node.get("status", {}).get("conditions", ())
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)


def _apply(api: JsonApi, collection: str, manifest: dict[str, Any]) -> None:
    path = f"{collection}/{manifest['metadata']['name']}?{_APPLIED}"
    api.call("PATCH", path, manifest, content=_APPLY)
