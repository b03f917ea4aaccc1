"""The attack: what an answer means, that nothing of it changes anything, and that it is bounded."""

import threading
from typing import Any

import pytest

from bulkhead.isolation import attempts
from bulkhead.isolation.attack import Attempt, bounded, carry_out
from bulkhead.isolation.attempts import Answer, of_connection, of_status
from bulkhead.isolation.credentials import Credential, has_ended, open_database, with_login
from bulkhead.live import LiveError

URL = "postgresql://a%40b:p%2Fq@10.0.0.10:5432/keybuzz_prod?sslmode=require"
FATAL = 'connection failed: connection to server at "10.0.0.10", port 5432 failed: FATAL:  {}\nDETAIL: more'


def credential(values: dict[str, str]) -> Credential:
    return Credential(
        environment="keybuzz/prod",
        namespace="keybuzz-prod",
        secret="keybuzz-secrets",
        account="app-app-secrets",
        auth_role="auth/kubernetes/role/keybuzz-app_app-prod",
        paths=("keybuzz/prod/generated_app",),
        values=values,
    )


def attempt(number: int, holder: str, run: Any = lambda: Answer("refused", "no")) -> Attempt:
    return Attempt(source="dev", target="prod", mechanism="vault", holder=holder, what=f"tries {number}", run=run)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ('permission denied for database "keybuzz_prod"', "refused"),
        ('no pg_hba.conf entry for host "10.0.0.1"', "refused"),
        ('too many connections for database "keybuzz_prod"', "through"),
        ('too many connections for role "a"', "undecided"),
        ('password authentication failed for user "a"', "undecided"),
        ('database "keybuzz_prod" does not exist', "undecided"),
    ],
)
def test_only_the_lack_of_a_right_is_a_refusal_at_postgresql(said: str, outcome: str) -> None:
    assert of_connection(FATAL.format(said)) == Answer(outcome, said)  # type: ignore[arg-type]
    assert of_connection("").outcome == "undecided"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (403, "refused"),
        *((status, "through") for status in (200, 201, 404, 409, 422)),
        *((status, "undecided") for status in (0, 401, 500, 503)),
    ],
)
def test_only_a_403_is_a_refusal_at_the_api_server(status: int, outcome: str) -> None:
    """It looks for rights before it looks for the object: a 404 has been let in."""
    assert of_status(status, "words").outcome == outcome


def test_every_write_at_the_api_server_is_a_dry_run() -> None:
    asked = list(attempts.requests("keybuzz-api-prod", ["db"], ["api"]))
    assert {method for _, method, _, _ in asked} == {"GET", "POST", "DELETE"}
    for what, method, path, _ in asked:
        assert method == "GET" or path.endswith("?dryRun=All"), what
        assert "/namespaces/keybuzz-api-prod/" in path


def test_a_session_at_postgresql_cannot_write(monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg  # noqa: PLC0415

    asked: dict[str, Any] = {}
    monkeypatch.setattr(psycopg, "connect", lambda **values: asked.update(values))
    open_database(credential(with_login({"url": URL})), "other")
    assert asked["options"] == "-c default_transaction_read_only=on"
    assert (asked["dbname"], asked["connect_timeout"]) == ("other", 5)


def test_a_server_that_does_not_answer_leaves_an_attempt_undecided() -> None:
    class Silent:
        def send(self, *_: object) -> tuple[int, dict[str, Any]]:
            raise LiveError("Kubernetes https://a does not answer")

    answer = attempts.asking(Silent(), "GET", "/api", None)()  # type: ignore[arg-type]
    assert answer == Answer("undecided", "Kubernetes https://a does not answer")


def test_a_bound_leaves_some_of_every_holder() -> None:
    planned = [attempt(number, holder) for holder in ("a", "b", "c") for number in range(10)]
    chosen = bounded(planned, 7)
    assert len(chosen) == 7
    assert {one.holder for one in chosen} == {"a", "b", "c"}
    assert bounded(planned, 30) == planned


def test_attempts_of_one_holder_are_made_one_after_the_other_and_told_in_order() -> None:
    busy: dict[str, threading.Lock] = {holder: threading.Lock() for holder in "abcd"}

    def run(holder: str) -> Answer:
        assert busy[holder].acquire(blocking=False), "two at once"
        try:
            return Answer("refused", holder)
        finally:
            busy[holder].release()

    planned = [attempt(number, holder, lambda h=holder: run(h)) for number in range(50) for holder in busy]
    counted: list[int] = []
    done = carry_out(planned, lambda: counted.append(1))
    assert [(one.what, one.holder) for one in done] == [(one.what, one.holder) for one in planned]
    assert len(counted) == len(planned)


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


@pytest.mark.parametrize(
    ("said", "ended"),
    [
        ('password authentication failed for user "a"', True),
        ('role "a" is not permitted to log in', True),
        ("too many connections for role", False),
        ("the database system is starting up", False),
    ],
)
def test_a_login_that_opens_nothing_at_home_has_ended(
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    ended: bool,  # noqa: FBT001 - a parameter
) -> None:
    import psycopg  # noqa: PLC0415

    def refuse(**_: object) -> None:
        raise psycopg.OperationalError(FATAL.format(said))

    monkeypatch.setattr(psycopg, "connect", refuse)
    assert has_ended(credential(with_login({"url": URL})), sslmode="require") == ended


def test_no_value_of_a_credential_is_shown() -> None:
    assert "p/q" not in repr(credential(with_login({"url": URL})))
    assert str(credential({})) == "keybuzz-prod/keybuzz-secrets"
