"""From a database to a Secret: static for development, leased for production."""

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pulumi
import pytest

from components import InputError
from components.values import Credentials, Workload
from tests.making import IMAGE, build, credential, database, environment, namespace
from tests.recording import Recording
from tests.stacks import ROOT


@cache
def static() -> Recording:
    return build(lambda connected: credential(connected, environment()))


@cache
def leased() -> Recording:
    return build(lambda connected: credential(connected, environment("prod")))


BOTH: list[Callable[[], Recording]] = [static, leased]


def test_a_static_login_holds_nothing_but_its_membership_in_the_group() -> None:
    login = static().one("Role", "api-login")
    assert login.inputs["name"] == "keybuzz_api_login_dev"
    assert login.inputs["login"]
    assert login.inputs["roles"] == ["keybuzz_api_dev"]
    assert not {"superuser", "createDatabase", "createRole", "replication"} & {
        key for key, value in login.inputs.items() if value
    }


def test_a_static_credential_is_kept_in_vault_as_a_secret_with_all_five_values() -> None:
    kept = static().one("SecretV2", "api-kv")
    assert (kept.inputs["mount"], kept.inputs["name"]) == ("secret", "keybuzz/dev/db_api")
    assert kept.secrets == {"dataJson"}
    assert json.loads(kept.inputs["dataJson"]) == {
        "PGHOST": "10.0.0.10",
        "PGPORT": "5432",
        "PGDATABASE": "keybuzz_api_dev",
        "PGUSER": "keybuzz_api_login_dev",
        "PGPASSWORD": "generated-password-of-api-password",
    }


def test_the_kv_secret_is_written_as_vaults_provider_stores_it() -> None:
    text = static().one("SecretV2", "api-kv").inputs["dataJson"]
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))


def test_a_leased_credential_leaves_no_login_in_the_kv_secret() -> None:
    kept = leased().one("SecretV2", "api-kv")
    assert set(json.loads(kept.inputs["dataJson"])) == {"PGHOST", "PGPORT", "PGDATABASE"}
    assert not leased().has("Role", "api-login")


def test_vaults_own_login_may_make_roles_and_members_of_its_one_group() -> None:
    administrator = leased().one("Role", "api-vault")
    assert administrator.inputs["createRole"]
    assert not administrator.inputs.get("superuser")
    assert administrator.options["ignoreChanges"] == ["roles", "password"]
    member = leased().one("GrantRole", "api-vault-membership")
    assert member.inputs["role"] == "keybuzz_api_vault_prod"
    assert member.inputs["grantRole"] == "keybuzz_api_prod"
    assert member.inputs["withAdminOption"]


def test_vault_reaches_the_database_through_the_write_end_point_and_keeps_the_password_to_itself() -> None:
    connection = leased().one("SecretBackendConnection", "api-connection")
    assert "@10.0.0.10:5432/keybuzz_api_prod?" in connection.inputs["postgresql"]["connectionUrl"]
    assert "generated-password" not in connection.inputs["postgresql"]["connectionUrl"]
    assert connection.secrets == {"postgresql.password"}
    assert connection.options["ignoreChanges"] == ["postgresql.password"]
    assert connection.inputs["allowedRoles"] == ["api"]


def test_a_lease_has_statements_to_make_and_to_end_it_and_its_times() -> None:
    role = leased().one("SecretBackendRole", "api-lease")
    assert 'IN ROLE "keybuzz_api_prod"' in role.inputs["creationStatements"][0]
    assert "DROP ROLE" in role.inputs["revocationStatements"][0]
    assert role.inputs["defaultTtl"] == 3600
    assert role.inputs["maxTtl"] >= role.inputs["defaultTtl"]


def test_the_engine_is_one_mount_a_credential_and_takes_its_inside_with_it() -> None:
    engine = leased().one("Mount", "api-engine")
    assert (engine.inputs["path"], engine.inputs["type"]) == ("keybuzz/prod/db_api", "database")
    for kind, name in (("SecretBackendConnection", "api-connection"), ("SecretBackendRole", "api-lease")):
        assert leased().one(kind, name).options["deletedWith"] == engine.urn


def test_the_engine_goes_before_the_login_and_the_database_that_it_needs() -> None:
    recording = leased()
    engine = recording.one("Mount", "api-engine")
    recording.require_after(
        engine,
        recording.one("GrantRole", "api-vault-membership"),
        recording.one("Role", "api-vault"),
        recording.one("Database", "api-database"),
    )


@pytest.mark.parametrize("make", BOTH)
def test_the_policy_reads_this_one_credential_and_nothing_else(make: Callable[[], Recording]) -> None:
    policy = make().one("Policy", "api-policy").inputs["policy"]
    stage = "dev" if make is static else "prod"
    rules = dict(re.findall(r'path "([^"]*)" \{\n  capabilities = \["(\w+)"\]\n\}', policy))
    own_token = {"auth/token/lookup-self": "read", "auth/token/revoke-self": "update"}
    lease = {"keybuzz/prod/db_api/creds/api": "read"} if make is leased else {}
    assert rules == {f"secret/data/keybuzz/{stage}/db_api": "read", **lease, **own_token}
    assert policy.count("path ") == len(rules)
    assert "*" not in policy
    assert "+" not in policy


@pytest.mark.parametrize("make", BOTH)
def test_vault_takes_one_service_account_of_one_namespace(make: Callable[[], Recording]) -> None:
    recording = make()
    role = recording.one("AuthBackendRole", "api-auth-role")
    stage = "dev" if make is static else "prod"
    assert role.inputs["roleName"] == f"keybuzz-api-{stage}"
    assert role.inputs["boundServiceAccountNames"] == ["api-secrets"]
    assert role.inputs["boundServiceAccountNamespaces"] == [f"keybuzz-api-{stage}"]
    assert role.inputs["tokenPolicies"] == [f"keybuzz-api-{stage}"]
    assert role.inputs["tokenNoDefaultPolicy"]
    account = recording.one("ServiceAccount", "api-service-account")
    assert account.inputs["metadata"]["name"] == "api-secrets"


def test_a_token_outlives_the_lease_that_hangs_on_it_and_a_static_one_is_short() -> None:
    token = leased().one("AuthBackendRole", "api-auth-role").inputs
    lease = leased().one("SecretBackendRole", "api-lease").inputs
    assert token["tokenTtl"] >= lease["defaultTtl"]
    assert token["tokenMaxTtl"] >= token["tokenTtl"]
    assert static().one("AuthBackendRole", "api-auth-role").inputs["tokenTtl"] == 600


@pytest.mark.parametrize("make", BOTH)
def test_the_secret_is_delivered_after_all_that_it_is_made_of(make: Callable[[], Recording]) -> None:
    recording = make()
    external = recording.one("ExternalSecret", "api-external-secret")
    needed = [("SecretStore", "api-secret-store"), ("AuthBackendRole", "api-auth-role"), ("SecretV2", "api-kv")]
    needed += [("Policy", "api-policy"), ("ServiceAccount", "api-service-account")]
    needed += [("Role", "api-login")] if make is static else [("SecretBackendRole", "api-lease")]
    recording.require_after(external, *(recording.one(kind, name) for kind, name in needed))


@pytest.mark.parametrize("make", BOTH)
def test_every_generated_password_stays_a_secret(make: Callable[[], Recording]) -> None:
    for made in make():
        marked = {path.split(".")[0] for path in made.secrets}
        open_inputs = {key: value for key, value in made.inputs.items() if key not in marked}
        if made.kind == "SecretBackendConnection":
            open_inputs = {"postgresql": {**made.inputs["postgresql"], "password": None}}
        assert "generated-password" not in json.dumps(open_inputs), made.name


def test_a_new_password_is_a_new_revision_that_may_be_seen() -> None:
    external = static().one("ExternalSecret", "api-external-secret")
    revision = external.inputs["metadata"]["annotations"]["bulkhead.dev/revision"]
    assert re.fullmatch(r"[0-9a-f]{16}", revision)
    assert not external.secrets


@pytest.mark.parametrize("make", BOTH)
def test_the_generated_password_is_long_and_needs_no_quoting(make: Callable[[], Recording]) -> None:
    password = make().one("RandomPassword", "api-password").inputs
    assert password["length"] >= 32
    assert password["special"] is False


def test_a_lease_too_short_for_the_roll_out_is_refused() -> None:
    times = Credentials.model_validate({"mode": "dynamic", "ttl": "20m", "maxTtl": "1h", "refresh": "10m"})
    used_by = Workload(image=IMAGE, replicas=20)
    with pytest.raises(InputError, match=r"credentials\.ttl is '20m' for Secret keybuzz-api-postgres"):
        build(lambda connected: credential(connected, environment("prod"), credentials=times, used_by=used_by))


@pytest.mark.parametrize("thing", ["database", "namespace"])
def test_a_thing_of_another_environment_is_refused(thing: str) -> None:
    make: dict[str, Any] = {"database": database, "namespace": namespace}
    message = f"{thing} belongs to keybuzz/prod; use one of keybuzz/dev"
    with pytest.raises(InputError, match=message):
        build(
            lambda connected: credential(
                connected, environment(), **{thing: make[thing](connected, environment("prod"))}
            )
        )


@pytest.mark.parametrize("name", ["", "Db", "db_api", "db/api", "../db", "db ", "db\n", "a" * 64, 7])
def test_a_secret_that_is_no_dns_label_is_refused(name: object) -> None:
    with pytest.raises(InputError, match=r"secret is .*; use a DNS label"):
        build(lambda connected: credential(connected, environment(), secret=name))


def test_an_output_for_a_name_is_refused() -> None:
    with pytest.raises(InputError, match=r"secret is .*; use a DNS label"):
        build(lambda connected: credential(connected, environment(), secret=pulumi.Output.from_input("db")))


def test_a_credential_that_is_not_delivered_alone_has_no_objects_on_the_cluster_and_no_reader() -> None:
    for stage in ("dev", "prod"):
        recording = build(lambda connected, of=stage: credential(connected, environment(of), secret=None))
        delivery = {"ExternalSecret", "SecretStore", "ServiceAccount", "VaultDynamicSecret"}
        assert not delivery & {made.kind for made in recording.objects()}
        assert not recording.of("Policy")
        assert recording.has("SecretV2", "api-kv")


def test_a_credential_that_is_not_delivered_alone_cannot_be_a_workloads_secret() -> None:
    with pytest.raises(InputError, match="secret of 'api' is None"):
        build(lambda connected: credential(connected, environment(), secret=None).secret)


def test_the_largest_of_several_users_decides_how_long_a_lease_must_last() -> None:
    times = Credentials.model_validate({"mode": "dynamic", "ttl": "20m", "maxTtl": "1h", "refresh": "10m"})
    small, large = Workload(image=IMAGE, replicas=2), Workload(image=IMAGE, replicas=10)
    build(lambda connected: credential(connected, environment("prod"), credentials=times, used_by=(small,)))
    with pytest.raises(InputError, match="10 replicas"):
        build(
            lambda connected: credential(connected, environment("prod"), credentials=times, used_by=(small, large))
        )


def test_a_credential_without_a_user_is_refused() -> None:
    with pytest.raises(InputError, match="used_by is empty"):
        build(lambda connected: credential(connected, environment(), used_by=()))


def test_who_is_who_on_the_server() -> None:
    """The page of this component names the four roles of KeyBuzz's API in PROD; the group role is never PGUSER."""
    made = leased()
    roles = {role.inputs["name"]: bool(role.inputs.get("login")) for role in made.of("Role")}
    assert roles == {
        "keybuzz_api_owner_prod": False,
        "keybuzz_api_prod": False,
        "keybuzz_api_readonly_prod": False,
        "keybuzz_api_vault_prod": True,
    }
    template = made.one("SecretBackendConnection", "api-connection").inputs["postgresql"]["usernameTemplate"]
    assert template.startswith('{{ printf "v-%s-%s-%s" ("keybuzz_api_prod"')
    page = (ROOT / "docs" / "components" / "vault-db-secret.md").read_text(encoding="utf-8")
    assert all(f"`{role}`" in page for role in roles if "readonly" not in role)
