"""Where tools are made: a temporary folder of ours, and the commands that run in it.

Everything that Go, uv, npm and apt keep on the way (modules, build results, downloads) is directed into this
folder, so that nothing is left in the home directory and one removal gives the disk back.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.toolbox.catalogue import cache

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

GIGABYTE = 1024**3
ROOM_NEEDED = 10 * GIGABYTE
"""Free disk that building the largest tool beside what is kept from its neighbour can take."""
KEEP_AT_MOST = 3 * GIGABYTE
"""Modules and build results are kept for the next tool up to this size: some tools share a good part."""

_NETWORK = re.compile(
    r"dial tcp|connection re(set|fused)|i/o timeout|TLS handshake|unexpected EOF|no such host|"
    r"temporary failure|502 |503 |504 |ECONNRESET|ETIMEDOUT|network is unreachable|timed? ?out",
    re.IGNORECASE,
)
_PAUSES = (3.0, 10.0)
"""Seconds to wait before each further attempt when the network was the reason."""


class WorkFailed(Exception):  # noqa: N818 - read as a sentence
    """Something on the way to a tool went wrong; the text says what and what to do."""


@dataclass(frozen=True)
class Workshop:
    """The temporary folder, and how commands are run in it."""

    folder: Path
    tick: Callable[[], None]
    """Called about every second while a command runs, for progress to be shown."""

    def go_environment(self) -> dict[str, str]:
        """The environment for Go: our folders, reproducible builds; proxy and toolchain are the user's."""
        settings = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        user = {name: value for name, value in os.environ.items() if name not in {"GOOS", "GOARCH", "GOBIN"}}
        return user | {
            "GOENV": os.environ.get("GOENV") or str(settings / "go" / "env"),
            "XDG_CONFIG_HOME": str(self.folder / "config"),  # Go's telemetry counters
            "GOPATH": str(self.folder / "go"),
            "GOMODCACHE": str(self.folder / "modules"),
            "GOCACHE": str(self.folder / "builds"),
            "GOTMPDIR": str(self.folder / "tmp"),
            "TMPDIR": str(self.folder / "tmp"),
            "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false -modcacherw",
            "GOWORK": "off",
            "GO111MODULE": "on",
            "CGO_ENABLED": "0",
        }

    def package_environment(self) -> dict[str, str]:
        """The environment for uv and npm: indexes as the user set them, downloads in our folder."""
        certificates = {"UV_SYSTEM_CERTS": "1", "NODE_USE_SYSTEM_CA": "1"}  # a company's own are there only
        return {**certificates, **os.environ} | {
            "TMPDIR": str(self.folder / "tmp"),
            "UV_CACHE_DIR": str(self.folder / "uv"),
            "UV_PYTHON_DOWNLOADS": "never",
            "npm_config_cache": str(self.folder / "npm"),
            "npm_config_update_notifier": "false",
        }

    def run(self, command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str]) -> str:
        """Runs a command to its end and returns what it printed; tries again if the network failed it.

        Raises:
            WorkFailed: if it fails, with the last lines of its output.
        """
        status, output = self._run_once(command, cwd=cwd, env=env)
        for pause in _PAUSES:
            if status == 0 or not _NETWORK.search(output[-4000:]):
                break
            self._rest(pause)
            status, output = self._run_once(command, cwd=cwd, env=env)
        if status == 0:
            return output
        end = "\n".join(output.strip().splitlines()[-12:]) or "(it printed nothing)"
        words = " ".join(str(word) for word in command[:3])
        raise WorkFailed(f"`{words} …` ended with status {status}:\n{end}")

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.tick()
            time.sleep(0.5)

    def _run_once(self, command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str]) -> tuple[int, str]:
        with tempfile.TemporaryFile(mode="w+b", dir=self.folder / "tmp") as log:
            try:
                process = subprocess.Popen(
                    command,
                    cwd=cwd,
                    env=dict(env),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # so that an interruption ends compilers with their driver
                )
            except OSError as error:
                return 127, f"{command[0]} could not be started: {error.strerror}"
            try:
                while process.poll() is None:
                    self.tick()
                    try:
                        process.wait(timeout=1)
                    except subprocess.TimeoutExpired:
                        continue
            except BaseException:
                _end_group(process)
                raise
            log.seek(0)
            return process.returncode, log.read().decode(errors="replace")

    def make_room(self) -> None:
        """Removes modules and build results if they have grown large."""
        if size(self.folder) > KEEP_AT_MOST:
            for name in ("builds", "modules", "go", "uv", "npm", "debian"):
                shutil.rmtree(self.folder / name, ignore_errors=True)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def size(folder: Path) -> int:
    """The disk that a folder takes, in bytes; a file with several names counts once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            try:
                status = os.lstat(Path(root) / name)
            except FileNotFoundError:
                continue
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                total += status.st_blocks * 512
    return total


def choose_folder(needed: int, *, candidates: Sequence[Path] | None = None) -> Path:
    """The workshop's folder: in the temporary folder, or in the cache where that has too little room.

    The name is fixed for a user and a cache, so that an interrupted set-up finds what it had downloaded.

    Raises:
        WorkFailed: if there is too little room in either.
    """
    name = hashlib.sha256(str(cache()).encode()).hexdigest()[:8]
    places = candidates or (Path(tempfile.gettempdir()), cache())
    rooms: list[str] = []
    for parent in places:
        parent.mkdir(parents=True, exist_ok=True)
        folder = parent / f"bulkhead-tools-{os.getuid()}-{name}"
        free = shutil.disk_usage(parent).free + (size(folder) if folder.is_dir() else 0)
        if free >= needed:
            return folder
        rooms.append(f"{parent} has {free / GIGABYTE:.1f} GB")
    raise WorkFailed(
        f"not enough free disk: {needed / GIGABYTE:.0f} GB are needed while tools are built, but "
        f"{' and '.join(rooms)}. Free some, or name another place with TMPDIR or BULKHEAD_CACHE."
    )


@contextmanager
def open_workshop(needed: int, tick: Callable[[], None]) -> Generator[Workshop]:
    """A workshop that is removed when everything in it went well, and kept for the next run otherwise."""
    folder = choose_folder(needed)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if folder.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o022:
            raise WorkFailed(f"{folder} is not ours alone; remove it, or set TMPDIR to a folder of yours")
    except FileExistsError as error:
        raise WorkFailed(f"{folder} is in the way; remove it") from error
    shutil.rmtree(folder / "tmp", ignore_errors=True)
    for name in ("tmp", "config"):
        (folder / name).mkdir(exist_ok=True)
    yield Workshop(folder, tick)
    shutil.rmtree(folder, ignore_errors=True)


def write_program(path: Path, text: str) -> None:
    """Writes a script that can be started."""
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
