"""A compartment on the cluster."""

import pulumi

from components import Namespace, NamespaceArgs
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
    assert len(children) == 2
    assert all(child.options["protect"] and child.provider for child in children)
