"""Contradictions that an AppDeployment refuses before anything of it is made."""

from typing import Any

import pytest

from components import AppDeployment, Connected, InputError, Namespace, NamespaceArgs, Probes
from components.pod import InitContainer
from components.service_monitor import Metrics
from components.values import Credentials, Quota, Workload
from tests.making import IMAGE, application, build, credential, database, environment, namespace
from tests.unit.test_app_deployment import built, served, workload


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


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"metrics": Metrics()}, "metrics are given without a port"),
        ({"port": 3000, "metrics": Metrics(port=80)}, "metrics.port is 80, which the Service has"),
        ({"stop_seconds": 5}, "stop_seconds is 5; use 6 to 3600"),
        ({"stop_seconds": "30"}, "stop_seconds is '30'"),
        ({"command": "run"}, "command is 'run'; use a tuple"),
        ({"initial": (InitContainer(name="api", command=("x",)),)}, "initial has the name 'api' twice"),
        ({"files": {"/etc/../a": "x"}}, "without '.' and '..'"),
        ({"workload": Workload(image=IMAGE, replicas=100)}, "quota.pods is 100 .* may take 101: api 101"),
    ],
)
def test_what_contradicts_itself_is_refused_before_anything_of_it_is_made(
    given: dict[str, Any], says: str
) -> None:
    made: list[str] = []

    def make(connected: Connected) -> None:
        home = namespace(connected, environment())
        with pytest.raises(InputError, match=says):
            application(connected, environment(), namespace=home, **given)
        made.append("refused")

    recording = build(make)
    assert made
    assert {one.parent.rpartition("::")[2] for one in recording.objects()} == {"api"}
    assert not [*recording.of("AppDeployment"), *recording.of("ServiceAccount")]


def test_all_workloads_of_a_namespace_must_fit_into_its_quota() -> None:
    def make(connected: Connected) -> None:
        quota = Quota.model_validate({"cpu": "3", "memory": "40Gi"})
        prod = environment("prod", system="twinme")
        home = Namespace("all", NamespaceArgs(environment=prod, quota=quota), connected)
        application(connected, prod, namespace=home, workload=workload(replicas={"min": 1, "max": 4}))
        application(connected, prod, "web", namespace=home)

    with pytest.raises(InputError) as refused:
        build(make)
    for part in (
        "quota.cpu is '3'",
        "may take 3500m",
        "twinme-api 5 × 500m (4 replicas + 1",
        "twinme-web 2 × 500m",
    ):
        assert part in str(refused.value)


def test_pods_that_take_longer_to_stop_than_their_lease_lasts_are_refused() -> None:
    def make(connected: Connected) -> None:
        home = namespace(connected, environment())
        how = Credentials(mode="dynamic", ttl="31m", max_ttl="24h", refresh="15m")
        login = credential(connected, environment(), namespace=home, credentials=how)
        application(connected, environment(), namespace=home, secrets=(login,), stop_seconds=900)

    with pytest.raises(InputError, match=r"stop_seconds is 900, so .* too short for Secret keybuzz-api-postgres"):
        build(make)


def test_replicas_are_a_number_or_a_range_and_never_both() -> None:
    with_range = served().one("Deployment", "api-deployment").inputs["spec"]
    assert "replicas" not in with_range
    with pytest.raises(ValueError, match="max 2 must be above min 2"):
        workload(replicas={"min": 2, "max": 2})


def test_a_limit_below_a_request_is_refused() -> None:
    with pytest.raises(ValueError, match=r"limits\.cpu '100m' is below requests.cpu '200m'"):
        workload(resources={"requests": {"cpu": "200m"}, "limits": {"cpu": "100m"}})


def test_a_login_that_was_reckoned_for_another_workload_is_refused() -> None:
    def make(connected: Connected) -> None:
        home = namespace(connected, environment())
        login = credential(connected, environment(), namespace=home)
        more = Workload(image=IMAGE, replicas=10, pool=500)
        application(connected, environment(), namespace=home, secrets=(login,), workload=more)

    with pytest.raises(
        InputError, match=r"secret keybuzz-api-postgres is used by .*, which is not among its used_by"
    ):
        build(make)
