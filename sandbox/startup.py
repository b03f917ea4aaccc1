"""How the servers come up: what happens before and after each one's start, and in which order."""

from __future__ import annotations

import os
import select
import threading
import time
from typing import TYPE_CHECKING, Protocol

from sandbox import cluster, postgresql, probes, serverlog, vault
from sandbox.errors import ServerFailed
from sandbox.schedule import Step
from sandbox.services import SERVERS
from sandbox.toolbox import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.json_api import JsonApi
    from sandbox.record import Record
    from sandbox.services import Server, Setting
    from sandbox.supervisor import Supervisor

_PROBE_SECONDS = 0.05
_LOG_LINES = 25


class Progress(Protocol):
    """Is told what happens; from several threads."""

    def begin(self, name: str) -> None:
        """A step has begun."""
        ...

    def done(self, name: str, seconds: float) -> None:
        """A step is done."""
        ...

    def failed(self, name: str) -> None:
        """A step has failed."""
        ...

    def note(self, text: str) -> None:
        """Something that a person should know."""
        ...


class Startup:
    """One start of the sandbox, or of one of its servers."""

    def __init__(
        self, setting: Setting, record: Record, supervisor: Supervisor, progress: Progress, plugins: str
    ) -> None:
        self._setting = setting
        self._layout = setting.layout
        self._ports = setting.ports
        self._record = record
        self._supervisor = supervisor
        self._progress = progress
        self._plugins = plugins
        self._cancelled = threading.Event()
        self._before = {
            "kube-apiserver": lambda: cluster.prepare_api_server(self._layout),
            "kwok": lambda: cluster.write_stages(self._layout, catalogue.folder("kwok") / "stages"),
            "vault": lambda: vault.prepare(self._layout, self._ports["vault"]),
            "postgresql": lambda: postgresql.prepare(self._layout, catalogue.folder("postgresql")),
        }
        self._once_answering = {
            "vault": lambda: vault.unseal(self._layout, self._ports["vault"]),
        }
        self._once_ready = {
            "kube-apiserver": self._open_cluster,
            "vault": lambda: vault.provision(self._layout, self._ports["vault"]),
            "postgresql": lambda: postgresql.provision(self._layout, self._ports["postgresql"]),
        }

    def cancel(self) -> None:
        """Make steps that wait for something give up."""
        self._cancelled.set()

    def steps(self) -> list[Step]:
        """Everything that makes a sandbox, with what each part needs."""
        extra_needs = {"external-secrets": ("external-secrets' definitions",)}
        servers = [
            Step(entry.name, (*entry.needs, *extra_needs.get(entry.name, ())), self._server_step(entry))
            for entry in SERVERS
        ]
        return [
            *servers,
            self._step("external-secrets' definitions", ("kube-apiserver",), self._define_external_secrets),
            self._step("other definitions", ("external-secrets' definitions",), self._define_others),
            self._step("nodes", ("kwok",), lambda: cluster.create_nodes(self._api())),
            self._step("log-in to vault", ("kube-apiserver", "vault"), self._let_cluster_into_vault),
            self._step("plugins", (), self._install_plugins),
        ]

    def bring_up(self, entry: Server) -> None:
        """Start a server, unless it runs, and return once it can be used.

        Raises:
            ServerFailed: if it dies or does not become ready.
        """
        name = entry.name
        self._before.get(name, _nothing)()
        log = self._layout.log(name)
        since = serverlog.size(log)
        self._supervisor.start(name)
        process = self._supervisor.processes()[name]
        try:
            descriptor = os.pidfd_open(process.pid) if process.pid else None
        except ProcessLookupError:
            descriptor = None
        try:
            self._await(entry, descriptor, since, probes.answering)
            self._once_answering.get(name, _nothing)()
            self._await(entry, descriptor, since, probes.ready)
        finally:
            if descriptor is not None:
                os.close(descriptor)
        self._once_ready.get(name, _nothing)()

    def _await(
        self, entry: Server, descriptor: int | None, since: int, probe: Callable[[str, Setting], bool]
    ) -> None:
        """Ask a server until it says yes; its end, which its descriptor tells, ends the wait at once."""
        deadline = time.monotonic() + entry.start_seconds
        end = select.poll()
        if descriptor is not None:
            end.register(descriptor, select.POLLIN)
        while not probe(entry.name, self._setting):
            if self._cancelled.is_set():
                raise ServerFailed(f"the start of {entry.name} was broken off")
            if descriptor is None or end.poll(_PROBE_SECONDS * 1000):
                raise ServerFailed(self._obituary(entry, since))
            if time.monotonic() > deadline:
                raise ServerFailed(
                    f"{entry.name} did not become ready within {entry.start_seconds} s"
                    + self._end_of_log(entry, since)
                )

    def _obituary(self, entry: Server, since: int) -> str:
        """What is known about a death; the supervisor takes a moment to learn of it and to keep the last words."""
        deadline = time.monotonic() + 3
        while (process := self._supervisor.processes()[entry.name]).running and time.monotonic() < deadline:
            time.sleep(_PROBE_SECONDS)
        return f"{entry.name} died (exit status {process.exit_status})" + self._end_of_log(entry, since)

    def _end_of_log(self, entry: Server, since: int) -> str:
        log = self._layout.log(entry.name)
        lines = serverlog.tail(log, _LOG_LINES, since=since)
        if not lines:
            return f"; it wrote nothing to {log}"
        return f"; the end of {log}:\n" + "\n".join(f"  {line}" for line in lines)

    def _server_step(self, entry: Server) -> Callable[[], None]:
        return self._step(entry.name, (), lambda: self.bring_up(entry)).action

    def _step(self, name: str, needs: tuple[str, ...], action: Callable[[], None]) -> Step:
        def reported() -> None:
            began = time.monotonic()
            self._progress.begin(name)
            try:
                action()
            except BaseException:
                self._progress.failed(name)
                raise
            self._progress.done(name, time.monotonic() - began)

        return Step(name, needs, reported)

    def _api(self) -> JsonApi:
        return cluster.connect(self._layout, self._ports["kube-apiserver"])

    def _open_cluster(self) -> None:
        cluster.write_kubeconfig(self._layout, self._ports["kube-apiserver"])
        cluster.provision(self._api())

    def _define_external_secrets(self) -> None:
        own = [catalogue.folder("external-secrets") / "crds"]
        cluster.apply_definitions(self._api(), own, again=self._definitions_changed())

    def _define_others(self) -> None:
        own = catalogue.folder("external-secrets") / "crds"
        others = [folder for folder in catalogue.crd_folders() if folder != own]
        cluster.apply_definitions(self._api(), others, again=self._definitions_changed())
        self._record.definitions = cluster.fingerprint(catalogue.crd_folders())

    def _definitions_changed(self) -> bool:
        return self._record.definitions != cluster.fingerprint(catalogue.crd_folders())

    def _let_cluster_into_vault(self) -> None:
        vault.trust_cluster(
            self._layout,
            self._ports["vault"],
            api_server=f"https://127.0.0.1:{self._ports['kube-apiserver']}",
            reviewer=cluster.reviewer_token(self._api()),
        )

    def _install_plugins(self) -> None:
        from sandbox.plugins.install import choose  # noqa: PLC0415 - what a single server's start does not need

        choice = choose(self._layout.home, self._plugins, str(catalogue.binary("pulumi")))
        self._record.plugins, self._record.plugins_reason = choice.plugins.value, choice.reason


def _nothing() -> None:
    """What happens for a server that needs nothing more."""
