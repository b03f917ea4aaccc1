"""The sandbox as a whole: brought up, looked at, taken down."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox import environment, orphans, postgresql, probes, record, schedule, serverlog
from sandbox.errors import SandboxBusy, SandboxError, SandboxNotRunning, ServerFailed
from sandbox.services import NAMES, SERVERS, Setting, server, stop_order
from sandbox.startup import Startup
from sandbox.supervisor import Supervisor, start_supervisor, write_configuration
from sandbox.toolbox import catalogue

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from sandbox.startup import Progress
    from sandbox.supervisor import Process

_LOCK_SECONDS = 180
_LOG_LINES = 15


@dataclass(frozen=True, kw_only=True)
class Status:
    """What can be said about one server now."""

    name: str
    purpose: str
    state: str
    """ready, not ready, stopped, or died."""
    address: str
    pid: int | None
    seconds: int | None
    """How long it has been in this state."""
    log: list[str]
    """The end of its log, if it died."""


@dataclass(frozen=True)
class Started:
    """What `up` did."""

    seconds: float
    already: bool
    """Whether everything ran before."""
    plugins: str
    """Which provider plugins are in use, official or sandbox."""
    plugins_reason: str


class Sandbox:
    """The sandbox of one home folder.

    Args:
        home: the folder.
        forgive: do with a damaged record, to delete everything.
    """

    def __init__(self, home: Path, *, forgive: bool = False) -> None:
        self._forgive = forgive
        self.layout, self.record = record.load(home, forgive=forgive)
        self._supervisor = Supervisor(self.layout.supervisor_socket)

    @property
    def setting(self) -> Setting:
        """What commands and probes are made from."""
        return Setting(layout=self.layout, ports=self.record.ports, binary=self._binary)

    def _binary(self, name: str) -> Path:
        """The program of that name, from where it can be run."""
        installed = catalogue.binary(name)
        if name == "postgres":
            tree = postgresql.runnable(self.layout, catalogue.folder("postgresql"))
            return tree / "bin" / installed.name
        return installed

    def up(self, progress: Progress, plugins: str = "") -> Started:
        """Start what is missing and return once everything is ready.

        Args:
            progress: told what happens.
            plugins: official or sandbox, or empty: what is possible, official ones first.
        """
        began = time.monotonic()
        with self._locked():
            already = self._is_up() and plugins in {"", self.record.plugins}
            if not already:
                self._bring_up(progress, plugins)
            return Started(
                time.monotonic() - began,
                already=already,
                plugins=self.record.plugins,
                plugins_reason=self.record.plugins_reason,
            )

    def _bring_up(self, progress: Progress, plugins: str) -> None:
        self._demand_tools()
        if self._has_supervisor() and self._is_older():
            progress.note("restarting what an earlier version of bulkhead had started")
            self._stop_all()
        if not self._has_supervisor():
            self._begin(progress)
        self.record.complete = False
        record.save(self.layout, self.record)
        startup = Startup(self.setting, self.record, self._supervisor, progress, plugins)
        outcome = schedule.run(startup.steps(), interrupt=startup.cancel)
        record.save(self.layout, self.record)
        if outcome.errors:
            raise _together(outcome)
        environment.write(self.setting, plugins=self.record.plugins, folders=catalogue.search_path())
        self.record.complete = True
        record.save(self.layout, self.record)

    def start(self, name: str, progress: Progress) -> None:
        """Start one server and return once it is ready."""
        with self._locked():
            self._demand()
            startup = Startup(self.setting, self.record, self._supervisor, progress, self.record.plugins)
            startup.bring_up(server(name))

    def stop(self, name: str) -> bool:
        """Stop one server; False if it did not run."""
        with self._locked():
            self._demand()
            ran = self._supervisor.processes()[name].running
            self._supervisor.stop(name)
            return ran

    def down(self) -> list[str]:
        """Stop everything and return what was stopped; data is kept."""
        if not self.layout.home.exists():
            return []
        with self._locked():
            return self._stop_all()

    def reset(self) -> list[str]:
        """Stop everything, delete all data, and return what was stopped."""
        if not self.layout.home.exists():
            return []
        with self._locked():
            stopped = self._stop_all()
            for path in self.layout.home.iterdir():
                # The lock is held: another command may be waiting for it.
                if path != self.layout.lock_file:
                    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            if self.layout.runtime.exists():
                shutil.rmtree(self.layout.runtime)
            return stopped

    def status(self) -> list[Status]:
        """Every server's state, asked from the supervisor and from the server itself.

        Raises:
            SandboxNotRunning: if there is no supervisor.
        """
        self._demand()
        processes = self._supervisor.processes()
        with ThreadPoolExecutor(len(NAMES)) as pool:
            return list(pool.map(self._status, (processes[name] for name in NAMES)))

    def variables(self) -> dict[str, str]:
        """The variables for a shell.

        Raises:
            SandboxNotRunning: if the sandbox is not up.
        """
        self._demand()
        if not self.record.complete:
            raise SandboxNotRunning("the sandbox did not come up whole: run `bulkhead sandbox up`")
        return environment.read(self.layout)

    def _status(self, process: Process) -> Status:
        entry = server(process.name)
        if process.running:
            state = "ready" if probes.ready(process.name, self.setting) else "not ready"
        else:
            state = "died" if process.fell else "stopped"
        return Status(
            name=process.name,
            purpose=entry.purpose,
            state=state,
            address=self.setting.address(entry.ports[0]),
            pid=process.pid or None,
            seconds=max(0, int(time.time()) - process.since) if process.since else None,
            log=serverlog.tail(self.layout.log(process.name), _LOG_LINES) if state == "died" else [],
        )

    def _has_supervisor(self) -> bool:
        # Without a record the supervisor is that of a home that was deleted under a running sandbox.
        return bool(self.record.ports) and self._supervisor.answers()

    def _demand(self) -> None:
        if self._has_supervisor():
            if self._is_older():
                raise SandboxNotRunning(
                    "what runs was started by an earlier version of bulkhead: `bulkhead sandbox up` restarts it"
                )
            return
        left = orphans.running(self.layout)
        if left:
            raise SandboxNotRunning(
                f"the sandbox has crashed and left {', '.join(left)} running: "
                "`bulkhead sandbox up` cleans up and starts it, `bulkhead sandbox down` only cleans up"
            )
        raise SandboxNotRunning("the sandbox is not running: start it with `bulkhead sandbox up`")

    def _demand_tools(self) -> None:
        """Fail before anything is started if a program is missing."""
        for entry in SERVERS:
            entry.command(Setting(layout=self.layout, ports=_NoPorts(), binary=catalogue.binary))

    def _is_older(self) -> bool:
        """Whether what runs was started by an earlier version of this package, which had fewer servers."""
        return any(port not in self.record.ports for entry in SERVERS for port in entry.ports)

    def _is_up(self) -> bool:
        return (
            self.record.complete
            and not self._is_older()
            and self._has_supervisor()
            and all(status.state == "ready" for status in self.status())
        )

    def _begin(self, progress: Progress) -> None:
        """Clean up after a crash, choose ports, and start the supervisor."""
        ended = orphans.end_orphans(self.layout)
        if ended:
            progress.note(f"ended what a crashed sandbox had left: {', '.join(ended)}")
        if not self.record.ports and self.layout.runtime.exists():
            shutil.rmtree(self.layout.runtime)
        self.layout.prepare()
        postgresql.clear_remains(self.layout, catalogue.folder("postgresql"))
        if postgresql.is_lost(self.layout):
            progress.note(
                f"PostgreSQL's data in {self.layout.postgresql_data} is gone: it begins empty, and state that "
                "was recorded before does not fit it (`bulkhead sandbox reset` begins anew with everything)"
            )
        before = self.record.ports
        self.record.ports = record.choose_ports([port for entry in SERVERS for port in entry.ports], before)
        for name, port in self.record.ports.items():
            if before.get(name, port) != port:
                progress.note(f"port {before[name]} of {name} was taken by another program: now it is {port}")
        record.save(self.layout, self.record)
        setting = self.setting
        write_configuration(self.layout, [(entry, entry.command(setting)) for entry in SERVERS])
        start_supervisor(self.layout)

    def _stop_all(self) -> list[str]:
        stopped: list[str] = []
        if self._supervisor.answers():
            known = self._supervisor.processes()
            stopped = [name for name, process in known.items() if process.running]
            for group in stop_order():
                with ThreadPoolExecutor(len(group)) as pool:
                    list(pool.map(self._supervisor.stop, [name for name in group if name in known]))
            self._supervisor.shutdown()
            deadline = time.monotonic() + 10
            while self._supervisor.answers() and time.monotonic() < deadline:
                time.sleep(0.02)
        ended = orphans.end_orphans(self.layout)
        return stopped or ended

    @contextlib.contextmanager
    def _locked(self) -> Generator[None]:
        """Keep other commands from starting and stopping servers of this home meanwhile."""
        self.layout.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.layout.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            deadline = time.monotonic() + _LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise SandboxBusy(
                            f"another command has been at work on {self.layout.home} for {_LOCK_SECONDS} s"
                        ) from None
                    time.sleep(0.1)
            # What was read before the lock was had may be old.
            self.layout, self.record = record.load(self.layout.home, forgive=self._forgive)
            self._supervisor = Supervisor(self.layout.supervisor_socket)
            yield
        finally:
            os.close(descriptor)


class _NoPorts(dict[str, int]):
    """Stands in for ports while nothing but the programs' presence is asked for."""

    def __missing__(self, key: str) -> int:
        return 0


def _together(outcome: schedule.Outcome) -> SandboxError:
    texts = [str(error) for error in outcome.errors.values()]
    if outcome.skipped:
        texts.append(f"not started because of that: {', '.join(outcome.skipped)}")
    for error in outcome.errors.values():
        if not isinstance(error, SandboxError):
            raise error
    return ServerFailed("\n\n".join(texts))
