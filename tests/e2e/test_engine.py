"""The engine as our own commands drive it."""

from pathlib import Path

import pytest

from bulkhead.engine import Stack
from tests.e2e.servers import Servers
from tests.e2e.small import small_project

STACK = "dev"


def test_a_stack_that_is_not_there_is_made_and_one_that_is_there_is_kept(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `bulkhead demo` finds both; what a person has selected stays selected."""
    for name, value in servers.environment.items():
        monkeypatch.setenv(name, value)
    project = small_project(tmp_path, servers, "engined", "import pulumi\n", {STACK: {"kind": "development"}})
    try:
        Stack(STACK, tmp_path, servers.environment)
        assert STACK in project.stacks()
        project.pulumi("stack", "tag", "set", "kept", "yes", "--stack", STACK)
        assert Stack(STACK, tmp_path, servers.environment).up(lambda _: None).resources == 1
        assert "kept" in project.pulumi("stack", "tag", "ls", "--stack", STACK).output
        assert "no stack selected" in project.pulumi("stack", "--show-name", check=False).output
    finally:
        project.remove(STACK)
