"""Who changed something on a PostgreSQL server, out of its log."""

from typing import Any

import pytest

from bulkhead.drift.postgresql_log import NO_LOG, LogError, parse, read
from bulkhead.drift.report import Difference

LOG = (
    "2026-11-21 10:00:00.123 UTC [7] alice@postgres LOG:  statement: ALTER ROLE g SUPERUSER",
    "2026-11-21 10:05:00.123 UTC [7] bob@d LOG:  statement: GRANT CONNECT ON DATABASE d TO stranger",
    "2026-11-21 10:06:00.123 UTC [8] carol@d LOG:  statement: SELECT * FROM g",
    "2026-11-21 10:07:00.123 UTC [8] dave@d LOG:  execute a: ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES",
    "a line of something else",
)


@pytest.mark.parametrize(
    ("called", "path", "who"),
    [
        ("role g", "superuser", "alice"),
        ("database d", "CONNECT of stranger on database d", "bob"),
        ("default privileges d", "SELECT of public on tables to come of o", "dave"),
        ("role other", "login", ""),
    ],
)
def test_the_servers_log_says_who_changed_an_object(called: str, path: str, who: str) -> None:
    assert parse(LOG).cause(called, [Difference(path=path)]).who == who


def test_a_logged_statement_is_never_shown() -> None:
    secret = parse([LOG[0].replace("SUPERUSER", "PASSWORD 's3cret'")])
    assert "s3cret" not in repr(secret) + str(secret.cause("role g", []))


def test_without_a_log_the_cause_is_unknown_and_a_wrong_file_is_an_answer(tmp_path: Any) -> None:
    assert read(None) is NO_LOG
    assert "--postgresql-log" in NO_LOG.cause("role g", []).source
    with pytest.raises(LogError, match="No such file"):
        read(tmp_path / "none.log")
