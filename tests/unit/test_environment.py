"""The identity of an environment, and the names that it gives."""

from typing import Any

import pulumi
import pytest

from components import InputError
from components.environment import LegacyNames
from tests.making import environment
from tests.recording import record


def refusal(**changes: Any) -> str:
    with pytest.raises(InputError) as refused:
        environment(**changes)
    return str(refused.value)


@pytest.mark.parametrize(
    ("name", "namespace", "database", "host", "path", "principal"),
    [
        (
            "dev",
            "keybuzz-api-dev",
            "keybuzz_api_dev",
            "api-dev.keybuzz.io",
            "keybuzz/dev/db_api",
            "keybuzz-api-dev",
        ),
        (
            "prod",
            "keybuzz-api-prod",
            "keybuzz_api_prod",
            "api.keybuzz.io",
            "keybuzz/prod/db_api",
            "keybuzz-api-prod",
        ),
        (
            "pr-7",
            "keybuzz-api-pr-7",
            "keybuzz_api_pr__7",
            "api-pr-7.keybuzz.io",
            "keybuzz/pr-7/db_api",
            "keybuzz-api-pr-7",
        ),
    ],
)
def test_every_name_is_derived_from_the_identity_alone(
    name: str, namespace: str, database: str, host: str, path: str, principal: str
) -> None:
    derived = environment(name)
    assert derived.namespace("api") == namespace
    assert derived.database("api").database == database
    assert derived.host("api") == host
    assert derived.url("api") == f"https://{host}"
    assert derived.vault_path("db_api") == path
    assert derived.principal("api") == principal


def test_a_database_and_its_roles_have_names_of_their_own() -> None:
    names = environment("prod").database("api", bears_system_name=True)
    assert names.database == "keybuzz_prod"
    assert names.owner == "keybuzz_api_owner_prod"
    assert names.read_write == "keybuzz_api_prod"
    assert names.read_only == "keybuzz_api_readonly_prod"
    assert environment("prod").login("api") == "keybuzz_api_login_prod"
    assert environment("prod").vault_administrator("api") == "keybuzz_api_vault_prod"
    assert environment("prod").login("api", second=True) == "keybuzz_api_login2_prod"
    assert environment("prod").login("api", "migration") == "keybuzz_api_migration_login_prod"
    assert environment("prod").vault_administrator("api", "migration") == "keybuzz_api_migration_vault_prod"
    assert environment("prod").principal("api", "migration") == "keybuzz-api_migration-prod"


def test_a_legacy_name_replaces_the_database_alone_and_no_role() -> None:
    names = environment(legacy=LegacyNames(databases={"api": "keybuzz"})).database("api")
    assert names.database == "keybuzz"
    assert names.owner == "keybuzz_api_owner_dev"


def test_the_shared_namespace_has_no_part() -> None:
    assert environment("prod", system="twinme").namespace() == "twinme-prod"
    assert environment("prod", system="ansible-builder").namespace() == "ansible-builder-prod"


def test_labels_say_whose_an_object_is() -> None:
    labels = environment("prod").labels
    assert labels["bulkhead.dev/system"] == "keybuzz"
    assert labels["bulkhead.dev/environment"] == "prod"
    assert labels["app.kubernetes.io/managed-by"] == "pulumi"


def test_only_production_is_production() -> None:
    assert environment("prod").is_production
    assert environment("prod-2").is_production
    assert not environment("dev").is_production
    assert not environment("production2", kind="development").is_production
    assert environment("prod").stage == "production"
    assert environment("pr-7", kind="ephemeral").stage == "development"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Dev",
        "DEV",
        "dev ",
        " dev",
        "dev\n",
        "dev\r\n",
        "dev\0",
        "d/ev",
        "../prod",
        "..",
        "dev'",
        'dev"',
        "dev;",
        "dev;DROP",
        "d\u0435v",
        "\uff44ev",
        "dev_7",
        "dev--7",
        "dev-",
        "-dev",
        "7",
        "pr-7-8",
        "pr-x",
        "a" * 60,
    ],
)
def test_a_name_that_is_no_plain_word_is_refused(name: str) -> None:
    with pytest.raises(InputError) as refused:
        environment(name, kind="development").namespace("api")
    assert repr(name)[1:-1] in str(refused.value) or repr(name) in str(refused.value)
    assert any(words in str(refused.value) for words in ("lower-case word", "63 are allowed"))


@pytest.mark.parametrize(
    "system", ["", "Key", "key_buzz", "key--buzz", "-key", "key-", "kéy", "key buzz", "key\n"]
)
def test_a_system_that_is_no_plain_word_is_refused(system: str) -> None:
    assert "lower-case letters, digits and single hyphens" in refusal(system=system)


@pytest.mark.parametrize("part", ["", "Api", "api-v2", "api_v2", "api ", "../x", "1api", "api;", "\u0430pi"])
@pytest.mark.parametrize(
    "derive", ["namespace", "principal", "host", "url", "database", "login", "vault_administrator"]
)
def test_a_part_that_is_no_plain_word_is_refused_by_every_derivation(derive: str, part: str) -> None:
    with pytest.raises(InputError, match="use lower-case letters and digits, beginning with a letter"):
        getattr(environment(), derive)(part)


@pytest.mark.parametrize(
    "name", ["", "db-api", "DB", "../../prod/db_api", "db_api/", "db__api", "_db", "db_", "d\0"]
)
def test_a_secret_name_that_could_leave_its_path_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="secret name is"):
        environment().vault_path(name)


@pytest.mark.parametrize("database", ["postgres", "pg_catalog", "pg_", "template0", "template1"])
def test_a_reserved_database_name_is_refused(database: str) -> None:
    message = refusal(legacy=LegacyNames(databases={"api": database}))
    assert repr(database) in message
    assert "reserved" in message


@pytest.mark.parametrize("database", ["Key", "key-buzz", 'key"buzz', "key;", "", "1key", "a" * 64])
def test_a_legacy_name_that_needs_quoting_or_is_too_long_is_refused(database: str) -> None:
    assert repr(database) in refusal(legacy=LegacyNames(databases={"api": database}))


@pytest.mark.parametrize("derive", ["database", "login", "vault_administrator"])
def test_a_role_name_that_postgresql_keeps_for_itself_is_refused(derive: str) -> None:
    with pytest.raises(InputError, match="reserved"):
        getattr(environment(system="pg"), derive)("api")


@pytest.mark.parametrize("derive", ["namespace", "principal", "host", "database", "login", "vault_administrator"])
def test_a_name_past_the_limit_after_prefixing_is_refused(derive: str) -> None:
    with pytest.raises(InputError, match="63 are allowed"):
        getattr(environment(), derive)("a" * 61)


def test_the_longest_name_that_fits_is_taken() -> None:
    part = "a" * (63 - len("keybuzz--dev"))
    assert len(environment().namespace(part)) == 63
    with pytest.raises(InputError, match="64 bytes; at most 63"):
        environment().namespace(part + "a")


def test_a_host_past_253_bytes_is_refused() -> None:
    with pytest.raises(InputError, match="at most 253"):
        environment(domain=".".join(["a" * 60] * 4) + ".example").host("api")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("prod", "development"), ("prod", "ephemeral"), ("prod-2", "development"), ("dev", "production")],
)
def test_name_and_kind_that_contradict_each_other_are_refused(name: str, kind: str) -> None:
    message = refusal(name=name, kind=kind)
    assert repr(name) in message
    assert repr(kind) in message


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    assert "'staging'; use one of production, development, ephemeral" in refusal(kind="staging")


@pytest.mark.parametrize("field", ["system", "name"])
@pytest.mark.parametrize("value", [None, 7, b"dev", ["dev"]])
def test_an_identity_that_is_no_text_is_refused(field: str, value: object) -> None:
    assert "use a plain string" in refusal(**{"kind": "development", field: value})


def test_an_output_in_an_identity_is_refused() -> None:
    seen: list[str] = []
    record(lambda: seen.append(refusal(name=pulumi.Output.from_input("dev"))))
    assert "use a plain string, known before anything runs" in seen[0]
