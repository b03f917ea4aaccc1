"""How many pods there are, and how few of them may be missing."""

import pytest

from components.scaling import least_replicas, render_disruption, render_scaler
from components.values import App, Workload
from tests.making import IMAGE, environment


def workload(replicas: object) -> Workload:
    return Workload(image=IMAGE, replicas=App.model_validate({"replicas": replicas}).replicas)


def test_t8_a_range_is_scaled_by_processor_time_and_memory() -> None:
    made = render_scaler(environment(), "keybuzz-api-dev", "api", workload({"min": 3, "max": 30}))
    assert made
    spec = made["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 30)
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}
    assert {one["resource"]["name"]: one["resource"]["target"] for one in spec["metrics"]} == {
        "cpu": {"type": "Utilization", "averageUtilization": 70},
        "memory": {"type": "Utilization", "averageUtilization": 80},
    }


def test_the_stacks_own_targets_are_taken() -> None:
    made = render_scaler(
        environment(), "keybuzz-api-dev", "api", workload({"min": 1, "max": 2, "cpu": 50, "memory": 60})
    )
    assert made
    targets = [one["resource"]["target"]["averageUtilization"] for one in made["spec"]["metrics"]]
    assert targets == [50, 60]


def test_pods_come_at_once_and_go_after_a_lull() -> None:
    made = render_scaler(environment(), "keybuzz-api-dev", "api", workload({"min": 2, "max": 6}))
    assert made
    behaviour = made["spec"]["behavior"]
    assert behaviour["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert behaviour["scaleDown"]["stabilizationWindowSeconds"] == 300
    up, down = (max(p["value"] for p in behaviour[way]["policies"]) for way in ("scaleUp", "scaleDown"))
    assert up > down


def test_a_fixed_number_has_no_scaler() -> None:
    assert render_scaler(environment(), "keybuzz-api-dev", "api", workload(3)) is None


@pytest.mark.parametrize(
    ("replicas", "least", "budget"),
    [(1, 1, False), (2, 2, True), ({"min": 1, "max": 2}, 1, False), ({"min": 2, "max": 3}, 2, True)],
)
def test_a_budget_never_keeps_the_last_pod_from_moving(replicas: object, least: int, *, budget: bool) -> None:
    assert least_replicas(workload(replicas)) == least
    made = render_disruption(environment(), "keybuzz-api-dev", "api", workload(replicas))
    assert bool(made) == budget
    if made:
        assert made["spec"]["maxUnavailable"] == 1 < least
        assert made["spec"]["selector"] == {"matchLabels": {"app.kubernetes.io/name": "api"}}
