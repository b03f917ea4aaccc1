"""What External Secrets is told."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.external_secret import (
    Delivery,
    go_duration,
    render_external_secret,
    render_generator,
    render_secret_store,
)
from components.platform import Vault
from components.validation import seconds
from tests.making import environment

VAULT = Vault.model_validate({"address": "https://vault.keybuzz.io:8200"})


def delivery(**changes: Any) -> Delivery:
    given: dict[str, Any] = {
        "environment": environment("prod"),
        "namespace": "keybuzz-api-prod",
        "secret": "keybuzz-api-postgres",
        "service_account": "api-secrets",
        "principal": "keybuzz-api-prod",
        "kv_path": "keybuzz/prod/db_api",
        "creds_path": "keybuzz/prod/db_api/creds/api",
        "refresh": 900,
        "sslmode": "require",
        "database_url": False,
    }
    return Delivery(**{**given, **changes})


def test_the_store_logs_in_as_one_service_account_of_its_namespace() -> None:
    store = render_secret_store(delivery(), VAULT)
    vault = store["spec"]["provider"]["vault"]
    assert store["kind"] == "SecretStore"
    assert store["metadata"]["namespace"] == "keybuzz-api-prod"
    assert vault["server"] == "https://vault.keybuzz.io:8200"
    assert (vault["path"], vault["version"]) == ("secret", "v2")
    assert vault["auth"]["kubernetes"] == {
        "mountPath": "kubernetes",
        "role": "keybuzz-api-prod",
        "serviceAccountRef": {"name": "api-secrets"},
    }


def test_the_cluster_may_reach_vault_at_another_address_and_by_its_own_authority() -> None:
    inside = VAULT.model_copy(update={"cluster_address": "https://vault.vault.svc:8200", "ca_bundle": "UEVN"})
    for rendered in (render_secret_store(delivery(), inside), render_generator(delivery(), inside)):
        provider = rendered["spec"]["provider"]
        login = provider.get("vault", provider)
        assert login["server"] == "https://vault.vault.svc:8200"
        assert login["caBundle"] == "UEVN"


def test_a_leased_login_comes_from_the_generator_one_a_refresh() -> None:
    external = render_external_secret(delivery(), "1")
    kv, generator = external["spec"]["dataFrom"]
    assert kv == {"extract": {"key": "keybuzz/prod/db_api"}}
    assert generator["sourceRef"]["generatorRef"]["kind"] == "VaultDynamicSecret"
    assert render_generator(delivery(), VAULT)["spec"]["path"] == "keybuzz/prod/db_api/creds/api"
    assert external["spec"]["target"]["template"]["data"]["PGUSER"] == "{{ .username }}"


def test_a_static_login_comes_from_the_kv_secret_alone() -> None:
    external = render_external_secret(delivery(creds_path=None), "1")
    assert external["spec"]["dataFrom"] == [{"extract": {"key": "keybuzz/prod/db_api"}}]
    assert external["spec"]["target"]["template"]["data"]["PGUSER"] == "{{ .PGUSER }}"


@pytest.mark.parametrize("creds_path", [None, "keybuzz/prod/db_api/creds/api"])
@pytest.mark.parametrize("database_url", [False, True])
def test_the_secret_has_the_five_keys_and_the_url_where_it_is_asked_for(
    creds_path: str | None, *, database_url: bool
) -> None:
    made = render_external_secret(delivery(creds_path=creds_path, database_url=database_url), "1")
    keys = {"PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD"}
    assert set(made["spec"]["target"]["template"]["data"]) == keys | ({"DATABASE_URL"} if database_url else set())


def test_the_url_quotes_the_login_and_asks_for_the_platforms_tls() -> None:
    data = render_external_secret(delivery(database_url=True), "1")["spec"]["target"]["template"]["data"]
    assert data["DATABASE_URL"] == (
        "postgresql://{{ .username | urlquery }}:{{ .password | urlquery }}@{{ .PGHOST }}:{{ .PGPORT }}"
        "/{{ .PGDATABASE }}?sslmode=require"
    )


def test_the_update_waits_until_the_secret_is_there_and_a_new_revision_asks_for_it_at_once() -> None:
    annotations = render_external_secret(delivery(), "abc")["metadata"]["annotations"]
    assert annotations["pulumi.com/waitFor"] == "condition=Ready"
    assert annotations["bulkhead.dev/revision"] == "abc"


@pytest.mark.parametrize(
    ("length", "text"),
    [(60, "1m0s"), (900, "15m0s"), (3600, "1h0m0s"), (90, "1m30s"), (45, "45s"), (86400, "24h0m0s")],
)
def test_a_time_is_written_as_the_api_server_stores_it(length: int, text: str) -> None:
    assert go_duration(length) == text


@given(st.integers(1, 10**6))
def test_a_time_that_is_written_is_the_time_that_was_meant(length: int) -> None:
    assert seconds(go_duration(length)) == length
