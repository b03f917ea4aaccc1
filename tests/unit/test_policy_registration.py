"""The pack as pulumi-policy runs it: secrets stay marked, unknowns are undecided, levels follow the kind."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi_policy
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime import proto
from pulumi_policy import deserialize, proxy
from pulumi_policy.policy import _PolicyAnalyzerServicer

from policy import registration
from policy.resource import Resource, Unknown
from tests.judged import around, recorded
from tests.planting import find, put
from tests.stacks import ROOT

SECRET = {deserialize.SPECIAL_SIG_KEY: deserialize.SPECIAL_SECRET_SIG}


@pytest.fixture
def analyzer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """pulumi-policy's own server, without a network."""
    module = pulumi_policy.policy
    for name in ("json_format", "deserialize_properties"):
        monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setattr(registration, "_DECLARED", {})
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("BULKHEAD_PLATFORM", raising=False)
    registration._world.cache_clear()
    registration.leave_unread()
    level = pulumi_policy.EnforcementLevel.MANDATORY
    yield _PolicyAnalyzerServicer("bulkhead", "0.0.1", registration.policies(), level)
    registration._world.cache_clear()


def on_the_wire(one: Resource) -> Any:
    """A resource's inputs as the engine sends them."""

    def marked(value: Any, path: str) -> Any:
        if path in one.secrets:
            return {**SECRET, "value": value}
        if isinstance(value, Unknown):
            return proxy.UNKNOWN_STRING_VALUE
        if isinstance(value, dict):
            return {key: marked(inner, f"{path}.{key}" if path else key) for key, inner in value.items()}
        if isinstance(value, list):
            return [marked(inner, f"{path}[{index}]") for index, inner in enumerate(value)]
        return value

    return marked(dict(one.props), "")


def request(one: Resource, kind: Any = proto.AnalyzeRequest) -> Any:
    properties = struct_pb2.Struct()
    properties.update(json.loads(json.dumps(on_the_wire(one))))
    asked = kind(
        urn=one.urn,
        type=one.type,
        name=one.name,
        properties=properties,
        options=proto.AnalyzerResourceOptions(protect=one.protect),
    )
    if one.provider:
        asked.provider.name = one.provider
        asked.provider.type = f"pulumi:providers:{one.package}"
        asked.provider.properties.update(dict(one.provider_props))
    return asked


def analyzed(analyzer: Any, found: list[Resource]) -> list[Any]:
    diagnostics = [said for one in found for said in analyzer.Analyze(request(one), None).diagnostics]
    whole = proto.AnalyzeStackRequest(resources=[request(one, proto.AnalyzerResource) for one in found])
    return [*diagnostics, *analyzer.AnalyzeStack(whole, None).diagnostics]


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_our_programs_pass(analyzer: Any, stack: str) -> None:
    assert not analyzed(analyzer, recorded("keybuzz", stack))


def test_a_violation_names_its_rule_and_blocks(analyzer: Any) -> None:
    found = recorded("keybuzz", "prod")
    put("Deployment", "client-deployment", "spec", "template", "spec", "hostPID", value=True)(found)
    (said,) = analyzed(analyzer, found)
    assert (said.policyName, said.enforcementLevel) == ("pod-restricted", proto.MANDATORY)
    assert said.message.endswith("\nspec.template.spec.hostPID is true")


def test_a_violation_of_the_whole_stack_names_its_resource(analyzer: Any) -> None:
    found = recorded("keybuzz", "prod")
    del found[find(found, "NetworkPolicy", "api-default-deny")]
    (said,) = analyzed(analyzer, found)
    assert (said.policyName, said.enforcementLevel) == ("default-deny", proto.MANDATORY)
    assert said.urn.endswith("::api-namespace")


def test_a_secret_that_is_not_marked_is_told_from_one_that_is(analyzer: Any) -> None:
    found = recorded("keybuzz", "prod")
    index = find(found, "Role", "api-vault")
    assert found[index].secrets == {"password"}
    found[index] = Resource(**{**vars(found[index]), "secrets": frozenset()})
    (said,) = analyzed(analyzer, found)
    assert said.policyName == "plain-secret"
    assert str(found[index].props["password"]) not in said.message


def test_in_development_advice_is_advice_and_under_a_name_of_its_own(analyzer: Any) -> None:
    found = recorded("keybuzz", "dev")
    image = ("spec", "template", "spec", "containers", 0, "image")
    put("Deployment", "client-deployment", *image, value="a/b:latest")(found)
    (said,) = analyzed(analyzer, found)
    assert (said.policyName, said.enforcementLevel) == ("image-pinned-advice", proto.ADVISORY)


def test_what_is_unknown_is_undecided_as_advice_and_violations_are_still_told(analyzer: Any) -> None:
    found = recorded("keybuzz", "prod")
    image = ("spec", "template", "spec", "containers", 0, "image")
    put("Deployment", "client-deployment", *image, value=Unknown())(found)
    put("Deployment", "client-deployment", "spec", "template", "spec", "hostPID", value=True)(found)
    waiting, broken = sorted(analyzed(analyzer, found), key=lambda said: said.enforcementLevel)
    assert (waiting.policyName, waiting.enforcementLevel) == ("undecided", proto.ADVISORY)
    assert "image is known after the update" in waiting.message
    assert "not judged yet: database-node, foreign-identity, plain-secret, image-pinned" in waiting.message
    assert (broken.policyName, broken.enforcementLevel) == ("pod-restricted", proto.MANDATORY)


def test_what_is_unknown_of_the_whole_stack_is_undecided(analyzer: Any) -> None:
    found = recorded("keybuzz", "prod")
    put("SecretBackendRole", "api-lease", "defaultTtl", value=Unknown())(found)
    said = analyzed(analyzer, found)
    assert {one.policyName for one in said} == {"undecided", "undecided-stack"}
    assert {one.enforcementLevel for one in said} == {proto.ADVISORY}


def test_a_whole_stack_is_judged_by_what_was_declared_not_by_what_servers_filled_in(analyzer: Any) -> None:
    found = recorded("keybuzz", "prod")
    for one in found:
        analyzer.Analyze(request(one), None)
    put("Deployment", "api-deployment", "spec", "replicas", value=2)(found)  # as the scaler left it
    whole = proto.AnalyzeStackRequest(resources=[request(one, proto.AnalyzerResource) for one in found])
    assert not analyzer.AnalyzeStack(whole, None).diagnostics


def test_a_policy_that_is_turned_off_leaves_the_answers_of_the_others_alone(analyzer: Any) -> None:
    config = proto.ConfigureAnalyzerRequest()
    config.policyConfig["database-node"].enforcementLevel = proto.DISABLED
    config.policyConfig["undecided"].enforcementLevel = proto.DISABLED
    analyzer.Configure(config, None)
    found = recorded("keybuzz", "prod")
    broken = recorded("keybuzz", "prod")
    put("Deployment", "client-deployment", "spec", "template", "spec", "hostPID", value=True)(broken)
    for _ in range(2):
        assert not analyzed(analyzer, found)
        assert [one.policyName for one in analyzed(analyzer, broken)] == ["pod-restricted"]


def test_the_pack_stops_where_pulumi_policy_reads_properties_in_another_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pulumi_policy.policy, "deserialize_properties", dict)
    with pytest.raises(RuntimeError, match="reads properties in a way"):
        registration.leave_unread()


def test_the_pack_imports_nothing_that_its_rules_do_not_need() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in Path(ROOT / "policy").glob("*.py"))
    for heavy in ("pydantic", "kubernetes import", "pulumi_kubernetes", "pulumi_vault", "rich", "hvac"):
        assert f"import {heavy}" not in text
    assert around("keybuzz", "prod").kind == "production"
