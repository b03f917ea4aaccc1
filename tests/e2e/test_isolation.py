"""`bulkhead isolation` on real servers: DEV and PROD are apart, and what opens the wall is found and gone through.

The openings are those of tests/e2e/wall.py, which knows nothing of the product; all are there at once for one run.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hvac
import pytest
from kubernetes import client

from bulkhead.isolation.comparison import compare
from bulkhead.state import parse
from tests.e2e import wall
from tests.e2e.engine import CHECKOUT, SECONDS, Project
from tests.e2e.servers import Servers
from tests.isolation_plants import PLANTS, Plant

PLANTED = "keybuzz-isolation-stray"
OPENED = "isolation-opened-on-purpose"


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    status: int
    said: str
    errors: str

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` printed."""
        assert self.said, self.errors
        return json.loads(self.said)


def isolation(project: Project, *words: str, folder: Path | None = None) -> Ran:
    """Run `bulkhead isolation WORDS` in the project's folder."""
    done = subprocess.run(
        [str(CHECKOUT / ".venv/bin/bulkhead"), "isolation", *words],
        cwd=folder or project.folder,
        env=dict(project.environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def attested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the attestation of the closed wall is written."""
    return tmp_path_factory.mktemp("attested") / "isolation.json"


@pytest.fixture(scope="module")
def closed(applied: Project, attested: Path) -> Ran:
    """The wall as it is, attacked and attested."""
    return isolation(applied, "dev", "prod", "--attack", "--json", "--attestation", str(attested))


@contextmanager
def network_opened(here: wall.Side, there: wall.Side) -> Iterator[None]:
    """A policy lets everything out of the one namespace, another lets everything into the other one."""
    api = client.NetworkingV1Api(here.servers.kubernetes)
    specs = {
        here.namespace: {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]},
        there.namespace: {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]},
    }
    for namespace, spec in specs.items():
        api.create_namespaced_network_policy(namespace, {"metadata": {"name": OPENED}, "spec": spec})
    try:
        yield
    finally:
        for namespace in specs:
            api.delete_namespaced_network_policy(OPENED, namespace)


@contextmanager
def secrets_mixed(here: wall.Side, there: wall.Side) -> Iterator[None]:
    """A Secret of the one names the database of the other, and both have one key for their tokens."""
    core, key = here.servers.core, "d9Mn4oSz1VbN6xYgPq"
    held = {here.namespace: {"PGDATABASE": there.database, "jwt": key}, there.namespace: {"signing": key}}
    for namespace, values in held.items():
        core.create_namespaced_secret(namespace, {"metadata": {"name": OPENED}, "stringData": values})
    try:
        yield
    finally:
        for namespace in held:
            core.delete_namespaced_secret(OPENED, namespace)


@pytest.fixture(scope="module")
def opened(applied: Project, servers: Servers) -> Ran:
    """The wall with an opening from DEV to PROD of every kind, attacked."""
    here, there = wall.Side("dev", "api", servers), wall.Side("prod", "api", servers)
    openings = {breach.opening for breach in wall.BREACHES} | {network_opened, secrets_mixed}
    with ExitStack() as open_now:
        for opening in openings:
            open_now.enter_context(opening(here, there))
        return isolation(applied, "dev", "prod", "--attack", "--json")


def test_dev_and_prod_are_isolated(closed: Ran) -> None:
    """No shared identity, no reference across, no way across, no attempt that was not refused, and no stray."""
    found = closed.document
    assert (closed.status, found["isolated"]) == (0, True), found["found"]
    assert (found["shared"], found["references"], found["reachable"]) == (0, 0, 0)
    assert found["identities"] > 300
    assert found["strays"] == 0, found["found"]["strays"]
    attack = found["attack"]
    assert attack["refused"] == attack["tried"] == attack["planned"] > 1000
    assert {one["mechanism"] for one in found["found"]["attempts"]} == {"database", "vault", "kubernetes"}
    directions = {(one["source"], one["target"]) for one in found["found"]["attempts"]}
    assert directions == {("keybuzz/dev", "keybuzz/prod"), ("keybuzz/prod", "keybuzz/dev")}


def test_no_credential_is_in_the_report(closed: Ran, opened: Ran, servers: Servers, attested: Path) -> None:
    for part in wall.SECRETS:
        for stack in ("dev", "prod"):
            password = wall.Side(stack, part, servers).login["password"]
            for text in (closed.said, closed.errors, opened.said, opened.errors, attested.read_text()):
                assert password not in text


def test_what_would_be_shared_is_only_what_the_platform_declares(closed: Ran, servers: Servers) -> None:
    declared = " ".join(closed.document["declared"])
    for shared in (servers.environment["VAULT_ADDR"], servers.environment["PGPORT"], "ingress", "monitoring"):
        assert shared in declared


WAYS = {
    "connect": ("postgresql", "role {login}", "database keybuzz_prod (connect)", "has CONNECT on keybuzz_prod"),
    "membership": ("postgresql", "role {login}", "role keybuzz_api_prod", "member of keybuzz_api_prod"),
    "auth role": (
        "vault",
        "service account keybuzz-api-dev/api-secrets",
        "auth/kubernetes/role/keybuzz-api-prod",
        "lets it log in",
    ),
    "policy": (
        "vault",
        "service account keybuzz-api-dev/api-secrets",
        "secret/data/keybuzz/prod/db_api (read)",
        "keybuzz-api-dev",
    ),
    "lease": (
        "vault",
        "service account keybuzz-api-dev/api-secrets",
        "keybuzz/prod/db_api/creds/api (read)",
        "keybuzz-api-dev",
    ),
    "binding": (
        "rbac",
        "service account keybuzz-api-dev/api, service account keybuzz-api-dev/api-secrets",
        "get secrets in namespace keybuzz-api-prod",
        "RoleBinding keybuzz-api-prod/wall-opened-on-purpose",
    ),
    "token": (
        "rbac",
        "service account keybuzz-api-dev/api, service account keybuzz-api-dev/api-secrets",
        "create serviceaccounts/token in namespace keybuzz-api-prod",
        "RoleBinding keybuzz-api-prod/wall-opened-on-purpose",
    ),
    "network": ("network", "api", "namespace keybuzz-api-prod", f"keybuzz-api-prod/{OPENED}"),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_opening_is_computed_and_says_what_opens_it(opened: Ran, servers: Servers, way: str) -> None:
    mechanism, who, what, why = WAYS[way]
    who = who.format(login=wall.Side("dev", "api", servers).login["user"])
    ways = opened.document["found"]["reachable"]
    assert [
        one
        for one in ways
        if (one["mechanism"], one["source"], one["target"]) == (mechanism, "keybuzz/dev", "keybuzz/prod")
        and who in one["who"]
        and what in one["what"]
        and why in one["why"]
    ], ways


def test_what_secrets_hold_is_compared_and_never_shown(opened: Ran) -> None:
    found = opened.document["found"]
    (reference,) = found["references"]
    assert reference["identity"]["words"] == "PostgreSQL database keybuzz_prod"
    assert reference["source"]["property"] == "data.PGDATABASE"
    assert reference["source"]["urn"].endswith(f"Secret::keybuzz-api-dev/{OPENED}")
    (shared,) = found["shared"]
    assert [one["property"] for one in shared["sources"]] == ["data.jwt", "data.signing"]
    assert "d9Mn4oSz1VbN6xYgPq" not in opened.said


def test_what_was_opened_one_way_is_not_said_to_be_open_the_other_way(opened: Ran) -> None:
    """But for a membership: who is in both is of both."""
    ways = opened.document["found"]["reachable"]
    assert {one["source"] for one in ways if one["mechanism"] != "postgresql"} == {"keybuzz/dev"}


THROUGH = {
    "database": ("login connects to keybuzz_prod", "login becomes role keybuzz_api_prod"),
    "vault": (
        "service account logs in at Vault as keybuzz-api-prod",
        "Vault token reads secret/keybuzz/prod/db_api",
        "Vault token reads keybuzz/prod/db_api/creds/api",
    ),
    "kubernetes": (
        "service account reads Secret keybuzz-api-prod/keybuzz-api-postgres",
        "service account borrows service account keybuzz-api-prod/api-secrets (dry run)",
    ),
}


@pytest.mark.parametrize("mechanism", THROUGH)
def test_the_attack_gets_through_an_opening_and_says_so(opened: Ran, mechanism: str) -> None:
    found = opened.document
    assert (opened.status, found["isolated"]) == (1, False)
    attempts = [one for one in found["found"]["attempts"] if one["mechanism"] == mechanism]
    through = {one["what"] for one in attempts if one["outcome"] == "through" and one["source"] == "keybuzz/dev"}
    assert set(THROUGH[mechanism]) <= through, through
    others = {one["what"] for one in attempts if "keybuzz_backend_prod" in one["what"]}
    assert not others & through, "what was not opened is still refused"


def test_an_attack_leaves_nothing_behind(opened: Ran, servers: Servers) -> None:
    """What got through was read or was a dry run: no object of the probe's name is anywhere."""
    for stack in ("dev", "prod"):
        namespace = wall.Side(stack, "api", servers).namespace
        maps = servers.core.list_namespaced_config_map(namespace).items
        policies = client.NetworkingV1Api(servers.kubernetes).list_namespaced_network_policy(namespace).items
        assert not [one.metadata.name for one in [*maps, *policies] if "probe" in one.metadata.name]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_what_is_planted_in_the_real_recorded_states_is_found(states: dict[str, str], plant: Plant) -> None:
    dev, prod = ({**json.loads(states[stack]), "stack": stack} for stack in ("dev", "prod"))
    plant.plant(dev, prod)
    found = compare([parse(dev, "dev"), parse(prod, "prod")])
    assert {str(one.identity) for one in found.shared} >= plant.shared
    there = {(one.source.stack, one.source.where, str(one.identity)) for one in found.references}
    for stack, where, identity in plant.references:
        assert any((stack, where) == one[:2] and identity in ("", one[2]) for one in there), there


@pytest.fixture(scope="module")
def states(applied: Project) -> dict[str, str]:
    """The states of both as the engine recorded them."""
    return {stack: json.dumps(applied.state(stack)) for stack in ("dev", "prod")}


@contextmanager
def strays(servers: Servers) -> Iterator[None]:
    """Something of each kind that nobody manages."""
    vault, role = servers.vault, PLANTED.replace("-", "_")
    auth = {"bound_service_account_names": ["a"], "bound_service_account_namespaces": [PLANTED]}
    with ExitStack() as done:
        with servers.database() as session:
            session.execute(f"CREATE DATABASE {role}")
            session.execute(f"CREATE ROLE {role}")
        done.callback(lambda: _drop(servers, role))
        vault.secrets.kv.v2.create_or_update_secret("keybuzz/dev/stray", {"a": "b"})
        done.callback(vault.secrets.kv.v2.delete_metadata_and_all_versions, "keybuzz/dev/stray")
        vault.sys.create_or_update_policy(PLANTED, 'path "a" { capabilities = ["read"] }')
        done.callback(vault.sys.delete_policy, PLANTED)
        vault.sys.enable_secrets_engine("kv", path="keybuzz/stray")
        done.callback(vault.sys.disable_secrets_engine, "keybuzz/stray")
        vault.adapter.post(f"/v1/auth/kubernetes/role/{PLANTED}", json=auth)
        done.callback(vault.adapter.delete, f"/v1/auth/kubernetes/role/{PLANTED}")
        servers.core.create_namespace({"metadata": {"name": PLANTED}})
        done.callback(servers.core.delete_namespace, PLANTED)
        servers.core.create_namespaced_config_map("keybuzz-api-dev", {"metadata": {"name": PLANTED}})
        done.callback(servers.core.delete_namespaced_config_map, PLANTED, "keybuzz-api-dev")
        yield


def _drop(servers: Servers, role: str) -> None:
    with servers.database() as session:
        session.execute(f"DROP DATABASE {role}")
        session.execute(f"DROP ROLE {role}")


def test_what_nobody_manages_is_listed(applied: Project, servers: Servers) -> None:
    """And leads nowhere: the environments are isolated all the same."""
    with strays(servers):
        ran = isolation(applied, "dev", "prod", "--json")
    assert {one["identity"]["words"] for one in ran.document["found"]["strays"]} == {
        "PostgreSQL database keybuzz_isolation_stray",
        "PostgreSQL role keybuzz_isolation_stray",
        "Vault path secret/keybuzz/dev/stray",
        "Vault path keybuzz/stray",
        f"Vault policy {PLANTED}",
        f"Vault path auth/kubernetes/role/{PLANTED}",
        f"Namespace {PLANTED}",
        f"ConfigMap keybuzz-api-dev/{PLANTED}",
    }
    assert ran.status == 0


def test_an_attestation_holds_as_long_as_the_states_do(applied: Project, closed: Ran, attested: Path) -> None:
    statement = json.loads(attested.read_text())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    digests = {
        one["name"]: one["digest"]["sha256"] for one in closed.document["stacks"] for one in [_subject(one)]
    }
    assert {one["name"]: one["digest"]["sha256"] for one in statement["subject"]} == digests
    assert statement["predicate"]["result"] == "isolated"
    assert isolation(applied, "verify", str(attested)).status == 0
    urn = next(urn for urn in applied.resources("dev") if urn.endswith("::worker-limits"))
    applied.pulumi("state", "protect", "--yes", "--stack", "dev", urn)
    try:
        ran = isolation(applied, "verify", str(attested))
        assert (ran.status, "changed since: keybuzz/dev" in ran.said) == (1, True)
    finally:
        applied.pulumi("state", "unprotect", "--yes", "--stack", "dev", urn)
    assert isolation(applied, "verify", str(attested)).status == 0


def _subject(one: dict[str, Any]) -> dict[str, Any]:
    return {"name": one["name"], "digest": {"sha256": one["digest"]}}


def test_servers_that_no_platform_declares_are_not_attacked(applied: Project, tmp_path: Path) -> None:
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml"):
        shutil.copy(applied.folder / name, tmp_path / name)
    ran = isolation(applied, "dev", "prod", "--attack", folder=tmp_path)
    assert ran.status == 1
    assert "bulkhead:platform is 'keybuzz'" in ran.errors


def test_servers_that_are_not_the_stacks_own_are_not_attacked(applied: Project, tmp_path: Path) -> None:
    """A stack whose state says that it belongs to another Vault than the one that answers."""
    moved, stack = (
        json.loads(json.dumps(applied.state("dev")).replace("urn:pulumi:dev::", "urn:pulumi:pr-81::")),
        "pr-81",
    )
    for one in moved["deployment"]["resources"]:
        if one["type"] == "pulumi:index:Stash":
            for kept in (one["inputs"]["input"], one["outputs"]["output"], one["outputs"]["input"]):
                kept["vault"] = "another-vault"
    file = tmp_path / "moved.json"
    file.write_text(json.dumps(moved))
    applied.branch(stack)
    try:
        applied.pulumi("stack", "import", "--stack", stack, "--file", str(file))
        ran = isolation(applied, "prod", stack, "--attack")
        assert ran.status == 1
        assert "the stack belongs to another-vault; nothing was tried" in ran.errors
    finally:
        applied.pulumi("stack", "rm", "--yes", "--force", "--stack", stack)
        (applied.folder / f"Pulumi.{stack}.yaml").unlink(missing_ok=True)


def test_an_attack_is_bounded_and_what_was_not_tried_is_no_proof(applied: Project) -> None:
    ran = isolation(applied, "dev", "prod", "--attack", "--at-most", "20", "--json")
    attack = ran.document["attack"]
    assert (ran.status, attack["tried"], attack["refused"]) == (1, 40, 40)
    assert attack["planned"] > 1000


def test_one_stack_is_compared_with_nothing_and_says_so(applied: Project) -> None:
    ran = isolation(applied, "dev", "--recorded")
    assert (ran.status, "One stack is nothing to compare with" in ran.said) == (0, True)


def test_a_stack_that_is_not_there_is_wrong_usage(applied: Project) -> None:
    ran = isolation(applied, "dev", "staging")
    assert (ran.status, "there is no stack 'staging'" in ran.errors) == (2, True)


def test_vault_says_what_the_openings_leased_is_gone(opened: Ran, servers: Servers) -> None:
    """A login that the attack leased ended with the token that leased it: those left are the pods' own."""
    with servers.database() as session:
        logins = session.execute("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'v-keybuzz\\_api\\_prod-%'")
        count = logins.fetchone()[0]
    try:
        leases = servers.vault.list("sys/leases/lookup/keybuzz/prod/db_api/creds/api")["data"]["keys"]
    except hvac.exceptions.InvalidPath:
        leases = []
    assert count == len(leases)
