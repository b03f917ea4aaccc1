"""A session on the database server: by the write end point, as the platform file says."""

from typing import Any

import psycopg
import pytest

from components.database_session import TIMEOUT, open_database, said_by
from tests.stacks import platform


def test_a_session_goes_to_the_write_end_point_with_the_platforms_sslmode(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(psycopg, "connect", lambda **given: asked.update(given))
    open_database(platform(), "keybuzz")
    postgresql = platform().postgresql
    assert asked == {
        "host": postgresql.write.host,
        "port": postgresql.write.port,
        "dbname": "keybuzz",
        "sslmode": postgresql.sslmode,
        "connect_timeout": TIMEOUT,
    }


def test_of_what_the_server_says_the_first_line_alone_is_repeated() -> None:
    """What follows it may hold a row."""
    assert said_by(psycopg.OperationalError("it failed\nDETAIL: Key (email)=(a@b.c)")) == "it failed"
