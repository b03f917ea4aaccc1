"""A PostgreSQL server that agrees with everything and notes what the plugin says to it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sandbox.plugins.bridged.inputs import Failures, checked
from sandbox.plugins.bridged.state import planned
from sandbox.plugins.postgresql.server import Server, Session
from sandbox.plugins.postgresql.settings import Settings
from sandbox.plugins.postgresql.statements import Name, Statement, statement

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from sandbox.plugins.bridged.schema import ResourceType, Values

SETTINGS = Settings(host="db", port=5432, username="bulkhead", password="canary-admin", superuser=False)
ROLE = ("conf_rw", False, False, False, True, False, False, False, 20, "infinity", None, [])
DATABASE = ("conf", "conf_owner", "UTF8", "C", "C", "pg_default", 50, True, False)
#: Answers of a server that has every role, database and schema that it is asked for.
HAS_ALL: dict[str, list[Any]] = {
    "CURRENT_USER": [("bulkhead",)],
    "SELECT rolsuper FROM": [(False,)],
    "pg_get_userbyid(datdba)": [("conf_owner",)],
    "pg_get_userbyid(nspowner)": [("conf_owner",)],
    "SELECT oid FROM": [(1,)],
    "SELECT 1 FROM pg_catalog.pg_roles": [(1,)],
    "SELECT 1 FROM pg_catalog.pg_database": [(1,)],
    "SELECT 1 FROM pg_catalog.pg_namespace": [(1,)],
    "datcollate": [DATABASE],
    "rolconnlimit": [ROLE],
}


class NotedSession(Session):
    """A session with a server that agrees with everything and knows who was made a member of what."""

    def __init__(self, server: NotedServer) -> None:
        self.server = server

    def run(self, template: Any, /, doing: str = "", **parts: Any) -> None:  # noqa: ARG002 - the base's signature
        order = template if isinstance(template, Statement) else statement(template, **parts)
        self.server.said.append(" ".join(order.rendered().as_string(None).split()))
        names = [part.parts[0] for part in order.parts.values() if isinstance(part, Name)]
        if order.template == "GRANT {role} TO {member}":
            self.server.members.add((names[0], names[1]))
        if order.template == "REVOKE {role} FROM {member}":
            self.server.members.discard((names[0], names[1]))

    def rows(self, query: Any, *values: Any) -> list[Any]:
        if "set_option" in query:
            return [(1,)] if values in self.server.members else []
        return next((rows for words, rows in self.server.answers.items() if words in query), [])

    def scram_verifier(self, role: str, password: str) -> str:
        return f"SCRAM-SHA-256$hash-for-{role}-of-{len(password)}"


class NotedServer(Server):
    """A server to which everything that is said is noted down."""

    def __init__(self, answers: dict[str, list[Any]] | None = None, *, has_all: bool = True) -> None:
        super().__init__(SETTINGS)
        self.said: list[str] = []
        self.members = {(role, "bulkhead") for role in ("conf_owner", "conf_rw", "own", "new")}
        #: What queries are answered with, by words that stand in them.
        self.answers = dict(answers or {})
        for words, rows in (HAS_ALL if has_all else {}).items():
            self.answers.setdefault(words, rows)

    @contextmanager
    def session(self, database: str = "") -> Generator[Session]:
        self.database_in_use = database
        yield NotedSession(self)

    def change(self, database: str, work: Callable[[Session], Any]) -> Any:
        self.said.append(f"-- in {database or 'postgres'}")
        with self.session(database) as session:
            return work(session)

    def change_database(self, work: Callable[[Session], Any]) -> Any:
        return self.change("", work)


def complete(kind: ResourceType[Server], **inputs: Any) -> Values:
    """Inputs as the plugin gets them: checked, with defaults."""
    failures = Failures()
    full = checked(kind.properties, {}, inputs, failures)
    assert not failures
    return planned(kind.properties, {}, full)
