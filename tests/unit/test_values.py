"""Values: what stack files may say of the parts of an environment, and in which words the rest is refused."""

from typing import Any

import pytest

from components import InputError
from components.validation import Model, parse
from components.values import App, CacheValues, Credentials, Database, Quota, Replicas, Workload

IMAGE = "ghcr.io/keybuzzio/keybuzz-api:v1"


@pytest.mark.parametrize(
    ("model", "given", "said"),
    [
        (Replicas, {"min": 3, "max": 31}, "max 31 is over 10 times min 3"),
        (Replicas, {"min": 3, "max": 3}, "max 3 must be above min 3"),
        (Replicas, {"min": 1, "max": 3, "cpu": 0}, "x.cpu is 0; use at least 1"),
        (Replicas, {"min": 1, "max": 3, "memory": 101}, "x.memory is 101; use at most 100"),
        (App, {"pool": 0}, "x.pool is 0; use at least 1"),
        (App, {"pool": "10"}, "x.pool is '10'; use a whole number, without quotes"),
        (CacheValues, {"replicas": 2}, "x.replicas is 2; use one of 1, 3"),
        (CacheValues, {"memory": "2GB"}, "x.memory is '2GB'; use bytes such as"),
        (CacheValues, {"size": "2Gi"}, "x.size is not a known key"),
        (Quota, {"pods": 0}, "x.pods is 0; use at least 1"),
        (Quota, {"cpu": "0"}, "x.cpu is '0'; use processor time"),
        (Credentials, {"mode": "static", "rotation": -1}, "x.rotation is -1; use at least 0"),
        (Database, {"connectionLimit": 0}, "x.connectionLimit is 0; use at least 1"),
    ],
)
def test_a_wrong_value_is_refused_by_its_key(model: type[Model], given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        parse(model, given, key="x")
    assert said in str(refused.value)


def test_a_workload_scales_on_processor_time_and_memory_unless_it_is_told_otherwise() -> None:
    replicas = parse(Replicas, {"min": 3, "max": 30}, key="replicas")
    assert (replicas.cpu, replicas.memory) == (70, 80)


@pytest.mark.parametrize(("replicas", "connections"), [(1, 20), (Replicas(min=2, max=6), 70)])
def test_a_roll_out_has_one_pod_more_than_the_most(replicas: int | Replicas, connections: int) -> None:
    assert Workload(image=IMAGE, replicas=replicas, pool=10).most_connections == connections
