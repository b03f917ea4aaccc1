"""Live objects: what the servers hold for a stack, each text of it with the place that it stands at.

Kubernetes: every object of every kind that can be listed, in the stack's namespaces, Secrets decoded. Vault: the
KV values below the stack's folder, and its database engines. PostgreSQL: what leads from the stack's databases to
other servers. A text may be a secret; only its place is ever told.
"""

from __future__ import annotations

import base64
import json
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from bulkhead.errors import CommandError
from bulkhead.guard.finding import FOREIGN, NODE, UNDECIDED, Finding
from bulkhead.isolation.observing import keys
from bulkhead.isolation.plain import listed, mapping
from bulkhead.isolation.territory import Territory as Recorded
from bulkhead.live import LiveError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bulkhead.guard.territory import Territory
    from bulkhead.live import Live
    from bulkhead.state import State

_FLEETING: Final = frozenset({"events", "leases"})
"""Kinds that hold no configuration."""

_PASSED_BY: Final = frozenset({"managedFields", "uid", "resourceVersion"})

_POSTGRESQL: Final = {
    "foreign server": "SELECT srvname, srvoptions::text FROM pg_foreign_server WHERE srvoptions IS NOT NULL",
    "function": "SELECT nspname || '.' || proname, prosrc FROM pg_proc"
    " JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname NOT IN ('pg_catalog', 'information_schema')",
    "setting": "SELECT concat_ws(' ', datname, rolname), array_to_string(setconfig, ' ') FROM pg_db_role_setting"
    " LEFT JOIN pg_database d ON d.oid = setdatabase LEFT JOIN pg_roles r ON r.oid = setrole"
    " WHERE datname = current_database() OR (setdatabase = 0 AND rolname = ANY (%(roles)s))",
}
_SUBSCRIPTIONS: Final = (
    "SELECT subname FROM pg_subscription"
    " WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
)

Text = tuple[str, str]
"""A place, and what stands there."""


def look(
    state: State, live: Live, territory: Territory, on_object: Callable[[str], None]
) -> tuple[list[Finding], int]:
    """Look at the live objects of a stack; what was found, and how many texts were looked at.

    Args:
        state: the stack's.
        live: its servers.
        territory: what is looked for.
        on_object: told each kind of thing that is looked at.
    """
    found: list[Finding] = []
    count = 0
    foreign = territory.foreign(state.stack)
    for place, text in _texts(state, live, on_object):
        path = f"live/{state.stack}/{place}"
        if text is None:
            where, _, why = place.partition(": ")
            found.append(Finding(rule=UNDECIDED, path=f"live/{state.stack}/{where}", what=why))
            continue
        count += 1
        named = {(seen.node, seen.how) for seen in territory.nodes.seen(text)}
        found += [Finding(rule=NODE, path=path, what=node, how=how) for node, how in sorted(named)]
        for owner, name in sorted({(owner, name) for owner, name, _ in foreign.seen(text)}):
            what = f"{name!r} of {owner} in what is for {state.stack}"
            found.append(Finding(rule=FOREIGN, path=path, what=what))
    return found, count


def _texts(state: State, live: Live, on_object: Callable[[str], None]) -> Iterator[tuple[str, str | None]]:
    recorded = Recorded(state.stack, state)
    for name, server in (
        ("kubernetes", lambda: _kubernetes(recorded, live, on_object)),
        ("vault", lambda: _vault(state, recorded, live, on_object)),
        ("postgresql", lambda: _postgresql(recorded, live, on_object)),
    ):
        try:
            yield from server()
        except CommandError as error:
            yield f"{name}: {error}", None


def _kubernetes(
    recorded: Recorded, live: Live, on_object: Callable[[str], None]
) -> Iterator[tuple[str, str | None]]:
    api = live.kubernetes
    kinds = list(_kinds(live))
    for namespace in sorted(recorded.namespaces):
        on_object(f"namespace {namespace}")
        for place, text in _leaves(api.get(f"/api/v1/namespaces/{namespace}") or {}):
            yield f"kubernetes/{namespace}/{place}", text
        for path, name, kind in kinds:
            try:
                objects = api.list(f"{path}/namespaces/{namespace}/{name}")
            except LiveError as error:
                yield f"kubernetes/{namespace}/{kind}: cannot be listed: {error}", None
                continue
            for one in objects:
                about = f"kubernetes/{namespace}/{kind}/{mapping(one.get('metadata')).get('name')}"
                for place, text in _leaves(one):
                    yield f"{about}/{place}", text
                if kind == "Secret":
                    for key, value in mapping(one.get("data")).items():
                        decoded = base64.b64decode(str(value)).decode(errors="replace")
                        yield f"{about}/data.{key}", decoded


def _kinds(live: Live) -> Iterator[tuple[str, str, str]]:
    """The kinds of objects in namespaces that can be listed: their group's path, plural and kind.

    Raises:
        LiveError: a group does not answer, so some kinds are not known.
    """
    api = live.kubernetes
    groups = map(mapping, listed(mapping(api.get("/apis")).get("groups")))
    versions = [str(mapping(group.get("preferredVersion")).get("groupVersion")) for group in groups]
    for path in ("/api/v1", *(f"/apis/{version}" for version in versions)):
        for one in map(mapping, listed(mapping(api.get(path)).get("resources"))):
            name = str(one.get("name"))
            may = one.get("namespaced") and "list" in listed(one.get("verbs")) and "/" not in name
            if may and name not in _FLEETING:
                yield path, name, str(one.get("kind"))


def _leaves(value: object, place: str = "") -> Iterator[Text]:
    """All texts of a plain value, keys among them, each with its place."""
    if isinstance(value, dict):
        for key, inner in cast("dict[str, object]", value).items():
            if key not in _PASSED_BY:
                where = f"{place}.{key}" if place else key
                yield where, key
                yield from _leaves(inner, where)
    elif isinstance(value, list):
        for index, inner in enumerate(cast("list[object]", value)):
            yield from _leaves(inner, f"{place}[{index}]")
    elif isinstance(value, (str, int)) and not isinstance(value, bool):
        yield place, str(value)


def _vault(
    state: State, recorded: Recorded, live: Live, on_object: Callable[[str], None]
) -> Iterator[tuple[str, str | None]]:
    vault, folder = live.vault, f"{state.project}/{state.stack}"
    stores = {path.split("/data/")[0] for path in recorded.vault if "/data/" in path}
    for store in sorted(stores):
        on_object(f"Vault {store}/{folder}")
        for path in _below(vault, f"{store}/metadata/{folder}"):
            for key, text in _at(vault, path.replace("/metadata/", "/data/", 1)):
                yield from ((key, None),) if text is None else _of_json(key, text)
    for mount, about in sorted(mapping(_answer(vault, "sys/mounts")).items()):
        if mount.startswith(f"{folder}/") and mapping(about).get("type") == "database":
            on_object(f"Vault {mount}")
            for kind in ("config", "roles", "static-roles"):
                for name in keys(vault, f"{mount}{kind}"):
                    yield from _at(vault, f"{mount}{kind}/{name}")


def _at(vault: Any, path: str) -> Iterator[tuple[str, str | None]]:
    """All texts at a path."""
    answer = _answer(vault, path)
    if answer is None:
        yield f"vault/{path}: cannot be read", None
    for place, text in _leaves(answer or {}):
        yield f"vault/{path}#{place}", text


def _of_json(key: str, text: str) -> Iterator[Text]:
    """A value, and those within it if it is JSON."""
    yield key, text
    if text[:1] in ("{", "["):
        try:
            yield from _leaves(json.loads(text), key)
        except ValueError:
            return


def _below(vault: Any, path: str) -> Iterator[str]:
    for name in keys(vault, path):
        inner = f"{path}/{name.rstrip('/')}"
        if name.endswith("/"):
            yield from _below(vault, inner)
        else:
            yield inner


def _answer(vault: Any, path: str) -> dict[str, Any] | None:
    """What Vault has at a path; None where it refuses, or has nothing any more."""
    hvac: Any = import_module("hvac")
    try:
        answer: Any = vault.read(path)
    except hvac.exceptions.Forbidden:
        return None
    return mapping(mapping(answer).get("data"))


def _postgresql(
    recorded: Recorded, live: Live, on_object: Callable[[str], None]
) -> Iterator[tuple[str, str | None]]:
    asked = {"roles": sorted(recorded.roles)}
    for database in sorted(recorded.databases):
        on_object(f"database {database}")
        try:
            with live.database(database) as session:
                for kind, query in _POSTGRESQL.items():
                    for name, text in session.execute(query, asked).fetchall():
                        yield f"postgresql/{database}/{kind} {name}", str(text)
                for (name,) in session.execute(_SUBSCRIPTIONS).fetchall():
                    yield from _subscription(session, database, name)
        except LiveError as error:
            yield f"postgresql/{database}: {error}", None


def _subscription(session: Any, database: str, name: str) -> Iterator[tuple[str, str | None]]:
    psycopg: Any = import_module("psycopg")
    place = f"postgresql/{database}/subscription {name}"
    try:
        row = session.execute("SELECT subconninfo FROM pg_subscription WHERE subname = %s", (name,)).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        yield f"{place}: only a superuser may read where it leads", None
        return
    yield place, str(row[0]) if row else ""
