"""A session on the database server, for whom PGUSER and PGPASSWORD name."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from components.platform import Platform

if TYPE_CHECKING:
    import psycopg

TIMEOUT = 5
"""Seconds that a connection may take."""


def open_database(platform: Platform, database: str) -> "psycopg.Connection[Any]":
    """A connection to a database behind the write end point."""
    psycopg: Any = import_module("psycopg")  # at its first use: its import may overlap with other servers' answers
    write = platform.postgresql.write
    return cast(
        "psycopg.Connection[Any]",
        psycopg.connect(
            host=write.host,
            port=write.port,
            dbname=database,
            sslmode=platform.postgresql.sslmode,
            connect_timeout=TIMEOUT,
        ),
    )


def said_by(error: Any) -> str:
    """PostgreSQL's first line, which is about the fault and holds no data of a row."""
    said = getattr(getattr(error, "diag", None), "message_primary", None)
    return str(said or str(error).strip().partition("\n")[0])
