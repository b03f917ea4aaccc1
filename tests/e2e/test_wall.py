"""The wall between DEV and PROD, tried with real credentials in both directions."""

import pytest

from tests.e2e.engine import Project
from tests.e2e.servers import Servers
from tests.e2e.waiting import eventually
from tests.e2e.wall import BREACHES, SECRETS, Breach, Side, refusal

TRIED = [
    pytest.param(breach, source, target, id=f"{breach.attempt.__name__}-{source}-to-{target}")
    for breach in BREACHES
    for source, target in (("dev", "prod"), ("prod", "dev"))
    if target in breach.into
]

directions = pytest.mark.parametrize(("breach", "source", "target"), TRIED)


def outcome(breach: Breach, here: Side, there: Side) -> str:
    """How the attempt ended: `through`, or the kind of refusal."""
    try:
        breach.attempt(here, there)
    except Exception as error:  # noqa: BLE001 - whatever it is, `refusal` tells what kind it is
        return refusal(error)
    return "through"


@pytest.mark.parametrize("part", SECRETS)
@directions
def test_the_wall_holds(
    applied: Project, servers: Servers, breach: Breach, source: str, target: str, part: str
) -> None:
    """Refused, and for lack of a right: not because something else went wrong."""
    assert outcome(breach, Side(source, part, servers), Side(target, part, servers)) == breach.refused


@directions
def test_the_attempt_gets_through_where_the_wall_is_opened(
    applied: Project, servers: Servers, breach: Breach, source: str, target: str
) -> None:
    """The same attempt succeeds while somebody opened the wall, and is refused again afterwards.

    The API server learns of a RoleBinding a moment later, hence the waiting; a wall that never opened, or
    never closed again, ends it with a failure.
    """
    here, there = Side(source, "api", servers), Side(target, "api", servers)
    with breach.opening(here, there):
        eventually(lambda: outcome(breach, here, there) == "through", "the attempt gets through")
    eventually(lambda: outcome(breach, here, there) == breach.refused, "the attempt is refused again")


@pytest.mark.parametrize("part", SECRETS)
@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_same_attempts_work_within_one_environment(
    applied: Project, servers: Servers, stack: str, part: str
) -> None:
    """The credentials that the wall refuses are good ones: at home they open what they are for."""
    side = Side(stack, part, servers)
    at_home = {"open_database", "log_in_at_vault", "read_kv", "take_group_role", "lease_login"}
    tried = [b for b in BREACHES if b.attempt.__name__ in at_home and stack in b.into]
    assert {b.attempt.__name__: outcome(b, side, side) for b in tried} == {
        b.attempt.__name__: "through" for b in tried
    }
