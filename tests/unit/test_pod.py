"""What runs, whatever makes it."""

from dataclasses import dataclass
from typing import Any

import pytest

from components import Environment, InputError
from components.config_files import ConfigFiles
from components.pod import (
    InitContainer,
    Pod,
    full_resources,
    refuse_clashes,
    refuse_command,
    render_pod,
    render_template,
)
from components.probes import Probes
from components.values import Credentials, Resources, Workload
from tests.making import IMAGE, environment


@dataclass
class Delivered:
    """A Secret that a test delivers itself."""

    secret: str = "app-secrets"
    variables: dict[str, str] | None = None
    ready: Any = None
    credentials: Credentials | None = None
    users: tuple[Workload, ...] | None = None

    @property
    def environment(self) -> Environment:
        return environment()


def resources(**given: object) -> Resources:
    return Resources.model_validate(given)


def pod(**more: Any) -> Pod:
    given = {
        "environment": environment(),
        "app": "api",
        "account": "api",
        "image": IMAGE,
        "resources": resources(),
    }
    return Pod(**{**given, **more})


def test_a_pod_is_restricted_and_nobody_in_particular() -> None:
    spec = render_pod(pod())
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False


def test_the_only_folder_to_write_to_is_limited() -> None:
    (volume,) = render_pod(pod())["volumes"]
    assert volume == {"name": "tmp", "emptyDir": {"sizeLimit": "512Mi"}}


@pytest.mark.parametrize("key", ["kubernetes.io/hostname", "topology.kubernetes.io/zone"])
def test_pods_are_spread_over_nodes_and_zones(key: str) -> None:
    spreads = {one["topologyKey"]: one for one in render_pod(pod())["topologySpreadConstraints"]}
    assert spreads[key]["whenUnsatisfiable"] == "ScheduleAnyway"
    assert spreads[key]["labelSelector"] == {"matchLabels": {"app.kubernetes.io/name": "api"}}


def test_what_runs_to_its_end_is_not_started_again_nor_spread() -> None:
    spec = render_pod(pod(ends=True))
    assert spec["restartPolicy"] == "Never"
    assert not {"topologySpreadConstraints", "affinity"} & set(spec)


def test_a_gap_in_the_resources_takes_the_namespaces_default() -> None:
    filled = full_resources(resources(limits={"memory": "1024Mi"}, requests={"cpu": "250m"}))
    assert filled == {
        "requests": {"cpu": "250m", "memory": "128Mi", "ephemeral-storage": "128Mi"},
        "limits": {"cpu": "500m", "memory": "1Gi", "ephemeral-storage": "1Gi"},
    }


def test_a_default_that_contradicts_what_is_given_is_refused() -> None:
    with pytest.raises(InputError, match=r"limits\.cpu is '500m', below requests\.cpu '2'; give both"):
        full_resources(resources(limits={"memory": "1Gi"}, requests={"cpu": "2"}))


def test_a_server_is_drained_before_it_is_stopped_and_a_worker_is_not() -> None:
    serving, working = render_pod(pod(port=80, stop_seconds=45)), render_pod(pod())
    assert serving["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"] == 5
    assert serving["terminationGracePeriodSeconds"] == 45
    assert "lifecycle" not in working["containers"][0]


def test_ports_are_known_by_name() -> None:
    (container,) = render_pod(pod(port=3000, metrics_port=9090, probes=Probes()))["containers"]
    assert container["ports"] == [
        {"name": "http", "containerPort": 3000},
        {"name": "metrics", "containerPort": 9090},
    ]
    assert container["livenessProbe"]["httpGet"]["port"] == "http"


def test_init_containers_are_as_restricted_and_see_the_same() -> None:
    files = ConfigFiles(texts={"/etc/app.yaml": "a: b"})
    first = InitContainer(name="warm", command=("warm", "--all"))
    other = InitContainer(name="fetch", command=("fetch",), image="registry.example.com/fetch:v2")
    spec = render_pod(pod(initial=(first, other), variables={"A": "b"}, files=files, port=80, probes=Probes()))
    (own, foreign), (application,) = spec["initContainers"], spec["containers"]
    assert (own["image"], own["command"]) == (IMAGE, ["warm", "--all"])
    assert foreign["image"] == "registry.example.com/fetch:v2"
    for key in ("securityContext", "resources", "env", "volumeMounts"):
        assert own[key] == foreign[key] == application[key]
    assert not {"livenessProbe", "ports", "lifecycle"} & set(own)


def test_variables_are_sorted_whether_in_the_clear_or_a_secrets() -> None:
    delivered = Delivered(variables={"OPENAI_API_KEY": "openai-api-key"})
    (container,) = render_pod(pod(variables={"Z": "1", "A": "2"}, secrets=(delivered, Delivered("db"))))[
        "containers"
    ]
    assert container["env"] == [
        {"name": "A", "value": "2"},
        {
            "name": "OPENAI_API_KEY",
            "valueFrom": {"secretKeyRef": {"name": "app-secrets", "key": "openai-api-key"}},
        },
        {"name": "Z", "value": "1"},
    ]
    assert container["envFrom"] == [{"secretRef": {"name": "db"}}]


@pytest.mark.parametrize(
    ("variables", "secrets", "says"),
    [
        ({"A": "1"}, (Delivered(variables={"A": "a"}),), "'A' is given by variables and by Secret 'app-secrets'"),
        (
            {},
            (Delivered(variables={"A": "a"}), Delivered("other", {"A": "a"})),
            "'A' is given by Secret 'app-secrets' and by Secret 'other'",
        ),
        ({}, (Delivered(), Delivered()), "'app-secrets' twice"),
    ],
)
def test_a_variable_that_is_given_twice_is_refused(
    variables: dict[str, str], secrets: tuple[Any, ...], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        refuse_clashes(variables, secrets)


@pytest.mark.parametrize("command", ["run", ["run"], ("run", 1), None])
def test_what_is_no_command_is_refused(command: object) -> None:
    with pytest.raises(InputError, match=r"command is .*use a tuple of texts"):
        refuse_command("command", command)


@pytest.mark.parametrize("name", ["Warm", "", "a_b", "a" * 64])
def test_an_init_container_has_a_name_and_a_command(name: str) -> None:
    with pytest.raises(InputError, match="initial has the name"):
        InitContainer(name=name, command=("run",))
    with pytest.raises(InputError, match=r"initial\['warm'\]\.command is \(\)"):
        InitContainer(name="warm", command=())


def test_a_template_says_whose_it_is() -> None:
    labels = render_template(pod())["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "api"
    assert labels["bulkhead.dev/environment"] == "dev"
