"""The PostgreSQL server: short connections, one change at a time, errors without statements in them."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, LiteralString, TypeVar

from sandbox.plugins.postgresql.statements import Part, Statement, statement
from sandbox.plugins.process import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import psycopg

    from sandbox.plugins.postgresql.settings import Settings

T = TypeVar("T")
Row = tuple[Any, ...]

#: The advisory lock that changes of one database wait for, across processes and stacks: "bulk" in ASCII.
LOCK: Final = 0x62756C6B
ATTEMPTS: Final = 6
#: Conflicts that end by themselves: serialisation, deadlock, database or role in use by another change.
_PASSING: Final = {"40001", "40P01", "55006"}


class StatementError(PluginError):
    """A statement that the server refused; the statement itself, which may hold a password, is left out."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code

    @property
    def is_passing(self) -> bool:
        """Whether the same may succeed a moment later."""
        return self.code in _PASSING or "tuple concurrently" in str(self)


class Session:
    """One connection to one database."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    def run(self, template: LiteralString | Statement, /, doing: str = "", **parts: Part | str) -> None:
        """Execute a statement; `doing` says in an error what it was for."""
        order = template if isinstance(template, Statement) else statement(template, **parts)
        with self._explained(doing):
            self._connection.execute(order.rendered())

    def rows(self, query: LiteralString, *values: Any) -> list[Row]:
        """The rows of a query, whose values stand as %s."""
        with self._explained("reading"):
            return self._connection.execute(query, values).fetchall()

    def row(self, query: LiteralString, *values: Any) -> Row | None:
        """The first row of a query."""
        rows = self.rows(query, *values)
        return rows[0] if rows else None

    def exists(self, query: LiteralString, *values: Any) -> bool:
        """Whether a query has a row."""
        return bool(self.rows(query, *values))

    def scram_verifier(self, role: str, password: str) -> str:
        """What the server stores for a password, made here so that the password itself stays here."""
        verifier = self._connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
        return verifier.decode()

    @contextmanager
    def _explained(self, doing: str) -> Generator[None]:
        from psycopg import Error  # noqa: PLC0415 - see statements.py

        try:
            yield
        except Error as error:
            raise _statement_error(doing, error) from None


def _statement_error(doing: str, error: psycopg.Error) -> StatementError:
    """The server's words about a refused statement, without the piece of SQL that it points at."""
    diagnosis = error.diag
    # Without a diagnosis the connection broke; what psycopg says then has no statement in it.
    text = diagnosis.message_primary or str(error).partition("\n")[0]
    more = "; ".join(filter(None, (diagnosis.message_detail, diagnosis.message_hint)))
    code = error.sqlstate or ""
    prefix = f"error {doing}: " if doing else ""
    return StatementError(f"{prefix}{text}{f' ({more})' if more else ''}{f' [{code}]' if code else ''}", code)


class Server:
    """A PostgreSQL server and who we are there."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        # Roles and rights live in few rows of few tables: two changes at once fail, or wait for each other.
        self._changes = threading.RLock()
        self._connections = (
            threading.BoundedSemaphore(settings.max_connections) if settings.max_connections > 0 else None
        )

    @property
    def database(self) -> str:
        """The database to work in where a resource names none."""
        return self.settings.database

    @contextmanager
    def session(self, database: str = "") -> Generator[Session]:
        """A connection of its own, gone afterwards: a kept one would be in the way of DROP DATABASE."""
        if self._connections is not None:
            self._connections.acquire()
        try:
            connection = self._connect(database or self.database)
            try:
                yield Session(connection)
            finally:
                connection.close()
        finally:
            if self._connections is not None:
                self._connections.release()

    def change(self, database: str, work: Callable[[Session], T]) -> T:
        """Do work in one transaction, while no other change is made in this database."""

        def once() -> T:
            with self.session(database) as session:
                session.run("BEGIN")
                session.rows("SELECT pg_advisory_xact_lock(%s)", LOCK)
                result = work(session)
                session.run("COMMIT")
                return result

        return self._repeated(once)

    def change_database(self, work: Callable[[Session], T]) -> T:
        """Do work that no transaction may hold, such as CREATE DATABASE, while no other change is made."""

        def once() -> T:
            with self.session() as session:
                session.rows("SELECT pg_advisory_lock(%s)", LOCK)
                return work(session)

        return self._repeated(once)

    def has_database(self, name: str) -> bool:
        """Whether the database exists; that the server does not answer is an error."""
        with self.session() as session:
            return session.exists("SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s", name)

    def _repeated(self, once: Callable[[], T]) -> T:
        with self._changes:
            for attempt in range(1, ATTEMPTS):
                try:
                    return once()
                except StatementError as error:
                    if not error.is_passing:
                        raise
                time.sleep(0.05 * 2**attempt)
            return once()

    def _connect(self, database: str) -> psycopg.Connection[Row]:
        import psycopg  # noqa: PLC0415 - see statements.py

        own = self.settings
        try:
            return psycopg.connect(
                host=own.host,
                port=own.port,
                user=own.username,
                password=own.password,
                dbname=database,
                sslmode=own.sslmode or "prefer",
                connect_timeout=own.connect_timeout,
                application_name="Pulumi postgresql provider",
                autocommit=True,
                prepare_threshold=None,
            )
        except psycopg.Error as error:
            # psycopg says the address once more before the reason.
            reason = str(error).strip().partition("\n")[0].replace(own.password, "…").rpartition(" failed: ")[2]
            raise PluginError(
                f"error connecting to PostgreSQL server {own.address} (database {database}, user "
                f"{own.username}): {reason}"
            ) from None
