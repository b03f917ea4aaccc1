"""One sandbox for all end-to-end tests, with KeyBuzz DEV and PROD applied once.

`BULKHEAD_SANDBOX_HOME` names a home that is used and left running; otherwise a sandbox of their own starts in
a temporary folder and is gone afterwards. Workers that run side by side (`-n 2`) have one each.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.layout import HOME_VARIABLE
from sandbox.platform import Sandbox
from tests.e2e.engine import Project
from tests.e2e.servers import Servers


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the servers."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


class Quiet:
    """No progress: pytest shows what matters."""

    def begin(self, name: str) -> None: ...
    def done(self, name: str, seconds: float) -> None: ...
    def failed(self, name: str) -> None: ...
    def note(self, text: str) -> None: ...


def _worker() -> str:
    """What tells the homes of workers apart that run side by side; empty for one alone."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    return f"-{worker}" if worker else ""


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A running sandbox."""
    given = os.environ.get(HOME_VARIABLE)
    home = Path(given + _worker()).absolute() if given else tmp_path_factory.mktemp("sandbox")
    running = Sandbox(home)
    running.up(Quiet(), os.environ.get("BULKHEAD_PLUGINS", ""))
    yield running
    if not given:
        running.reset()


@pytest.fixture(scope="session")
def servers(sandbox: Sandbox) -> Servers:
    """Administrators' access to the sandbox's servers."""
    return Servers(sandbox, sandbox.variables())


@pytest.fixture(scope="session")
def project(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the program, with the stacks dev and prod, not yet applied."""
    project = Project.copy(tmp_path_factory.mktemp("project"), servers.environment)
    for stack in ("dev", "prod"):
        project.init(stack)
    return project


@pytest.fixture(scope="session")
def applied(project: Project) -> Project:
    """The project with DEV and PROD applied: tests look at them and put back what they change."""
    for stack in ("dev", "prod"):
        project.up(stack)
    return project
