"""The sandbox's process supervisor: one supervisord a sandbox, spoken to over a socket of its own.

supervisord starts the servers' processes, keeps their output and reaps them; when a server is started, and
whether it is ready, is decided by `sandbox.platform`. It never restarts anything by itself: a sandbox is
where one looks at what happens when a server is gone.
"""

from __future__ import annotations

import http.client
import os
import shlex
import socket
import subprocess
import sys
import time
import xmlrpc.client
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from sandbox.errors import SandboxError
from sandbox.layout import checkout, write_private
from sandbox.orphans import MARKER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sandbox.layout import Layout
    from sandbox.services import Server

UNPRIVILEGED = "nobody"
"""Who runs a server that refuses to be root."""

_RPC_SECONDS = 60
_START_SECONDS = 15


@dataclass(frozen=True)
class Process:
    """What the supervisor knows of a server's process."""

    name: str
    state: str
    """RUNNING, STOPPED, EXITED, STOPPING, FATAL, ..."""
    pid: int
    exit_status: int
    since: int
    """When it got into this state, in seconds of the epoch."""

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self.state == "RUNNING"

    @property
    def fell(self) -> bool:
        """Whether it ended without having been told to."""
        return self.state in {"EXITED", "FATAL", "BACKOFF", "UNKNOWN"}


def configuration(layout: Layout, servers: Sequence[tuple[Server, Sequence[str]]], *, root: bool) -> str:
    """The supervisor's configuration file.

    Args:
        layout: the sandbox's paths.
        servers: each server with its command.
        root: whether all this runs as root, so that some servers need another user.
    """
    lines = [
        "[unix_http_server]",
        f"file={_value(layout.supervisor_socket)}",
        "chmod=0700",
        "[supervisord]",
        f"logfile={_value(layout.log('supervisord'))}",
        "logfile_maxbytes=1MB",
        "logfile_backups=1",
        f"pidfile={_value(layout.runtime / 'supervisord.pid')}",
        f"childlogdir={_value(layout.logs)}",
        "nocleanup=true",
        *(["user=root"] if root else []),
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
    ]
    for server, command in servers:
        lines += [
            f"[program:{server.name}]",
            f"command={_value(shlex.join(command))}",
            f"directory={_value(layout.runtime)}",
            *([f"user={UNPRIVILEGED}"] if root and server.unprivileged else []),
            "autostart=false",
            "autorestart=false",
            # Ready is what our probes say; for the supervisor a process that exists is a running one.
            "startsecs=0",
            "startretries=0",
            f"stopsignal={server.stop_signal}",
            "stopwaitsecs=20",
            "killasgroup=true",
            "redirect_stderr=true",
            f"stdout_logfile={_value(layout.log(server.name))}",
            "stdout_logfile_maxbytes=20MB",
            "stdout_logfile_backups=1",
        ]
    return "\n".join(lines) + "\n"


def _value(value: Path | str) -> str:
    """A value as supervisord's configuration wants it: `%` begins an expansion there, ` ;` a comment."""
    text = str(value)
    if "\n" in text or " ;" in text or " #" in text:
        raise SandboxError(f"the sandbox can't live under a path like this one: {text}")
    return text.replace("%", "%%")


def environment(layout: Layout, outer: Mapping[str, str]) -> dict[str, str]:
    """The environment of the supervisor and so of every server: none of the person's variables get in.

    Args:
        layout: the sandbox's paths.
        outer: the environment of the command that starts the sandbox.
    """
    kept = {name: outer[name] for name in ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR") if name in outer}
    return kept | {
        MARKER: str(layout.home),
        "HOME": str(layout.home),
        "KUBECONFIG": str(layout.kubeconfig),
        "PYTHONPATH": str(checkout()),
        "PYTHONUNBUFFERED": "1",
        # Go's garbage collector takes a third of the API server's start otherwise.
        "GOGC": "200",
    }


def write_configuration(layout: Layout, servers: Sequence[tuple[Server, Sequence[str]]]) -> None:
    """Write the configuration that `start_supervisor` and `Supervisor.reload` read."""
    write_private(layout.supervisor_file, configuration(layout, servers, root=os.getuid() == 0))


def start_supervisor(layout: Layout) -> Supervisor:
    """Start the supervisor in the background and return once it answers."""
    layout.supervisor_socket.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "supervisor.supervisord", "-c", str(layout.supervisor_file)],
        env=environment(layout, os.environ),
        cwd=layout.runtime,
        capture_output=True,
        text=True,
        timeout=_START_SECONDS,
        check=False,
    )
    if done.returncode:
        raise SandboxError(f"supervisord did not start:\n{done.stderr.strip() or done.stdout.strip()}")
    supervisor = Supervisor(layout.supervisor_socket)
    deadline = time.monotonic() + _START_SECONDS
    while not supervisor.answers():
        if time.monotonic() > deadline:
            raise SandboxError(
                f"supervisord did not answer in {_START_SECONDS} s; see {layout.log('supervisord')}"
            )
        time.sleep(0.02)
    return supervisor


class Supervisor:
    """A running supervisord. Each call opens a connection of its own, so threads may share one of these."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def answers(self) -> bool:
        """Whether it is there."""
        try:
            self._call("supervisor.getState")
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return False
        return True

    def pid(self) -> int:
        """Its process id."""
        return cast("int", self._call("supervisor.getPID"))

    def processes(self) -> dict[str, Process]:
        """All servers' processes, by name."""
        found = cast("list[dict[str, Any]]", self._call("supervisor.getAllProcessInfo"))
        return {
            entry["name"]: Process(
                name=entry["name"],
                state=entry["statename"],
                pid=entry["pid"],
                exit_status=entry["exitstatus"],
                since=entry["start"] if entry["statename"] == "RUNNING" else entry["stop"],
            )
            for entry in found
        }

    def start(self, name: str) -> None:
        """Start a server's process; nothing happens if it runs."""
        self._unless("ALREADY_STARTED", "supervisor.startProcess", name, False)  # noqa: FBT003 - not by name

    def stop(self, name: str) -> None:
        """Stop a server and wait until its process is gone; nothing happens if it does not run."""
        self._unless("NOT_RUNNING", "supervisor.stopProcess", name, True)  # noqa: FBT003 - not by name

    def shutdown(self) -> None:
        """Tell it to stop what still runs, and to end."""
        self._unless("SHUTDOWN_STATE", "supervisor.shutdown")

    def _unless(self, fault: str, method: str, *arguments: object) -> None:
        try:
            self._call(method, *arguments)
        except xmlrpc.client.Fault as error:
            if not error.faultString.startswith(fault):
                raise SandboxError(f"supervisord refused {method}{arguments}: {error.faultString}") from error

    def _call(self, method: str, *arguments: object) -> object:
        with xmlrpc.client.ServerProxy("http://supervisor", transport=_SocketTransport(self._path)) as proxy:
            return getattr(proxy, method)(*arguments)


class _SocketTransport(xmlrpc.client.Transport):
    """XML-RPC over a socket in the file system, with an end to waiting."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = _SocketConnection(str(host), self._path)
        self._connection = host, connection  # so that the proxy's end closes it
        return connection


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, host: str, path: Path) -> None:
        super().__init__(host, timeout=_RPC_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
