"""Who may read a Secret's sources at Vault, and for how long."""

from dataclasses import replace

from components.external_secret import Delivery, Source, kv_source
from components.secret_delivery import LOGIN_SECONDS, render_policy, token_seconds
from tests.making import environment

KV = kv_source("keybuzz/prod/cache_main", "REDIS_URL")
LOGIN = Source(kv_path="keybuzz/prod/db_api", creds_path="keybuzz/prod/db_api/creds/api", lease=3600, keys={})


def delivery(*sources: Source) -> Delivery:
    return Delivery(
        environment=environment("prod"),
        namespace="keybuzz-api-prod",
        secret="keybuzz-api",
        service_account="api-secrets",
        principal="keybuzz-api-prod",
        sources=sources,
        data={},
        refresh=900,
    )


def test_the_policy_names_each_source_once_and_has_no_wildcard() -> None:
    policy = render_policy("secret", delivery(KV, LOGIN))
    assert [line.split('"')[1] for line in policy.splitlines() if line.startswith("path")] == [
        "secret/data/keybuzz/prod/cache_main",
        "secret/data/keybuzz/prod/db_api",
        "keybuzz/prod/db_api/creds/api",
        "auth/token/lookup-self",
        "auth/token/revoke-self",
    ]
    assert not set("*+") & set(policy)


def test_the_policy_looks_at_the_mount_that_the_platform_has() -> None:
    assert 'path "kv/data/keybuzz/prod/cache_main"' in render_policy("kv", delivery(KV))


def test_a_token_outlives_the_longest_lease_that_hangs_on_it_by_a_refresh() -> None:
    longer = replace(LOGIN, kv_path="keybuzz/prod/db_b", creds_path="keybuzz/prod/db_b/creds/b", lease=7200)
    assert token_seconds(delivery(LOGIN, longer, KV)) == 7200 + 900


def test_without_a_lease_a_token_is_short() -> None:
    assert token_seconds(delivery(KV)) == LOGIN_SECONDS
