"""The plugins in use do what the official ones were seen to do: same state, same steps for every change.

With the sandbox's plugins, conformance/differences.json lists what differs on purpose; with the official ones
nothing may differ. An entry that no longer describes a difference fails the test, too.
"""

import fnmatch
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import postgresql
from tests.e2e.conformance import records
from tests.e2e.engine import CHECKOUT, Project
from tests.e2e.servers import Servers

STACK = "conformance"
Previews = dict[str, Future[list[dict[str, Any]]]]
CHANGES = records.official_changes()
STATE = records.official_state()
AT_ONCE = 2
"""Previews that run side by side; each is one program, one engine and three plugins."""


@pytest.fixture(scope="module")
def conformance(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The recorded program, applied."""
    folder = tmp_path_factory.mktemp("conformance")
    manifest = {"name": "conformance", "runtime": {"name": "python", "options": {"virtualenv": ".venv"}}}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    shutil.copy(records.HERE / "program.py", folder / "__main__.py")
    (folder / ".venv").symlink_to(CHECKOUT / ".venv")
    project = Project(folder, {**os.environ, **environment(servers, folder)})
    if STACK in project.stacks():  # an earlier run was broken off
        project.pulumi("cancel", "--yes", "--stack", STACK, check=False)
        project.destroy(STACK)
    project.init(STACK)
    project.up(STACK)
    yield project
    project.destroy(STACK)
    project.pulumi("stack", "rm", "--yes", "--stack", STACK)


def environment(servers: Servers, folder: Path) -> dict[str, str]:
    """What the program asks for; publications of all tables and extensions need PostgreSQL's superuser."""
    settings = servers.kubernetes.configuration
    authority = folder / "authority.pem"
    shutil.copy(settings.ssl_ca_cert, authority)
    return {
        **servers.environment,
        "PGUSER": "postgres",
        "PGPASSWORD": postgresql.password(servers.sandbox.layout, "superuser"),
        "API_SERVER": settings.host,
        "API_SERVER_CA": str(authority),
        "REVIEWER_JWT": servers.token("default", "default"),
    }


@pytest.fixture(scope="module")
def previews(conformance: Project, request: pytest.FixtureRequest) -> Iterator[Previews]:
    """The steps of the preview of every variant that this run tests, worked out in the background."""
    chosen = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    variants = ["", *(params["variant"] for params in chosen if "variant" in params)]
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        yield {variant: pool.submit(preview, conformance, variant) for variant in variants}
        pool.shutdown(cancel_futures=True)


def preview(project: Project, variant: str, *words: str) -> list[dict[str, Any]]:
    """What `pulumi preview` of a variant would do."""
    done = subprocess.run(
        ["pulumi", "--non-interactive", "preview", "--json", "--stack", STACK, *words],
        cwd=project.folder,
        env={**project.environment, "VARIANT": variant},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return records.steps(json.loads(done.stdout))


def unexplained(project: Project, found: list[str], scope: str) -> list[str]:
    """Differences that are not on the list, and entries of the list's part `scope` that describe none."""
    causes = {"server", project.environment["BULKHEAD_PLUGINS"].replace("sandbox", "plugin")}
    known = [one for one in records.known_differences() if one.path.startswith(scope) and one.cause in causes]
    unused = {one.path for one in known}
    rest: list[str] = []
    for difference in found:
        path = difference.split(": ", 1)[0]
        matching = {one.path for one in known if fnmatch.fnmatchcase(path, one.path)}
        unused -= matching
        if not matching:
            rest.append(difference)
    return rest + [f"{path}: listed as a difference, but there is none" for path in sorted(unused)]


@pytest.mark.parametrize("name", STATE)
def test_state_is_the_official_one(conformance: Project, name: str) -> None:
    """Id, property names, values and secret marks of every resource after `up`."""
    marks = {
        conformance.environment["KUBECONFIG"]: "<path>",
        conformance.environment["API_SERVER"]: "https://127.0.0.1:16443",
        conformance.environment["VAULT_ADDR"]: "http://127.0.0.1:18200",
        conformance.environment["VAULT_TOKEN"]: "root",
        conformance.environment["PGPORT"]: "15432",
    }
    exported = conformance.state(STACK)["deployment"]["resources"]
    [found] = [one for one in exported if one["urn"].endswith(f"::{name}") and one.get("custom")]
    recorded = records.resource(STATE[name], {})
    different = records.differences(f"state.{name}", records.resource(found, marks), recorded)
    assert unexplained(conformance, different, f"state.{name}.") == []


def test_state_has_no_other_resource(conformance: Project) -> None:
    """The program declares what was recorded, and nothing else."""
    exported = conformance.state(STACK)["deployment"]["resources"]
    assert {one["urn"].rsplit("::", 1)[1] for one in exported if one.get("custom")} == set(STATE)


def test_second_preview_is_empty(previews: Previews) -> None:
    """Nothing changes where nothing was changed."""
    assert previews[""].result() == []


@pytest.mark.parametrize("variant", CHANGES)
def test_change_has_the_official_steps(conformance: Project, previews: Previews, variant: str) -> None:
    """Operation, reasons and paths of every step that a changed input causes."""
    found = {step["name"]: step for step in previews[variant].result()}
    recorded = {step["name"]: step for step in records.in_order(CHANGES[variant])}
    different = records.differences(f"change.{variant}", found, recorded)
    assert unexplained(conformance, different, f"change.{variant}.") == []
