"""Redis servers on the cluster."""

from typing import Any

import pytest

from components.redis_containers import most_memory
from components.redis_pods import (
    Servers,
    render_configuration,
    render_end_point,
    render_names,
    render_stateful_set,
    selector,
)
from tests.making import environment
from tests.unit.test_redis_configuration import redis


def stateful_set(name: str = "dev", **more: Any) -> dict[str, Any]:
    of = environment("pr-7", kind="ephemeral") if name == "pr-7" else environment(name)
    servers = Servers(
        environment=of, image="docker.io/library/redis:7.2.11", secret="s", storage="10240Mi", storage_class=None
    )
    return render_stateful_set(redis(**more), servers)


def containers(**more: Any) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in stateful_set(**more)["spec"]["template"]["spec"]["containers"]}


def test_a_server_has_room_for_its_data_twice() -> None:
    assert containers()["redis"]["resources"]["limits"]["memory"] == "4224Mi"


def test_amounts_are_spelt_as_the_api_server_keeps_them() -> None:
    (claim,) = stateful_set()["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "10Gi"
    assert most_memory(redis(memory=448 * 2**20)) == "1Gi"


@pytest.mark.parametrize(("name", "kept"), [("dev", "Retain"), ("prod", "Retain"), ("pr-7", "Delete")])
def test_volumes_go_with_an_ephemeral_environment_alone(name: str, kept: str) -> None:
    policy = stateful_set(name)["spec"]["persistentVolumeClaimRetentionPolicy"]
    assert policy == {"whenDeleted": kept, "whenScaled": kept}


def test_what_a_stateful_set_cannot_change_is_the_same_in_both_forms() -> None:
    one, three = stateful_set()["spec"], stateful_set(replicas=3)["spec"]
    for key in ("selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates"):
        assert one[key] == three[key], key
    labels = [spec["template"]["metadata"]["labels"] for spec in (one, three)]
    assert [found["app.kubernetes.io/name"] for found in labels] == ["cache", "cache-redis"]
    assert all(selector(redis()).items() <= found.items() for found in labels)


def test_a_changed_configuration_rolls_the_pods() -> None:
    def digest(**more: Any) -> str:
        return stateful_set(**more)["spec"]["template"]["metadata"]["annotations"]["bulkhead.dev/configuration"]

    assert digest() == digest()
    assert digest() != digest(eviction="noeviction")
    assert digest() == digest(disabled=())  # users are read anew without a restart


def test_a_pod_has_no_token_and_reads_its_secret_from_files() -> None:
    spec = stateful_set(replicas=3)["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is False
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert volumes["credentials"]["secret"] == {"secretName": "s", "defaultMode": 0o440}
    assert volumes["own"]["emptyDir"]["medium"] == "Memory"
    assert not [one for one in spec["containers"] if "envFrom" in one]


def test_each_form_runs_what_it_needs() -> None:
    assert set(containers()) == {"redis", "users"}
    assert containers()["redis"]["command"] == ["redis-server", "/etc/redis/redis.conf"]
    three = containers(replicas=3)
    assert set(three) == {"redis", "sentinel", "users"}
    assert three["redis"]["command"] == ["sh", "/etc/redis/start.sh"]
    assert three["redis"]["lifecycle"]["preStop"]["exec"]["command"] == ["sh", "/etc/redis/stop.sh"]
    assert three["redis"]["env"][1]["value"] == "$(POD).cache-redis.keybuzz-cache-dev.svc.cluster.local"


def test_names_are_there_before_pods_are_ready() -> None:
    spec = render_names(redis(replicas=3), environment())["spec"]
    assert spec["publishNotReadyAddresses"] is True
    assert spec["clusterIP"] == "None"
    assert [port["port"] for port in spec["ports"]] == [6379, 26379]
    assert render_end_point(redis(), environment())["metadata"]["name"] == "cache"


def test_a_mounted_script_is_there_for_every_command() -> None:
    for count in (1, 3):
        data = render_configuration(redis(replicas=count), environment())["data"]
        for one in containers(replicas=count).values():
            probes = [
                one[kind]["exec"]["command"] for kind in one if kind.endswith("Probe") and "exec" in one[kind]
            ]
            hooks = [hook["exec"]["command"] for hook in one.get("lifecycle", {}).values()]
            for word in (word for command in (one["command"], *probes, *hooks) for word in command):
                assert not word.startswith("/") or word.removeprefix("/etc/redis/") in data
