"""A workload: restricted, reaching what it declares, following its credentials."""

from functools import cache
from typing import Any

import pytest

from components import AppDeployment, Connected, InputError, Probes
from components.settings import Workload
from tests.making import IMAGE, application, build, credential, database, environment, namespace
from tests.recording import Recording


def workload(**values: Any) -> Workload:
    from components.settings import App  # noqa: PLC0415 - the settings' own reading of values

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
    assert pod(served())["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
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
    assert asked["startupProbe"]["failureThreshold"] * asked["startupProbe"]["periodSeconds"] >= 60
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


def test_the_stacks_values_reach_the_container_and_win_over_the_programs() -> None:
    values = workload(
        resources={"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
        variables={"LEVEL": "debug"},
    )
    made = container(built(workload=values, variables={"LEVEL": "info", "A": "b"}))
    assert made["image"] == IMAGE
    assert made["resources"]["limits"] == {"cpu": "1", "memory": "1Gi"}
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


@pytest.mark.parametrize("port", [0, -1, 65536, "5432x", "3001", True, 3001.0])
def test_a_port_that_is_none_is_refused(port: object) -> None:
    with pytest.raises(InputError, match=f"port is {port!r}; use 1 to 65535"):
        built(port=port)


def test_probes_without_a_port_are_refused() -> None:
    with pytest.raises(InputError, match="probes are given without a port"):
        built(probes=Probes())


def test_a_name_that_is_no_part_is_refused() -> None:
    with pytest.raises(InputError, match="part is 'api-v2'"):
        build(
            lambda connected: application(
                connected, environment(), "api-v2", namespace=namespace(connected, environment())
            )
        )


@pytest.mark.parametrize("link", ["namespace", "secrets", "reaches a database", "reaches an application"])
def test_a_link_to_another_environment_is_refused(link: str) -> None:
    def make(connected: Connected) -> AppDeployment:
        dev, prod = environment(), environment("prod")
        match link:
            case "namespace":
                return application(connected, dev, namespace=namespace(connected, prod))
            case "secrets":
                return application(connected, dev, secrets=(credential(connected, prod),))
            case "reaches a database":
                return application(connected, dev, reaches=(database(connected, prod),))
            case _:
                return application(connected, dev, "client", reaches=(application(connected, prod, port=3001),))

    with pytest.raises(InputError, match="belongs to keybuzz/prod; use one of keybuzz/dev"):
        build(make)
