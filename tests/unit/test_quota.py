"""What a namespace's pods may take together."""

import pytest

from components import InputError
from components.quota import Claim, Tally, render_limits, render_quota
from components.values import Quota
from tests.making import environment


def tally(**values: object) -> Tally:
    return Tally("twinme-prod", Quota.model_validate(values))


def claim(what: str = "api", pods: int = 1, cpu: str = "500m", memory: str = "512Mi", reason: str = "") -> Claim:
    return Claim(what=what, pods=pods, cpu=cpu, memory=memory, reason=reason)


def test_a_quota_is_of_the_limits_in_the_api_servers_spelling() -> None:
    quota = Quota.model_validate({"cpu": "4000m", "memory": "8192Mi", "pods": 1000})
    made = render_quota(environment(), "keybuzz-api-dev", quota)
    assert made["spec"]["hard"] == {"limits.cpu": "4", "limits.memory": "8Gi", "pods": "1k"}


def test_a_container_that_says_nothing_gets_what_a_stack_does_that_says_nothing() -> None:
    (limits,) = render_limits(environment(), "keybuzz-api-dev", Quota())["spec"]["limits"]
    assert limits["default"] == {"cpu": "500m", "memory": "512Mi", "ephemeral-storage": "1Gi"}
    assert limits["defaultRequest"] == {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "128Mi"}
    assert limits["max"] == {"cpu": "20", "memory": "40Gi"}


def test_a_default_is_never_above_a_small_quota() -> None:
    quota = Quota.model_validate({"cpu": "200m", "memory": "64Mi"})
    (limits,) = render_limits(environment(), "keybuzz-api-dev", quota)["spec"]["limits"]
    assert (limits["default"]["cpu"], limits["default"]["memory"]) == ("200m", "64Mi")
    assert (limits["defaultRequest"]["cpu"], limits["defaultRequest"]["memory"]) == ("100m", "64Mi")


def test_what_fits_exactly_is_given() -> None:
    small = tally(cpu="300m", memory="3Gi", pods=3)
    for part in ("a", "b", "c"):
        small.claim(claim(part, cpu="100m", memory="1Gi"))
    assert len(small.claims) == 3


def test_what_is_over_the_quota_is_refused_with_every_workload_and_the_sum() -> None:
    small = tally(cpu="4", memory="40Gi")
    small.claim(claim("twinme-api", pods=7, reason="6 replicas + 1 at a roll-out"))
    with pytest.raises(InputError) as refused:
        small.claim(claim("twinme-cache", cpu="1"))
    assert str(refused.value) == (
        "quota.cpu is '4' for namespace 'twinme-prod', and its workloads may take 4500m: "
        "twinme-api 7 × 500m (6 replicas + 1 at a roll-out); twinme-cache 1 × 1. "
        "Raise the quota, or lower limits or replicas"
    )
    assert [one.what for one in small.claims] == ["twinme-api"]


@pytest.mark.parametrize(
    ("quota", "says"),
    [
        ({"pods": 6}, "quota.pods is 6 .* may take 7: api 7"),
        ({"memory": "3Gi"}, "quota.memory is '3Gi' .* may take 3584Mi: api 7 × 512Mi"),
    ],
)
def test_pods_and_memory_are_counted_as_well(quota: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        tally(**quota).claim(claim(pods=7))


def test_a_name_is_given_once() -> None:
    taken = tally()
    taken.claim(claim("api"))
    with pytest.raises(InputError, match="'api' runs in namespace 'twinme-prod' already"):
        taken.claim(claim("api"))
