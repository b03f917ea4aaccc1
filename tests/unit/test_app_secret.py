"""One Secret of generated, expected and borrowed values."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from components import Connected, InputError
from components.app_secret import AppSecret, AppSecretArgs, Expected, From, Generated, variable_name
from components.environment import Environment
from components.external_secret import Source, kv_source
from components.values import Credentials, Workload
from tests.making import IMAGE, build, credential, environment, namespace
from tests.recording import Recording

OWN = {
    "openai-api-key": Expected(),
    "anthropic-api-key": Expected(),
    "jwt-secret": Generated(length=48),
    "encryption-key": Generated(length=32, encoding="base64", irreplaceable=True),
}


class Kept:
    """Another component's KV secret, as a cache has one."""

    def __init__(self, connected: Connected, of: Environment) -> None:
        self.environment = of
        self.source: Source = kv_source(of.vault_path("cache_main"), "REDIS_URL", "REDIS_PASSWORD")
        self.ready = namespace(connected, of, "cache").object
        self.revision = "cache-1"


def app_secret(connected: Connected, of: Environment, **more: Any) -> AppSecret:
    given: dict[str, Any] = {
        "environment": of,
        "secret": "twinme-secrets",
        "credentials": Credentials(mode="dynamic" if of.is_production else "static"),
        "used_by": Workload(image=IMAGE),
        "values": OWN,
        **more,
    }
    given["namespace"] = given.get("namespace") or namespace(connected, of, "app")
    return AppSecret("app", AppSecretArgs(**given), connected)


def complete(stage: str, **more: Any) -> Recording:
    """All six of TwinMe's values, with a login and a cache of which other components keep the passwords."""

    def make(connected: Connected) -> None:
        of = environment(stage)
        login = credential(connected, of, secret=None)
        cache = Kept(connected, of)
        borrowed = {"database-url": From(login, "DATABASE_URL"), "redis-url": From(cache, "REDIS_URL")}
        app_secret(connected, of, values={**borrowed, **OWN}, **more)

    return build(make)


STAGES = pytest.mark.parametrize("stage", ["dev", "prod"])


@STAGES
def test_all_values_are_in_one_secret_with_these_keys_and_no_others(stage: str) -> None:
    external = complete(stage).one("ExternalSecret", "app-external-secret").inputs
    assert external["spec"]["target"]["name"] == "twinme-secrets"
    assert set(external["spec"]["target"]["template"]["data"]) == {"database-url", "redis-url", *OWN}


@STAGES
def test_the_policy_reads_the_paths_that_it_is_made_of_and_nothing_else(stage: str) -> None:
    policy = complete(stage).one("Policy", "app-policy").inputs
    rules = dict(re.findall(r'path "([^"]*)" \{\n  capabilities = \["(\w+)"\]\n\}', policy["policy"]))
    leased = {f"keybuzz/{stage}/db_api/creds/api": "read"} if stage == "prod" else {}
    paths = ("generated_app", "app_app", "db_api", "cache_main")
    assert rules == {
        **{f"secret/data/keybuzz/{stage}/{path}": "read" for path in paths},
        **leased,
        "auth/token/lookup-self": "read",
        "auth/token/revoke-self": "update",
    }
    assert policy["policy"].count("path ") == len(rules)
    assert policy["name"] == f"keybuzz-app_app-{stage}"


def test_what_nothing_is_taken_from_is_not_read() -> None:
    recording = build(lambda connected: app_secret(connected, environment(), values={"jwt-secret": Generated()}))
    assert 'app_app"' not in recording.one("Policy", "app-policy").inputs["policy"]
    (found,) = recording.one("ExternalSecret", "app-external-secret").inputs["spec"]["dataFrom"]
    assert found["extract"]["key"] == "keybuzz/dev/generated_app"


def test_vault_takes_one_service_account_of_its_own() -> None:
    recording = complete("prod")
    role = recording.one("AuthBackendRole", "app-auth-role").inputs
    assert role["boundServiceAccountNames"] == ["app-app-secrets"]
    assert role["boundServiceAccountNamespaces"] == ["keybuzz-app-prod"]
    assert role["tokenPolicies"] == ["keybuzz-app_app-prod"]
    lease = recording.one("SecretBackendRole", "api-lease").inputs
    assert role["tokenTtl"] >= lease["defaultTtl"]


def test_generated_values_are_kept_at_vault_as_secrets() -> None:
    kept = complete("dev").one("SecretV2", "app-generated")
    assert (kept.inputs["mount"], kept.inputs["name"]) == ("secret", "keybuzz/dev/generated_app")
    assert kept.secrets == {"dataJson"}
    assert json.loads(kept.inputs["dataJson"]) == {
        "jwt-secret": "generated-password-of-app-jwt-secret",
        "encryption-key": "generated-base64-of-app-encryption-key",
    }


@pytest.mark.parametrize(
    ("encoding", "kind", "text"),
    [("text", "RandomPassword", "password"), ("hex", "RandomBytes", "hex"), ("base64", "RandomBytes", "base64")],
)
def test_a_value_is_drawn_and_written_as_it_is_asked_for(encoding: Any, kind: str, text: str) -> None:
    values = {"key": Generated(length=32, encoding=encoding)}
    recording = build(lambda connected: app_secret(connected, environment(), values=values))
    assert recording.one(kind, "app-key").inputs["length"] == 32
    kept = recording.one("SecretV2", "app-generated")
    assert json.loads(kept.inputs["dataJson"])["key"] == f"generated-{text}-of-app-key"


def test_another_generation_is_another_value_and_the_first_has_no_keeper() -> None:
    def keepers(generation: int) -> Any:
        values = {"key": Generated(generation=generation)}
        recording = build(lambda connected: app_secret(connected, environment(), values=values))
        return recording.one("RandomPassword", "app-key").inputs.get("keepers")

    assert [keepers(0), keepers(1)] == [None, {"generation": "1"}]


def test_production_alone_refuses_to_lose_what_is_irreplaceable() -> None:
    for stage, protected in (("dev", False), ("prod", True)):
        recording = complete(stage)
        for kind, name in (("RandomBytes", "app-encryption-key"), ("SecretV2", "app-generated")):
            assert bool(recording.one(kind, name).options.get("protect")) is protected
        assert not recording.one("RandomPassword", "app-jwt-secret").options.get("protect")


def test_an_expected_value_is_managed_by_nobody_here() -> None:
    recording = complete("prod")
    assert {made.inputs["name"] for made in recording.of("SecretV2")} == {
        "keybuzz/prod/db_api",
        "keybuzz/prod/generated_app",
    }
    data = recording.one("ExternalSecret", "app-external-secret").inputs["spec"]["target"]["template"]["data"]
    assert data["openai-api-key"] == (
        '{{ with index . "app_app__openai-api-key" }}{{ . }}{{ else }}'
        '{{ fail "openai-api-key is missing or empty at secret/keybuzz/prod/app_app" }}{{ end }}'
    )


@pytest.mark.parametrize(("stage", "user"), [("dev", "PGUSER"), ("prod", "username")])
def test_a_borrowed_value_is_made_of_its_sources_keys(stage: str, user: str) -> None:
    external = complete(stage).one("ExternalSecret", "app-external-secret").inputs["spec"]
    data = external["target"]["template"]["data"]
    assert data["database-url"].startswith(f"postgresql://{{{{ .db_api__{user} | urlquery }}}}:")
    assert data["redis-url"] == "{{ .cache_main__REDIS_URL }}"
    prefixes = [found["rewrite"][0]["regexp"]["target"] for found in external["dataFrom"]]
    expected = [
        "generated_app__$1",
        "app_app__$1",
        "db_api__$1",
        *(["db_api__$1"] * (stage == "prod")),
        "cache_main__$1",
    ]
    assert prefixes == expected


@STAGES
def test_the_secret_is_delivered_after_all_that_it_is_made_of(stage: str) -> None:
    recording = complete(stage)
    needed = [("SecretV2", "app-generated"), ("SecretV2", "api-kv"), ("Namespace", "cache-namespace")]
    needed += [("Policy", "app-policy"), ("AuthBackendRole", "app-auth-role"), ("SecretStore", "app-secret-store")]
    needed += [("SecretBackendRole", "api-lease")] if stage == "prod" else [("Role", "api-login")]
    external = recording.one("ExternalSecret", "app-external-secret")
    recording.require_after(external, *(recording.one(kind, name) for kind, name in needed))


def test_a_change_of_any_source_is_a_new_revision_that_may_be_seen() -> None:
    external = complete("dev").one("ExternalSecret", "app-external-secret")
    revision = external.inputs["metadata"]["annotations"]["bulkhead.dev/revision"]
    assert re.fullmatch(r"[0-9a-f]{16}-cache-1-[0-9a-f]{16}", revision)
    assert not external.secrets


@STAGES
def test_every_generated_value_stays_a_secret(stage: str) -> None:
    for made in complete(stage):
        marked = {path.split(".")[0] for path in made.secrets}
        open_inputs = {key: value for key, value in made.inputs.items() if key not in marked}
        if made.kind == "SecretBackendConnection":
            open_inputs = {"postgresql": {**made.inputs["postgresql"], "password": None}}
        assert not re.search("generated-(password|base64|hex)-of", json.dumps(open_inputs)), made.name


def test_its_keys_become_environment_variables() -> None:
    found: list[AppSecret] = []
    build(lambda connected: found.append(app_secret(connected, environment())))
    assert found[0].variables == {
        "OPENAI_API_KEY": "openai-api-key",
        "ANTHROPIC_API_KEY": "anthropic-api-key",
        "JWT_SECRET": "jwt-secret",
        "ENCRYPTION_KEY": "encryption-key",
    }
    assert found[0].expected == ("openai-api-key", "anthropic-api-key")
    assert variable_name("tls.key-file") == "TLS_KEY_FILE"


def refused(message: str, **changes: Any) -> None:
    with pytest.raises(InputError, match=message):
        build(lambda connected: app_secret(connected, environment(), **changes))


@pytest.mark.parametrize("key", ["", "-a", "a/b", "1st", "a b", "ключ", "a\n", "../a", "a" * 254, None, 7])
def test_a_name_that_is_no_secrets_key_is_refused(key: object) -> None:
    refused("values of Secret twinme-secrets has the key", values={key: Expected()})


def test_no_values_at_all_are_refused() -> None:
    refused("values of Secret twinme-secrets is empty", values={})


def test_two_keys_that_become_one_variable_are_refused() -> None:
    refused(
        "'api-key' and 'api.key', which both become API_KEY", values={"api-key": Expected(), "api.key": Expected()}
    )


@pytest.mark.parametrize("value", ["plain text", None, Expected, {"length": 32}])
def test_a_value_that_says_not_where_it_comes_from_is_refused_without_being_told(value: object) -> None:
    with pytest.raises(InputError, match=r"values\.key is a .*; use Generated\(\), Expected\(\) or From") as error:
        build(lambda connected: app_secret(connected, environment(), values={"key": value}))
    assert "plain text" not in str(error.value)


@pytest.mark.parametrize("length", [0, -1, 15, 1025, 10**9, 32.0, "32", True, None])
def test_a_generated_value_that_can_be_guessed_or_not_drawn_is_refused(length: Any) -> None:
    with pytest.raises(InputError, match=r"length is .* for a generated value; use 16 to 1024"):
        Generated(length=length)


@pytest.mark.parametrize(
    "changes", [{"encoding": "rot13"}, {"encoding": None}, {"generation": -1}, {"generation": "1"}]
)
def test_a_generated_value_of_no_known_form_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"use text, hex or base64|use a whole number from 0"):
        Generated(**changes)


@pytest.mark.parametrize("name", ["", "Db", "db_api", "db/api", None])
def test_a_secret_that_is_no_dns_label_is_refused(name: object) -> None:
    refused(r"secret is .*; use a DNS label", secret=name)


def test_a_key_that_the_source_does_not_have_is_refused_with_those_that_it_has() -> None:
    def make(connected: Connected) -> None:
        values = {"url": From(Kept(connected, environment()), "REDIS_URI")}
        app_secret(connected, environment(), values=values)

    with pytest.raises(InputError, match=r"'REDIS_URI'.*did you mean 'REDIS_URL'.*REDIS_URL, REDIS_PASSWORD"):
        build(make)


BORROWED: dict[str, Callable[[Connected, Environment], Any]] = {
    "namespace": lambda connected, of: {"namespace": namespace(connected, of, "other")},
    "values.url": lambda connected, of: {"values": {"url": From(Kept(connected, of), "REDIS_URL")}},
}


@pytest.mark.parametrize("thing", BORROWED)
def test_a_thing_of_another_environment_is_refused(thing: str) -> None:
    with pytest.raises(InputError, match=f"{thing} belongs to keybuzz/prod; use one of keybuzz/dev"):
        build(
            lambda connected: app_secret(
                connected, environment(), **BORROWED[thing](connected, environment("prod"))
            )
        )


def test_a_lease_too_short_for_the_roll_out_of_any_user_is_refused() -> None:
    times = Credentials.model_validate({"mode": "dynamic", "ttl": "20m", "maxTtl": "1h", "refresh": "10m"})

    def make(connected: Connected, replicas: int) -> None:
        of = environment("prod")
        login = credential(connected, of, secret=None, credentials=times)
        users = (Workload(image=IMAGE), Workload(image=IMAGE, replicas=replicas))
        values = {"database-url": From(login, "DATABASE_URL")}
        app_secret(connected, of, values=values, credentials=times, used_by=users)

    build(lambda connected: make(connected, 9))
    with pytest.raises(
        InputError, match=r"credentials\.ttl is '20m' for Secret twinme-secrets; use at least 1260s"
    ):
        build(lambda connected: make(connected, 10))


def test_its_own_refresh_counts_for_a_login_that_it_leases() -> None:
    long = Credentials.model_validate({"mode": "dynamic", "ttl": "20m", "maxTtl": "1h", "refresh": "5m"})
    rare = Credentials.model_validate({"mode": "static", "refresh": "20m"})

    def make(connected: Connected) -> None:
        of = environment("prod")
        login = credential(connected, of, secret=None, credentials=long)
        app_secret(connected, of, values={"url": From(login, "DATABASE_URL")}, credentials=rare)

    with pytest.raises(InputError, match="refresh 1200 s"):
        build(make)
