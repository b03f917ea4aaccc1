"""Three rotations and more, with pods that log in throughout: no log-in fails, static or leased."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from psycopg import sql

from tests.e2e.engine import Project
from tests.e2e.pods import Logins, Pods, refused
from tests.e2e.servers import Servers
from tests.e2e.small import OPENING, small_project
from tests.e2e.waiting import eventually

PROGRAM = OPENING + 'application(login("turn"))\n'
STATIC, LEASED = "dev", "pr-1"
REFRESH, TTL = 12, 132
"""Seconds; the least that the arithmetic takes for one replica: 12 + 60 until ready + 60 to stop."""

STACKS = {
    STATIC: {"kind": "development", "credentials": {"mode": "static", "rotation": 0}},
    LEASED: {
        "kind": "ephemeral",
        "credentials": {"mode": "dynamic", "ttl": f"{TTL}s", "maxTtl": f"{TTL}s", "refresh": f"{REFRESH}s"},
    },
}
SECRET = "turn"
LOGIN, LOGIN2 = "turn_api_login_dev", "turn_api_login2_dev"


@dataclass(frozen=True)
class Turn:
    """One environment of a small system, with a pod that logs in."""

    stack: str
    project: Project
    servers: Servers

    @property
    def namespace(self) -> str:
        """Where it runs."""
        return f"turn-{self.stack}"

    @property
    def credential(self) -> dict[str, str]:
        """What the Secret holds now."""
        return self.servers.secret(self.namespace, SECRET)

    @property
    def pods(self) -> Pods:
        """Its pods, as clients."""
        return Pods(self.servers, self.namespace, SECRET)

    def uids(self) -> set[str]:
        """The pods that are there to stay."""
        pods = self.servers.core.list_namespaced_pod(self.namespace).items
        return {pod.metadata.uid for pod in pods if not pod.metadata.deletion_timestamp}

    def rotate(self, rotation: int, logins: Logins) -> None:
        """Do what a person does: raise the number, `pulumi up`, and look until the old pods have stopped."""
        before, pods = self.credential, self.uids()
        self.set_rotation(rotation)
        self.project.up(self.stack)
        eventually(lambda: self.credential != before, f"the Secret has rotation {rotation}")
        eventually(lambda: self.uids() and not self.uids() & pods, "every pod is new")
        eventually(lambda: not logins.going & pods, "the old pods have stopped")

    def set_rotation(self, rotation: int) -> None:
        """Raise the number in the stack's file."""
        words = ("--path", "--plaintext", "bulkhead:credentials.rotation", str(rotation))
        self.project.pulumi("config", "set", "--stack", self.stack, *words)

    def role_exists(self, user: str) -> bool:
        """Whether the database server knows a login."""
        with self.servers.database() as session:
            return session.execute("SELECT FROM pg_roles WHERE rolname = %s", (user,)).fetchone() is not None


@pytest.fixture(scope="module")
def turns(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Turn]]:
    """Both environments."""
    project = small_project(tmp_path_factory.mktemp("turn"), servers, "turn", PROGRAM, STACKS)
    made = {stack: Turn(stack, project, servers) for stack in STACKS}
    try:
        for stack in made:
            project.init(stack)
            project.up(stack)
        yield made
    finally:
        for stack in made:
            project.remove(stack)


@dataclass(frozen=True)
class Course:
    """What was seen while both environments rotated."""

    static: Logins
    leased: Logins
    credentials: list[dict[str, str]]
    first_lease: str
    seconds: float


@pytest.fixture(scope="module")
def course(turns: dict[str, Turn]) -> Course:
    """Three rotations of the static credential, while the leased one goes on past its first lease's end."""
    static, leased = turns[STATIC], turns[LEASED]
    began, first = time.monotonic(), leased.credential["PGUSER"]
    with ExitStack() as watching:
        of_static = watching.enter_context(static.pods.watched())
        of_leased = watching.enter_context(leased.pods.watched())
        credentials = [static.credential]
        for rotation in (1, 2, 3):
            static.rotate(rotation, of_static)
            credentials.append(static.credential)
        eventually(lambda: not leased.role_exists(first), "the first lease has ended", TTL + 30)
        eventually(lambda: len(of_leased.users) > 3, "three leases followed the first")
    return Course(of_static, of_leased, credentials, first, time.monotonic() - began)


@pytest.mark.parametrize("mode", ["static", "leased"])
def test_no_log_in_fails_throughout_three_rotations(course: Course, mode: str) -> None:
    """Pods logged in all the time, with at least four credentials, and were replaced at each."""
    logins: Logins = getattr(course, mode)
    assert logins.failures == []
    assert logins.succeeded > course.seconds
    assert logins.longest_pause < 20
    assert len(logins.pods) >= 4


def test_static_logins_take_turns_and_each_password_is_new(course: Course) -> None:
    """The first login, the second, the first again: four passwords, two names."""
    assert [credential["PGUSER"] for credential in course.credentials] == [LOGIN, LOGIN2, LOGIN, LOGIN2]
    assert len({credential["PGPASSWORD"] for credential in course.credentials}) == 4


def test_a_static_credential_works_until_the_rotation_after_the_next(
    course: Course, turns: dict[str, Turn]
) -> None:
    """The present one and the one before it; those before are of no use to anybody."""
    servers = turns[STATIC].servers
    assert [not refused(servers, each) for each in course.credentials] == [False, False, True, True]


def test_every_lease_that_pods_held_was_another(course: Course) -> None:
    """Vault made each, and the first of them has ended by itself meanwhile."""
    assert course.leased.users[0] == course.first_lease
    assert all(user.startswith("v-turn_api_pr__1") for user in course.leased.users)


def test_a_rotation_is_no_drift_and_leaves_nothing_to_do(course: Course, turns: dict[str, Turn]) -> None:
    """Nor is what Vault remembers of it."""
    assert turns[STATIC].project.changes(STATIC, "--refresh") == []


def test_a_leap_is_refused_before_anything_changes(course: Course, turns: dict[str, Turn]) -> None:
    """Two rotations at once, or one back, would change the login that pods hold: a preview says so."""
    static = turns[STATIC]
    try:
        for wanted in (5, 2, 0):
            static.set_rotation(wanted)
            said = static.project.pulumi("preview", "--stack", STATIC, check=False)
            assert said.status != 0
            assert f"credentials.rotation is {wanted}, and secret/turn/dev/db_api is at 3" in said.output
            assert "Traceback" not in said.output
    finally:
        static.set_rotation(3)


def test_a_password_that_changes_under_the_pods_is_seen_as_failed_log_ins(
    course: Course, turns: dict[str, Turn]
) -> None:
    """Proof that the client can fail: what the alternation avoids is done by hand, to the login that pods hold."""
    static = turns[STATIC]
    held = static.credential
    change = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(held["PGUSER"]), sql.Literal("other"))
    back = sql.SQL("ALTER ROLE {} PASSWORD {}")
    with static.servers.database() as session, static.pods.watched() as logins:
        eventually(lambda: logins.succeeded, "the pods log in")
        session.execute(change)
        try:
            eventually(lambda: logins.failures, "the pods fail", 20)
        finally:
            session.execute(back.format(sql.Identifier(held["PGUSER"]), sql.Literal(held["PGPASSWORD"])))
    assert "password authentication failed" in logins.failures[0]


def test_a_lease_that_ends_too_early_is_seen_as_failed_log_ins(course: Course, turns: dict[str, Turn]) -> None:
    """The same for leases: the one that pods hold is revoked while they hold it."""
    leased = turns[LEASED]
    with leased.pods.watched() as logins:
        eventually(lambda: logins.succeeded, "the pods log in")
        prefix = f"turn/{LEASED}/db_api/creds/api"
        leased.servers.vault.sys.revoke_prefix(prefix)
        eventually(lambda: logins.failures, "the pods fail", 20)
    assert "password authentication failed" in logins.failures[0]
