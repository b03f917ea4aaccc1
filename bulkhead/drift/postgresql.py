"""Drift of PostgreSQL: what the catalogue grants, beside what all resources of a stack declare together."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from psycopg import sql

from bulkhead.drift import postgresql_databases, postgresql_facts, postgresql_rights, postgresql_roles
from bulkhead.drift.elsewhere import NOTHING, Elsewhere
from bulkhead.drift.finding import Finding, Findings, RepairError
from bulkhead.drift.postgresql_change import Change, statement
from bulkhead.drift.postgresql_wanted import DEFAULTS, GRANT, GRANTED_ON, SCHEMA, TYPES, Wanted
from bulkhead.drift.report import HIDDEN, Difference, Drift
from bulkhead.live import TIMEOUT, LiveError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bulkhead.drift.declared import Declaration, Declared
    from bulkhead.drift.postgresql_facts import Server
    from bulkhead.drift.postgresql_log import Log
    from bulkhead.live import Live

_RIGHT_PASSWORD: Final = ("permission denied for database", "too many connections", "does not exist")
"""What a server says to a login whose password was right, and who may not in for another reason."""

_WRONG_PASSWORD: Final = "password authentication failed"  # noqa: S105 - a server's words


def compare(declaration: Declaration, live: Live, log: Log, elsewhere: Elsewhere = NOTHING) -> Findings:
    """All that a stack declared on its PostgreSQL server, and what is granted on it besides."""
    try:
        return _compare(declaration, live, log, elsewhere)
    except import_module("psycopg").Error as error:
        said = error.diag.message_primary or type(error).__name__
        raise LiveError(f"PostgreSQL {live.host}:{live.port} answers: {said}") from None


def _compare(declaration: Declaration, live: Live, log: Log, elsewhere: Elsewhere) -> Findings:
    wanted, found = Wanted(declaration), Findings()
    changes: list[Change] = []
    with live.database() as session:
        server = postgresql_facts.server(session, wanted.databases)
    for one in postgresql_roles.compare(wanted, server, elsewhere.memberships):
        if isinstance(one, Change):
            changes.append(one)
        else:
            found.noise.append(one)
    for name, one in wanted.databases.items():
        try:
            changes += _of_database(wanted, name, server, live)
        except LiveError as error:  # it lets nobody in
            changes += postgresql_databases.of_database(wanted, name, server)
            found.cannot_decide(one, f"what is in it cannot be looked at: {error}")
    found.compared += sum(1 for one in declaration.resources if one.type in TYPES)
    for one, reason in _undecided(wanted):
        found.cannot_decide(one, reason)
    changes += _passwords(wanted, server, live, found)
    found.drifts += [_finding(group, live, log) for group in _grouped(changes)]
    return found


def _undecided(wanted: Wanted) -> Iterator[tuple[Declared, str]]:
    """Resources that this comparison does not reach."""
    for one in wanted.declaration.resources:
        if one.resource.package != "postgresql":
            continue
        database = one.shown.get("database")
        if one.type not in TYPES:
            yield one, f"no comparison for {one.type}"
        elif database is not None and str(database) not in wanted.databases:
            yield one, f"database {database} is not declared by this stack"
        elif one.type == GRANT and one.shown.get("objectType") not in GRANTED_ON:
            yield one, f"no comparison for rights on a {one.shown.get('objectType')}"
        elif one.shown.get("passwordWoVersion"):
            yield one, "its password is not in the stack's state (passwordWo)"


def _of_database(wanted: Wanted, name: str, server: Server, live: Live) -> Iterator[Change]:
    yield from postgresql_databases.of_database(wanted, name, server)
    found = server.databases.get(name)
    if found is None:
        return  # with it went all that was in it
    yield from postgresql_rights.of_database(wanted, name, found.rights)
    owners = {str(one.shown["owner"]) for one in wanted.inside(name, DEFAULTS)}
    with live.database(name) as session:
        inside = postgresql_facts.inside(session, owners)
    for one in wanted.inside(name, SCHEMA):
        yield from postgresql_databases.of_schema(name, one, inside)
    for schema, one in wanted.schemas(name).items():
        if rights := inside.schemas.get(schema):
            yield from postgresql_rights.of_schema(wanted, name, (schema, one), rights)
    yield from postgresql_databases.of_extensions(wanted, name, inside)
    yield from postgresql_rights.of_objects_to_come(wanted, name, inside)
    yield from postgresql_rights.of_objects(wanted, name, inside)
    yield from postgresql_databases.of_publications(wanted, name, inside)


def _passwords(wanted: Wanted, server: Server, live: Live, found: Findings) -> Iterator[Change]:
    """Logins that the declared password does not open, as only logging in can tell."""
    for name, one in wanted.roles.items():
        password = one.inputs.value.get("password")
        role = server.roles.get(name)
        if not password or role is None or not role["login"]:
            continue
        if "password" in one.ignored:
            continue  # after rotate-root only Vault knows it
        said = log_in(live, name, str(password))
        if _WRONG_PASSWORD in said:
            shown = Difference(path="password", declared=HIDDEN, live=HIDDEN)
            yield Change(one=one, object=f"role {name}", difference=shown, password=True)
        elif said and not any(words in said for words in _RIGHT_PASSWORD):
            found.cannot_decide(one, f"its password cannot be tried: {said}")


def log_in(live: Live, role: str, password: str) -> str:
    """What the server says to a login; empty where it lets it in."""
    psycopg: Any = import_module("psycopg")
    try:
        with psycopg.connect(
            host=live.host,
            port=live.port,
            dbname="postgres",
            user=role,
            password=password,
            sslmode=live.sslmode,
            connect_timeout=TIMEOUT,
        ):
            return ""
    except psycopg.OperationalError as error:
        return " ".join(str(error).split()) or type(error).__name__


def _grouped(changes: Iterable[Change]) -> list[list[Change]]:
    """Changes of one resource and one object together: they are one drift."""
    groups: dict[tuple[str, str, str], list[Change]] = {}
    for one in changes:
        groups.setdefault((one.one.resource.urn, one.object, one.kind), []).append(one)
    return list(groups.values())


def _finding(group: list[Change], live: Live, log: Log) -> Finding:
    first = group[0]
    resource = first.one.resource
    differences = tuple(one.difference for one in group if one.difference is not None)
    can = all(one.statements or one.password for one in group)
    remedies = {"missing": "made again as it was declared", "added": "taken away; what it was is kept in a file"}
    return Finding(
        drift=Drift(
            urn=resource.urn,
            name=resource.name,
            type=resource.type,
            object=first.object,
            kind=first.kind,
            differences=differences,
            cause=log.cause(first.object, differences),
            remedy=remedies.get(first.kind, "altered to what was declared") if can else "",
        ),
        repair=_repair(group, live) if can else None,
        before={"object": first.object, "differences": [str(one) for one in differences]},
    )


def _repair(group: list[Change], live: Live) -> Callable[[], None]:
    def work() -> None:
        psycopg: Any = import_module("psycopg")
        for change in group:
            try:
                with live.database(change.database or "postgres") as session, session.transaction():
                    if change.becomes:
                        session.execute(statement("SET LOCAL ROLE {role}", role=change.becomes))
                    for order in change.statements:
                        session.execute(order)
                    if change.password:
                        _give_password(session, change.one)
            except psycopg.Error as error:
                said = error.diag.message_primary or type(error).__name__
                raise RepairError(f"PostgreSQL answers: {said}") from None

    return work


def _give_password(session: Any, one: Declared) -> None:
    """Give a role its declared password, hashed here, so that no log can have it."""
    password = one.inputs.value.get("password")
    if not password:
        return
    name = str(one.shown["name"])
    verifier = session.pgconn.encrypt_password(str(password).encode(), name.encode(), b"scram-sha-256")
    order = statement("ALTER ROLE {role} PASSWORD {verifier}", role=name, verifier=sql.Literal(verifier.decode()))
    session.execute(order)
