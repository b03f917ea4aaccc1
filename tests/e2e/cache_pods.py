"""Pods of a cache as processes: the real Redis, Sentinel and HAProxy on addresses of the loopback device.

Everything that they are given is what the cluster would give them: the containers' commands and variables, the
ConfigMaps and the Secret. `Pod.placed` is the one place where something is changed.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.toolbox.catalogue import binary

PATIENCE = 15
"""Seconds that a process may take to end when it is asked to."""

_MOUNTS = {
    "/usr/local/etc/haproxy": "configuration",
    "/etc/redis": "configuration",
    "/run/redis/credentials": "credentials",
    "/run/redis/own": "own",
    "/data": "data",
}


@dataclass
class Pod:
    """One pod: its folder stands for its file system, its address for the pod network's.

    Args:
        name: the pod's own.
        address: on the loopback device.
        spec: the pod's, as the cluster has it.
        folder: where its volumes are.
        network: every pod's address by its DNS name.
    """

    name: str
    address: str
    spec: Mapping[str, Any]
    folder: Path
    network: Mapping[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def placed(self, text: str) -> str:
        """A text of the cluster's with this machine's addresses and folders in it, and nothing else changed."""
        for inside, volume in _MOUNTS.items():
            text = text.replace(inside, str(self.folder / volume))
        for name, address in self.network.items():
            text = text.replace(name, address)
        text = text.replace("127.0.0.1", self.address)
        return text.replace("bind * -::*", f"bind {self.address}").replace("bind :", f"bind {self.address}:")

    def give(self, volume: str, files: Mapping[str, str]) -> None:
        """Write a volume's files, each replaced at once as the kubelet does; configuration is placed."""
        folder = self.folder / volume
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            new = folder / f".{name}"
            new.write_text(self.placed(text) if volume == "configuration" else text, encoding="utf-8")
            new.replace(folder / name)

    def start(self, *names: str) -> None:
        """Start containers, all of them unless some are named."""
        for volume in ("own", "data"):
            (self.folder / volume).mkdir(parents=True, exist_ok=True)
        for container in self.spec["containers"]:
            if names and container["name"] not in names:
                continue
            log = (self.folder / f"{container['name']}.log").open("ab")
            self.running[container["name"]] = subprocess.Popen(
                [self.placed(word) for word in container["command"]],
                env={**self._variables(container), "PATH": search_path()},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            log.close()

    def _variables(self, container: Mapping[str, Any]) -> dict[str, str]:
        given = container.get("env") or ()
        return {
            one["name"]: self.name
            if "valueFrom" in one
            else self.placed(one["value"].replace("$(POD)", self.name))
            for one in given
        }

    def probe(self, container: str, kind: str) -> bool:
        """What the kubelet would find."""
        spec = next(one for one in self.spec["containers"] if one["name"] == container)
        return self._run(spec, spec[kind]["exec"]["command"]) == 0

    def stop(self) -> None:
        """As the kubelet stops a pod: before-stop commands, SIGTERM, and an end within the time that is given."""
        hooks = [
            (one, one["lifecycle"]["preStop"]["exec"]["command"])
            for one in self.spec["containers"]
            if "exec" in one.get("lifecycle", {}).get("preStop", {}) and one["name"] in self.running
        ]
        for one, command in hooks:
            if one["name"] != "sentinel":
                self._run(one, command)
        for name in ("redis", *self.running):  # the Sentinel's own command waits for its Redis to be gone
            self.end(name, signal.SIGTERM)

    def _run(self, container: Mapping[str, Any], command: list[str]) -> int:
        done = subprocess.run(
            [self.placed(word) for word in command],
            env={**self._variables(container), "PATH": search_path()},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return done.returncode

    def end(self, name: str, how: signal.Signals = signal.SIGKILL) -> None:
        """End one container's processes, which are ours alone, and wait until they are gone."""
        process = self.running.pop(name, None)
        if process is None:
            return
        os.killpg(process.pid, how)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE)

    def kill(self) -> None:
        """End everything at once, as a node that loses its power does."""
        for name in list(self.running):
            self.end(name)

    def said(self, container: str) -> str:
        """What a container has logged."""
        return (self.folder / f"{container}.log").read_text(encoding="utf-8", errors="replace")


def search_path() -> str:
    """Where containers find their programs: the pinned ones first."""
    folders = dict.fromkeys(str(binary(program).parent) for program in ("redis-server", "haproxy"))
    return os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)])


def free_network() -> str:
    """The first three bytes of loopback addresses that nobody else on this machine is likely to use."""
    seed = os.getpid()
    return f"127.{101 + seed % 100}.{1 + seed // 100 % 250}"


@contextmanager
def cleared(folder: Path, pods: list[Pod]) -> Iterator[None]:
    """End all processes of these pods when the block ends, and remove what they wrote."""
    try:
        yield
    finally:
        for pod in pods:
            pod.kill()
        shutil.rmtree(folder, ignore_errors=True)
