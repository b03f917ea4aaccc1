"""A compartment on the cluster."""

import pulumi
import pytest

from components import Connected, InputError, Namespace, NamespaceArgs
from components.quota import Claim
from components.values import Quota
from tests.making import build, environment, namespace


def test_a_namespace_enforces_the_restricted_standard_and_says_whose_it_is() -> None:
    made = build(lambda connected: namespace(connected, environment())).one("Namespace", "api-namespace")
    labels = made.inputs["metadata"]["labels"]
    assert made.inputs["metadata"]["name"] == "keybuzz-api-dev"
    assert labels["bulkhead.dev/environment"] == "dev"
    for mode in ("enforce", "audit", "warn"):
        assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"


def test_a_namespace_is_closed_both_ways_for_every_pod() -> None:
    recording = build(lambda connected: namespace(connected, environment()))
    policy = recording.one("NetworkPolicy", "api-default-deny")
    assert policy.inputs["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert policy.inputs["metadata"]["namespace"] == "keybuzz-api-dev"
    recording.require_after(policy, recording.one("Namespace", "api-namespace"))


def test_a_namespace_without_a_part_is_the_one_that_all_share() -> None:
    args = NamespaceArgs(environment=environment("prod", system="twinme"))
    recording = build(lambda connected: Namespace("all", args, connected))
    assert recording.one("Namespace", "all-namespace").inputs["metadata"]["name"] == "twinme-prod"


def test_the_callers_options_reach_the_component_and_its_children_keep_their_parent() -> None:
    def make(connected: object) -> None:
        outer = pulumi.ComponentResource("test:index:Outer", "outer")
        args = NamespaceArgs(environment=environment(), part="api")
        Namespace("api", args, connected, pulumi.ResourceOptions(parent=outer, protect=True))  # type: ignore[arg-type]

    recording = build(make)
    component = next(resource for resource in recording if resource.type == "bulkhead:index:Namespace")
    assert component.parent.endswith("::outer")
    children = [resource for resource in recording if resource.parent == component.urn]
    assert len(children) == 4
    assert all(child.options["protect"] and child.provider for child in children)


def test_a_namespace_has_the_stacks_quota_and_a_limit_for_what_says_nothing() -> None:
    quota = Quota.model_validate({"cpu": "2000m", "memory": "4096Mi", "pods": 20})
    args = NamespaceArgs(environment=environment(), part="api", quota=quota)
    recording = build(lambda connected: Namespace("api", args, connected))
    made, limits = recording.one("ResourceQuota", "api-quota"), recording.one("LimitRange", "api-limits")
    assert made.inputs["spec"]["hard"] == {"limits.cpu": "2", "limits.memory": "4Gi", "pods": "20"}
    assert limits.inputs["spec"]["limits"][0]["max"] == {"cpu": "2", "memory": "4Gi"}
    for one in (made, limits):
        assert one.inputs["metadata"]["namespace"] == "keybuzz-api-dev"
        recording.require_after(one, recording.one("Namespace", "api-namespace"))


@pytest.mark.parametrize(("part", "called"), [(None, "keybuzz-web"), ("web", "web"), ("api", "web")])
def test_a_workload_bears_the_systems_name_where_all_parts_share_a_namespace(
    part: str | None, called: str
) -> None:
    found: list[str] = []

    def make(connected: Connected) -> None:
        found.append(
            Namespace("n", NamespaceArgs(environment=environment(), part=part), connected).workload("web")
        )

    build(make)
    assert found == [called]


def test_policies_call_no_two_applications_alike() -> None:
    called: dict[str, tuple[str | None, str]] = {}

    def make(connected: Connected) -> None:
        for part in ("api", "web", "release", "controller", None):
            home = Namespace(str(part).lower(), NamespaceArgs(environment=environment(), part=part), connected)
            for own in ("api", "web", "release", "controller", "api-release"):
                app = own if part or "-" in own else home.workload(own)
                assert called.setdefault(home.caller(app), (part, app)) == (part, app) or part is None
        assert "controller" not in called

    build(make)
    assert called["api"] == ("api", "api")
    assert called["web.api"] == ("web", "api")
    assert called["keybuzz-api"] == (None, "keybuzz-api")


def test_workloads_that_the_quota_does_not_hold_are_refused() -> None:
    def make(connected: Connected) -> None:
        home = Namespace("api", NamespaceArgs(environment=environment(), part="api"), connected)
        home.claim(Claim(what="api", pods=41, cpu="500m", memory="512Mi"))

    with pytest.raises(InputError, match=r"quota\.cpu is '20' for namespace 'keybuzz-api-dev'.* may take 20500m"):
        build(make)
