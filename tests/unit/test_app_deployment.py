"""A workload: restricted, reaching what it declares, following its credentials."""

from functools import cache
from typing import Any

import pytest

from components import AppDeployment, Connected, Namespace, NamespaceArgs, Probes
from components.permissions import Permission
from components.pod import InitContainer
from components.release_job import ReleaseJob
from components.service_monitor import Metrics
from components.values import Workload
from tests.making import IMAGE, application, build, credential, database, environment, namespace
from tests.recording import Recording


def workload(**values: Any) -> Workload:
    from components.values import App  # noqa: PLC0415 - the settings' own reading of values

    read = App.model_validate(values)
    return Workload(image=IMAGE, **dict(read))


def built(**more: Any) -> Recording:
    return build(lambda connected: application(connected, environment(), **more))


@cache
def served() -> Recording:
    return built(port=3001, probes=Probes(ready="/ready"), workload=workload(replicas={"min": 2, "max": 6}))


@cache
def worker() -> Recording:
    return built()


def pod(recording: Recording) -> dict[str, Any]:
    return recording.one("Deployment", "api-deployment").inputs["spec"]["template"]["spec"]


def container(recording: Recording) -> dict[str, Any]:
    (only,) = pod(recording)["containers"]
    return only


def test_pods_run_under_the_restricted_standard() -> None:
    security = container(served())["securityContext"]
    assert security == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod(served())["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert pod(served())["automountServiceAccountToken"] is False
    assert pod(served())["enableServiceLinks"] is False


def test_pods_run_as_an_account_of_their_own_without_a_token() -> None:
    account = served().one("ServiceAccount", "api-account")
    assert account.inputs["metadata"]["name"] == pod(served())["serviceAccountName"] == "api"
    assert account.inputs["automountServiceAccountToken"] is False


def test_a_range_leaves_the_number_of_pods_to_the_scaler() -> None:
    assert "replicas" not in served().one("Deployment", "api-deployment").inputs["spec"]
    scaler = served().one("HorizontalPodAutoscaler", "api-scaler").inputs["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 6)
    assert scaler["scaleTargetRef"]["name"] == "api"


def test_a_fixed_number_has_no_scaler() -> None:
    fixed = built(workload=workload(replicas=3))
    assert fixed.one("Deployment", "api-deployment").inputs["spec"]["replicas"] == 3
    assert not fixed.of("HorizontalPodAutoscaler")


@pytest.mark.parametrize(
    ("replicas", "budgets"), [(1, 0), (2, 1), ({"min": 1, "max": 2}, 0), ({"min": 2, "max": 3}, 1)]
)
def test_one_pod_may_be_missing_where_there_is_more_than_one(replicas: object, budgets: int) -> None:
    made = built(workload=workload(replicas=replicas)).of("PodDisruptionBudget")
    assert len(made) == budgets
    assert all(budget.inputs["spec"]["maxUnavailable"] == 1 for budget in made)


def test_an_application_is_asked_at_its_own_paths() -> None:
    asked = container(served())
    assert asked["livenessProbe"]["httpGet"] == {"path": "/health", "port": "http"}
    assert asked["readinessProbe"]["httpGet"]["path"] == "/ready"
    assert asked["startupProbe"]["failureThreshold"] * asked["startupProbe"]["periodSeconds"] == 60
    assert asked["ports"] == [{"name": "http", "containerPort": 3001}]


def test_a_worker_serves_nothing() -> None:
    assert not worker().of("Service")
    assert not {"ports", "livenessProbe", "readinessProbe", "startupProbe"} & set(container(worker()))


def test_the_service_leads_from_port_80_to_the_applications_pods() -> None:
    spec = served().one("Service", "api-service").inputs["spec"]
    deployment = served().one("Deployment", "api-deployment").inputs["spec"]
    assert spec["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]
    assert spec["selector"] == deployment["selector"]["matchLabels"]
    assert spec["selector"].items() <= deployment["template"]["metadata"]["labels"].items()


def test_a_roll_out_never_has_fewer_pods_and_stops_them_gently() -> None:
    strategy = served().one("Deployment", "api-deployment").inputs["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    drained = container(served())["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert 0 < drained < pod(served())["terminationGracePeriodSeconds"]


def test_the_stacks_values_reach_the_container_beside_the_programs() -> None:
    values = workload(
        resources={"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
        variables={"LEVEL": "debug"},
    )
    made = container(built(workload=values, variables={"A": "b"}))
    assert made["image"] == IMAGE
    assert made["resources"]["limits"] == {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "1Gi"}
    assert made["env"] == [{"name": "A", "value": "b"}, {"name": "LEVEL", "value": "debug"}]


def linked() -> Recording:
    def make(connected: Connected) -> AppDeployment:
        dev = environment()
        opened = database(connected, dev)
        home = namespace(connected, dev)
        login = credential(connected, dev, database=opened, namespace=home)
        api = application(
            connected, dev, namespace=home, port=3001, probes=Probes(), secrets=(login,), reaches=(opened,)
        )
        return application(connected, dev, "client", port=3000, probes=Probes(), reaches=(api,))

    return build(make)


def test_a_credential_becomes_variables_and_rolls_the_pods_when_it_changes() -> None:
    recording = linked()
    assert container(recording)["envFrom"] == [{"secretRef": {"name": "keybuzz-api-postgres"}}]
    annotations = recording.one("Deployment", "api-deployment").inputs["metadata"]["annotations"]
    assert annotations == {"secret.reloader.stakater.com/reload": "keybuzz-api-postgres"}


def test_pods_start_once_their_secret_and_their_openings_are_there() -> None:
    recording = linked()
    recording.require_after(
        recording.one("Deployment", "api-deployment"),
        recording.one("ExternalSecret", "api-external-secret"),
        recording.one("ServiceAccount", "api-account"),
        recording.one("NetworkPolicy", "api-egress"),
        recording.one("Namespace", "api-namespace"),
    )


def test_a_link_opens_one_way_out_and_the_others_one_way_in() -> None:
    recording = linked()
    out = recording.one("NetworkPolicy", "client-egress").inputs
    assert len(out["spec"]["egress"]) == 2
    assert out["metadata"]["namespace"] == "keybuzz-client-dev"
    into = recording.one("NetworkPolicy", "client-to-api").inputs
    assert into["metadata"]["namespace"] == "keybuzz-api-dev"
    assert into["spec"]["ingress"][0]["ports"] == [{"protocol": "TCP", "port": 3001}]


def test_a_database_is_reached_at_the_write_end_point_alone() -> None:
    rules = linked().one("NetworkPolicy", "api-egress").inputs["spec"]["egress"]
    (addresses,) = [rule for rule in rules if "ipBlock" in rule["to"][0]]
    assert addresses["to"] == [{"ipBlock": {"cidr": "10.0.0.10/32"}}]
    assert addresses["ports"] == [{"protocol": "TCP", "port": 5432}]


def test_t1_in_a_shared_namespace_objects_bear_the_systems_name() -> None:
    def make(connected: Connected) -> None:
        prod = environment("prod", system="twinme")
        home = Namespace("all", NamespaceArgs(environment=prod), connected)
        application(connected, prod, namespace=home, port=3000, probes=Probes(), workload=workload(replicas=3))

    recording = build(make)
    made = [*recording.of("Deployment"), *recording.of("Service"), *recording.of("PodDisruptionBudget")]
    assert {one.inputs["metadata"]["name"] for one in made} == {"twinme-api"}
    assert {one.name for one in made} == {"api-deployment", "api-service", "api-disruption"}
    deployment = recording.one("Deployment", "api-deployment").inputs
    assert deployment["metadata"]["namespace"] == "twinme-prod"
    assert deployment["spec"]["selector"] == {"matchLabels": {"app.kubernetes.io/name": "twinme-api"}}


@cache
def told() -> Recording:
    return built(
        port=3001,
        files={"/etc/app.yaml": "level: info"},
        metrics=Metrics(port=9090),
        initial=(InitContainer(name="warm", command=("warm",)),),
        release=ReleaseJob(command=("migrate",)),
        permissions=(Permission(resources=("configmaps",), verbs=("get",)),),
        stop_seconds=45,
    )


def test_files_are_there_before_the_pods_and_another_text_rolls_them() -> None:
    made = told().one("ConfigMap", "api-files")
    assert made.inputs["immutable"] is True
    (volume,) = [one for one in pod(told())["volumes"] if one["name"] == "files"]
    assert volume["configMap"]["name"] == "api-files-id", "the name that it got"
    told().require_after(told().one("Deployment", "api-deployment"), made)


def test_metrics_have_a_port_a_monitor_and_a_way_in() -> None:
    assert {one["name"] for one in container(told())["ports"]} == {"http", "metrics"}
    ports = told().one("Service", "api-service").inputs["spec"]["ports"]
    assert {"name": "metrics", "port": 9090, "targetPort": "metrics"} in ports
    monitor = told().one("ServiceMonitor", "api-monitor").inputs["spec"]
    assert monitor["endpoints"][0]["port"] == "metrics"
    (rule,) = told().one("NetworkPolicy", "api-from-monitoring").inputs["spec"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 9090}]
    assert rule["from"][0]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "monitoring"}


def test_metrics_at_the_applications_own_port_need_no_other() -> None:
    recording = built(port=3001, metrics=Metrics())
    assert [one["name"] for one in container(recording)["ports"]] == ["http"]
    assert recording.one("ServiceMonitor", "api-monitor").inputs["spec"]["endpoints"][0]["port"] == "http"
    (rule,) = recording.one("NetworkPolicy", "api-from-monitoring").inputs["spec"]["ingress"]
    assert rule["ports"][0]["port"] == 3001


def test_a_worker_with_metrics_has_a_service_for_them_alone() -> None:
    ports = built(metrics=Metrics(port=9090)).one("Service", "api-service").inputs["spec"]["ports"]
    assert ports == [{"name": "metrics", "port": 9090, "targetPort": "metrics"}]


def test_a_release_runs_before_the_pods_and_no_service_or_budget_counts_it() -> None:
    job = told().one("Job", "api-release")
    told().require_after(
        told().one("Deployment", "api-deployment"), job, told().one("NetworkPolicy", "api-release-egress")
    )
    told().require_after(
        job, told().one("ConfigMap", "api-files"), told().one("NetworkPolicy", "api-release-egress")
    )
    labels = job.inputs["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "api-release"
    assert job.options["deleteBeforeReplace"] is True
    assert job.inputs["spec"]["template"]["spec"]["containers"][0]["image"] == IMAGE


def test_a_release_reaches_what_the_application_does() -> None:
    def make(connected: Connected) -> None:
        dev = environment()
        api = application(connected, dev, port=3001)
        application(connected, dev, "client", reaches=(api,), release=ReleaseJob(command=("migrate",)))

    recording = build(make)
    ways = {
        name: recording.one("NetworkPolicy", name).inputs["spec"]
        for name in ("client-egress", "client-release-egress")
    }
    assert ways["client-egress"]["egress"] == ways["client-release-egress"]["egress"]
    into = recording.one("NetworkPolicy", "client-release-to-api").inputs
    assert into["metadata"]["name"] == "api-from-client-release"


def test_only_a_pod_with_permissions_has_a_token() -> None:
    assert pod(told())["automountServiceAccountToken"] is True
    assert (
        told().one("Job", "api-release").inputs["spec"]["template"]["spec"]["automountServiceAccountToken"]
        is False
    )
    assert told().of("Role")
    assert not [*served().of("Role"), *served().of("RoleBinding")]


def test_a_pod_has_the_time_to_stop_that_it_needs() -> None:
    assert pod(told())["terminationGracePeriodSeconds"] == 45
    assert pod(served())["terminationGracePeriodSeconds"] == 30
    assert pod(told())["initContainers"][0]["name"] == "warm"


def test_pods_start_in_a_namespace_that_is_closed_and_has_its_limits() -> None:
    served().require_after(
        served().one("Deployment", "api-deployment"),
        served().one("NetworkPolicy", "api-default-deny"),
        served().one("ResourceQuota", "api-quota"),
        served().one("LimitRange", "api-limits"),
    )
