"""postgresql.Database: a database, its owner and its limits."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Final, LiteralString

from sandbox.plugins.bridged.schema import Property, ResourceType, Schema, Values
from sandbox.plugins.postgresql.membership import (
    current_user,
    database_owner,
    grant_membership,
    is_superuser,
    revoke_membership,
    roles_granted,
)
from sandbox.plugins.postgresql.names import still_there
from sandbox.plugins.postgresql.server import Server, Session
from sandbox.plugins.postgresql.statements import Keywords, Number, Statement, Text, statement

if TYPE_CHECKING:
    from collections.abc import Generator

_CHOSEN = Property(computed=True, force_new=True)
_READ: Final[LiteralString] = """
SELECT d.datname, pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding), d.datcollate, d.datctype,
       t.spcname, d.datconnlimit, d.datallowconn, d.datistemplate
  FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON d.dattablespace = t.oid
 WHERE d.datname = %s
"""
_COLUMNS: Final = (
    "name",
    "owner",
    "encoding",
    "lcCollate",
    "lcCtype",
    "tablespaceName",
    "connectionLimit",
    "allowConnections",
    "isTemplate",
)


class Database(ResourceType[Server]):
    """A database. Dropping it ends its sessions."""

    token: ClassVar[str] = "postgresql:index/database:Database"  # noqa: S105 - a type token
    properties: ClassVar[Schema] = {
        "allowConnections": Property(type="bool", default=True),
        "alterObjectOwnership": Property(type="bool", default=False),
        "connectionLimit": Property(type="int", default=-1, minimum=-1),
        "encoding": _CHOSEN,
        "isTemplate": Property(type="bool", computed=True),
        "lcCollate": _CHOSEN,
        "lcCtype": _CHOSEN,
        "name": Property(required=True, autoname=True),
        "owner": Property(computed=True),
        "tablespaceName": Property(computed=True),
        "template": _CHOSEN,
    }

    def create(self, server: Server, inputs: Values) -> tuple[str, Values]:
        """CREATE DATABASE, as a member of the owner for that moment."""
        name, owner = str(inputs["name"]), str(inputs.get("owner") or "")

        def work(session: Session) -> None:
            with _member_of(session, owner):
                session.run(
                    _creation(name, owner or server.settings.role, inputs), doing=f"creating database {name}"
                )

        server.change_database(work)
        return name, self._live(server, name, inputs)

    def read(self, server: Server, resource_id: str, state: Values) -> Values | None:
        """What the catalogue says of the database; its template is not among that."""
        with server.session() as session:
            row = session.row(_READ, resource_id)
        if row is None:
            return None
        live = dict(zip(_COLUMNS, row, strict=True))
        return {**live, "id": live["name"], "template": state.get("template") or "template0"}

    def update(self, server: Server, resource_id: str, old: Values, new: Values) -> Values:
        """ALTER DATABASE for what changed."""
        before, name = str(old.get("name") or resource_id), str(new["name"])
        owner = str(new.get("owner") or "")

        if before != name:
            server.change_database(lambda session: _rename(session, before, name))
        gets_owner = bool(owner) and old.get("owner") != owner
        if new["alterObjectOwnership"] and (gets_owner or not old.get("alterObjectOwnership")):
            server.change(name, lambda session: _reassign(session, owner))

        def work(session: Session) -> None:
            if gets_owner:
                with _member_of(session, owner):
                    session.run(
                        "ALTER DATABASE {name} OWNER TO {owner}",
                        doing="updating database OWNER",
                        name=name,
                        owner=owner,
                    )
            _set_options(session, name, old, new)

        server.change_database(work)
        return {**self._live(server, name, new), "id": name}

    def delete(self, server: Server, resource_id: str, state: Values) -> None:
        """Shut the database, end its sessions, drop it."""
        name, owner = str(state.get("name") or resource_id), str(state.get("owner") or "")

        def work(session: Session) -> None:
            if not session.exists("SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s", name):
                return
            with _member_of(session, owner):
                if state.get("isTemplate"):
                    _set_flag(session, name, "IS_TEMPLATE", on=False)
                _set_flag(session, name, "ALLOW_CONNECTIONS", on=False)
                # Only sessions of people: the server ends its own workers, and no administrator may.
                session.rows(
                    "SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity "
                    "WHERE datname = %s AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
                    name,
                )
                session.run("DROP DATABASE {name} WITH (FORCE)", doing=f"dropping database {name}", name=name)

        server.change_database(work)

    def _live(self, server: Server, name: str, inputs: Values) -> Values:
        live = self.read(server, name, inputs)
        return still_there(live, f"database {name}")


def _creation(name: str, owner: str, inputs: Values) -> Statement:
    order = statement("CREATE DATABASE {name} OWNER {owner}", name=name, owner=owner)
    template = str(inputs.get("template") or "template0")
    if template.upper() == "DEFAULT":
        order += statement("TEMPLATE DEFAULT")
    else:
        order += statement("TEMPLATE {template}", template=template)
    encoding = str(inputs.get("encoding") or "UTF8")
    if encoding.upper() == "DEFAULT":
        order += statement("ENCODING DEFAULT")
    else:
        order += statement("ENCODING {encoding}", encoding=Text(encoding))
    # What the program leaves out is taken from the template.
    for key, part in (
        ("lcCollate", statement("LC_COLLATE {collate}", collate=Text(str(inputs.get("lcCollate"))))),
        ("lcCtype", statement("LC_CTYPE {ctype}", ctype=Text(str(inputs.get("lcCtype"))))),
        ("tablespaceName", statement("TABLESPACE {space}", space=str(inputs.get("tablespaceName")))),
    ):
        if inputs.get(key) and str(inputs[key]).upper() != "DEFAULT":
            order += part
    return order + statement(
        "ALLOW_CONNECTIONS {allowed} CONNECTION LIMIT {limit} IS_TEMPLATE {template_flag}",
        allowed=_boolean(on=bool(inputs["allowConnections"])),
        limit=Number(inputs["connectionLimit"]),
        template_flag=_boolean(on=bool(inputs.get("isTemplate"))),
    )


def _set_options(session: Session, name: str, old: Values, new: Values) -> None:
    space = str(new.get("tablespaceName") or "")
    if space and old.get("tablespaceName") != space:
        session.run(
            "ALTER DATABASE {name} SET TABLESPACE {space}",
            doing="updating database TABLESPACE",
            name=name,
            space=space,
        )
    if old.get("connectionLimit") != new["connectionLimit"]:
        session.run(
            "ALTER DATABASE {name} CONNECTION LIMIT {limit}",
            doing="updating database CONNECTION LIMIT",
            name=name,
            limit=Number(new["connectionLimit"]),
        )
    for key, word in (("allowConnections", "ALLOW_CONNECTIONS"), ("isTemplate", "IS_TEMPLATE")):
        if bool(old.get(key)) != bool(new.get(key)):
            _set_flag(session, name, word, on=bool(new.get(key)))


def _set_flag(session: Session, name: str, word: str, *, on: bool) -> None:
    session.run(
        "ALTER DATABASE {name} {word} {value}",
        doing=f"updating database {word}",
        name=name,
        word=Keywords((word,)),
        value=_boolean(on=on),
    )


def _boolean(*, on: bool) -> Keywords:
    return Keywords(("true" if on else "false",))


def _rename(session: Session, before: str, name: str) -> None:
    session.run("ALTER DATABASE {old} RENAME TO {new}", doing="updating database name", old=before, new=name)


def _reassign(session: Session, owner: str) -> None:
    """Give all that the database's owner has in it to the new owner."""
    current = database_owner(session)
    if not owner or current == owner:
        return
    with roles_granted(session, [current, owner]):
        session.run(
            "REASSIGN OWNED BY {old} TO {new}",
            doing=f"reassigning objects owned by {current}",
            old=current,
            new=owner,
        )


@contextmanager
def _member_of(session: Session, role: str) -> Generator[None]:
    """Be a member of a role inside, outside of any transaction; taken back even after a failure."""
    user = current_user(session)
    if not role or is_superuser(session, user):
        yield
        return
    granted = grant_membership(session, role, user)
    try:
        yield
    finally:
        if granted:
            revoke_membership(session, role, user)
