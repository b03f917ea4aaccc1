"""Transaction: the carrying out of an adoption's plan, all of it or nothing."""

import random
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any, LiteralString, cast

from components.adoption_plan import Plan, quoted
from components.database_session import open_database, said_by
from components.errors import PlatformError
from components.platform import Platform

if TYPE_CHECKING:
    import psycopg

ATTEMPTS = 40
_LOCK = 0x62756C6B
_LOCK_MILLISECONDS, _STATEMENT_MILLISECONDS = 150, 450
"""How long it waits for one lock, and for all of them.

Together less than the second after which PostgreSQL looks for deadlocks: no client that waits for a lock of
ours ever becomes a deadlock's victim, and none waits for much longer than that.
"""

_PASSING = frozenset({"40001", "40P01", "55P03", "57014"})
"""Conflicts that end by themselves: serialisation, deadlock, a lock or a statement that took too long."""


def carry_out(platform: Platform, wanted: Plan) -> None:
    """Do what a plan says, in one transaction that is begun anew while somebody else holds its locks.

    Raises:
        PlatformError: it could not be done, and nothing of it has been.
    """
    psycopg: Any = import_module("psycopg")
    database = wanted.facts.names.database
    for attempt in range(ATTEMPTS):
        try:
            with open_database(platform, database) as connection:
                _transact(connection, wanted)
        except psycopg.Error as error:
            is_passing = error.sqlstate in _PASSING or "tuple concurrently" in str(error)
            if is_passing and attempt < ATTEMPTS - 1:
                time.sleep(random.uniform(0.1, 1.0))  # noqa: S311 - no secret, only another moment than the others'
                continue
            raise PlatformError(
                f"database {database} could not be adopted, and nothing in it has been changed: {said_by(error)}"
            ) from None
        return


def _transact(connection: "psycopg.Connection[Any]", wanted: Plan) -> None:
    """All statements; the connection commits when it is left, and takes all back after an error."""

    def run(*statements: str) -> None:
        if statements:  # one message, so that locks are held for no round trip more than they must
            connection.execute(cast("LiteralString", "; ".join(statements)), prepare=False)

    run(f"SELECT pg_advisory_xact_lock({_LOCK})", *wanted.roles)
    mine = [role for role in wanted.acts_for if not _acts_for(connection, role)]
    how = " WITH INHERIT TRUE, SET TRUE" if connection.info.server_version >= 160000 else ""  # noqa: PLR2004
    run(*(f"GRANT {quoted(role)} TO CURRENT_USER{how}" for role in mine))
    run(
        f"SET LOCAL lock_timeout = {_LOCK_MILLISECONDS}",
        f"SET LOCAL statement_timeout = {_STATEMENT_MILLISECONDS}",
    )
    run(*wanted.grants)
    if wanted.locks:
        run(f"LOCK TABLE ONLY {', ONLY '.join(wanted.locks)} IN ACCESS EXCLUSIVE MODE")
    run(*wanted.changes)
    run(*(f"REVOKE {quoted(role)} FROM CURRENT_USER" for role in mine))


def _acts_for(connection: "psycopg.Connection[Any]", role: str) -> bool:
    kinds = ["USAGE", "SET"] if connection.info.server_version >= 160000 else ["USAGE"]  # noqa: PLR2004
    row = connection.execute(
        "SELECT bool_and(pg_has_role(current_user, %s, kind)) FROM unnest(%s::text[]) kind", (role, kinds)
    ).fetchone()
    return bool(row and row[0])
