"""The policy pack in the real engine: our environments pass, what is planted is stopped, what exists is judged."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bulkhead import policies
from bulkhead.engine import EngineError, Stack
from bulkhead.judgement import WITHHELD, PolicyError
from tests.e2e.engine import CHECKOUT, SECONDS, Project
from tests.e2e.servers import Servers
from tests.e2e.small import small_project

NODE, POINT = "192.0.2.11", "192.0.2.10"

BY_HAND = f"""
import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_random as random

home = kubernetes.core.v1.Namespace("home", metadata={{"name": "fenced-web-prod"}})
kubernetes.core.v1.ConfigMap(
    "settings",
    metadata={{"name": "settings", "namespace": home.metadata["name"]}},
    data={{"database": "host={NODE}", "queue": "amqp://queue.fenced-web-dev.svc:5672"}},
)
random.RandomBytes("key", length=32)
"""
BROKEN = {
    "database-node",
    "foreign-identity",
    "owner-labels",
    "explicit-provider",
    "pod-restricted",
    "default-deny",
    "stateful-protected",
}
"""The rules that the program above breaks."""

LATE = f"""
import pulumi
import pulumi_random as random

mine = pulumi.ResourceOptions(provider=random.Provider("random"))
first = random.RandomPassword("first", length=8, opts=mine)
random.RandomPassword("second", length=8, keepers={{"host": first.id.apply(lambda _: "{NODE}")}}, opts=mine)
"""
"""A program that names a node, as nobody can know before the update."""

KEYS = """
import pulumi
import pulumi_random as random

mine = pulumi.ResourceOptions(provider=random.Provider("random"))
random.RandomPassword("other", length=8, opts=mine)
"""
KEY = 'random.RandomBytes("key", length=32, opts=mine)\n'


@pytest.fixture(scope="module")
def pack(servers: Servers) -> str:
    """What the sandbox's engine takes as the pack."""
    return str(policies.pack(servers.environment))


@pytest.fixture
def fenced(servers: Servers, tmp_path: Path) -> Iterator[Project]:
    """A production stack of a project of its own, with a platform that has a node."""
    project = small_project(tmp_path, servers, "fenced", "", {"prod": {"kind": "production"}})
    platform = tmp_path / "platforms" / "minimal.yaml"
    text = platform.read_text(encoding="utf-8")
    platform.write_text(text.replace("  sslmode:", f"  nodes: [{NODE}]\n  sslmode:"), encoding="utf-8")
    file = tmp_path / "Pulumi.yaml"  # by hand, somebody takes the default providers
    without = {**yaml.safe_load(file.read_text(encoding="utf-8")), "config": {}}
    file.write_text(yaml.safe_dump(without), encoding="utf-8")
    project.init("prod")
    yield project
    project.remove("prod")


def program(project: Project, text: str) -> None:
    (project.folder / "__main__.py").write_text(text, encoding="utf-8")


def bulkhead(project: Project, *words: str) -> Any:
    return subprocess.run(
        [str(CHECKOUT / ".venv/bin/bulkhead"), *words],
        cwd=project.folder,
        env=dict(project.environment),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_our_environments_pass_a_preview_and_an_update(applied: Project, pack: str, stack: str) -> None:
    said = applied.pulumi("up", "--yes", "--stack", stack, "--policy-pack", pack).output
    assert said.count("✅ bulkhead@v") == 2, "the preview's and the update's"
    assert "[mandatory]" not in said
    assert "[advisory]" not in said


def test_our_environments_are_recorded_without_a_fault_and_their_secrets_are_undecided(applied: Project) -> None:
    done = bulkhead(applied, "policies", "check", "dev", "prod", "--json")
    assert done.returncode == 0, done.stdout
    rows = [row for found in json.loads(done.stdout).values() for row in found]
    assert {row["level"] for row in rows} == {"undecided"}
    assert all(row["says"].endswith(WITHHELD) for row in rows)


def test_a_first_preview_leaves_undecided_what_is_not_known_and_breaks_nothing(
    project: Project, pack: str
) -> None:
    project.branch("pr-8")
    try:
        said = project.pulumi("preview", "--stack", "pr-8", "--policy-pack", pack).output
        assert "[advisory]  undecided" in said
        assert "password is known after the update; not judged yet: database-node" in said
        assert "[mandatory]" not in said
    finally:
        project.remove("pr-8")


def test_what_is_planted_is_stopped_and_what_was_made_by_hand_is_judged(fenced: Project, pack: str) -> None:
    program(fenced, BY_HAND)
    refused = fenced.pulumi("preview", "--stack", "prod", "--policy-pack", pack, check=False)
    assert refused.status != 0
    assert {rule for rule in BROKEN if f"[mandatory]  {rule}  (" in refused.output} == BROKEN
    assert refused.output.count("[mandatory]") == refused.output.count("[mandatory]  ")
    assert f"data.database names the database node {NODE}; use " in refused.output
    assert "names 'fenced-web-dev', which is dev's" in refused.output
    stopped = fenced.up("prod", "--policy-pack", pack, check=False)
    assert stopped.status != 0
    made = {urn.rpartition("::")[2] for urn in fenced.resources("prod")}
    assert not made & {"home", "settings", "key"}, "refused before it was made"

    fenced.up("prod")  # by hand, without the pack
    checked = bulkhead(fenced, "policies", "check", "prod", "--json")
    assert checked.returncode == 1, checked.stderr
    rows = json.loads(checked.stdout)["prod"]
    assert {row["rule"] for row in rows if row["level"] == "mandatory"} == BROKEN
    analyzed = fenced.pulumi("policy", "analyze", "--stack", "prod", "--policy-pack", pack, check=False)
    assert analyzed.status != 0
    assert {rule for rule in BROKEN if f"[mandatory]  {rule}  (" in analyzed.output} == BROKEN


def test_what_is_unknown_at_the_preview_is_decided_during_the_update(fenced: Project, pack: str) -> None:
    program(fenced, LATE)
    preview = fenced.pulumi("preview", "--stack", "prod", "--policy-pack", pack).output
    assert "undecided  (random:index:RandomPassword: second)" in preview
    assert "keepers.host is known after the update; not judged yet: database-node" in preview
    update = fenced.up("prod", "--policy-pack", pack, check=False)
    assert update.status != 0
    assert "[mandatory]  database-node  (random:index:RandomPassword: second)" in update.output
    made = {urn.rpartition("::")[2] for urn in fenced.resources("prod")}
    assert "first" in made
    assert "second" not in made, "refused before it was made"


def test_our_commands_run_the_pack_and_delete_nothing_that_keeps_data_without_leave(
    fenced: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in fenced.environment.items():
        monkeypatch.setenv(key, value)  # the Automation API finds the engine on this process's own PATH
    program(fenced, KEYS + KEY)
    fenced.up("prod")  # a key that nobody protected
    stack = Stack("prod", fenced.folder, fenced.environment)
    with pytest.raises(EngineError, match="stateful-protected"):
        stack.preview()
    program(fenced, KEYS)
    with pytest.raises(PolicyError, match=r"stateful-kept: delete of random:index/randomBytes:RandomBytes::key"):
        stack.up(lambda _: None)
    assert any(urn.endswith("::key") for urn in fenced.resources("prod"))
    declare(fenced)
    assert stack.up(lambda _: None).changes == 1
    assert not any(urn.endswith("::key") for urn in fenced.resources("prod"))


def declare(project: Project) -> None:
    """An allowance until the last day that there may be."""
    until = datetime.now(UTC).date() + timedelta(days=31)
    entry = {
        "stack": "prod",
        "resource": "random:index/randomBytes:RandomBytes::key",
        "reason": "nothing is encrypted with it any more",
        "until": until,
    }
    text = yaml.safe_dump({"allowances": [entry]})
    (project.folder / "policies.yaml").write_text(text, encoding="utf-8")
