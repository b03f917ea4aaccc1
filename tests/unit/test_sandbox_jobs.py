"""The runner of Jobs: whose pods it takes, how they end, and what it leaves behind."""

import os
import time
from pathlib import Path
from typing import Any, cast

import pytest

from sandbox.jobs import Jobs, ended_status
from sandbox.json_api import ApiError, JsonApi

IMAGE = "registry.example.org:5000/library/postgres:16.14@sha256:0"


def container(*command: str, **more: Any) -> dict[str, Any]:
    return {"name": "c", "image": IMAGE, "command": list(command), **more}


def pod(*containers: dict[str, Any], owner: str = "Job", phase: str = "Running", **spec: Any) -> dict[str, Any]:
    """A pod as kwok has brought it to a node."""
    names = [one["name"] for one in containers]
    conditions = [{"type": kind, "status": "True"} for kind in ("Initialized", "Ready", "ContainersReady")]
    status: dict[str, Any] = {"phase": phase, "conditions": conditions}
    status["containerStatuses"] = [{"name": name, "ready": True, "state": {"running": {}}} for name in names]
    if initial := spec.get("initContainers"):
        status["initContainerStatuses"] = [{"name": one["name"]} for one in initial]
    about = {"namespace": "shop", "name": "p", "uid": "u-1", "ownerReferences": [{"kind": owner}]}
    return {"metadata": about, "spec": {"containers": list(containers), **spec}, "status": status}


class Cluster:
    """Gives out Secrets and ConfigMaps, and keeps the statuses that it is told."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.statuses: list[dict[str, Any]] = []
        self.gone = False

    def find(self, path: str) -> Any:
        return self.objects.get(path.removeprefix("/api/v1/namespaces/shop/"))

    def call(self, method: str, path: str, body: Any = None, **_: str) -> Any:
        if self.gone:
            raise ApiError(404, "gone")
        if method == "POST":
            return {"status": {"token": f"token of {path}"}}
        assert path == "/api/v1/namespaces/shop/pods/p/status"
        assert body["metadata"] == {"uid": "u-1"}
        self.statuses.append(body["status"])
        return None

    @property
    def last(self) -> dict[str, Any]:
        return self.statuses[-1]

    @property
    def end(self) -> dict[str, Any]:
        """How the first container ended."""
        return self.last["containerStatuses"][0]["state"]["terminated"]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def jobs(cluster: Cluster, tmp_path: Path) -> Jobs:
    return Jobs(cast("JsonApi", cluster), tmp_path / "jobs", Path("/nowhere"))


def ran(jobs: Jobs, item: dict[str, Any]) -> None:
    """Run a pod to its end."""
    jobs.look_at(item)
    jobs.join(20)


def test_a_container_that_succeeds_completes_the_pod(jobs: Jobs, cluster: Cluster) -> None:
    ran(jobs, pod(container("true")))
    assert (cluster.last["phase"], cluster.end["exitCode"], cluster.end["reason"]) == ("Succeeded", 0, "Completed")
    ready = {one["type"]: one["status"] for one in cluster.last["conditions"]}
    assert ready == {"Initialized": "True", "Ready": "False", "ContainersReady": "False"}


def test_a_failure_says_the_end_of_the_output_where_that_is_asked_for(jobs: Jobs, cluster: Cluster) -> None:
    ran(jobs, pod(container("sh", "-c", "echo first; echo last >&2; exit 3",
                            terminationMessagePolicy="FallbackToLogsOnError")))  # fmt: skip
    assert cluster.last["phase"] == "Failed"
    assert (cluster.end["exitCode"], cluster.end["message"]) == (3, "first\nlast")


def test_a_failure_says_nothing_where_it_is_not_asked_to(jobs: Jobs, cluster: Cluster) -> None:
    ran(jobs, pod(container("sh", "-c", "echo secret; exit 3")))
    assert "message" not in cluster.end


def test_a_message_is_no_longer_than_a_kubelet_has_it(jobs: Jobs, cluster: Cluster) -> None:
    script = "i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done; exit 1"
    ran(jobs, pod(container("sh", "-c", script, terminationMessagePolicy="FallbackToLogsOnError")))
    lines = cluster.end["message"].splitlines()
    assert (lines[-1], len(lines)) == ("line 4999", 80)


def test_a_container_may_leave_its_message_in_its_file(jobs: Jobs, cluster: Cluster) -> None:
    ran(jobs, pod(container("sh", "-c", "echo done > /dev/termination-log")))
    assert cluster.end["message"] == "done"


@pytest.mark.parametrize(
    "image", ["busybox:1", "postgres-exporter:1", "registry/postgres/tool:2", "registry:5000/app"]
)
def test_other_images_complete_at_once(jobs: Jobs, cluster: Cluster, image: str) -> None:
    jobs.look_at(pod({"name": "c", "image": image}))
    assert cluster.last["phase"] == "Succeeded"


@pytest.mark.parametrize(
    "item",
    [pod(container("true"), owner="ReplicaSet"), pod(container("true"), phase="Pending")],
    ids=["no Job's", "not on a node yet"],
)
def test_what_is_left_alone(jobs: Jobs, cluster: Cluster, item: dict[str, Any]) -> None:
    ran(jobs, item)
    assert cluster.statuses == []


def test_a_pod_is_run_once_however_often_it_is_seen(jobs: Jobs, cluster: Cluster, tmp_path: Path) -> None:
    item = pod(container("sh", "-c", f"echo x >> {tmp_path}/times"))
    for _ in range(3):
        ran(jobs, item)
    assert (tmp_path / "times").read_text() == "x\n"


def test_variables_and_volumes_are_what_the_pod_says(jobs: Jobs, cluster: Cluster, tmp_path: Path) -> None:
    cluster.objects = {
        "secrets/db": {"data": {"PGUSER": "bWU=", "key": "cw=="}},
        "configmaps/files": {"data": {"a.sql": "\\ir b.sql", "b.sql": "b"}},
    }
    script = (
        f"env > {tmp_path}/env; cat /files/a.sql /files/sub/renamed /keys/key $WHERE/b.sql > {tmp_path}/read;"
        f" pwd > {tmp_path}/pwd; touch /scratch/x; cat /token/token > {tmp_path}/token"
    )
    item = pod(
        container(
            "sh",
            "-c",
            script,
            workingDir="/scratch",
            envFrom=[
                {"secretRef": {"name": "db"}, "prefix": "P_"},
                {"configMapRef": {"name": "no", "optional": True}},
            ],
            env=[
                {"name": "PLAIN", "value": "$(P_PGUSER) and $$(P_PGUSER) and $(UNKNOWN)"},
                {"name": "WHERE", "value": "/files"},
                {"name": "ONE", "valueFrom": {"secretKeyRef": {"name": "db", "key": "PGUSER"}}},
                {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ],
            volumeMounts=[
                {"name": "files", "mountPath": "/files"},
                {"name": "keys", "mountPath": "/keys"},
                {"name": "empty", "mountPath": "/scratch"},
                {"name": "token", "mountPath": "/token"},
            ],
        ),
        volumes=[
            {
                "name": "files",
                "projected": {
                    "sources": [
                        {"configMap": {"name": "files"}},
                        {"configMap": {"name": "files", "items": [{"key": "b.sql", "path": "sub/renamed"}]}},
                    ]
                },
            },
            {"name": "keys", "secret": {"secretName": "db"}},
            {"name": "empty", "emptyDir": {}},
            {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
        ],
    )
    ran(jobs, item)
    assert cluster.last["phase"] == "Succeeded", cluster.last
    seen = dict(line.partition("=")[::2] for line in (tmp_path / "env").read_text().splitlines())
    assert (seen["P_PGUSER"], seen["ONE"], seen["NAME"]) == ("me", "me", "p")
    assert seen["PLAIN"] == "me and $(P_PGUSER) and $(UNKNOWN)"
    assert seen["PATH"].startswith("/nowhere:")
    assert not {"KUBECONFIG", "VIRTUAL_ENV"} & seen.keys(), "the runner's own variables reach no container"
    assert (tmp_path / "read").read_text() == "\\ir b.sqlbsb"
    assert (tmp_path / "pwd").read_text().strip().endswith("/volumes/empty")
    assert (tmp_path / "token").read_text() == "token of /api/v1/namespaces/shop/serviceaccounts/default/token"


def test_nothing_of_a_pod_is_left_behind(jobs: Jobs, cluster: Cluster, tmp_path: Path) -> None:
    ran(jobs, pod(container("sh", "-c", "sleep 600 & echo x > file")))
    assert list((tmp_path / "jobs").iterdir()) == []


def test_a_pods_folder_is_closed_to_others(jobs: Jobs, cluster: Cluster, tmp_path: Path) -> None:
    ran(jobs, pod(container("sh", "-c", f"stat -c %a .. > {tmp_path}/mode")))
    assert (tmp_path / "mode").read_text() == "700\n"


def test_a_message_has_the_paths_that_the_container_sees(jobs: Jobs, cluster: Cluster) -> None:
    cluster.objects = {"configmaps/files": {"data": {"a.sql": ""}}}
    mounted = container(
        "sh",
        "-c",
        "echo /files/a.sql:1; exit 1",
        terminationMessagePolicy="FallbackToLogsOnError",
        volumeMounts=[{"name": "files", "mountPath": "/files"}],
    )
    ran(jobs, pod(mounted, volumes=[{"name": "files", "configMap": {"name": "files"}}]))
    assert cluster.end["message"] == "/files/a.sql:1"


def test_a_secret_that_is_not_there_yet_is_waited_for(jobs: Jobs, cluster: Cluster) -> None:
    jobs.look_at(pod(container("sh", "-c", "test $A = v", envFrom=[{"secretRef": {"name": "late"}}])))
    time.sleep(0.2)
    assert "phase" not in cluster.last
    cluster.objects["secrets/late"] = {"data": {"A": "dg=="}}
    jobs.join(20)
    assert cluster.last["phase"] == "Succeeded"


def test_init_containers_come_first_and_stop_the_pod_when_they_fail(jobs: Jobs, cluster: Cluster) -> None:
    first = {**container("sh", "-c", "exit 4"), "name": "first"}
    ran(jobs, pod(container("true"), initContainers=[first]))
    assert cluster.last["phase"] == "Failed"
    assert cluster.last["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 4
    assert cluster.end["reason"] == "NotReached"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (container(), "neither a command nor arguments"),
        (container("no-such-program"), "no-such-program cannot be started"),
        (container("true", volumeMounts=[{"name": "x", "mountPath": "/x"}]), "no volume of the pod"),
        (
            container("true", env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]),
            "podIP",
        ),
        (container("true", env=[{"name": "A", "valueFrom": {"resourceFieldRef": {}}}]), "resourceFieldRef"),
    ],
)
def test_what_cannot_be_run_fails_and_says_why(
    jobs: Jobs, cluster: Cluster, wrong: dict[str, Any], said: str
) -> None:
    ran(jobs, pod(wrong))
    assert (cluster.last["phase"], cluster.end["reason"]) == ("Failed", "StartError")
    assert said in cluster.end["message"]


def test_a_pods_own_deadline_ends_it(jobs: Jobs, cluster: Cluster) -> None:
    began = time.monotonic()
    ran(jobs, pod(container("sleep", "600"), activeDeadlineSeconds=1))
    assert time.monotonic() - began < 300
    assert (cluster.last["phase"], cluster.last["reason"]) == ("Failed", "DeadlineExceeded")
    assert cluster.end["exitCode"] == 137


@pytest.mark.parametrize("how", ["deleted", "terminating"])
def test_a_pod_that_is_deleted_has_its_process_ended(
    jobs: Jobs, cluster: Cluster, tmp_path: Path, how: str
) -> None:
    item = pod(container("sh", "-c", f"echo $$$$ > {tmp_path}/pid; sleep 600 & wait"))
    jobs.look_at(item)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.02)
    (running,) = jobs._pods.values()
    if how == "deleted":
        jobs.forget(item)
    else:
        jobs.look_at({**item, "metadata": {**item["metadata"], "deletionTimestamp": "now"}})
    running.join(10)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert all("phase" not in status for status in cluster.statuses), "a pod that is gone gets no status"


def test_a_pod_whose_runner_was_stopped_is_lost_and_does_not_run_twice(
    jobs: Jobs, cluster: Cluster, tmp_path: Path
) -> None:
    item = pod(container("touch", str(tmp_path / "ran")))
    item["status"]["containerStatuses"][0]["containerID"] = "process://u-1"
    ran(jobs, item)
    assert (cluster.last["phase"], cluster.end["exitCode"]) == ("Failed", 137)
    assert not (tmp_path / "ran").exists()


def test_a_status_that_nobody_takes_any_more_is_given_up(jobs: Jobs, cluster: Cluster) -> None:
    cluster.gone = True
    began = time.monotonic()
    ran(jobs, pod(container("true")))
    assert time.monotonic() - began < 60


def test_what_a_runner_says_of_a_pod_names_no_value(
    jobs: Jobs, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.objects = {"secrets/db": {"data": {"PGPASSWORD": "cGxhbnRlZC1jYW5hcnk="}}}
    with caplog.at_level("INFO"):
        ran(jobs, pod(container("sh", "-c", "env; exit 1", envFrom=[{"secretRef": {"name": "db"}}])))
    assert "exit code 1" in caplog.text
    assert "planted-canary" not in caplog.text


def test_a_pod_without_conditions_ends_as_well() -> None:
    bare = pod(container("true"))
    del bare["status"]["conditions"]
    assert ended_status(bare, {})["phase"] == "Succeeded"
