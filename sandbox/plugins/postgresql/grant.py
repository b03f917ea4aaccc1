"""postgresql.Grant: the privileges of a role on a database, a schema or objects in it."""

from __future__ import annotations

from typing import Any, ClassVar

from sandbox.plugins.bridged.schema import Property, ResourceType, Schema, Values, strings
from sandbox.plugins.postgresql.granted import granted_privileges
from sandbox.plugins.postgresql.membership import roles_granted, schema_owner, table_owners
from sandbox.plugins.postgresql.names import refuse_import
from sandbox.plugins.postgresql.privileges import ALLOWED, WITHOUT_SCHEMA, grantee_exists, wanted
from sandbox.plugins.postgresql.server import Server, Session
from sandbox.plugins.postgresql.statements import Keywords, Name, Names, Objects, Statement, statement
from sandbox.plugins.process import PluginError

_GIVEN = Property(required=True, force_new=True)


class Grant(ResourceType[Server]):
    """All privileges of one role on one kind of objects: what it does not list is revoked."""

    token: ClassVar[str] = "postgresql:index/grant:Grant"  # noqa: S105 - a type token
    delete_before_replace: ClassVar[bool] = True
    properties: ClassVar[Schema] = {
        "columns": Property(type="set", force_new=True),
        "database": _GIVEN,
        "objectType": Property(required=True, force_new=True, allowed=tuple(k for k in ALLOWED if k != "type")),
        "objects": Property(type="set", force_new=True),
        "privileges": Property(type="set", required=True),
        "role": _GIVEN,
        "schema": Property(force_new=True),
        "withGrantOption": Property(type="bool", default=False, force_new=True),
    }

    def create(self, server: Server, inputs: Values) -> tuple[str, Values]:
        """Revoke everything and grant what is listed, in one transaction."""
        self._write(server, inputs, inputs)
        return _id(inputs), self._live(server, inputs)

    def read(self, server: Server, resource_id: str, state: Values) -> Values | None:
        """The privileges that the role has; None if the role, the database or the schema is gone."""
        del resource_id
        refuse_import("Grant", state)
        return self._live(server, state) if grantee_exists(server, state) else None

    def update(self, server: Server, resource_id: str, old: Values, new: Values) -> Values:
        """Revoke what was listed and grant what is listed now, in one transaction."""
        del resource_id
        self._write(server, old, new)
        return self._live(server, new)

    def delete(self, server: Server, resource_id: str, state: Values) -> None:
        """Revoke everything."""
        del resource_id
        if not grantee_exists(server, state):
            return

        def work(session: Session) -> None:
            with roles_granted(session, _owners(session, state)):
                _revoke(session, state)

        server.change(str(state["database"]), work)

    def _write(self, server: Server, before: Values, new: Values) -> None:
        _validate(new)
        privileges = wanted(new)

        def work(session: Session) -> None:
            with roles_granted(session, _owners(session, new)):
                _revoke(session, {**new, "privileges": before.get("privileges")})
                if privileges:
                    order = statement("GRANT {privileges}", privileges=Keywords(privileges))
                    order += _target(new) + statement("TO {role}", role=str(new["role"]))
                    if new["withGrantOption"]:
                        order += statement("WITH GRANT OPTION")
                    session.run(order, doing="granting privileges")

        server.change(str(new["database"]), work)

    def _live(self, server: Server, values: Values) -> Values:
        with server.session(str(values["database"])) as session:
            return {"id": _id(values), **granted_privileges(session, values)}


def _id(values: Values) -> str:
    kind = str(values["objectType"])
    within = [] if kind in WITHOUT_SCHEMA else [str(values.get("schema") or "")]
    parts = [str(values["role"]), str(values["database"]), *within, kind]
    return "_".join([*parts, *strings(values, "objects"), *strings(values, "columns")])


def _validate(values: Values) -> None:
    kind = str(values["objectType"])
    counts = {key: len(strings(values, key)) for key in ("objects", "columns", "privileges")}
    wrong: dict[str, Any] = {
        "parameter 'schema' is mandatory for postgresql_grant resource": not values.get("schema")
        and kind not in WITHOUT_SCHEMA,
        "cannot specify `objects` when `object_type` is `database` or `schema`": counts["objects"]
        and kind in ("database", "schema"),
        "cannot specify `columns` when `object_type` is not `column`": counts["columns"] and kind != "column",
        "must specify `columns` when `object_type` is `column`": kind == "column" and not counts["columns"],
        "must specify exactly 1 `privileges` when `object_type` is `column`": kind == "column"
        and counts["privileges"] != 1,
        "must specify exactly 1 table in the `objects` field when `object_type` is `column`": kind == "column"
        and counts["objects"] != 1,
        "one element must be specified in `objects` when `object_type` is `foreign_data_wrapper` or "
        "`foreign_server`": kind.startswith("foreign_") and counts["objects"] != 1,
    }
    for reason, holds in wrong.items():
        if holds:
            raise PluginError(reason)


def _owners(session: Session, values: Values) -> list[str]:
    """Who can change these privileges, whom an administrator without superuser rights has to join."""
    kind = str(values["objectType"])
    if kind in WITHOUT_SCHEMA:
        return []
    schema = str(values["schema"])
    owners = [] if kind == "schema" else table_owners(session, schema)
    return list(dict.fromkeys([*owners, schema_owner(session, schema)]))


def _revoke(session: Session, values: Values) -> None:
    kind, privileges = str(values["objectType"]), strings(values, "privileges")
    if kind == "column" and not privileges:
        return
    order = statement("REVOKE ALL PRIVILEGES")
    if kind == "column" or (kind not in ("schema", *WITHOUT_SCHEMA) and strings(values, "objects") and privileges):
        # Single privileges, because ALL would take the rights on single columns as well.
        order = statement("REVOKE {revoked}", revoked=Keywords(privileges))
    order += _target(values) + statement("FROM {role}", role=str(values["role"]))
    session.run(order, doing="revoking privileges")


def _target(values: Values) -> Statement:
    """What the privileges are on."""
    kind, schema, objects = str(values["objectType"]), str(values.get("schema") or ""), strings(values, "objects")
    single = {"database": str(values["database"]), "schema": schema}
    if kind in ("schema", *WITHOUT_SCHEMA):
        words = Keywords((kind.replace("_", " ").upper(),))
        return statement("ON {kind} {target}", kind=words, target=single.get(kind) or objects[0])
    if kind == "column":
        columns = Names(tuple(Name((column,)) for column in strings(values, "columns")))
        return statement("({columns}) ON TABLE {target}", columns=columns, target=Objects(schema, objects))
    words = Keywords((kind.upper(),))
    if objects:
        return statement("ON {kind} {target}", kind=words, target=Objects(schema, objects))
    return statement("ON ALL {kind}S IN SCHEMA {target}", kind=words, target=schema)
