"""Which of the delivered Secrets the wall can be tried with at a database."""

from collections.abc import Mapping

from bulkhead.wall import Credential, with_login

URL = "postgresql://a%40b:p%2Fq@10.0.0.10:5432/keybuzz_prod?sslmode=require"


def credential(values: Mapping[str, str]) -> Credential:
    return Credential(
        environment="prod",
        namespace="keybuzz-prod",
        secret="keybuzz-secrets",
        account="app-app-secrets",
        principal="keybuzz-app_app-prod",
        path="keybuzz/prod/generated_app",
        values=values,
    )


def test_a_login_that_stands_in_a_url_alone_is_found_there() -> None:
    found = with_login({"database-url": URL, "jwt-secret": "x"})
    assert found["PGUSER"] == "a@b"
    assert found["PGPASSWORD"] == "p/q"
    assert (found["PGHOST"], found["PGPORT"], found["PGDATABASE"]) == ("10.0.0.10", "5432", "keybuzz_prod")
    assert found["database-url"] == URL
    assert credential(found).opens_database


def test_a_login_that_is_delivered_as_variables_stays_as_it_is() -> None:
    values = {"PGDATABASE": "keybuzz", "DATABASE_URL": URL}
    assert with_login(values) == values


def test_a_secret_without_a_database_opens_none() -> None:
    assert not credential(with_login({"REDIS_URL": "redis://:p@cache:6379/0"})).opens_database
