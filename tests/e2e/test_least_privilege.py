"""What each credential may do at Vault: its own, and nothing of all else that there is; every path is tried."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import hvac
import pytest
from kubernetes import client

from tests.e2e.engine import Project
from tests.e2e.servers import Servers
from tests.e2e.vault_paths import Asker, Survey, rights
from tests.e2e.waiting import eventually

PLANTED = "planted/for_the_test_of_least_privilege"
PARTS = {f"{part}-{stack}" for part in ("api", "backend", "worker") for stack in ("dev", "prod")}


@dataclass(frozen=True)
class Reader:
    """One service account that External Secrets logs in as, for one auth role."""

    namespace: str
    account: str
    role: str

    @property
    def own(self) -> set[str]:
        """All that it is for, told from its role's name and from nothing that the product says."""
        found = re.fullmatch(r"keybuzz-([a-z0-9]+)(?:_([a-z]+))?-([a-z]+)", self.role)
        assert found, self.role
        part, purpose, stack = found.groups()
        name, lease = "_".join(filter(None, ("db", part, purpose))), "-".join(filter(None, (part, purpose)))
        kept = {f"read secret/data/keybuzz/{stack}/{name}"}
        return kept | ({f"read keybuzz/{stack}/{name}/creds/{lease}"} if stack == "prod" else set())

    @property
    def own_paths(self) -> set[str]:
        """The paths of `own`."""
        return {right.split()[-1] for right in self.own}


def readers(servers: Servers) -> list[Reader]:
    """The reader of every SecretStore of DEV and PROD, as the cluster has them."""
    found: list[Reader] = []
    for stack in ("dev", "prod"):
        labels = f"bulkhead.dev/system=keybuzz,bulkhead.dev/environment={stack}"
        stores = client.CustomObjectsApi(servers.kubernetes).list_cluster_custom_object(
            "external-secrets.io", "v1", "secretstores", label_selector=labels
        )["items"]
        for store in stores:
            login = store["spec"]["provider"]["vault"]["auth"]["kubernetes"]
            reader = Reader(store["metadata"]["namespace"], login["serviceAccountRef"]["name"], login["role"])
            found.append(reader)
    return found


@contextmanager
def asking(servers: Servers, reader: Reader) -> Iterator[Asker]:
    """Vault with the token that External Secrets gets; what was leased meanwhile ends with it."""
    mine = servers.vault_as(reader.namespace, reader.account, reader.role)
    asker = Asker(servers.environment["VAULT_ADDR"], mine.token)
    try:
        yield asker
    finally:
        asker.close()
        mine.auth.token.revoke_self()


@pytest.fixture(scope="module")
def root(applied: Project, servers: Servers) -> Iterator[Asker]:
    """Who may do everything."""
    asker = Asker(servers.environment["VAULT_ADDR"], servers.environment["VAULT_TOKEN"])
    yield asker
    asker.close()


@pytest.fixture(scope="module")
def paths(root: Asker) -> set[str]:
    """All that this Vault has."""
    return Survey(root).paths()


@pytest.fixture(scope="module")
def planted(servers: Servers) -> Iterator[str]:
    """A secret of nobody's, so that a policy can be widened to something without harm."""
    kv = servers.vault.secrets.kv.v2
    kv.create_or_update_secret(PLANTED, {"key": "value"})
    yield f"secret/data/{PLANTED}"
    kv.delete_metadata_and_all_versions(PLANTED)


def test_the_paths_that_are_tried_are_those_that_there_are(paths: set[str], servers: Servers) -> None:
    """Nothing would be found in an empty list: DEV's and PROD's secrets, engines, roles and policies are in it."""
    assert {f"secret/data/keybuzz/{stack}/db_api" for stack in ("dev", "prod")} <= paths
    assert {f"secret/metadata/keybuzz/{stack}" for stack in ("dev", "prod")} <= paths
    assert {f"keybuzz/prod/db_api/{kind}" for kind in ("creds/api", "roles/api", "config/keybuzz_prod")} <= paths
    assert {"auth/kubernetes/role/keybuzz-api-dev", "sys/policies/acl/keybuzz-api-prod", "sys/raw"} <= paths
    assert {f"keybuzz-{part}" for part in PARTS} <= {reader.role for reader in readers(servers)}
    assert len(paths) > 200


def test_every_credential_may_do_its_own_and_nothing_else(
    applied: Project, servers: Servers, paths: set[str]
) -> None:
    """Each of DEV's and PROD's, each path of Vault: read, list, write, patch and delete."""
    found = {}
    for reader in readers(servers):
        with asking(servers, reader) as asker:
            found[reader] = rights(asker, paths)
    assert found == {reader: reader.own for reader in readers(servers)}


@pytest.mark.parametrize("capability", ["read", "list", "update", "delete"])
def test_a_policy_that_is_too_wide_is_found(
    applied: Project, servers: Servers, planted: str, root: Asker, capability: str
) -> None:
    """One more path by one more capability, and the same check tells it; once it is gone, nothing."""
    reader = next(reader for reader in readers(servers) if reader.role == "keybuzz-api-dev")
    policies = servers.vault.sys
    rules = policies.read_policy(reader.role)["data"]["rules"]
    path = planted.replace("/data/", "/metadata/") if capability in ("list", "delete") else planted
    every = Survey(root).paths()
    assert path in every
    policies.create_or_update_policy(
        reader.role, f'{rules}\npath "{path}" {{ capabilities = ["{capability}"] }}\n'
    )
    try:
        with asking(servers, reader) as asker:
            shown = "create or update" if capability == "update" else capability
            assert rights(asker, {path, *reader.own_paths}) == {*reader.own, f"{shown} {path}"}
    finally:
        policies.create_or_update_policy(reader.role, rules)
    with asking(servers, reader) as asker:
        assert rights(asker, {path, *reader.own_paths}) == reader.own


def test_a_service_account_logs_in_for_its_own_role_alone(applied: Project, servers: Servers) -> None:
    """Every account of every namespace of both environments, for every auth role that Vault has."""
    let_in: set[tuple[str, str, str]] = set()
    roles = servers.vault.list("auth/kubernetes/role")["data"]["keys"]
    for namespace in sorted({f"keybuzz-{part}" for part in PARTS}):
        for account in servers.core.list_namespaced_service_account(namespace).items:
            name = account.metadata.name
            token = servers.token(namespace, name)
            for role in roles:
                mine = hvac.Client(url=servers.environment["VAULT_ADDR"])
                try:
                    mine.auth.kubernetes.login(role=role, jwt=token)
                except hvac.exceptions.Forbidden:
                    continue
                mine.auth.token.revoke_self()
                let_in.add((namespace, name, role))
    expected = {(reader.namespace, reader.account, reader.role) for reader in readers(servers)}
    assert let_in == expected


def test_a_denied_read_is_in_the_audit_log_with_who_tried_and_without_a_secret(
    applied: Project, servers: Servers, planted: str
) -> None:
    """The log tells the path, the refusal, and whose token it was; the token itself only as a keyed hash."""
    reader = next(reader for reader in readers(servers) if reader.role == "keybuzz-api-dev")
    mine = servers.vault_as(reader.namespace, reader.account, reader.role)
    token = mine.token
    with pytest.raises(hvac.exceptions.Forbidden):
        mine.adapter.get(f"/v1/{planted}")
    mine.auth.token.revoke_self()
    log = servers.sandbox.layout.log("vault-audit")
    assert log.stat().st_mode & 0o777 == 0o600

    def denied() -> list[dict[str, Any]]:
        entries = (json.loads(line) for line in log.read_text(encoding="utf-8").splitlines())
        return [
            entry
            for entry in entries
            if entry["type"] == "response"
            and entry["request"].get("path") == planted
            and "permission denied" in entry.get("error", "")
        ]

    (*_, entry) = eventually(denied, "the audit log has it")
    assert entry["auth"]["metadata"]["service_account_name"] == reader.account
    assert entry["auth"]["metadata"]["service_account_namespace"] == reader.namespace
    assert entry["request"]["client_token"].startswith("hmac-sha256:")
    assert token not in log.read_text(encoding="utf-8")
