"""A workload that runs at set times."""

from functools import cache
from typing import Any

import pytest

from components import Connected, InputError, Probes
from components.permissions import Permission
from components.scheduled_job import ScheduledJob, ScheduledJobArgs
from components.values import Credentials, Replicas, Workload
from tests.making import IMAGE, application, build, credential, database, environment, namespace
from tests.recording import Recording

RANGE = Replicas(min=1, max=2)


def job(connected: Connected, name: str = "report", **more: Any) -> ScheduledJob:
    dev = environment()
    given: dict[str, Any] = {"workload": Workload(image=IMAGE), "schedule": "30 2 * * *", **more}
    given["namespace"] = given.get("namespace") or namespace(connected, dev, name)
    return ScheduledJob(name, ScheduledJobArgs(environment=dev, **given), connected)


@cache
def built() -> Recording:
    def make(connected: Connected) -> ScheduledJob:
        dev = environment()
        opened, home = database(connected, dev), namespace(connected, dev, "report")
        api = application(connected, dev, port=3001, probes=Probes())
        login = credential(connected, dev, "report", database=opened, namespace=home, secret="report-db")
        return job(
            connected,
            namespace=home,
            time_zone="Europe/Paris",
            command=("report", "--daily"),
            deadline="30m",
            retries=2,
            variables={"LEVEL": "info"},
            secrets=(login,),
            files={"/etc/report.yaml": "to: all"},
            reaches=(opened, api),
            permissions=(Permission(resources=("configmaps",), verbs=("get",)),),
        )

    return build(make)


def spec() -> dict[str, Any]:
    return built().one("CronJob", "report-cron-job").inputs["spec"]


def pod() -> dict[str, Any]:
    return spec()["jobTemplate"]["spec"]["template"]["spec"]


def test_it_runs_when_it_is_said_and_never_twice_at_once() -> None:
    assert (spec()["schedule"], spec()["timeZone"]) == ("30 2 * * *", "Europe/Paris")
    assert spec()["concurrencyPolicy"] == "Forbid"
    assert spec()["startingDeadlineSeconds"] == 300
    assert (spec()["successfulJobsHistoryLimit"], spec()["failedJobsHistoryLimit"]) == (3, 3)


def test_a_run_ends_in_time_and_is_tried_as_often_as_it_is_said() -> None:
    made = spec()["jobTemplate"]["spec"]
    assert (made["activeDeadlineSeconds"], made["backoffLimit"]) == (1800, 2)
    assert pod()["restartPolicy"] == "Never"


def test_it_is_as_restricted_as_what_runs_for_ever() -> None:
    (container,) = pod()["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["command"] == ["report", "--daily"]
    assert container["env"] == [{"name": "LEVEL", "value": "info"}]
    assert container["envFrom"] == [{"secretRef": {"name": "report-db"}}]
    assert container["volumeMounts"][1]["mountPath"] == "/etc/report.yaml"
    assert pod()["automountServiceAccountToken"] is True


def test_it_reaches_what_it_declares() -> None:
    out = built().one("NetworkPolicy", "report-egress").inputs["spec"]
    assert out["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "report"}}
    assert len(out["egress"]) == 3
    into = built().one("NetworkPolicy", "report-to-api").inputs
    assert into["metadata"]["name"] == "api-from-report"
    labels = spec()["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "report"


def test_it_comes_once_all_that_it_needs_is_there() -> None:
    built().require_after(
        built().one("CronJob", "report-cron-job"),
        built().one("ExternalSecret", "report-external-secret"),
        built().one("NetworkPolicy", "report-egress"),
        built().one("ConfigMap", "report-files"),
        built().one("RoleBinding", "report-binding"),
        built().one("ResourceQuota", "report-quota"),
    )


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"schedule": "@daily"}, "use five fields"),
        ({"time_zone": "Local"}, "time_zone is 'Local'"),
        ({"command": "report"}, "command is 'report'; use a tuple"),
        ({"deadline": "0s"}, "deadline is '0s'"),
        ({"retries": -1}, "retries is -1; use 0 to 10"),
        ({"workload": Workload(image=IMAGE, replicas=2)}, "replicas is 2 for a scheduled job"),
        ({"workload": Workload(image=IMAGE, replicas=RANGE)}, "for a scheduled job"),
        ({"files": {"etc": "x"}}, "files has the path"),
    ],
)
def test_what_cannot_be_scheduled_is_refused_before_anything_is_made(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        build(lambda connected: job(connected, **given))


def test_a_run_that_may_outlive_its_leased_credential_is_refused() -> None:
    def make(connected: Connected) -> None:
        dev = environment()
        home, how = namespace(connected, dev, "report"), Credentials(mode="dynamic")
        login = credential(connected, dev, "report", namespace=home, secret="report-db", credentials=how)
        job(connected, namespace=home, secrets=(login,), deadline="1h")

    with pytest.raises(InputError, match=r"credentials\.ttl is '1h' for Secret report-db; use at least 4560s"):
        build(make)


def test_a_job_and_an_application_of_one_name_are_refused_in_one_namespace() -> None:
    def make(connected: Connected) -> None:
        home = namespace(connected, environment(), "report")
        application(connected, environment(), "report", namespace=home)
        job(connected, namespace=home)

    with pytest.raises(InputError, match="'report' runs in namespace 'keybuzz-report-dev' already"):
        build(make)


def test_nothing_can_reach_a_job() -> None:
    def make(connected: Connected) -> None:
        target = job(connected)
        application(connected, environment(), reaches=(target,))

    with pytest.raises(InputError, match=r"reaches\[0\] is 'report', which has no port"):
        build(make)
