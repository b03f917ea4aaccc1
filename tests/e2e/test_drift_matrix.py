"""`bulkhead drift` shows all 53 changes of the drift matrix, and `--repair` puts each of them right.

The changes are made by hand on the three servers, many at a time, and what is live is read from the servers
before, between and after, so the command does not vouch for itself.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.e2e.conformance import records
from tests.e2e.engine import Project, Step
from tests.e2e.matrix import kubernetes, postgresql, vault
from tests.e2e.matrix.hands import BY_HAND, Change, Hands, drift, told
from tests.e2e.matrix.postgresql import STRANGER
from tests.e2e.servers import Servers
from tests.e2e.test_conformance import STACK, conformance

assert conformance  # the fixture of the recorded program

CHANGES = (*kubernetes.CHANGES, *vault.CHANGES, *postgresql.CHANGES)
MATRIX = json.loads((records.HERE / "drift-matrix.json").read_text(encoding="utf-8"))
UNSEEN = [entry["change"] for entry in MATRIX if not entry["shown"]]
"""What `pulumi preview --refresh` does not show with the official plugins, and `up --refresh` does not repair."""


@dataclass
class Account:
    """What was seen.

    Args:
        before: the live values before the changes, by change.
        changed: the same after them.
        shown: what the command said of the batch of each change.
        repaired: the live values after the repair.
        left: what the command said then.
        codes: how each run of the command ended, in their order.
        previewed: what `pulumi preview --refresh` would still do after all repairs.
        said: all that it printed or wrote.
    """

    before: dict[str, Any] = field(default_factory=dict)
    changed: dict[str, Any] = field(default_factory=dict)
    shown: dict[str, Any] = field(default_factory=dict)
    repaired: dict[str, Any] = field(default_factory=dict)
    left: list[Any] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    previewed: list[Step] = field(default_factory=list)
    said: str = ""


@pytest.fixture(scope="module")
def hands(conformance: Project, servers: Servers) -> Iterator[Hands]:
    hands = Hands(servers, conformance.environment)
    hands.sql(f"DROP ROLE IF EXISTS {STRANGER}")
    hands.sql(f"CREATE ROLE {STRANGER}")
    yield hands
    hands.sql(f"DROP ROLE {STRANGER}")


@pytest.fixture(scope="module")
def at_first(conformance: Project, hands: Hands) -> dict[str, Any]:
    """What is said of a stack that nobody has touched."""
    code, said = drift(conformance, "--json", STACK)
    return {"code": code, **json.loads(said)}


@pytest.fixture(scope="module")
def account(
    conformance: Project, hands: Hands, at_first: Any, tmp_path_factory: pytest.TempPathFactory
) -> Account:
    """Every change made, shown and repaired."""
    seen, keep = Account(), tmp_path_factory.mktemp("kept")
    log = ("--postgresql-log", str(hands.servers.sandbox.layout.log("postgresql")))
    for batch in sorted({change.batch for change in CHANGES}):
        chosen = [change for change in CHANGES if change.batch == batch]
        seen.before |= {change.name: change.look(hands) for change in chosen}
        for change in chosen:
            change.act(hands)
        seen.changed |= {change.name: change.look(hands) for change in chosen}
        code, said = drift(conformance, "--json", *log, STACK)
        seen.shown |= {change.name: json.loads(said)["stacks"][0] for change in chosen}
        repairing, repaired = drift(conformance, "--json", "--repair", "--keep", str(keep), STACK)
        seen.repaired |= {change.name: change.look(hands) for change in chosen}
        seen.left.append(json.loads(repaired)["stacks"][0])
        seen.codes += [code, repairing]
        seen.said += said + repaired
    last, after = drift(conformance, "--json", STACK)
    seen.left.append(json.loads(after)["stacks"][0])
    seen.codes.append(last)
    seen.previewed = conformance.changes(STACK, "--refresh")
    seen.said += "".join(file.read_text(encoding="utf-8") for file in keep.rglob("*.json"))
    return seen


def test_the_changes_are_those_of_the_matrix() -> None:
    assert [change.name for change in CHANGES] == [entry["change"] for entry in MATRIX]
    assert len(CHANGES) == 53
    assert len(UNSEEN) == 17


def test_a_stack_that_nobody_touched_has_no_drift(at_first: Mapping[str, Any]) -> None:
    [report] = at_first["stacks"]
    assert (report["drifts"], report["undecided"], report["failed"]) == ([], [], "")
    assert at_first["code"] == 0
    assert report["resources"] == len(
        [one for one in records.official_state() if one not in {"k8s", "vault", "pg"}]
    )


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_change_by_hand_is_shown(account: Account, change: Change) -> None:
    """The report names the resource and says what differs."""
    assert account.changed[change.name] != account.before[change.name], "the change by hand did not come about"
    texts = told(account.shown[change.name], change.resource)
    assert any(all(word in text for word in change.words) for text in texts), texts


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_repair_puts_it_right(account: Account, change: Change) -> None:
    """The server has again what it had before."""
    assert account.repaired[change.name] == account.before[change.name]


def test_after_the_repair_nothing_is_left(account: Account) -> None:
    for report in account.left:
        assert (report["drifts"], report["undecided"], report["failed"]) == ([], [], "")
    failed = [one for report in account.left for one in report["repaired"] if one["failed"]]
    assert failed == []


def test_after_the_repair_pulumi_has_nothing_to_do_either(account: Account) -> None:
    """But for what it says of a stack that nobody touched.

    The operator spells a time in full, and a Role drifts for ever beside a GrantRole.
    """
    assert {(step.name, step.fields) for step in account.previewed} <= {
        ("external-secret", ("spec.refreshInterval",)),
        ("pg-login", ("roles",)),
    }


def test_the_exit_code_tells_drift_from_none(account: Account) -> None:
    assert account.codes == [3, 0, 3, 0, 0]


def test_what_is_not_touched_is_not_named(account: Account) -> None:
    named = {one["name"] for change in CHANGES for one in account.shown[change.name]["drifts"]}
    assert named <= {change.resource for change in CHANGES}


def test_who_changed_an_object_is_said(account: Account) -> None:
    """Kubernetes by the field manager, Vault by its audit log, PostgreSQL by the server's."""
    first = account.shown["deployment: image changed"]["drifts"]
    causes = {one["name"]: one["cause"] for one in first if one["kind"] != "missing"}
    for name in ("deployment", "role", "secret", "network-policy", "external-secret"):
        assert causes[name]["who"] == BY_HAND
        assert causes[name]["when"]
    for name in ("policy", "connection", "auth-role", "kv-secret", "mount-database"):
        assert causes[name]["who"].startswith("root"), causes[name]
        assert causes[name]["source"] == "Vault's audit log"
    for name in ("pg-owner", "pg-grant-role", "pg-schema"):
        assert causes[name]["who"] == "postgres", causes[name]
        assert causes[name]["source"] == "PostgreSQL's log"


def test_no_secret_is_in_what_is_said_or_kept(account: Account, conformance: Project) -> None:
    secrets = ("s3cret", "stolen", "m0re", "pw-one-123", "known-to-somebody", "10.6.6.6")
    assert not [secret for secret in secrets if secret in account.said]
    assert conformance.environment["PGPASSWORD"] not in account.said
