"""`bulkhead diff` with the real engine: it says what would happen, shows no secret, and a plan holds."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.engine import CHECKOUT, SECONDS, Project
from tests.e2e.leaks import SHORTEST, Search
from tests.e2e.servers import Servers
from tests.e2e.small import OPENING, small_project

PROGRAM = OPENING + 'application(login("reviewed"))\n'
IMAGE = "ghcr.io/reviewed/api"
STACKS: Mapping[str, Mapping[str, Any]] = {
    "dev": {"kind": "development", "images": {"api": f"{IMAGE}:v1.0.0"}},
    "prod": {"kind": "production", "images": {"api": f"{IMAGE}:v1.0.0"}},
}
RENAMED = PROGRAM.replace(
    'values=settings.database("api"))', 'values=settings.database("api"), bears_system_name=not env.is_production)'
)
"""DEV's database gets another name, which replaces the schema in it."""
OPENED = """
import pulumi
from components.manifest import Manifest, manifest

ports = {"type": "NodePort", "selector": {"app": "api"}, "ports": [{"port": 80}]}
service = manifest(env, "v1", "Service", "open", namespace=here.name, spec=ports)
Manifest("open", service, pulumi.ResourceOptions(provider=platform.kubernetes))
"""
UNLABELLED = """
import pulumi
from components.manifest import Manifest

nobodys = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "nobodys", "namespace": here.name}}
Manifest("nobodys", {**nobodys, "data": {"a": "b"}}, pulumi.ResourceOptions(provider=platform.kubernetes))
"""


@dataclass(frozen=True)
class Review:
    """What one run of the command said."""

    status: int
    said: str
    json: Any
    markdown: str
    plans: Path

    def stack(self, name: str) -> Any:
        return next(one for one in self.json["stacks"] if one["stack"] == name)


def diff(project: Project, folder: Path, *words: str) -> Review:
    """Run `bulkhead diff WORDS` in a project's folder."""
    done = subprocess.run(
        [
            *(CHECKOUT / ".venv/bin/bulkhead", "diff", *words),
            *("--json", folder / "report.json", "--markdown", folder / "report.md", "--plan", folder / "plans"),
        ],
        cwd=project.folder,
        env=dict(project.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (folder / "report.json").is_file(), done.stdout[-6000:]
    found = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    text = (folder / "report.md").read_text(encoding="utf-8")
    return Review(done.returncode, done.stdout, found, text, folder / "plans")


def give(project: Project, stack: str, version: str) -> None:
    """Write another version of the image into a stack's file."""
    file = project.folder / f"Pulumi.{stack}.yaml"
    values = yaml.safe_load(file.read_text(encoding="utf-8"))
    values["config"]["bulkhead:images"]["api"] = f"{IMAGE}:{version}"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")


def write(project: Project, program: str) -> None:
    (project.folder / "__main__.py").write_text(program, encoding="utf-8")


@pytest.fixture(scope="module")
def reviewed(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A system with a database, a login and a workload, applied as DEV and as PROD."""
    project = small_project(tmp_path_factory.mktemp("reviewed"), servers, "reviewed", PROGRAM, STACKS)
    for stack in STACKS:
        project.init(stack)
        project.up(stack)
    return project


@pytest.fixture(autouse=True)
def _as_it_was(reviewed: Project) -> Iterator[None]:
    """Each test changes the program and the stack files, and finds them as they were applied."""
    kept = {
        file: file.read_bytes()
        for file in (*reviewed.folder.glob("Pulumi.*.yaml"), reviewed.folder / "__main__.py")
    }
    yield
    for file in {*reviewed.folder.glob("Pulumi.*.yaml")} - kept.keys():
        file.unlink()
    for file, content in kept.items():
        file.write_bytes(content)


@pytest.fixture(scope="module")
def review(reviewed: Project, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Review:
    """The review of a change that does everything that a reviewer must see, while DEV is not as it was applied."""
    kept = {
        file: file.read_bytes()
        for file in (*reviewed.folder.glob("Pulumi.*.yaml"), reviewed.folder / "__main__.py")
    }
    write(reviewed, RENAMED + OPENED)
    give(reviewed, "dev", "v2.0.0")
    give(reviewed, "prod", "v2.0.0")
    by_hand = {"spec": {"minReadySeconds": 7}}
    ids = reviewed.resources("dev")
    namespace, name = next(ids[urn] for urn in ids if urn.endswith("::api-deployment")).split("/")
    address = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
    servers.object(address, by_hand)
    found = diff(reviewed, tmp_path_factory.mktemp("review"), "--fail-on", "dangerous", "--drift")
    servers.object(address, {"spec": {"minReadySeconds": None}})
    for stack in STACKS:
        reviewed.changes(stack)  # the engine's own preview of the same, remembered in `said`
    for file, content in kept.items():
        file.write_bytes(content)
    return found


def test_what_it_says_is_what_the_engine_says(review: Review, reviewed: Project) -> None:
    previews = [json.loads(text) for text in reviewed.said if text.startswith("{") and '"steps"' in text]
    for preview, stack in zip(previews[-2:], STACKS, strict=True):
        theirs = {
            (step["urn"], step["op"])
            for step in preview["steps"]
            if step["op"] in {"create", "update", "replace", "delete"}
        }
        ours = {(one["urn"], one["operation"]) for one in review.stack(stack)["changes"]}
        assert ours == theirs


def test_a_dangerous_change_is_shown_first_and_breaks_the_gate(review: Review) -> None:
    assert review.status == 3, review.said
    found = {(one["kind"], one["urn"].rpartition("::")[2]) for one in review.stack("dev")["dangers"]}
    assert ("data", "api-schema") in found
    assert ("access", "open") in found
    assert any(kind == "image" for kind, _ in found)
    places = [review.markdown.index(f"### {title}") for title in ("Data would", "Access would", "Images")]
    assert places == sorted(places)
    assert f"<code>reviewed-api&#58; {IMAGE} v1.0.0 → v2.0.0</code>" in review.markdown


def test_what_prod_gets_that_dev_has_not_had_is_shown(review: Review) -> None:
    (pair,) = review.json["pairs"]
    (image,) = pair["images"]
    assert image["second"] == {"now": "v1.0.0", "then": "v2.0.0"}
    assert not image["had"]
    assert {one["urn"].rpartition("::")[2] for one in pair["ahead"]} == {"open"}
    assert "has not run it" in review.markdown


def test_what_somebody_changed_by_hand_is_said_apart(review: Review) -> None:
    assert any("minReadySeconds" in line for line in review.json["drift"]["dev"])
    assert review.json["drift"]["prod"] == []
    assert "minReadySeconds" not in json.dumps(review.json["stacks"])
    assert "### Drift" in review.markdown


def secrets(value: Any) -> Iterator[str]:
    """Every secret's text in a state that was exported with its secrets."""
    if isinstance(value, list):
        for one in value:
            yield from secrets(one)
    elif isinstance(value, dict):
        if "plaintext" in value and len(value) == 2:
            yield from texts(json.loads(value["plaintext"]))
        else:
            for one in value.values():
                yield from secrets(one)


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    else:
        for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from texts(one)


def test_no_secret_of_the_state_is_in_anything_that_it_writes(review: Review, reviewed: Project) -> None:
    known: dict[str, str] = {}
    for stack in STACKS:
        exported = reviewed._json("stack", "export", "--show-secrets", "--stack", stack)
        known |= {f"{stack} {number}": text for number, text in enumerate(secrets(exported))}
    search = Search({name: text for name, text in known.items() if len(text) >= SHORTEST})
    assert search.text("planted", f"a {next(text for text in known.values() if len(text) >= SHORTEST)} b")
    written = {"output": review.said, "JSON": json.dumps(review.json), "Markdown": review.markdown}
    written |= {file.name: file.read_text(encoding="utf-8") for file in review.plans.iterdir()}
    assert {"dev.json", "prod.json"} <= set(written)
    assert not {found for place, text in written.items() for found in search.text(place, text)}


def test_a_policy_that_is_broken_is_named_and_fails(reviewed: Project, tmp_path: Path) -> None:
    write(reviewed, PROGRAM + UNLABELLED)
    found = diff(reviewed, tmp_path, "dev")
    assert found.status == 1
    broken = {(one["policy"], one["urn"].rpartition("::")[2]) for one in found.stack("dev")["policies"]}
    assert ("owner-labels", "nobodys") in broken
    assert "**refused**, <code>dev</code> <code>nobodys</code>" in found.markdown


def test_a_stack_that_cannot_be_previewed_fails_and_does_not_hide_the_others(
    reviewed: Project, tmp_path: Path
) -> None:
    file = reviewed.folder / "Pulumi.dev.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("v1.0.0", "latest"), encoding="utf-8")
    found = diff(reviewed, tmp_path)
    assert found.status == 1
    assert "the tag 'latest' moves" in found.stack("dev")["failure"]
    assert "Traceback" not in found.markdown
    assert found.stack("prod")["failure"] is None
    assert found.stack("prod")["counts"]["unchanged"] > 10


@pytest.mark.parametrize("provider", ["", "passphrase"])
def test_a_stack_that_was_never_initialised_is_previewed_against_an_empty_state(
    reviewed: Project, tmp_path: Path, provider: str
) -> None:
    """As a pull request shows it that adds an environment: nothing of it is made, neither here nor there."""
    file = reviewed.folder / "Pulumi.staging.yaml"
    lines = (reviewed.folder / "Pulumi.dev.yaml").read_text(encoding="utf-8").splitlines()
    lines = [*(line for line in lines if "encryptionsalt" not in line), f"secretsprovider: {provider}"]
    file.write_text("\n".join(lines if provider else lines[:-1]) + "\n", encoding="utf-8")
    before = file.read_bytes()
    found = diff(reviewed, tmp_path, "staging", "prod")
    staging = found.stack("staging")
    assert (found.status, staging["failure"]) == (0, None)
    assert staging["counts"]["create"] > 10
    assert staging["counts"]["unchanged"] == 0
    assert "it was never initialised: previewed is all that it would be" in found.markdown
    assert found.stack("prod")["counts"]["unchanged"] > 10
    assert file.read_bytes() == before
    assert reviewed.stacks() == set(STACKS)


def test_a_new_stack_whose_secrets_cannot_be_read_fails_and_says_so(reviewed: Project, tmp_path: Path) -> None:
    file = reviewed.folder / "Pulumi.staging.yaml"
    text = (reviewed.folder / "Pulumi.dev.yaml").read_text(encoding="utf-8")
    other = "encryptionsalt: v1:dGhlIHNhbHQ=:v1:bm90aGluZyBo:bm90aGluZyBvZiBvdXJz\n"
    kept = "".join(line for line in text.splitlines(keepends=True) if "encryptionsalt" not in line)
    file.write_text(other + kept, encoding="utf-8")
    found = diff(reviewed, tmp_path, "staging")
    assert found.status == 1
    assert "passphrase" in found.stack("staging")["failure"]
    assert "Traceback" not in found.said + found.markdown


def test_only_what_a_change_reaches_is_previewed(reviewed: Project, tmp_path: Path) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for words in (("init", "--quiet"), ("add", "."), (*who, "commit", "--quiet", "-m", "base")):
        subprocess.run(["git", *words], cwd=reviewed.folder, check=True, timeout=60)
    (reviewed.folder / "README.md").write_text("new")
    found = diff(reviewed, tmp_path, "--changed-since", "HEAD")
    assert (found.status, found.json["stacks"], found.json["passedBy"]) == (0, [], ["dev", "prod"])


def test_an_update_is_held_to_the_plan_that_was_reviewed(reviewed: Project, tmp_path: Path) -> None:
    give(reviewed, "dev", "v3.0.0")
    planned = diff(reviewed, tmp_path, "dev")
    assert planned.stack("dev")["plan"] == str(planned.plans / "dev.json")
    write(reviewed, PROGRAM + OPENED)
    refused = reviewed.up("dev", "--plan", str(planned.plans / "dev.json"), check=False)
    assert refused.status != 0
    assert "plan" in refused.output
    assert not any(urn.endswith("::open") for urn in reviewed.resources("dev"))
    write(reviewed, PROGRAM)
    reviewed.up("dev", "--plan", str(planned.plans / "dev.json"))
    reviewed.up("dev")
