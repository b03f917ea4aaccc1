"""Outages: a server that does not answer, or does not let us in, stops every command, and nothing is lost.

The commands are `preview`, `preview --refresh`, `up` and `refresh`. The last one does not run the program: there
it is the provider plugins that must not take silence for absence.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from sandbox.platform import Sandbox
from tests.e2e.conftest import Quiet
from tests.e2e.engine import Outcome, Project, Step
from tests.e2e.servers import Servers

STACK = "prod"
"""The stack that is worked on: only PROD has resources of every kind."""

PATIENCE = 30
"""Seconds after which a command counts as hanging."""

COMMANDS = {
    "preview": ("preview",),
    "preview-refresh": ("preview", "--refresh"),
    "up": ("up", "--yes", "--skip-preview"),
    "refresh": ("refresh", "--yes", "--skip-preview"),
}


@dataclass(frozen=True)
class Outage:
    """What the commands did while something was wrong, and the stack before and after."""

    address: str
    outcomes: dict[str, tuple[Outcome, float]]
    before: dict[str, str]
    after: dict[str, str]
    left: list[Step]


@contextmanager
def stopped(name: str, sandbox: Sandbox) -> Iterator[None]:
    """A server that does not run, for a while; what fell with it comes back with it."""
    sandbox.stop(name)
    try:
        yield
    finally:
        sandbox.start(name, Quiet())
        sandbox.up(Quiet())


@contextmanager
def sealed(servers: Servers) -> Iterator[None]:
    """A Vault that runs and does not open its store, for a while."""
    servers.vault.sys.seal()
    try:
        yield
    finally:
        servers.sandbox.start("vault", Quiet())


CASES = ("kube-apiserver", "vault", "postgresql", "sealed vault")


@pytest.fixture(scope="module", params=CASES)
def outage(request: pytest.FixtureRequest, applied: Project, servers: Servers) -> Outage:
    """All commands tried during one outage, and a preview after it."""
    name, environment = str(request.param), servers.environment
    before = applied.resources(STACK)
    outcomes: dict[str, tuple[Outcome, float]] = {}
    with sealed(servers) if name.startswith("sealed") else stopped(name, servers.sandbox):
        for key, words in COMMANDS.items():
            began = time.monotonic()
            outcome = applied.pulumi(*words, "--stack", STACK, check=False)
            outcomes[key] = outcome, time.monotonic() - began
        after = applied.resources(STACK)
    address = {
        "kube-apiserver": servers.kubernetes.configuration.host,
        "postgresql": f"{environment['PGHOST']}:{environment['PGPORT']}",
    }.get(name, environment["VAULT_ADDR"])
    return Outage(address, outcomes, before, after, applied.changes(STACK, "--refresh"))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_error_names_the_server(outage: Outage, command: str) -> None:
    """A non-zero exit, the server's address, no traceback, and soon."""
    outcome, seconds = outage.outcomes[command]
    assert outcome.status != 0
    assert outage.address in outcome.output
    assert "Traceback" not in outcome.output
    assert seconds < PATIENCE


def test_nothing_is_dropped_from_the_state(outage: Outage) -> None:
    """A server that is silent is not one that has nothing."""
    assert outage.after == outage.before


def test_all_is_well_once_it_is_back(outage: Outage) -> None:
    """Nobody needs to repair anything: a preview with a refresh shows no change."""
    assert outage.left == []


def _expired(servers: Servers) -> str:
    token = servers.vault.auth.token.create(policies=["root"], ttl="1s")["auth"]["client_token"]
    time.sleep(1.5)
    return str(token)


REFUSALS: dict[str, Callable[[Servers], tuple[dict[str, str], str]]] = {
    "a wrong Vault token": lambda servers: ({"VAULT_TOKEN": "hvs.wrong"}, servers.environment["VAULT_ADDR"]),
    "an expired Vault token": lambda servers: (
        {"VAULT_TOKEN": _expired(servers)},
        servers.environment["VAULT_ADDR"],
    ),
    "no Vault token": lambda _: ({"VAULT_TOKEN": "", "HOME": "/nowhere"}, "VAULT_TOKEN"),
    "a wrong password": lambda servers: ({"PGPASSWORD": "canary-of-a-password"}, servers.environment["PGPORT"]),
    "no password": lambda _: ({"PGPASSWORD": ""}, "PGPASSWORD"),
}
"""What is wrong with the command's environment, and what the answer must name."""


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_credential_that_is_not_taken_stops_it_before_anything_is_touched(
    applied: Project, servers: Servers, refusal: str
) -> None:
    """The error names the server or the variable, not the credential; no resource was even looked at."""
    variables, named = REFUSALS[refusal](servers)
    before = applied.resources(STACK)
    outcome = applied.pulumi("up", "--yes", "--skip-preview", "--stack", STACK, check=False, **variables)
    assert outcome.status != 0
    assert named in outcome.output
    assert "Traceback" not in outcome.output
    assert not any(value and value in outcome.output for value in variables.values())
    assert "1 unchanged\n    1 errored" in outcome.output, "something besides the stack itself was touched"
    assert applied.resources(STACK) == before
