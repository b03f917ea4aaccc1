"""The sandbox's servers: what each is for, what it needs, and the command that starts it.

Pure: nothing here touches the machine. What happens before and after a server's start is in
`sandbox.cluster`, `sandbox.vault` and `sandbox.postgresql`, the order in `sandbox.platform`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.layout import Layout

SERVICE_RANGE = "10.96.0.0/16"
"""Addresses of Kubernetes Services; nothing listens there, nodes are simulated."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a server's command is made from."""

    layout: Layout
    ports: dict[str, int]
    binary: Callable[[str], Path]
    """Finds an installed program by its name."""

    def address(self, port: str) -> str:
        """Host and port of one of the sandbox's ports."""
        return f"127.0.0.1:{self.ports[port]}"


@dataclass(frozen=True, kw_only=True)
class Server:
    """One server of the sandbox."""

    name: str
    purpose: str
    needs: tuple[str, ...] = ()
    """The servers that must be ready before it starts, and that outlive it."""
    ports: tuple[str, ...]
    """Names of the ports it listens on, the one that people use first."""
    command: Callable[[Setting], list[str]]
    stop_signal: Literal["TERM", "INT"] = "TERM"
    unprivileged: bool = False
    """Whether it refuses to run as root."""
    start_seconds: int = 90
    """How long it may take to become ready on a very busy machine."""


def _etcd(setting: Setting) -> list[str]:
    client, peer = f"http://{setting.address('etcd')}", f"http://{setting.address('etcd-peer')}"
    return [
        str(setting.binary("etcd")),
        "--name=sandbox",
        f"--data-dir={setting.layout.data / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=sandbox={peer}",
        # Written data is safe from a crash of the process; only a crash of the machine could lose it.
        "--unsafe-no-fsync",
        # A single member elects itself after this time; the default is a second.
        "--heartbeat-interval=20",
        "--election-timeout=200",
        "--log-level=warn",
    ]


def _kube_apiserver(setting: Setting) -> list[str]:
    layout = setting.layout
    key = layout.secrets / "service-accounts.key"
    return [
        str(setting.binary("kube-apiserver")),
        f"--etcd-servers=http://{setting.address('etcd')}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={setting.ports['kube-apiserver']}",
        f"--cert-dir={layout.certificates}",
        f"--token-auth-file={layout.secrets / 'tokens.csv'}",
        "--authorization-mode=Node,RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        # A loopback address can't be an end point, and no pod would reach it.
        "--endpoint-reconciler-type=none",
        "--allow-privileged=true",
        # Otherwise a stop waits for a minute for watches that nobody ends.
        "--shutdown-watch-termination-grace-period=1s",
        "--profiling=false",
    ]


def _authentication_left_out(setting: Setting, name: str) -> list[str]:
    """Flags of a component whose health, and nothing else, is asked for without credentials."""
    certificates = setting.layout.certificates
    return [
        f"--kubeconfig={setting.layout.kubeconfig}",
        "--authentication-skip-lookup=true",
        "--bind-address=127.0.0.1",
        f"--secure-port={setting.ports[name]}",
        f"--tls-cert-file={certificates / 'apiserver.crt'}",
        f"--tls-private-key-file={certificates / 'apiserver.key'}",
        "--leader-elect=false",
        "--profiling=false",
    ]


def _kube_controller_manager(setting: Setting) -> list[str]:
    layout = setting.layout
    return [
        str(setting.binary("kube-controller-manager")),
        *_authentication_left_out(setting, "kube-controller-manager"),
        f"--service-account-private-key-file={layout.secrets / 'service-accounts.key'}",
        f"--root-ca-file={layout.certificate}",
        "--use-service-account-credentials=true",
        # While the API server is stopped no node reports. A pod that is taken for lost then is never ready
        # again: kwok, unlike a kubelet, does not say so a second time.
        "--node-monitor-grace-period=24h",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--enable-hostpath-provisioner=true",
    ]


def _kube_scheduler(setting: Setting) -> list[str]:
    return [
        str(setting.binary("kube-scheduler")),
        *_authentication_left_out(setting, "kube-scheduler"),
    ]


def _kwok(setting: Setting) -> list[str]:
    return [
        str(setting.binary("kwok")),
        f"--kubeconfig={setting.layout.kubeconfig}",
        f"--config={setting.layout.secrets / 'kwok.yaml'}",
        "--manage-all-nodes=true",
        f"--server-address={setting.address('kwok')}",
    ]


def _external_secrets(setting: Setting) -> list[str]:
    # KUBECONFIG is in the environment of all servers; VAULT_TOKEN never is: the operator's Vault client
    # would take it for its own and revoke it.
    return [
        str(setting.binary("external-secrets")),
        f"--live-addr={setting.address('external-secrets')}",
        "--metrics-addr=0",
        "--concurrent=5",
        "--zap-time-encoding=rfc3339",
    ]


def _reloader(setting: Setting) -> list[str]:
    return [
        sys.executable,
        "-m",
        "sandbox.reloader",
        f"--kubeconfig={setting.layout.kubeconfig}",
        f"--seen={setting.layout.data / 'reloader.json'}",
        f"--health-port={setting.ports['reloader']}",
    ]


def _jobs(setting: Setting) -> list[str]:
    return [
        sys.executable,
        "-m",
        "sandbox.jobs",
        f"--kubeconfig={setting.layout.kubeconfig}",
        f"--folder={setting.layout.data / 'jobs'}",
        f"--programs={setting.binary('psql').parent}",
        f"--health-port={setting.ports['jobs']}",
    ]


def _vault(setting: Setting) -> list[str]:
    return [
        str(setting.binary("vault")),
        "server",
        f"-config={setting.layout.secrets / 'vault.json'}",
    ]


def _postgresql(setting: Setting) -> list[str]:
    return [
        str(setting.binary("postgres")),
        "-D",
        str(setting.layout.postgresql_data / "data"),
        "-p",
        str(setting.ports["postgresql"]),
    ]


SERVERS: tuple[Server, ...] = (
    Server(
        name="etcd",
        purpose="what Kubernetes keeps its objects in",
        ports=("etcd", "etcd-peer"),
        command=_etcd,
    ),
    Server(
        name="kube-apiserver",
        purpose="Kubernetes' API",
        needs=("etcd",),
        ports=("kube-apiserver",),
        command=_kube_apiserver,
    ),
    Server(
        name="kube-controller-manager",
        purpose="Kubernetes' own controllers",
        needs=("kube-apiserver",),
        ports=("kube-controller-manager",),
        command=_kube_controller_manager,
    ),
    Server(
        name="kube-scheduler",
        purpose="gives pods to nodes",
        needs=("kube-apiserver",),
        ports=("kube-scheduler",),
        command=_kube_scheduler,
    ),
    Server(
        name="kwok",
        purpose="simulated nodes and pods",
        needs=("kube-apiserver",),
        ports=("kwok",),
        command=_kwok,
    ),
    Server(
        name="vault",
        purpose="keeps and leases credentials",
        ports=("vault",),
        command=_vault,
    ),
    Server(
        name="postgresql",
        purpose="the databases",
        ports=("postgresql",),
        command=_postgresql,
        # TERM would wait for the clients to leave.
        stop_signal="INT",
        unprivileged=True,
    ),
    Server(
        name="external-secrets",
        purpose="brings secrets from Vault into Kubernetes",
        needs=("kube-apiserver",),
        ports=("external-secrets",),
        command=_external_secrets,
    ),
    Server(
        name="reloader",
        purpose="restarts pods whose Secret changed",
        needs=("kube-apiserver",),
        ports=("reloader",),
        command=_reloader,
    ),
    Server(
        name="jobs",
        purpose="runs the pods of Jobs",
        needs=("kube-apiserver",),
        ports=("jobs",),
        command=_jobs,
    ),
)
"""Every server, in the order in which people read them."""

NAMES: tuple[str, ...] = tuple(server.name for server in SERVERS)


def server(name: str) -> Server:
    """The server of that name."""
    return next(entry for entry in SERVERS if entry.name == name)


def stop_order() -> list[list[str]]:
    """The servers in groups: each group is stopped as a whole before the next, what is needed last."""
    left = {entry.name: entry for entry in SERVERS}
    groups: list[list[str]] = []
    while left:
        needed = {need for entry in left.values() for need in entry.needs}
        group = [name for name in left if name not in needed]
        groups.append(group)
        for name in group:
            del left[name]
    return groups
