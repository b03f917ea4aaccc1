"""An ephemeral environment: `pulumi stack init`, a copied stack file, `up` beside the others, and gone again."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from kubernetes import client

from tests.e2e.engine import Outcome, Project, Step
from tests.e2e.residue import residue
from tests.e2e.servers import Servers

STATIC, LEASED = "pr-7", "pr-70"
SETTINGS: dict[str, dict[str, Any]] = {STATIC: {}, LEASED: {"credentials": {"mode": "dynamic"}}}
"""What each stack's file has that DEV's has not."""

KINDS = {"databases", "roles", "policies", "auth roles", "secrets", "namespaces"}
EXPECTED = {STATIC: KINDS, LEASED: KINDS | {"mounts", "leases", "logins"}}
"""What each of them has on the servers while it is there."""


@dataclass(frozen=True)
class Life:
    """What was seen of one environment, from its beginning to its end."""

    stack: str
    others: dict[str, list[Step]]
    login: tuple[str, str]
    alive: dict[str, list[str]]
    session_ended: bool
    left: dict[str, list[str]]
    kept: dict[str, str]
    again: Outcome


@pytest.fixture(scope="module", params=[STATIC, LEASED], ids=["static", "dynamic"])
def life(request: pytest.FixtureRequest, applied: Project, servers: Servers) -> Iterator[Life]:
    """One environment, made, used by a session that stays open, and destroyed twice."""
    stack = str(request.param)
    applied.branch(stack, **SETTINGS[stack])
    try:
        applied.up(stack)
        others = {other: applied.changes(other) for other in ("dev", "prod")}
        with ExitStack() as open_sessions:
            given = servers.secret(f"keybuzz-api-{stack}", "keybuzz-api-postgres")
            session = open_sessions.enter_context(
                servers.database(given["PGDATABASE"], user=given["PGUSER"], password=given["PGPASSWORD"])
            )
            session.execute("BEGIN")
            login = session.execute("SELECT current_database(), session_user::text").fetchone()
            alive = residue(servers, stack)
            applied.destroy(stack)
            ended = _is_ended(session)
        left, kept = residue(servers, stack), applied.resources(stack)
        again = applied.destroy(stack, check=False)
        yield Life(stack, others, login, alive, ended, left, kept, again)
    finally:
        applied.remove(stack)


def _is_ended(session: Any) -> bool:
    try:
        session.execute("SELECT 1")
    except psycopg.OperationalError:
        return True
    return False


def test_it_comes_up_with_a_login_that_works(life: Life) -> None:
    """The credential that was delivered opens this environment's database."""
    database, user = life.login
    assert database == f"keybuzz_{life.stack.replace('-', '__')}"
    assert (
        user.startswith("v-")
        if life.stack == LEASED
        else user == f"keybuzz_api_login_{life.stack.replace('-', '__')}"
    )


def test_the_others_do_not_notice(life: Life) -> None:
    """DEV's and PROD's previews stay empty while it is there."""
    assert life.others == {"dev": [], "prod": []}


def test_the_search_for_residue_sees_all_of_it(life: Life) -> None:
    """While it is there, something of every kind is found: the search is not blind."""
    assert life.alive.keys() == EXPECTED[life.stack]


def test_destroy_leaves_nothing(life: Life) -> None:
    """No database, role, lease, login, mount, policy, auth role, secret or namespace, and an empty state."""
    assert life.left == {}
    assert life.kept == {}


def test_destroy_ends_open_sessions(life: Life) -> None:
    """An application that still held a transaction open was not in the way, and is cut off."""
    assert life.session_ended


def test_a_second_destroy_does_nothing(life: Life) -> None:
    """Twice in a row is fine."""
    assert life.again.status == 0
    assert "deleted" not in life.again.output.partition("Duration")[0].partition("Resources:")[2]


PLANTED: dict[str, tuple[Callable[[Servers], object], Callable[[Servers], object]]] = {
    "roles": (
        lambda servers: _execute(servers, "CREATE ROLE keybuzz_planted_pr__7"),
        lambda servers: _execute(servers, "DROP ROLE keybuzz_planted_pr__7"),
    ),
    "logins": (
        lambda servers: _execute(servers, 'CREATE ROLE "v-planted"'),
        lambda servers: _execute(servers, 'DROP ROLE "v-planted"'),
    ),
    "databases": (
        lambda servers: _execute(servers, "CREATE DATABASE keybuzz_planted_pr__7"),
        lambda servers: _execute(servers, "DROP DATABASE keybuzz_planted_pr__7"),
    ),
    "mounts": (
        lambda servers: servers.vault.sys.enable_secrets_engine("database", "keybuzz/pr-7/planted"),
        lambda servers: servers.vault.sys.disable_secrets_engine("keybuzz/pr-7/planted"),
    ),
    "policies": (
        lambda servers: servers.vault.sys.create_or_update_policy("planted-pr-7", 'path "x" {}'),
        lambda servers: servers.vault.sys.delete_policy("planted-pr-7"),
    ),
    "auth roles": (
        lambda servers: servers.vault.auth.kubernetes.create_role("planted-pr-7", ["planted"], ["planted"]),
        lambda servers: servers.vault.auth.kubernetes.delete_role("planted-pr-7"),
    ),
    "secrets": (
        lambda servers: servers.vault.secrets.kv.v2.create_or_update_secret("keybuzz/pr-7/a/planted", {"x": "y"}),
        lambda servers: servers.vault.secrets.kv.v2.delete_metadata_and_all_versions("keybuzz/pr-7/a/planted"),
    ),
    "namespaces": (
        lambda servers: servers.core.create_namespace({"metadata": {"name": "planted-pr-7"}}),
        lambda servers: servers.core.delete_namespace("planted-pr-7", body=client.V1DeleteOptions()),
    ),
}
"""For each kind, how a thing is left behind, and taken away."""


def _execute(servers: Servers, statement: str) -> None:
    with servers.database() as session:
        session.execute(statement.encode())


@pytest.mark.parametrize("kind", PLANTED)
def test_planted_residue_is_found(servers: Servers, kind: str) -> None:
    """Each thing that is left behind on purpose is found, and nothing else."""
    plant, uproot = PLANTED[kind]
    before = residue(servers, STATIC).get(kind, [])
    plant(servers)
    try:
        [found] = set(residue(servers, STATIC)[kind]) - set(before)
        assert "planted" in found
    finally:
        uproot(servers)


def test_production_refuses_to_be_destroyed(applied: Project) -> None:
    """PROD's databases are protected: `pulumi destroy` fails, and takes nothing away before it does."""
    before = applied.resources("prod")
    try:
        refused = applied.pulumi("destroy", "--yes", "--stack", "prod", check=False)
        assert refused.status != 0
        assert "protected" in refused.output
        assert applied.resources("prod") == before
        assert applied.changes("prod", "--refresh") == []
    finally:
        applied.up("prod")
