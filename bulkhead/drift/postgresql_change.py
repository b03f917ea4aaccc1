"""One difference on a PostgreSQL server, and the statements that put it right; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from psycopg import sql

from bulkhead.drift.postgresql_facts import PUBLIC

if TYPE_CHECKING:
    from bulkhead.drift.declared import Declared
    from bulkhead.drift.report import Difference, Kind


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference.

    Args:
        one: the resource that it is reported of.
        object: what the server calls the object: `role conf_rw`, `database conf_dev`.
        difference: what is different; None for an object that is missing as a whole.
        kind: changed, missing, or there without having been declared.
        database: where the statements are executed; empty for any.
        statements: what puts it right; none where a person has to.
        becomes: the role that executes them, if it is not the administrator.
        password: whether a password is given as well, which no statement here has.
    """

    one: Declared
    object: str
    difference: Difference | None = None
    kind: Kind = "changed"
    database: str = ""
    statements: tuple[sql.Composable, ...] = ()
    becomes: str = ""
    password: bool = False


def statement(text: LiteralString, **parts: sql.Composable | str) -> sql.Composable:
    """A statement; texts among its parts are names."""
    named = {key: sql.Identifier(part) if isinstance(part, str) else part for key, part in parts.items()}
    return sql.SQL(text).format(**named)


def to(grantee: str) -> sql.Composable:
    """A grantee as GRANT and REVOKE take it."""
    return sql.SQL("PUBLIC") if grantee == PUBLIC else sql.Identifier(grantee)


def words(text: str) -> sql.Composable:
    """Key words; not for anything that a server or a person wrote, unless it was compared with a list."""
    import re  # noqa: PLC0415 - small

    if not re.fullmatch(r"[A-Z]+( [A-Z]+)*", text):
        raise ValueError(f"{text!r} is no key word")
    return sql.SQL(text)  # pyright: ignore[reportArgumentType] - capitals and blanks alone
