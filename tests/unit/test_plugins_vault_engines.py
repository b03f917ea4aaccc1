"""Mounts, auth methods, policies and KV secrets on a pretended Vault."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.plugins.bridged.state import planned
from sandbox.plugins.vault.auth import Audit, AuthBackend
from sandbox.plugins.vault.client import Vault, VaultError
from sandbox.plugins.vault.kv import SecretV2
from sandbox.plugins.vault.mounts import Mount
from sandbox.plugins.vault.policies import Policy
from tests.unit.vault_wire import Wire, vault, wire

__all__ = ["vault", "wire"]

KV = {"type": "kv", "accessor": "kv_1", "options": {"version": "2"}, "config": {}, "description": "a"}
DATABASE = {"type": "database", "accessor": "database_1", "config": {"default_lease_ttl": 3600}}
NO_MOUNT = (400, {"errors": ["No secret engine mount at database/"]})
UPGRADING = (400, {"errors": ["Upgrading from non-versioned to versioned data. Please retry"]})


def inputs(kind: Any, **given: Any) -> dict[str, Any]:
    """Complete inputs, as the provider hands them over at an update."""
    return planned(kind.properties, {}, given)


def test_a_versioned_engine_is_waited_for(vault: Vault, wire: Wire) -> None:
    wire.holds("sys/mounts/kv", KV)
    wire.answers["GET", "kv/config"] = [UPGRADING, UPGRADING, (200, {"data": {}})]
    resource_id, outputs = Mount().create(
        vault, inputs(Mount, path="kv", type="kv", options={"version": "2"}, description="a")
    )
    assert resource_id == "kv"
    assert wire.asked.count(("GET", "kv/config")) == 3
    assert outputs["accessor"] == "kv_1"
    assert outputs["auditNonHmacRequestKeys"] == []
    assert outputs["passthroughRequestHeaders"] is None


def test_an_engine_that_may_not_be_looked_into_is_mounted_all_the_same(vault: Vault, wire: Wire) -> None:
    wire.holds("sys/mounts/kv", KV)
    wire.answers["GET", "kv/config"] = (403, {"errors": ["permission denied"]})
    assert Mount().create(vault, inputs(Mount, path="kv", type="kv-v2"))[0] == "kv"


def test_kv_v2_stays_what_it_was_called(vault: Vault, wire: Wire) -> None:
    wire.holds("sys/mounts/kv", KV)
    found = Mount().read(vault, "kv", {"type": "kv-v2", "options": None})
    assert found is not None
    assert (found["type"], found["options"]) == ("kv-v2", None)


def test_a_mount_that_moves_is_not_made_anew(vault: Vault, wire: Wire) -> None:
    wire.holds("sys/mounts/new", DATABASE)
    wire.answers["POST", "sys/remount"] = (200, {"data": {"migration_id": "m1"}})
    wire.answers["GET", "sys/remount/status/m1"] = [
        (200, {"data": {"migration_info": {"status": "in-progress"}}}),
        (200, {"data": {"migration_info": {"status": "success"}}}),
    ]
    wire.answers["POST", "sys/mounts/new/tune"] = [(400, {"errors": ["not yet"]}), (204, None)]
    new = inputs(Mount, path="new", type="database", defaultLeaseTtlSeconds=7200)
    outputs = Mount().update(vault, "old", inputs(Mount, path="old", type="database"), new)
    assert outputs["id"] == outputs["path"] == "new"
    assert wire.sent["sys/remount"] == {"from": "old", "to": "new"}
    assert wire.sent["sys/mounts/new/tune"]["default_lease_ttl"] == "7200s"
    assert ("POST", "sys/mounts/new") not in wire.asked


def test_a_move_that_fails_is_an_error(vault: Vault, wire: Wire) -> None:
    wire.answers["POST", "sys/remount"] = (200, {"data": {"migration_id": "m1"}})
    wire.holds("sys/remount/status/m1", {"migration_info": {"status": "failure"}})
    with pytest.raises(VaultError, match="could not move old to new: failure"):
        Mount().update(vault, "old", {}, inputs(Mount, path="new", type="database"))


def test_tuning_that_vault_refuses_is_not_repeated(vault: Vault, wire: Wire) -> None:
    wire.answers["POST", "sys/mounts/db/tune"] = (400, {"errors": ["too long"]})
    with pytest.raises(VaultError, match="too long"):
        Mount().update(vault, "db", {}, inputs(Mount, path="db", type="database"))
    assert wire.writes() == [("POST", "sys/mounts/db/tune")]


def test_deletion_waits_for_mount_and_leases(vault: Vault, wire: Wire) -> None:
    wire.answers["GET", "sys/mounts/database"] = [(200, {"data": DATABASE}), NO_MOUNT]
    lease = (200, {"data": {"keys": ["creds/"]}})
    wire.answers["LIST", "sys/leases/lookup/database/"] = [lease, lease, (404, {"errors": []})]
    Mount().delete(vault, "database", {})
    assert wire.asked.count(("LIST", "sys/leases/lookup/database/")) == 3


def test_a_revocation_that_fails_is_told_in_vaults_words(vault: Vault, wire: Wire) -> None:
    said = 'failed to revoke "database/creds/api/x" (1 / 1): connection refused'
    wire.answers["DELETE", "sys/mounts/database"] = (400, {"errors": [said]})
    with pytest.raises(VaultError) as caught:
        Mount().delete(vault, "database", {})
    assert said in str(caught.value)


def test_leases_that_may_not_be_seen_are_left_to_vault(vault: Vault, wire: Wire) -> None:
    wire.answers["GET", "sys/mounts/database"] = NO_MOUNT
    wire.answers["LIST", "sys/leases/lookup/database/"] = (403, {"errors": ["permission denied"]})
    Mount().delete(vault, "database", {})
    assert wire.writes() == [("DELETE", "sys/mounts/database")]


@pytest.mark.parametrize("kind", [Mount(), AuthBackend()])
def test_a_mount_is_gone_only_where_vault_says_so(vault: Vault, wire: Wire, kind: Any) -> None:
    path = "sys/mounts/x" if isinstance(kind, Mount) else "sys/auth/x"
    wire.answers["GET", path] = (400, {"errors": ["No auth engine at x/", "No secret engine mount at x/"]})
    assert kind.read(vault, "x", {}) is None
    wire.answers["GET", path] = (400, {"errors": ["something else"]})
    with pytest.raises(VaultError, match="something else"):
        kind.read(vault, "x", {})


def test_tuning_of_an_auth_method_stays_as_it_was_written(vault: Vault, wire: Wire) -> None:
    wire.holds("sys/auth/k", {"type": "kubernetes", "accessor": "a", "description": ""})
    wire.holds("sys/auth/k/tune", {"default_lease_ttl": 5400, "max_lease_ttl": 86400, "token_type": "service"})
    given = inputs(
        AuthBackend, path="k", type="kubernetes", tune={"defaultLeaseTtl": "90m", "tokenType": "service"}
    )
    _, outputs = AuthBackend().create(vault, given)
    assert wire.sent["sys/auth/k/tune"] == {"default_lease_ttl": "90m", "token_type": "service"}
    assert outputs["tune"]["defaultLeaseTtl"] == "90m"
    fresh = AuthBackend().read(vault, "k", {})
    assert fresh is not None
    assert (fresh["tune"]["defaultLeaseTtl"], fresh["tune"]["maxLeaseTtl"]) == ("1h30m", "24h")


def test_an_auth_method_moves(vault: Vault, wire: Wire) -> None:
    wire.holds("sys/auth/new", {"type": "kubernetes"})
    wire.answers["POST", "sys/remount"] = (200, {"data": {"migration_id": "m1"}})
    wire.holds("sys/remount/status/m1", {"migration_info": {"status": "success"}})
    outputs = AuthBackend().update(vault, "old", {}, inputs(AuthBackend, path="new", type="kubernetes"))
    assert wire.sent["sys/remount"] == {"from": "auth/old", "to": "auth/new"}
    assert outputs["id"] == "new"


def test_an_audit_device_is_found_among_all(vault: Vault, wire: Wire) -> None:
    wire.holds("sys/audit", {"file/": {"type": "file", "options": {"file_path": "/x"}, "description": ""}})
    found = Audit().read(vault, "file", {"description": None})
    assert found == {
        "description": None,
        "id": "file",
        "local": None,
        "options": {"file_path": "/x"},
        "path": "file",
        "type": "file",
    }
    assert Audit().read(vault, "other", {}) is None


def test_a_policy_that_is_gone_is_an_empty_one_except_to_an_import(vault: Vault, wire: Wire) -> None:
    assert Policy().read(vault, "p", {"policy": "x"}) == {"policy": ""}
    assert Policy().read(vault, "p", {}) is None
    assert wire.asked == [("GET", "sys/policies/acl/p")] * 2


def test_a_policy_is_not_written_over_where_that_is_forbidden(vault: Vault, wire: Wire) -> None:
    wire.holds("sys/policies/acl/p", {"policy": "old"})
    given = inputs(Policy, name="p", policy="new", allowOverwrite=False)
    with pytest.raises(VaultError, match='has a policy "p" already'):
        Policy().create(vault, given)
    assert not wire.writes()
    assert Policy().create(vault, inputs(Policy, name="p", policy="new"))[0] == "p"


def test_a_secret_is_written_once_the_engine_takes_it(vault: Vault, wire: Wire) -> None:
    metadata = {"version": 1, "destroyed": False, "custom_metadata": None, "created_time": "t"}
    wire.holds("kv/data/a/b", {"data": {"x": "live"}, "metadata": metadata})
    wire.holds("kv/metadata/a/b", {"max_versions": 0, "delete_version_after": "0s"})
    wire.answers["POST", "kv/data/a/b"] = [UPGRADING, (200, {"data": {}})]
    resource_id, outputs = SecretV2().create(
        vault, inputs(SecretV2, mount="kv", name="a/b", dataJson='{"x": "declared"}')
    )
    assert resource_id == "kv/data/a/b"
    assert wire.sent["kv/data/a/b"] == {"data": {"x": "declared"}, "options": {}}
    assert outputs["metadata"] == {
        "version": "1",
        "destroyed": "false",
        "custom_metadata": "null",
        "created_time": "t",
    }
    assert outputs["customMetadata"] == {
        "casRequired": False,
        "data": {},
        "deleteVersionAfter": 0,
        "maxVersions": 0,
    }
    assert "live" not in repr(outputs), "data is not read back"


def test_a_refused_secret_does_not_show_itself(vault: Vault, wire: Wire) -> None:
    wire.answers["POST", "kv/data/x"] = (400, {"errors": ["bad value canary-1 of canary-2"]})
    given = inputs(SecretV2, mount="kv", name="x", dataJson='{"a": "canary-1", "b": ["canary-2"]}')
    with pytest.raises(VaultError, match=r"bad value \[secret\] of \[secret\]"):
        SecretV2().create(vault, given)


@pytest.mark.parametrize("text", ["", "canary", "[1]", '{"canary": '])
def test_data_that_is_no_object_is_refused_unseen(vault: Vault, wire: Wire, text: str) -> None:
    with pytest.raises(VaultError, match=r"The data of kv/data/x is not a JSON object$"):
        SecretV2().create(vault, inputs(SecretV2, mount="kv", name="x", dataJson=text))
    assert not wire.asked


@pytest.mark.parametrize(("everything", "path"), [(False, "kv/data/x"), (True, "kv/metadata/x")])
def test_what_deletion_of_a_secret_takes(vault: Vault, wire: Wire, *, everything: bool, path: str) -> None:
    SecretV2().delete(vault, "kv/data/x", {"deleteAllVersions": everything})
    assert wire.asked == [("DELETE", path)]
