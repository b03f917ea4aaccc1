"""Where a sandbox keeps things: every path of one sandbox, derived from its home folder."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sandbox.errors import SandboxError

HOME_VARIABLE = "BULKHEAD_SANDBOX_HOME"
"""Names another home than the checkout's `.sandbox`; tests run several sandboxes of one checkout with it."""

_SOCKET_LIMIT = 90
"""Longest runtime folder that leaves room for a socket's name: the kernel takes 107 bytes in all."""


def checkout() -> Path:
    """The folder that this package was checked out into."""
    return Path(__file__).resolve().parent.parent


def default_home() -> Path:
    """The sandbox's home: the checkout's `.sandbox`, unless the environment names another."""
    chosen = os.environ.get(HOME_VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else checkout() / ".sandbox"


def choose_runtime(home: Path) -> Path:
    """The short folder for sockets, and for what a less privileged user must reach, of a home.

    It is under the temporary folder, unless that is too deep for a socket's path or, for root, closed to
    the user that PostgreSQL runs as; then it is under `/tmp`.
    """
    name = f"bulkhead-{os.getuid()}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:8]}"
    folder = Path(tempfile.gettempdir()).absolute() / name
    if len(os.fsencode(folder)) > _SOCKET_LIMIT or (os.getuid() == 0 and not _open_to_all(folder.parent)):
        return Path("/tmp") / name  # noqa: S108 - checked by `prepare`: it must be ours
    return folder


def _open_to_all(folder: Path) -> bool:
    return all(step.stat().st_mode & stat.S_IXOTH for step in (folder, *folder.parents))


@dataclass(frozen=True)
class Layout:
    """The paths of one sandbox."""

    home: Path
    runtime: Path

    def prepare(self) -> None:
        """Make the folders, closed to others, and refuse a runtime folder that somebody else made."""
        for folder in (self.home, self.logs, self.data, self.secrets, self.pulumi_home, self.state):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The engine writes all that it does into a log of each command, compresses and encrypts it: two fifths of
        # its processor time, with no setting against it. Where a file is in the folder's place, it goes without.
        self.engine_logs.touch(mode=0o600)
        found = self.runtime.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise SandboxError(
                f"{self.runtime} belongs to somebody else: remove it, or set TMPDIR to a folder of your own"
            )
        # Root runs PostgreSQL as an ordinary user, who has to pass through here but need not list it.
        self.runtime.chmod(0o711 if os.getuid() == 0 else 0o700)

    # What programs and people use
    @cached_property
    def kubeconfig(self) -> Path:
        """How to reach the API server as its administrator."""
        return self.home / "kubeconfig"

    @cached_property
    def platform_file(self) -> Path:
        """What programs are told about this platform."""
        return self.home / "platform.yaml"

    @cached_property
    def environment_file(self) -> Path:
        """The variables that `bulkhead sandbox env` prints."""
        return self.home / "environment.json"

    @cached_property
    def pulumi_home(self) -> Path:
        """Pulumi's own folder (plugins, credentials): never the person's `~/.pulumi`."""
        return self.home / "pulumi"

    @cached_property
    def engine_logs(self) -> Path:
        """Where Pulumi's engine would keep a log of each of its commands."""
        return self.pulumi_home / "logs"

    @cached_property
    def state(self) -> Path:
        """Pulumi's state back end."""
        return self.home / "state"

    @cached_property
    def vault_file(self) -> Path:
        """Vault's unseal key and root token."""
        return self.home / "vault.json"

    @cached_property
    def postgresql_file(self) -> Path:
        """The passwords of PostgreSQL's superuser and of the administrator that programs use."""
        return self.home / "postgresql.json"

    # What the sandbox itself uses
    @cached_property
    def record_file(self) -> Path:
        """What one command leaves for the next: ports, runtime folder, what has been set up."""
        return self.home / "sandbox.json"

    @cached_property
    def lock_file(self) -> Path:
        """Held by a command that starts or stops servers."""
        return self.home / "lock"

    @cached_property
    def logs(self) -> Path:
        """The servers' logs."""
        return self.home / "logs"

    @cached_property
    def data(self) -> Path:
        """What the servers keep."""
        return self.home / "data"

    @cached_property
    def secrets(self) -> Path:
        """Keys and configuration of the servers."""
        return self.home / "configuration"

    @cached_property
    def certificates(self) -> Path:
        """Where the API server keeps its certificate."""
        return self.secrets / "certificates"

    @cached_property
    def certificate(self) -> Path:
        """The API server's certificate, with the authority that signed it."""
        return self.certificates / "apiserver.crt"

    @cached_property
    def postgresql_data(self) -> Path:
        """PostgreSQL's data: for root in the runtime folder, as the server runs as another user then."""
        return (self.runtime if os.getuid() == 0 else self.data) / "postgresql"

    @cached_property
    def supervisor_socket(self) -> Path:
        """Where the supervisor listens."""
        return self.runtime / "supervisor.sock"

    @cached_property
    def supervisor_file(self) -> Path:
        """The supervisor's configuration."""
        return self.secrets / "supervisord.conf"

    def log(self, server: str) -> Path:
        """A server's log."""
        return self.logs / f"{server}.log"


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    draft.replace(path)
