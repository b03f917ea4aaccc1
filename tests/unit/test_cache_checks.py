"""What a cache is refused for, in words that say what would do."""

from typing import Any

import pytest

from components import InputError
from components.cache import CacheArgs
from components.cache_checks import claim_of, refuse_unusable
from components.values import CacheValues, Credentials
from tests.making import build, environment, namespace


def check(**more: Any) -> None:
    def make(connected: Any) -> None:
        of = environment()
        given: dict[str, Any] = {
            "environment": of,
            "namespace": namespace(connected, more.pop("of", of), "cache"),
            "values": CacheValues(),
            "credentials": Credentials(mode="static"),
            **more,
        }
        refuse_unusable(CacheArgs(**given))

    build(make)


def test_the_defaults_are_usable() -> None:
    check()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"eviction": "lru"}, r"eviction is 'lru'; use one of noeviction, allkeys-lru"),
        ({"append": "sometimes"}, r"append is 'sometimes'; use one of always, everysec, no"),
        ({"save": ((900,),)}, r"save\[0\] is \(900,\); use pairs of seconds and changes"),
        ({"save": ((900, 1), (0, 5))}, r"save\[1\] is \(0, 5\)"),
        ({"save": ((True, 1),)}, r"save\[0\] is \(True, 1\)"),
        ({"save": (("900", 1),)}, r"save\[0\] is \('900', 1\)"),
        ({"save": "900 1"}, r"save is '900 1'; use pairs"),
        ({"disabled": "FLUSHALL"}, r"disabled is 'FLUSHALL'; use a tuple"),
        ({"disabled": ("FLUSHAL",)}, r"disabled\[0\] is 'FLUSHAL'; use a command .* did you mean 'FLUSHALL'\?"),
        ({"disabled": ("GET", "@all")}, r"disabled\[1\] is '@all'; use a command of Redis"),
        ({"disabled": ("AUTH",)}, r"disabled\[0\] is 'AUTH'; every client needs it"),
        ({"disabled": ("ping",)}, r"disabled\[0\] is 'ping'; every client needs it"),
        ({"disabled": ("KEYS\nuser evil on nopass",)}, r"disabled\[0\] is .* use a command of Redis"),
        ({"image": "library/redis"}, r"image is 'library/redis'; it needs a tag or a digest"),
        ({"image": "library/redis:latest"}, r"image is .*the tag 'latest' moves"),
        ({"proxy_image": None}, r"proxy_image is None"),
        ({"cluster_domain": "cluster.local\n"}, r"cluster_domain is .*; use a DNS domain"),
        ({"values": CacheValues(memory="8Mi")}, r"memory is '8Mi'; use at least 32Mi"),
        (
            {"values": CacheValues(memory="2Gi", storage="5Gi")},
            r"storage is '5Gi' for memory '2Gi'; use at least 6Gi",
        ),
        ({"values": CacheValues.model_construct(replicas=2)}, r"replicas is 2; use 1, or 3"),
        ({"values": CacheValues(replicas=3), "save": (), "append": None}, r"append is None without save"),
        ({"of": environment("prod")}, r"namespace belongs to keybuzz/prod; use one of keybuzz/dev"),
    ],
)
def test_what_cannot_work_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check(**given)


def test_a_cache_that_keeps_nothing_needs_no_large_volume() -> None:
    check(values=CacheValues(memory="2Gi", storage="1Gi"), save=(), append=None)


def test_a_part_of_a_command_can_be_disabled_alone() -> None:
    check(disabled=("CLIENT|KILL", "flushall"))


def test_a_workload_takes_all_its_containers_and_one_pod_more_at_a_roll_out() -> None:
    containers = [{"resources": {"limits": {"cpu": "500m", "memory": "64Mi"}}}] * 2
    spec = {
        "replicas": 2,
        "strategy": {"rollingUpdate": {"maxSurge": 1}},
        "template": {"spec": {"containers": containers}},
    }
    claim = claim_of("cache", {"kind": "Deployment", "spec": spec})
    assert (claim.what, claim.pods, claim.cpu, claim.memory) == ("cache", 3, "1", "128Mi")
