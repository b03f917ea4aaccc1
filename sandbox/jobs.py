"""Runs the pods of Jobs: kwok simulates all other pods, but a Job is there for what it does.

Containers of an image called `postgres` run as processes on this machine, one after the other, with the
sandbox's PostgreSQL programs on their PATH; those of other images complete at once, as kwok had it. A pod ends
as the last of its containers did, and a deleted pod's process is ended.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.errors import SandboxError
from sandbox.job_container import (
    CannotRun,
    Command,
    Data,
    Object,
    Surroundings,
    decoded,
    is_run,
    prepare,
)
from sandbox.json_api import ApiError, JsonApi
from sandbox.orphans import MARKER
from sandbox.watch import Watch, connect, parser, serve

if TYPE_CHECKING:
    from types import FrameType

_GRACE_SECONDS = 5.0
_RETRY_SECONDS = 0.5
_GONE = frozenset({404, 409, 422})
"""The API server's answers about a pod that is gone, or that another of the same name has followed."""
_LOST = 137
"""The exit code of a process that was killed."""
_UNSTARTED = 128
_BEGUN = "process://"

_log = logging.getLogger("jobs")


@dataclass(frozen=True)
class Ended:
    """How a container ended."""

    code: int
    message: str
    began: str
    reason: str = ""

    def state(self) -> Object:
        """As a pod's status says it."""
        reason = self.reason or ("Error" if self.code else "Completed")
        said = {"message": self.message} if self.message else {}
        times = {"startedAt": self.began, "finishedAt": _now()}
        return {"terminated": {"exitCode": self.code, "reason": reason, **said, **times}}


def is_jobs(pod: Object) -> bool:
    """Whether a Job made the pod."""
    return any(owner["kind"] == "Job" for owner in pod["metadata"].get("ownerReferences") or ())


def has_begun(pod: Object) -> bool:
    """Whether its containers were started before, by a runner that is no more if it is not this one."""
    statuses: list[Object] = pod["status"].get("containerStatuses") or []
    return any(str(one.get("containerID", "")).startswith(_BEGUN) for one in statuses)


def begun_status(pod: Object) -> Object:
    """The status of a pod whose containers are being started."""
    statuses = [
        {**one, "containerID": f"{_BEGUN}{pod['metadata']['uid']}"}
        for one in pod["status"].get("containerStatuses") or ()
    ]
    return {"containerStatuses": statuses}


def ended_status(pod: Object, ended: dict[str, Ended], reason: str = "") -> Object:
    """The status of a pod that has ended; a container that `ended` does not name was not reached."""
    failed = any(one.code for one in ended.values())
    not_ready = {"status": "False", "reason": "PodFailed" if failed else "PodCompleted"}
    conditions = [
        {**one, **not_ready} if one["type"] in {"Ready", "ContainersReady"} else one
        for one in pod["status"].get("conditions") or ()
    ]
    status: Object = {"phase": "Failed" if failed else "Succeeded", "conditions": conditions}
    if reason:
        status["reason"] = reason
    unreached = Ended(_UNSTARTED if failed else 0, "", _now(), "NotReached" if failed else "")
    for key in ("initContainerStatuses", "containerStatuses"):
        if found := pod["status"].get(key):
            status[key] = [
                {**one, "ready": False, "started": False, "state": ended.get(one["name"], unreached).state()}
                for one in found
            ]
    return status


class Pod:
    """One pod that is run, in a thread of its own."""

    def __init__(self, api: JsonApi, pod: Object, folder: Path, programs: Path) -> None:
        about = pod["metadata"]
        self._api = api
        self._pod = pod
        self._path = f"/api/v1/namespaces/{about['namespace']}"
        self._name = str(about["name"])
        self._folder = folder / str(about["uid"])
        self._programs = programs
        self._stopped = threading.Event()
        self._late = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Run the pod in the background."""
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for its end, if it was started."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def end(self) -> None:
        """End its process, gently at first; nothing is reported any more."""
        self._stopped.set()
        self._signal(signal.SIGTERM)
        timer = threading.Timer(_GRACE_SECONDS, self._signal, (signal.SIGKILL,))
        timer.daemon = True
        timer.start()

    def kill(self) -> None:
        """End its process at once."""
        self._stopped.set()
        self._signal(signal.SIGKILL)

    def report(self, status: Object) -> None:
        """Write the pod's status; a server that is not reachable is waited for, a pod that is gone is not."""
        patch = {"metadata": {"uid": self._pod["metadata"]["uid"]}, "status": status}
        path = f"{self._path}/pods/{self._name}/status"
        while not self._stopped.is_set():
            try:
                self._api.call("PATCH", path, patch, content="application/merge-patch+json")
            except ApiError as error:
                if error.status in _GONE:
                    _log.info("%s/%s took no status: %s", self._path, self._name, error)
                    return
                _log.warning("%s", error)
            except SandboxError as error:
                _log.warning("%s", error)
            else:
                return
            self._stopped.wait(_RETRY_SECONDS)

    def _run(self) -> None:
        spec = self._pod["spec"]
        deadline = spec.get("activeDeadlineSeconds")
        timer = threading.Timer(float(deadline), self._expire) if deadline else None
        if timer:
            timer.daemon = True
            timer.start()
        try:
            self._folder.mkdir(mode=0o700, parents=True)
            self.report(begun_status(self._pod))
            ended = self._containers()
        finally:
            if timer:
                timer.cancel()
            shutil.rmtree(self._folder, ignore_errors=True)
        self.report(ended_status(self._pod, ended, "DeadlineExceeded" if self._late.is_set() else ""))

    def _containers(self) -> dict[str, Ended]:
        """Run one container after the other, up to the first that fails."""
        marks = {MARKER: os.environ.get(MARKER, "")}
        around = Surroundings(self._pod, self._folder, self._programs, self._fetch, self._token, marks)
        spec, ended = self._pod["spec"], dict[str, Ended]()
        for container in [*(spec.get("initContainers") or ()), *spec["containers"]]:
            name, began = str(container["name"]), _now()
            try:
                command = self._prepared(container, around) if is_run(container) else None
                code, message = self._execute(command, container) if command else (0, "")
                ended[name] = Ended(code, message, began)
            except CannotRun as error:
                ended[name] = Ended(_UNSTARTED, str(error), began, "StartError")
            _log.info("%s %s/%s: exit code %d", self._path, self._name, name, ended[name].code)
            if ended[name].code:
                break
        return ended

    def _prepared(self, container: Object, around: Surroundings) -> Command:
        """A container's command, once all that it refers to is there."""
        while True:
            try:
                return prepare(container, around)
            except CannotRun:
                raise
            except SandboxError as error:  # what it refers to is not there yet, or the API server is not
                waiting = str(error)
            if self._late.is_set() or self._stopped.wait(_RETRY_SECONDS):
                raise CannotRun(waiting)

    def _execute(self, command: Command, container: Object) -> tuple[int, str]:
        """Run a command to its end: its exit code and its message. Its output is written nowhere."""
        with self._lock:
            if self._stopped.is_set() or self._late.is_set():
                return _LOST, "it was ended before it began"
            try:
                self._process = process = subprocess.Popen(
                    command.words,
                    env=command.variables,
                    cwd=command.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    process_group=0,
                )
            except (OSError, ValueError) as error:
                raise CannotRun(f"{command.words[0]} cannot be started: {error}") from error
        output = _Output(process)
        code = process.wait()
        self._signal(signal.SIGKILL)  # what it left behind in its group
        with self._lock:
            self._process = None
        said = output.end()
        code = code if code >= 0 else 128 - code
        if command.message.exists() and (text := command.message.read_bytes()):
            return code, command.told(text)
        wanted = code and container.get("terminationMessagePolicy") == "FallbackToLogsOnError"
        return code, command.told(said) if wanted else ""

    def _expire(self) -> None:
        self._late.set()
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with self._lock, contextlib.suppress(ProcessLookupError):
            if self._process:
                os.killpg(self._process.pid, number)

    def _fetch(self, kind: str, name: str) -> Data | None:
        found = self._api.find(f"{self._path}/{kind}/{name}")
        return None if found is None else decoded(kind, found)

    def _token(self, source: Object) -> str:
        account = self._pod["spec"].get("serviceAccountName") or "default"
        audiences = [source["audience"]] if source.get("audience") else []
        wanted = {"audiences": audiences, "expirationSeconds": source.get("expirationSeconds") or 3600}
        answer = self._api.call("POST", f"{self._path}/serviceaccounts/{account}/token", {"spec": wanted})
        return str(answer["status"]["token"])


class _Output:
    """Reads a process's output so that it can go on, and keeps the end of it."""

    _KEPT = 16384

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._end = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        stream = self._process.stdout
        if stream is None:
            return
        with stream:
            while chunk := os.read(stream.fileno(), 65536):
                self._end = (self._end + chunk)[-self._KEPT :]

    def end(self) -> bytes:
        """What was said last, once nobody can say more."""
        self._thread.join(_GRACE_SECONDS)
        return self._end


class Jobs:
    """Runs every pod that a Job made, once.

    Args:
        api: the cluster.
        folder: where pods have their private folders.
        programs: the folder of PostgreSQL's programs.
    """

    def __init__(self, api: JsonApi, folder: Path, programs: Path) -> None:
        self._api = api
        self._folder = folder
        self._programs = programs
        self._pods: dict[str, Pod] = {}

    def look_at(self, item: dict[str, Any]) -> None:
        """Run a pod that kwok has brought to a node."""
        if not is_jobs(item):
            return
        if item["metadata"].get("deletionTimestamp"):
            self.forget(item)
            return
        uid = str(item["metadata"]["uid"])
        if item["status"].get("phase") != "Running" or uid in self._pods:
            return
        pod = Pod(self._api, item, self._folder, self._programs)
        spec = item["spec"]
        self._pods[uid] = pod
        if has_begun(item):
            message = "it was running when the sandbox was stopped"
            lost = {str(one["name"]): Ended(_LOST, message, _now()) for one in spec["containers"]}
            pod.report(ended_status(item, lost))
        elif any(is_run(one) for one in (*spec["containers"], *(spec.get("initContainers") or ()))):
            pod.start()
        else:
            pod.report(ended_status(item, {}))

    def forget(self, item: dict[str, Any]) -> None:
        """End what a pod that is gone still runs."""
        pod = self._pods.pop(str(item["metadata"]["uid"]), None)
        if pod:
            pod.end()

    def join(self, seconds: float) -> None:
        """Wait for the end of what runs."""
        for pod in tuple(self._pods.values()):
            pod.join(seconds)

    def stop(self) -> None:
        """End everything at once; the next runner says of these pods that they were lost."""
        for pod in tuple(self._pods.values()):
            pod.kill()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def main() -> None:
    """Run until stopped."""
    arguments = parser(__doc__)
    arguments.add_argument("--folder", type=Path, required=True, help="where pods have their private folders")
    arguments.add_argument("--programs", type=Path, required=True, help="the folder of PostgreSQL's programs")
    options = arguments.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    api = connect(options.kubeconfig)
    jobs = Jobs(api, options.folder, options.programs)

    def terminate(_signal: int, _frame: FrameType | None) -> None:
        jobs.stop()
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, terminate)
    serve(Watch(api, "/api/v1/pods", jobs), options.health_port)


if __name__ == "__main__":
    main()
