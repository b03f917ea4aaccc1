"""What Secrets hold: a reference to another environment, a credential of both; and no value is ever shown."""

import pytest

from bulkhead.isolation.comparison import compare
from bulkhead.isolation.held import is_secret, of_values, shared, with_secrets
from bulkhead.isolation.servers import shared_by
from tests.recorded import recorded
from tests.stacks import platform

PASSWORD = "b7Jk2mQx9TzL4vWe"


def test_a_secret_that_names_the_other_environments_database_is_a_reference() -> None:
    held = of_values("keybuzz-api-prod", "db", {"PGDATABASE": "keybuzz", "PGPASSWORD": PASSWORD})
    declared = [shared_by(platform())] * 2
    found = compare([recorded("dev"), with_secrets(recorded("prod"), [held])], declared=declared)
    (reference,) = found.references
    assert str(reference.identity) == "PostgreSQL database keybuzz"
    assert str(reference.source) == "keybuzz/prod: Secret keybuzz-api-prod/db, data.PGDATABASE"
    assert PASSWORD not in repr(found)


def test_what_a_secret_names_and_nobody_owns_is_kept_out_of_the_report() -> None:
    """It may be a secret under a key that looks like a name's."""
    held = of_values("keybuzz-api-prod", "db", {"database": PASSWORD})
    other = of_values("keybuzz-api-dev", "db", {"database": PASSWORD})
    states = [with_secrets(recorded("dev"), [other]), with_secrets(recorded("prod"), [held])]
    assert PASSWORD not in repr(compare(states, declared=[shared_by(platform())] * 2))


def test_secrets_that_were_read_are_no_resources_of_the_state() -> None:
    dev = recorded("dev")
    (one,) = compare([with_secrets(dev, [of_values("a", "b", {})])]).stacks
    assert (one.resources, one.digest) == (len(dev.resources), dev.digest)


def test_one_credential_of_two_environments_is_shared_whatever_its_key() -> None:
    dev = of_values("keybuzz-api-dev", "app", {"jwt": PASSWORD, "other": "c8Lm3nRy0UaM5wXf"})
    prod = of_values("keybuzz-api-prod", "app", {"signing-key": PASSWORD})
    (found,) = shared([("dev", [dev]), ("prod", [prod])])
    assert (str(found.identity), found.stacks) == ("value of key jwt", ("dev", "prod"))
    assert [source.where for source in found.sources] == ["data.jwt", "data.signing-key"]
    assert PASSWORD not in repr(found)


def test_one_credential_twice_in_one_environment_is_its_own() -> None:
    held = [of_values("keybuzz-api-dev", name, {"jwt": PASSWORD}) for name in ("one", "two")]
    assert list(shared([("dev", held), ("prod", [])])) == []


@pytest.mark.parametrize(
    ("key", "value", "secret"),
    [
        ("password", PASSWORD, True),
        ("REDIS_URL", "redis://:hunter2hunter2@cache:6379/0", True),
        ("tls.key", "-----BEGIN PRIVATE KEY-----", True),
        ("password", "short", False),
        ("PGHOST", "postgresql.example.com", False),
        ("PGDATABASE", "a-database-of-both", False),
        ("API", "https://api.example.com/v1", False),
        ("ca.crt", "-----BEGIN CERTIFICATE-----", False),
    ],
)
def test_what_may_be_the_same_in_both_is_no_secret(key: str, value: str, secret: bool) -> None:  # noqa: FBT001
    assert is_secret(key, value) == secret
