"""What the containers of a cache have in common."""

from components.pod_standard import USER
from components.redis_containers import (
    digest_of,
    most_memory,
    pod_security,
    resources,
    stop_seconds,
    usual_memory,
)
from tests.unit.test_redis_configuration import redis


def test_a_volume_belongs_to_who_runs_the_containers() -> None:
    assert pod_security()["runAsNonRoot"] is True
    assert pod_security()["runAsUser"] == pod_security()["fsGroup"] == USER


def test_requests_and_limits_are_there_for_all_that_a_container_takes() -> None:
    found = resources(cpu="10m", memory="16Mi", most_cpu="100m", most_memory="32Mi")
    assert set(found["requests"]) == set(found["limits"]) == {"cpu", "memory", "ephemeral-storage"}


def test_a_digest_changes_with_what_it_is_of_and_not_with_its_order() -> None:
    assert digest_of({"a": "1", "b": "2"}) == digest_of({"b": "2", "a": "1"})
    assert digest_of({"a": "1"}) != digest_of({"a": "2"})


def test_a_container_has_room_for_all_pages_twice_while_it_saves() -> None:
    assert most_memory(redis()) == "4224Mi"
    assert usual_memory(redis()) == "2176Mi"


def test_a_server_with_more_data_has_longer_to_save_it() -> None:
    assert stop_seconds(redis(memory=32 * 2**20)) == 31
    assert stop_seconds(redis()) == 94
