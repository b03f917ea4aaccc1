"""What the policy pack reads of the files around a stack."""

from pathlib import Path

import pytest

from policy.files import world
from policy.world import World, declared, kind_of
from tests.judged import TODAY

STACK = "config:\n  bulkhead:platform: here\n  bulkhead:kind: development\n"
PLATFORM = """
name: here
domain: example.com
vault: {address: "https://vault.example.com:8200"}
postgresql:
  write: {host: db.example.com, port: 5432, cidr: 10.0.0.0/28}
  read: {host: 10.0.0.11, port: 5433}
  nodes: [10.0.0.1]
legacy: {dev: {databases: {api: old}}}
"""


def folder(root: Path, **files: str) -> Path:
    given = {"Pulumi.dev.yaml": STACK, "platforms/here.yaml": PLATFORM, **files}
    for name, text in given.items():
        file = root / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root


def around(place: Path, stack: str = "dev", **variables: str) -> World:
    return world("shop", stack, place, variables=variables, today=TODAY)


def test_the_platform_is_the_one_that_the_stack_file_names(tmp_path: Path) -> None:
    here = around(folder(tmp_path))
    assert here.platform is not None
    assert [(point.host, point.network) for point in here.platform.points] == [
        ("db.example.com", "10.0.0.0/28"),
        ("10.0.0.11", "10.0.0.11/32"),
    ]
    assert here.platform.nodes == ("10.0.0.1",)
    assert here.platform.servers == {"db.example.com", "10.0.0.11", "vault.example.com"}
    assert not here.platform.plain
    assert here.others == {"prod"}


def test_other_environments_are_those_with_a_file_and_those_that_are_declared(tmp_path: Path) -> None:
    place = folder(tmp_path, **{"Pulumi.staging.yaml": STACK, "policies.yaml": "environments: [qa]"})
    assert around(place).others == {"prod", "staging", "qa"}


def test_the_sandbox_stands_in_for_servers_and_for_nothing_else(tmp_path: Path) -> None:
    sandbox = "postgresql: {write: {host: 127.0.0.1, port: 6432}}\nvault: {address: 'http://127.0.0.1:8200'}\n"
    place = folder(tmp_path, **{"sandbox/platform.yaml": sandbox})
    here = around(place, BULKHEAD_PLATFORM="sandbox", BULKHEAD_SANDBOX=str(tmp_path / "sandbox"))
    assert here.platform is not None
    assert here.platform.plain
    assert [point.host for point in here.platform.points] == ["127.0.0.1"]
    assert here.platform.nodes == ("10.0.0.1",)
    assert here.platform.domain == "example.com"


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ({"Pulumi.dev.yaml": "config: {}"}, "names a platform"),
        ({"Pulumi.dev.yaml": "config: {bulkhead:platform: there}"}, "platforms/there.yaml does not exist"),
        ({"Pulumi.dev.yaml": "["}, "Pulumi.dev.yaml cannot be read"),
        ({"platforms/here.yaml": "domain: example.com"}, "KeyError: 'postgresql'"),
        ({"platforms/here.yaml": "- a"}, "must be a mapping"),
        ({"platforms/here.yaml": "a: ["}, "cannot be read"),
    ],
)
def test_a_platform_that_cannot_be_read_is_missing_and_said_so(
    tmp_path: Path, files: dict[str, str], missing: str
) -> None:
    here = around(folder(tmp_path, **files))
    assert here.platform is None
    assert missing in here.missing


def test_a_stack_that_was_made_by_hand_may_name_its_platform_in_policies_yaml(tmp_path: Path) -> None:
    place = folder(tmp_path, **{"policies.yaml": "platform: platforms/here.yaml", "Pulumi.dev.yaml": "config: {}"})
    assert around(place).platform is not None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[", "cannot be read"),
        ("- a", "it must be a mapping"),
        ("allowance: []", "'allowance' is unknown; use monitoring, shared, environments, allowances, platform"),
        ("monitoring: {}", "monitoring must be a list"),
        ("monitoring: [x]", "monitoring[0] must be a mapping of reason, resource"),
        ("monitoring: [{resource: 'a::b'}]", "monitoring[0] has resource; use reason, resource"),
        ("shared: [1]", "shared[0] must be a text"),
    ],
)
def test_what_policies_yaml_says_wrong_is_a_fault(tmp_path: Path, text: str, fault: str) -> None:
    (found,) = around(folder(tmp_path, **{"policies.yaml": text})).declared.faults
    assert fault in found


def test_no_policies_yaml_is_no_fault(tmp_path: Path) -> None:
    assert around(folder(tmp_path)).declared == declared(None, TODAY)


@pytest.mark.parametrize(
    ("name", "said", "kind"),
    [
        ("prod", "", "production"),
        ("prod", "development", "production"),
        ("prod-2", "ephemeral", "production"),
        ("dev", "", "development"),
        ("dev", "production", "production"),
        ("pr-7", "", "ephemeral"),
        ("try-1", "ephemeral", "ephemeral"),
        ("try-1", "", "development"),
        ("product", "", "development"),
    ],
)
def test_the_name_decides_what_is_production(name: str, said: str, kind: str) -> None:
    assert kind_of(name, said) == kind
