"""What External Secrets is told."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.external_secret import (
    Delivery,
    Source,
    database_keys,
    go_duration,
    kv_source,
    render_external_secret,
    render_generators,
    render_secret_store,
)
from components.platform import Vault
from components.validation import seconds
from tests.making import environment

VAULT = Vault.model_validate({"address": "https://vault.keybuzz.io:8200"})
PATH = "keybuzz/prod/db_api"
LEASE = f"{PATH}/creds/api"


def source(creds_path: str | None = LEASE, *, read: bool = False) -> Source:
    keys = database_keys(leased=bool(creds_path), read=read, sslmode="require")
    return Source(kv_path=PATH, creds_path=creds_path, lease=3600 if creds_path else 0, keys=keys)


def delivery(*sources: Source, **changes: Any) -> Delivery:
    of = sources or (source(),)
    given: dict[str, Any] = {
        "environment": environment("prod"),
        "namespace": "keybuzz-api-prod",
        "secret": "keybuzz-api-postgres",
        "service_account": "api-secrets",
        "principal": "keybuzz-api-prod",
        "sources": of,
        "data": {key: one.template(key) for one in of for key in one.keys},
        "refresh": 900,
    }
    return Delivery(**{**given, **changes})


def data(of: Delivery) -> dict[str, str]:
    return render_external_secret(of, "1")["spec"]["target"]["template"]["data"]


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
    for rendered in (render_secret_store(delivery(), inside), *render_generators(delivery(), inside)):
        provider = rendered["spec"]["provider"]
        login = provider.get("vault", provider)
        assert login["server"] == "https://vault.vault.svc:8200"
        assert login["caBundle"] == "UEVN"


def test_a_leased_login_comes_from_the_generator_one_a_refresh() -> None:
    external = render_external_secret(delivery(), "1")
    kv, generator = external["spec"]["dataFrom"]
    assert kv == {"extract": {"key": "keybuzz/prod/db_api"}}
    assert generator["sourceRef"]["generatorRef"]["kind"] == "VaultDynamicSecret"
    (made,) = render_generators(delivery(), VAULT)
    assert made["spec"]["path"] == LEASE
    assert made["metadata"]["name"] == generator["sourceRef"]["generatorRef"]["name"] == "keybuzz-api-postgres"
    assert external["spec"]["target"]["template"]["data"]["PGUSER"] == "{{ .username }}"


def test_a_static_login_comes_from_the_kv_secret_alone() -> None:
    external = render_external_secret(delivery(source(None)), "1")
    assert external["spec"]["dataFrom"] == [{"extract": {"key": "keybuzz/prod/db_api"}}]
    assert external["spec"]["target"]["template"]["data"]["PGUSER"] == "{{ .PGUSER }}"


@pytest.mark.parametrize("creds_path", [None, LEASE])
def test_a_database_login_provides_libpqs_five_variables_and_the_url(creds_path: str | None) -> None:
    keys = {"PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "DATABASE_URL"}
    assert set(source(creds_path).keys) == keys


@pytest.mark.parametrize("creds_path", [None, LEASE])
def test_a_read_end_point_adds_its_host_and_port(creds_path: str | None) -> None:
    added = set(source(creds_path, read=True).keys) - set(source(creds_path).keys)
    assert added == {"PGREADHOST", "PGREADPORT"}
    assert data(delivery(source(creds_path, read=True)))["PGREADHOST"] == "{{ .PGREADHOST }}"


def test_the_url_quotes_the_login_and_asks_for_the_platforms_tls() -> None:
    assert data(delivery())["DATABASE_URL"] == (
        "postgresql://{{ .username | urlquery }}:{{ .password | urlquery }}@{{ .PGHOST }}:{{ .PGPORT }}"
        "/{{ .PGDATABASE }}?sslmode=require"
    )


def test_several_sources_keep_their_keys_apart_by_a_prefix_that_no_other_can_have() -> None:
    several = delivery(source().prefixed(), kv_source("keybuzz/prod/cache_main", "REDIS_URL").prefixed())
    database, login, cache = render_external_secret(several, "1")["spec"]["dataFrom"]
    for one in (database, login):
        assert one["rewrite"] == [{"regexp": {"source": "^(.*)$", "target": "db_api__$1"}}]
    assert cache == {
        "extract": {"key": "keybuzz/prod/cache_main"},
        "rewrite": [{"regexp": {"source": "^(.*)$", "target": "cache_main__$1"}}],
    }
    assert data(several)["REDIS_URL"] == "{{ .cache_main__REDIS_URL }}"
    assert data(several)["DATABASE_URL"].startswith("postgresql://{{ .db_api__username | urlquery }}:")
    (generator,) = render_generators(several, VAULT)
    assert generator["metadata"]["name"] == "keybuzz-api-postgres-db-api"
    assert login["sourceRef"]["generatorRef"]["name"] == "keybuzz-api-postgres-db-api"


def test_what_is_used_once_is_looked_up_when_it_changes_and_not_by_the_clock() -> None:
    assert render_external_secret(delivery(once=True), "1")["spec"]["refreshPolicy"] == "OnChange"
    assert "refreshInterval" not in render_external_secret(delivery(once=True), "1")["spec"]
    assert "refreshPolicy" not in render_external_secret(delivery(), "1")["spec"]


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
