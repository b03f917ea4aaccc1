"""Database connections, roles and Kubernetes authentication on a pretended Vault."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.plugins.bridged.state import planned
from sandbox.plugins.vault.client import Vault, VaultError
from sandbox.plugins.vault.databases import SecretBackendConnection
from sandbox.plugins.vault.kubernetes_config import AuthBackendConfig
from sandbox.plugins.vault.roles import AuthBackendRole, SecretBackendRole, SecretBackendStaticRole
from tests.unit.vault_wire import Wire, vault, wire

__all__ = ["vault", "wire"]

URL = "postgresql://{{username}}:{{password}}@db.example:5432/postgres"
LIVE = {
    "plugin_name": "postgresql-database-plugin",
    "allowed_roles": ["api"],
    "root_credentials_rotate_statements": [],
    "connection_details": {
        "connection_url": "postgresql://elsewhere",
        "max_connection_lifetime": "1m0s",
        "max_open_connections": 2,
        "username": "admin",
    },
}
CONFIG = "db/config/main"
CANARY = "canary-1"


def connection(password: str = CANARY, **changes: Any) -> dict[str, Any]:
    """Complete inputs of a connection."""
    block = {"connectionUrl": URL, "maxOpenConnections": 2, "password": password, "username": "admin"}
    given = {
        "backend": "db",
        "name": "main",
        "allowedRoles": ["api"],
        "postgresql": block,
        "verifyConnection": True,
    }
    return planned(SecretBackendConnection.properties, {}, {**given, **changes})


def test_a_connection_keeps_what_vault_never_tells(vault: Vault, wire: Wire) -> None:
    wire.holds(CONFIG, LIVE)
    resource_id, outputs = SecretBackendConnection().create(vault, connection())
    assert resource_id == CONFIG
    assert wire.sent[CONFIG]["password"] == "canary-1"
    assert wire.sent[CONFIG]["verify_connection"] is True
    block = outputs["postgresql"]
    assert (block["password"], block["connectionUrl"]) == ("canary-1", URL)
    assert (block["maxConnectionLifetime"], block["maxIdleConnections"], block["tlsCa"]) == (60, 0, "")
    assert outputs["rootRotationStatements"] is None


@pytest.mark.parametrize(("password", "sent"), [("canary-1", None), ("canary-2", "canary-2")])
def test_a_password_is_sent_again_only_where_it_changed(
    vault: Vault, wire: Wire, password: str, sent: str | None
) -> None:
    """Vault may have rotated it: the old one would break the connection."""
    wire.holds(CONFIG, LIVE)
    new = connection(password, allowedRoles=["api", "b"])
    SecretBackendConnection().update(vault, CONFIG, connection(), new)
    assert wire.sent[CONFIG]["allowed_roles"] == ["api", "b"]
    assert wire.sent[CONFIG].get("password") == sent


def test_a_refused_connection_does_not_show_its_password(vault: Vault, wire: Wire) -> None:
    wire.answers["POST", CONFIG] = (400, {"errors": ["cannot parse postgresql://admin:canary-1@db.example"]})
    with pytest.raises(VaultError) as caught:
        SecretBackendConnection().create(vault, connection())
    assert "postgresql://admin:[secret]@db.example" in str(caught.value)


def test_an_imported_connection_has_vaults_url(vault: Vault, wire: Wire) -> None:
    wire.holds(CONFIG, LIVE)
    found = SecretBackendConnection().read(vault, CONFIG, {})
    assert found is not None
    assert found["postgresql"]["connectionUrl"] == "postgresql://elsewhere"
    assert (found["backend"], found["name"]) == ("db", "main")


def test_a_connection_of_another_kind_is_not_taken_for_postgresql(vault: Vault, wire: Wire) -> None:
    wire.holds(CONFIG, {**LIVE, "plugin_name": "mysql-database-plugin"})
    with pytest.raises(VaultError, match="a connection of mysql-database-plugin"):
        SecretBackendConnection().read(vault, CONFIG, {})


def role(kind: Any, **given: Any) -> dict[str, Any]:
    """Complete inputs of a role."""
    return planned(kind.properties, {}, given)


def test_a_role_goes_back_to_nothing_where_the_program_says_no_more(vault: Vault, wire: Wire) -> None:
    wire.holds("db/roles/api", {"db_name": "main", "creation_statements": ["a"], "default_ttl": 60, "max_ttl": 0})
    common = {"backend": "db", "name": "api", "dbName": "main", "creationStatements": ["a"], "defaultTtl": 60}
    old = role(SecretBackendRole, **common, maxTtl=900, revocationStatements=["r"])
    SecretBackendRole().update(vault, "db/roles/api", old, role(SecretBackendRole, **common))
    assert wire.sent["db/roles/api"] == {
        "creation_statements": ["a"],
        "db_name": "main",
        "max_ttl": 0,
        "revocation_statements": [],
    }


def test_a_role_shows_empty_lists_as_none(vault: Vault, wire: Wire) -> None:
    live = {"db_name": "main", "creation_statements": ["a"], "renew_statements": [], "credential_type": "password"}
    wire.holds("a/b/roles/api", live)
    found = SecretBackendRole().read(vault, "a/b/roles/api", {})
    assert found is not None
    assert (found["backend"], found["name"]) == ("a/b", "api")
    assert found["renewStatements"] is None
    assert found["creationStatements"] == ["a"]


def test_a_static_role_is_written_whole(vault: Vault, wire: Wire) -> None:
    """Vault refuses a static role that says nothing of its rotation."""
    wire.holds("db/static-roles/api", {"username": "u", "db_name": "main", "rotation_period": 60})
    new = role(SecretBackendStaticRole, backend="db", name="api", dbName="main", username="u", rotationPeriod=60)
    SecretBackendStaticRole().update(vault, "db/static-roles/api", new, new)
    assert wire.sent["db/static-roles/api"] == {
        "db_name": "main",
        "rotation_period": 60,
        "rotation_statements": [],
        "username": "u",
    }


def test_a_kubernetes_role_has_its_path_and_fields(vault: Vault, wire: Wire) -> None:
    path = "auth/kubernetes/role/api"
    wire.holds(
        path,
        {
            "bound_service_account_names": ["api"],
            "bound_service_account_namespaces": ["dev"],
            "token_bound_cidrs": ["10.1.2.3", "10.0.0.0/8"],
            "token_ttl": 3600,
        },
    )
    given = role(
        AuthBackendRole,
        backend="kubernetes/",
        roleName="api",
        boundServiceAccountNames=["api"],
        boundServiceAccountNamespaces=["dev"],
        tokenTtl=3600,
    )
    resource_id, outputs = AuthBackendRole().create(vault, given)
    assert resource_id == path
    assert wire.sent[path]["bound_service_account_namespaces"] == ["dev"]
    assert "token_policies" not in wire.sent[path]
    assert outputs["tokenBoundCidrs"] == ["10.1.2.3/32", "10.0.0.0/8"]
    assert (outputs["backend"], outputs["roleName"]) == ("kubernetes", "api")
    assert (outputs["tokenMaxTtl"], outputs["tokenNoDefaultPolicy"], outputs["audience"]) == (0, False, "")


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (SecretBackendRole(), "db/static-roles/x"),
        (SecretBackendStaticRole(), "x"),
        (AuthBackendRole(), "kubernetes/role/x"),
        (AuthBackendConfig(), "auth/kubernetes"),
        (SecretBackendConnection(), "db/roles/x"),
    ],
)
def test_an_id_of_the_wrong_form_says_what_form_it_has(vault: Vault, wire: Wire, kind: Any, wrong: str) -> None:
    with pytest.raises(VaultError, match=f'looks like ".+", not "{wrong}"'):
        kind.read(vault, wrong, {})
    assert not wire.asked


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (SecretBackendRole(), "db/roles/x"),
        (SecretBackendStaticRole(), "db/static-roles/x"),
        (AuthBackendRole(), "auth/kubernetes/role/x"),
        (AuthBackendConfig(), "auth/kubernetes/config"),
        (SecretBackendConnection(), "db/config/x"),
    ],
)
def test_gone_denied_and_unreachable_are_three_things(vault: Vault, wire: Wire, kind: Any, path: str) -> None:
    assert kind.read(vault, path, {}) is None
    wire.answers["GET", path] = (403, {"errors": ["permission denied"]})
    with pytest.raises(VaultError, match=f"denies GET {path}"):
        kind.read(vault, path, {})
    wire.answers["GET", path] = ConnectionRefusedError(111, "Connection refused")
    with pytest.raises(VaultError, match="cannot be reached"):
        kind.read(vault, path, {})


def test_a_reviewers_token_is_written_and_never_shown(vault: Vault, wire: Wire) -> None:
    path = "auth/kubernetes/config"
    wire.holds(path, {"kubernetes_host": "https://k", "pem_keys": [], "disable_iss_validation": False})
    given = planned(
        AuthBackendConfig.properties,
        {},
        {"backend": "kubernetes", "kubernetesHost": "https://k", "tokenReviewerJwt": "ey.canary"},
    )
    _, outputs = AuthBackendConfig().create(vault, given)
    assert wire.sent[path]["token_reviewer_jwt"] == "ey.canary"
    assert wire.sent[path]["disable_iss_validation"] is False
    assert outputs["pemKeys"] is None
    wire.answers["POST", path] = (400, {"errors": ["bad ey.canary"]})
    with pytest.raises(VaultError, match=r"bad \[secret\]"):
        AuthBackendConfig().update(vault, path, given, given)


def test_a_configuration_goes_with_its_auth_method(vault: Vault, wire: Wire) -> None:
    AuthBackendConfig().delete(vault, "auth/kubernetes/config", {})
    assert not wire.asked
