"""`bulkhead isolation`: what is asked of whom, how it ends, and what is printed."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import hvac
import psycopg
import pytest
from rich.console import Console
from typer.testing import CliRunner

from bulkhead import live as live_servers
from bulkhead import state as states
from bulkhead.cli import app
from bulkhead.errors import explain
from bulkhead.isolation import checking
from bulkhead.isolation.attack import Tried
from bulkhead.isolation.checking import NotDeclared, refuse_undeclared
from bulkhead.isolation.identities import Identity
from bulkhead.isolation.observing import answers
from bulkhead.isolation.printing import show
from bulkhead.isolation.servers import PlatformUnknown, declared, servers_of
from bulkhead.isolation.strays import Stray
from bulkhead.isolation.territory import Edge, Territory
from bulkhead.stacks import StackReference
from bulkhead.state import parse
from tests.isolation_plants import PLANTS, resource
from tests.recorded import exported, recorded
from tests.stacks import ROOT
from tests.unit.test_isolation_attestation import report

Run = Callable[..., Any]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in this repository, on recorded states; changes of them by stack."""
    for folder in (ROOT, ROOT / "examples" / "twinme"):
        for stack in ("dev", "prod"):
            exported(stack, folder)  # recorded once, and not in the command's threads
    monkeypatch.chdir(ROOT)

    def invoke(*words: str, **changed: dict[str, Any]) -> Any:
        def read(stack: StackReference) -> states.State:
            return parse(changed.get(stack.name) or exported(stack.name, ROOT / stack.folder), stack.name)

        monkeypatch.setattr(states, "read", read)
        return CliRunner().invoke(app, ["isolation", *words])

    return invoke


def test_the_states_of_all_stacks_here_are_compared(run: Run) -> None:
    done = run("--recorded")
    assert done.exit_code == 0
    assert "Isolated: 0 shared identities, 0 references across, 337 compared." in done.stdout


def test_every_program_can_be_compared_with_every_other(run: Run) -> None:
    done = run("--recorded", "dev", "examples/twinme:dev", "examples/twinme:prod", "--json")
    assert done.exit_code == 0
    said = json.loads(done.stdout)
    assert [one["name"] for one in said["stacks"]] == ["keybuzz/dev", "twinme/dev", "twinme/prod"]
    assert (said["pairs"], said["isolated"], said["reachable"], said["attack"]) == (3, True, None, None)


def planted(name: str) -> dict[str, dict[str, Any]]:
    plant = next(one for one in PLANTS if one.name == name)
    dev, prod = exported("dev"), exported("prod")
    plant.plant(dev, prod)
    return {"dev": dev, "prod": prod}


def test_a_finding_ends_the_command_with_1_and_says_where_it_comes_from(run: Run) -> None:
    done = run("dev", "prod", "--recorded", **planted("a role in a membership"))
    assert done.exit_code == 1
    assert "Not isolated: 0 shared identities, 1 reference across" in done.stdout
    assert "keybuzz/prod: GrantRole api-vault-membership, grantRole" in done.stdout


def test_a_finding_is_data_for_a_program(run: Run) -> None:
    done = run("dev", "prod", "--recorded", "--json", **planted("one service account"))
    assert done.exit_code == 1
    found = json.loads(done.stdout)["found"]
    assert found["shared"][0]["identity"]["words"] == "ServiceAccount keybuzz-api-dev/api-secrets"
    assert [one["stack"] for one in found["shared"][0]["sources"]] == ["keybuzz/dev", "keybuzz/prod"]
    assert found["references"][0]["source"]["property"] == "metadata.namespace"


def test_one_stack_makes_no_pair_and_that_is_said(run: Run) -> None:
    done = run("dev", "--recorded")
    assert (done.exit_code, "One stack is nothing to compare with" in done.stdout) == (0, True)


def test_an_attestation_is_written_and_holds_until_a_state_changes(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "isolation.json"
    assert run("dev", "prod", "--recorded", "--attestation", str(file)).exit_code == 0
    assert run("verify", str(file)).exit_code == 0
    prod = exported("prod")
    resource(prod, "Policy", "api-policy")["inputs"]["policy"] = "another"
    done = run("verify", str(file), "--json", prod=prod)
    assert done.exit_code == 1
    assert json.loads(done.stdout)["changed"] == ["keybuzz/prod"]
    assert "changed since: keybuzz/prod" in run("verify", str(file), prod=prod).stdout


def test_an_attestation_of_what_was_not_isolated_does_not_hold(run: Run, tmp_path: Path) -> None:
    file, changed = tmp_path / "isolation.json", planted("a role in a membership")
    assert run("dev", "prod", "--recorded", "--attestation", str(file), **changed).exit_code == 1
    done = run("verify", str(file), **changed)
    assert (done.exit_code, "not isolated at" in done.stdout) == (1, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--recorded", "--attack"), "use one of both"),
        (("staging",), "there is no stack 'staging'"),
        (("dev", "--all"), "use one of both"),
        (("--recorded", "--attestation", "/nowhere/at/all.json"), "/nowhere/at is no folder"),
    ],
)
def test_wrong_usage_is_answered_before_anything_is_read(run: Run, words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    explained = explain(done.exception)
    assert explained is not None
    assert explained[1] == 2
    assert said in explained[0]


def test_a_bound_of_nothing_is_wrong_usage(run: Run) -> None:
    assert run("--attack", "--at-most", "0").exit_code == 2


def test_help_tells_what_is_done_and_how_it_ends(run: Run) -> None:
    for words in (("--help",), ("check", "--help"), ("verify", "--help")):
        assert run(*words).exit_code == 0
    assert "Exit codes: 0 isolated" in run("check", "--help").stdout


def shown(**changes: Any) -> str:
    console = Console(file=StringIO(), width=200)
    show(report(**changes), console)
    return console.file.getvalue()  # type: ignore[attr-defined]


EDGE = Edge(
    "rbac", "keybuzz/dev", "keybuzz/prod", "service account a/b", "get secrets", "RoleBinding c binds Role d"
)
TRIED = Tried(
    source="keybuzz/dev",
    target="keybuzz/prod",
    mechanism="vault",
    holder="service account a/b",
    what="logs in as [x]",
    outcome="refused",
    answer="namespace not authorized",
)


def test_all_that_was_looked_at_is_in_the_last_line() -> None:
    said = shown(edges=(), strays=(), tried=(TRIED,), planned=1).splitlines()[-1]
    assert said == (
        "Isolated: 0 shared identities, 0 references across, 337 compared, 0 ways across on the live servers, "
        "1 of 1 attempt refused, 0 strays."
    )


def test_every_attempt_is_printed_and_those_that_got_through_last() -> None:
    through = Tried(**{**vars(TRIED), "outcome": "through", "answer": "logged in"})
    lines = [line for line in shown(tried=(through, TRIED), planned=2).splitlines() if "logs in as [x]" in line]
    assert [line.partition(" k")[0] for line in lines] == ["refused", "GOT THROUGH"]


@pytest.mark.parametrize(
    "changes",
    [
        {"edges": (EDGE,)},
        {"edges": (Edge(**{**vars(EDGE), "decided": False}),)},
        {"tried": (Tried(**{**vars(TRIED), "outcome": "through"}),), "planned": 1},
        {"tried": (Tried(**{**vars(TRIED), "outcome": "undecided"}),), "planned": 1},
        {"tried": (TRIED,), "planned": 2},
    ],
)
def test_what_leads_across_is_undecided_or_was_not_tried_is_no_isolation(changes: dict[str, Any]) -> None:
    assert not report(**changes).isolated
    assert "Not isolated" in shown(**changes)


def test_a_stray_leads_nowhere_and_is_listed() -> None:
    stray = Stray(Identity("postgresql", "database", "", "keybuzz_old"), "its name begins with keybuzz")
    assert report(strays=(stray,)).isolated
    assert "PostgreSQL database keybuzz_old" in shown(strays=(stray,))


def test_what_may_be_shared_is_what_the_platform_file_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    words = "; ".join(declared(StackReference(Path(), "prod")).words)
    for said in ("https://vault.keybuzz.io:8200", "10.0.0.10:5432", "letsencrypt-prod", "namespace ingress"):
        assert said in words


@pytest.mark.parametrize("text", ["config: {}", "config:\n  bulkhead:platform: nowhere", "config: ["])
def test_without_a_platform_file_nothing_is_declared_and_that_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(text)
    with pytest.raises(PlatformUnknown):
        declared(StackReference(tmp_path, "dev"))


def side(monkeypatch: pytest.MonkeyPatch, said: dict[str, str], **stash: Any) -> Any:
    """DEV with live servers that say these ids of themselves."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(checking, "identity_of", lambda _: said)
    state = recorded("dev")
    return checking._Side(Territory("keybuzz/dev", state), {}, stash.get("live", live_servers.Live.of(state)))


IDS = {"kubernetes": "a-cluster", "vault": "a-vault", "postgresql": "a-system"}


def test_the_stacks_own_servers_may_be_attacked(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_undeclared(StackReference(Path(), "dev"), side(monkeypatch, IDS))


@pytest.mark.parametrize("family", IDS)
def test_a_server_that_is_another_one_is_not_attacked(monkeypatch: pytest.MonkeyPatch, family: str) -> None:
    other = side(monkeypatch, {**IDS, family: "another"})
    with pytest.raises(
        NotDeclared, match=rf"{family} of stack dev is another, .* belongs to a-.*; nothing was tried"
    ):
        refuse_undeclared(StackReference(Path(), "dev"), other)


def test_an_address_that_the_platform_does_not_declare_is_not_attacked(monkeypatch: pytest.MonkeyPatch) -> None:
    found = side(monkeypatch, IDS)
    stack = StackReference(Path("examples/twinme"), "dev")
    with pytest.raises(NotDeclared, match=r"applied to kubernetes keybuzz, and platform twinme declares twinme"):
        refuse_undeclared(stack, found)


def test_a_stack_that_does_not_know_its_servers_is_not_attacked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotDeclared, match="does not say which servers"):
        refuse_undeclared(StackReference(Path(), "dev"), side(monkeypatch, IDS, live=None))


def test_a_stacks_servers_are_those_of_its_providers() -> None:
    found = servers_of(recorded("dev"))
    assert {family: server.address for family, server in found.items()} == {
        "kubernetes": "keybuzz",
        "vault": "https://vault.keybuzz.io:8200",
        "postgresql": "10.0.0.10:5432",
        "hosts": "dns",
    }
    assert found["vault"].id == "a-vault"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            hvac.exceptions.Forbidden("permission denied", url="v1/sys/auth"),
            "Vault does not let this be looked at",
        ),
        (psycopg.errors.InsufficientPrivilege("denied\nDETAIL: x"), "PostgreSQL does not let this .*: denied$"),
        (TimeoutError("timed out"), "a server does not answer: timed out"),
    ],
)
def test_what_a_server_refuses_its_administrator_is_an_answer(error: Exception, said: str) -> None:
    def ask() -> None:
        with answers():
            raise error

    with pytest.raises(live_servers.LiveError, match=said):
        ask()
