"""The policy pack's rules: silent on our programs, and each catches what is planted, and nothing else does."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from policy.resource import Unknown
from policy.rule import KINDS, Finding, on_stack, on_steps
from policy.rules import RULES, rule
from policy.steps import Step, step
from policy.world import Declared, Exempt, declared
from tests.judged import PROGRAMS, STACKS, TODAY, around, judged, recorded
from tests.planted import VIOLATIONS
from tests.planting import CLIENT, CONTAINER, Violation, find, put

DATABASE = "postgresql:index/database:Database::api-database"


def ids(found: list[Finding], *, undecided: bool = False) -> set[str]:
    return {one.rule.id for one in found if one.undecided == undecided}


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_our_programs_break_no_rule_and_leave_none_undecided(program: str, stack: str) -> None:
    assert not judged(recorded(program, stack), around(program, stack))


@pytest.mark.parametrize("violation", VIOLATIONS, ids=[f"{one.rule}: {one.what}" for one in VIOLATIONS])
def test_what_is_planted_is_caught_by_its_rule_alone(violation: Violation) -> None:
    found = judged(violation.planted(), around(violation.program, violation.stack))
    assert ids(found) == {violation.rule}, [one.says for one in found]
    assert not ids(found, undecided=True)


def test_every_rule_has_a_violation_that_it_catches() -> None:
    elsewhere = {"platform-known", "stateful-kept", "declarations"}  # by the tests below
    assert {one.id for one in RULES} == {one.rule for one in VIOLATIONS} | elsewhere


def test_every_rule_says_why_what_to_do_and_what_it_means_where() -> None:
    assert len({one.id for one in RULES}) == len(RULES)
    for one in RULES:
        assert one.why.endswith(".")
        assert one.fix.endswith(".")
        assert one.how.endswith(".")
        assert set(one.levels) == set(KINDS)
        assert one.levels["production"] == "mandatory", one.id
        assert sum(judge is not None for judge in (one.resource, one.stack, one.steps)) == 1


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_fault_never_repeats_a_secret(program: str) -> None:
    found = recorded(program, "prod")
    texts = {
        str(place.value)
        for one in found
        for place in one.leaves
        if one.is_secret(place.path) and len(str(place.value)) > 12
    }
    assert texts
    bare = [replace(one, secrets=frozenset()) for one in found]
    says = [one.says for one in judged(bare, around(program, "prod"))]
    assert says
    assert not [text for text in texts if any(text in one for one in says)]


@pytest.mark.parametrize("text", ["postgresql://u@db-of-a-secret.example.com/keybuzz", "keybuzz-secretly-dev"])
def test_a_name_within_a_secret_is_found_and_not_repeated(text: str) -> None:
    found = recorded("keybuzz", "prod")
    put("SecretV2", "api-kv", "dataJson", value=f'{{"X":"{text}?sslmode=require"}}')(found)
    says = [one.says for one in judged(found, around("keybuzz", "prod"))]
    assert says
    assert not [one for one in says if "of-a-secret" in one or "secretly" in one]


def test_without_a_platform_file_addresses_are_undecided_and_not_passed() -> None:
    here = replace(around("keybuzz", "prod"), platform=None, missing="no file")
    found = judged(recorded("keybuzz", "prod"), here)
    assert ids(found, undecided=True) == {"platform-known"}
    assert [one.says for one in found if one.undecided] == ["no file"]


def test_an_unknown_value_is_undecided_for_each_rule_that_needs_it() -> None:
    found = recorded("keybuzz", "prod")
    put(*CLIENT, *CONTAINER, "image", value=Unknown())(found)
    answers = judged(found, around("keybuzz", "prod"))
    assert not ids(answers)
    assert ids(answers, undecided=True) == {"image-pinned", "database-node", "foreign-identity", "plain-secret"}
    assert {one.says for one in answers} == {"spec.template.spec.containers[0].image is known after the update"}


def test_a_rule_goes_on_around_what_is_unknown() -> None:
    found = recorded("keybuzz", "prod")
    put(*CLIENT, *CONTAINER, "image", value=Unknown())(found)
    second = {"name": "b", "image": "b:latest"}
    found[find(found, *CLIENT)].props["spec"]["template"]["spec"]["containers"].append(second)
    assert "image-pinned" in ids(judged(found, around("keybuzz", "prod")))


@pytest.mark.parametrize(
    ("kind", "name", "path", "waiting"),
    [
        (
            "Deployment",
            "api-deployment",
            ("spec", "template", "spec"),
            {"pod-restricted", "lease-time", "roll-out"},
        ),
        ("SecretBackendRole", "api-lease", ("defaultTtl",), {"lease-time"}),
        ("NetworkPolicy", "api-default-deny", ("spec",), {"default-deny"}),
        ("Service", "api-service", ("metadata", "labels"), {"owner-labels"}),
        ("Database", "api-database", ("owner",), set[str]()),
    ],
)
def test_what_is_unknown_is_never_passed(kind: str, name: str, path: tuple[str, ...], waiting: set[str]) -> None:
    found = recorded("keybuzz", "prod")
    put(kind, name, *path, value=Unknown())(found)
    undecided = ids(judged(found, around("keybuzz", "prod")), undecided=True)
    assert undecided >= waiting | {"database-node", "foreign-identity", "plain-secret"}


@pytest.mark.parametrize(
    ("violation", "stack"),
    [("tls", "dev"), ("tls-redirect", "dev"), ("image-pinned", "dev"), ("lease-time", "dev"), ("roll-out", "dev")],
)
def test_what_production_refuses_is_advice_in_development(violation: str, stack: str) -> None:
    assert rule(violation).levels["development"] == "advisory"
    planted = next(one for one in VIOLATIONS if one.rule == violation)
    here = replace(around("keybuzz", "prod"), kind="development")
    assert {one.level for one in judged(planted.planted(), here)} == {"advisory"}, stack


def test_static_logins_are_development_s_own_matter() -> None:
    here = replace(around("keybuzz", "dev"), kind="production")
    assert "dynamic-credential" in ids(judged(recorded("keybuzz", "dev"), here))
    assert not judged(recorded("keybuzz", "dev"), around("keybuzz", "dev"))


def test_declared_monitoring_may_name_a_node() -> None:
    planted = next(one for one in VIOLATIONS if one.what == "a variable has a node's address")
    exempt = Exempt(resource="kubernetes:apps/v1:Deployment::client-deployment", reason="it watches the nodes")
    here = replace(around("keybuzz", "prod"), declared=Declared(monitoring=(exempt,)))
    assert not judged(planted.planted(), here)
    other = replace(here, declared=Declared(monitoring=(replace(exempt, resource="a::b"),)))
    assert ids(judged(planted.planted(), other)) == {"database-node"}


def test_a_declared_host_belongs_to_no_environment() -> None:
    planted = next(one for one in VIOLATIONS if one.what == "DEV's client is told PROD's host")
    here = replace(around("keybuzz", "dev"), declared=Declared(shared=frozenset({"api.keybuzz.io"})))
    assert not judged(planted.planted(), here)


def taken(operation: str, label: str = DATABASE, stack: str = "prod", **state: object) -> list[Step]:
    urn = f"urn:pulumi:{stack}::keybuzz::bulkhead:index:EnvironmentDatabase${label}"
    return [step({"op": operation, "urn": urn, "oldState": {"inputs": {}, **state}, "replaceReasons": ["name"]})]


@pytest.mark.parametrize("operation", ["delete", "replace", "create-replacement", "delete-replaced"])
def test_what_keeps_data_is_neither_deleted_nor_replaced(operation: str) -> None:
    (found,) = on_steps(rule("stateful-kept"), taken(operation), around("keybuzz", "prod"))
    assert found.says == f"{operation} of {DATABASE}, which keeps data, because of name"
    assert (found.level, found.urn.rpartition("$")[2]) == ("mandatory", DATABASE)


@pytest.mark.parametrize("operation", ["create", "update", "same", "import", "refresh", "read"])
def test_whatever_else_is_done_with_it_is_allowed(operation: str) -> None:
    assert not on_steps(rule("stateful-kept"), taken(operation), around("keybuzz", "prod"))


def test_what_keeps_no_data_may_go() -> None:
    steps = taken("delete", "kubernetes:apps/v1:Deployment::api") + taken(
        "replace", "vault:index/policy:Policy::api"
    )
    assert not on_steps(rule("stateful-kept"), steps, around("keybuzz", "prod"))


@pytest.mark.parametrize(
    ("label", "inputs"),
    [
        ("kubernetes:apps/v1:StatefulSet::cache", {"spec": {"volumeClaimTemplates": [{}]}}),
        ("kubernetes:core/v1:PersistentVolumeClaim::data", {}),
        ("postgresql:index/schema:Schema::api", {}),
        ("postgresql:index/role:Role::api-owner", {"name": "keybuzz_api_owner_prod"}),
        ("random:index/randomBytes:RandomBytes::key", {}),
        ("vault:index/mount:Mount::kv", {"type": "kv-v2"}),
    ],
)
def test_each_kind_that_keeps_data_is_kept(label: str, inputs: dict[str, object]) -> None:
    assert on_steps(rule("stateful-kept"), taken("delete", label, inputs=inputs), around("keybuzz", "prod"))


def test_a_development_database_may_be_replaced() -> None:
    assert not on_steps(rule("stateful-kept"), taken("replace", stack="dev"), around("keybuzz", "dev"))


def allowance(**changes: object) -> dict[str, object]:
    return {"stack": "prod", "resource": DATABASE, "reason": "moved to its own server", "until": TODAY, **changes}


@pytest.mark.parametrize("until", [TODAY, TODAY + timedelta(days=31)])
def test_an_allowance_lets_a_deletion_through_until_its_day(until: date) -> None:
    said = declared({"allowances": [allowance(until=until)]}, TODAY)
    assert not said.faults
    here = replace(around("keybuzz", "prod"), declared=said)
    assert not on_steps(rule("stateful-kept"), taken("delete"), here)
    assert on_steps(rule("stateful-kept"), taken("delete"), replace(here, today=until + timedelta(days=1)))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"until": TODAY - timedelta(days=1)}, "allowances[0].until is '2030-01-14'; it has ended; take it out"),
        ({"until": TODAY + timedelta(days=32)}, "use a day within 31 days"),
        ({"until": "soon"}, "use a day such as 2030-01-31"),
        ({"until": None}, "use a day such as 2030-01-31"),
        ({"reason": " "}, "reason, resource, stack are texts and not empty"),
        ({"resource": "api-database"}, "use a URN or type::name"),
        ({"for": "ever"}, "allowances[0] has for, reason, resource, stack, until"),
    ],
)
def test_an_allowance_that_is_wrong_or_over_is_a_fault_and_allows_nothing(
    changes: dict[str, object], fault: str
) -> None:
    said = declared({"allowances": [allowance(**changes)]}, TODAY)
    here = replace(around("keybuzz", "prod"), declared=said)
    (found,) = on_stack(rule("declarations"), [], here)
    assert fault in found.says
    assert found.level == "mandatory"
    assert on_steps(rule("stateful-kept"), taken("delete"), here)


def test_an_allowance_is_one_stack_s_and_one_resource_s() -> None:
    for changes in ({"stack": "prod-2"}, {"resource": "postgresql:index/database:Database::backend-database"}):
        said = declared({"allowances": [allowance(**changes)]}, TODAY)
        here = replace(around("keybuzz", "prod"), declared=said)
        assert on_steps(rule("stateful-kept"), taken("delete"), here)
