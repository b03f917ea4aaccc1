"""Drift of PostgreSQL's roles: attributes, settings, and memberships, added or taken away; pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from psycopg import sql

from bulkhead.drift.postgresql_change import Change, statement, words
from bulkhead.drift.report import Difference, Noise, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkhead.drift.declared import Declared
    from bulkhead.drift.postgresql_facts import Membership, Server
    from bulkhead.drift.postgresql_wanted import Wanted

_FLAGS: Final = {
    "superuser": "SUPERUSER",
    "createDatabase": "CREATEDB",
    "createRole": "CREATEROLE",
    "inherit": "INHERIT",
    "login": "LOGIN",
    "bypassRowLevelSecurity": "BYPASSRLS",
    "replication": "REPLICATION",
}
_SETTINGS: Final = {
    "statementTimeout": "statement_timeout",
    "idleInTransactionSessionTimeout": "idle_in_transaction_session_timeout",
    "assumeRole": "role",
}
_LEASED: Final = re.compile(r"v-.+-\d{10}")
"""How Vault ends a leased login's name: with the time at which it was made."""

GRANTED_BY_NAMES_ANYBODY: Final = 160000
"""Since this version REVOKE can name another grantor."""


def compare(
    wanted: Wanted, server: Server, elsewhere: frozenset[tuple[str, str]] = frozenset()
) -> Iterator[Change | Noise]:
    """The declared roles, and who is a member of whom; `elsewhere` are memberships that other stacks declare."""
    for name, one in wanted.roles.items():
        live = server.roles.get(name)
        if live is None:
            yield Change(
                one=one,
                object=f"role {name}",
                kind="missing",
                statements=tuple(_created(name, one)),
                password=True,
            )
        else:
            yield from _attributes(name, one, live)
            yield from _settings(name, one, server)
    yield from _memberships(wanted, server, elsewhere)


def _created(name: str, one: Declared) -> Iterator[sql.Composable]:
    inputs = one.shown
    flags = [word if inputs.get(key, key == "inherit") else f"NO{word}" for key, word in _FLAGS.items()]
    yield statement("CREATE ROLE {role} WITH {flags}", role=name, flags=words(" ".join(flags)))
    limit, until = sql.Literal(int(inputs.get("connectionLimit", -1))), inputs.get("validUntil", "infinity")
    yield statement("ALTER ROLE {role} CONNECTION LIMIT {limit}", role=name, limit=limit)
    yield statement("ALTER ROLE {role} VALID UNTIL {until}", role=name, until=sql.Literal(str(until)))
    for setting, value in _declared_settings(inputs).items():
        yield _set(name, setting, value)


def _attributes(name: str, one: Declared, live: Mapping[str, Any]) -> Iterator[Change]:
    defaults: dict[str, Any] = {**dict.fromkeys(_FLAGS, False), "inherit": True}
    defaults |= {"connectionLimit": -1, "validUntil": "infinity"}
    for key, default in defaults.items():
        declared, found = one.shown.get(key, default), live[key]
        if key in one.ignored or str(declared) == str(found):
            continue
        if key in _FLAGS:
            word = words(_FLAGS[key] if declared else f"NO{_FLAGS[key]}")
            put_right = statement("ALTER ROLE {role} {flag}", role=name, flag=word)
        elif key == "connectionLimit":
            limit = sql.Literal(int(declared))
            put_right = statement("ALTER ROLE {role} CONNECTION LIMIT {limit}", role=name, limit=limit)
        else:
            until = sql.Literal(str(declared))
            put_right = statement("ALTER ROLE {role} VALID UNTIL {until}", role=name, until=until)
        shown = Difference(path=key, declared=say(declared), live=say(found))
        yield Change(one=one, object=f"role {name}", difference=shown, statements=(put_right,))


def _declared_settings(inputs: Mapping[str, Any]) -> dict[str, str]:
    found = {setting: str(inputs[key]) for key, setting in _SETTINGS.items() if inputs.get(key)}
    if paths := inputs.get("searchPaths"):
        found["search_path"] = ", ".join(str(path) for path in paths)
    return found


def plain(setting: str, value: str) -> str:
    """A setting's value with a list's names unquoted, so that two spellings of one list are equal."""
    if setting != "search_path":
        return value
    return ", ".join(part.strip().strip("\"'") for part in value.split(","))


def _settings(name: str, one: Declared, server: Server) -> Iterator[Change]:
    declared = _declared_settings(one.shown)
    ignored = {_SETTINGS.get(key, key) for key in one.ignored} | (
        {"search_path"} if "searchPaths" in one.ignored else set[str]()
    )
    for (database, role), live in server.settings.items():
        if role == name and database:
            for setting, value in live.items():
                reset = statement(
                    "ALTER ROLE {role} IN DATABASE {database} RESET {setting}",
                    role=name,
                    database=database,
                    setting=setting,
                )
                shown = Difference(path=f"settings in {database}.{setting}", live=shown_setting(setting, value))
                yield Change(one=one, object=f"role {name}", difference=shown, statements=(reset,))
    live = server.settings.get(("", name), {})
    for setting in sorted({*declared, *live} - ignored):
        want, have = declared.get(setting), live.get(setting)
        if want is not None and have is not None and plain(setting, want) == plain(setting, have):
            continue
        put_right = (
            statement("ALTER ROLE {role} RESET {setting}", role=name, setting=setting)
            if want is None
            else _set(name, setting, want)
        )
        shown = Difference(
            path=f"settings.{setting}",
            declared=want,
            live=None if have is None else shown_setting(setting, have),
        )
        yield Change(one=one, object=f"role {name}", difference=shown, statements=(put_right,))


def shown_setting(setting: str, value: str) -> str:
    """A setting's value; that of one which an application made up may be a secret."""
    from bulkhead.drift.report import HIDDEN  # noqa: PLC0415 - only where one differs

    return HIDDEN if "." in setting else say(value)


def _set(role: str, setting: str, value: str) -> sql.Composable:
    parts = value.split(", ") if setting == "search_path" else [value]
    listed = sql.SQL(", ").join(sql.Literal(part) for part in parts)
    return statement("ALTER ROLE {role} SET {setting} TO {value}", role=role, setting=setting, value=listed)


def _memberships(
    wanted: Wanted, server: Server, elsewhere: frozenset[tuple[str, str]]
) -> Iterator[Change | Noise]:
    live: dict[tuple[str, str], list[Membership]] = {}
    for one in server.memberships:
        live.setdefault((one.role, one.member), []).append(one)
    administrators = {member.member for member in wanted.memberships.values() if member.admin}
    for pair, member in wanted.memberships.items():
        if pair not in live and member.role in server.roles and member.member in server.roles:
            shown = Difference(path=f"membership of {member.member} in {member.role}", declared="granted")
            yield Change(
                one=member.one,
                object=f"role {member.member}",
                difference=shown,
                statements=(_granted(*pair, admin=member.admin),),
            )
    for (role, name), grants in live.items():
        member = wanted.memberships.get((role, name))
        about = wanted.roles.get(name) or wanted.roles.get(role)
        if member is not None:
            yield from _options(member.one, grants, server, admin=member.admin)
        elif about is not None and (role, name) not in elsewhere:
            for one in grants:
                known = _known(one, server, wanted, administrators)
                path = f"membership of {name} in {role}"
                if known:
                    yield Noise(name=about.name, object=f"role {role}", path=path, known=known)
                else:
                    shown = Difference(path=path, live=_says(one))
                    yield Change(
                        one=about,
                        object=f"role {name}",
                        difference=shown,
                        kind="added",
                        statements=(_revoked(one, server),),
                    )


def _known(one: Membership, server: Server, wanted: Wanted, administrators: set[str]) -> str:
    """The entry of the list of known noise that a membership is on; empty for none."""
    provider = wanted.declaration.state.providers.get("postgresql")
    inputs: Mapping[str, Any] = provider.inputs if provider else {}
    if one.member in {server.user, str(inputs.get("username") or server.user)}:
        return "creator"
    if one.grantor in administrators:
        lease = one.expires and _LEASED.fullmatch(one.member) and not one.admin
        ends = one.member == one.grantor and _LEASED.fullmatch(one.role)
        if lease or ends:
            return "leased-login"
    if one.member in administrators and _LEASED.fullmatch(one.role):
        return "leased-login"  # Vault may end the sessions of what it leased
    if (about := wanted.roles.get(one.member)) and {"login", "roles"} <= about.ignored:
        return "ignored"
    return ""


def _options(one: Declared, grants: list[Membership], server: Server, *, admin: bool) -> Iterator[Change]:
    """A membership that is declared, with other options than it is declared with."""
    role, name = grants[0].role, grants[0].member
    has_admin = any(grant.admin for grant in grants)
    passes = any(grant.inherit for grant in grants), any(grant.can_set for grant in grants)
    inherits = bool(server.roles.get(name, {}).get("inherit", True))
    if has_admin == admin and passes == (inherits, True):
        return
    put_right: list[sql.Composable] = []
    if has_admin and not admin:
        put_right += [_without_admin(grant, server) for grant in grants if grant.admin]
    if not has_admin and admin:
        put_right.append(_granted(role, name, admin=True))
    if passes != (inherits, True) and server.version >= GRANTED_BY_NAMES_ANYBODY:
        options = words(f"INHERIT {'TRUE' if inherits else 'FALSE'}"), sql.SQL("SET TRUE")
        put_right.append(
            statement(
                "GRANT {role} TO {member} WITH {inherit}, {set}",
                role=role,
                member=name,
                inherit=options[0],
                set=options[1],
            )
        )
    live = f"admin {has_admin}, inherit {passes[0]}, set {passes[1]}".lower()
    shown = Difference(
        path=f"membership of {name} in {role}",
        declared=f"admin {admin}, inherit {inherits}, set true".lower(),
        live=live,
    )
    yield Change(one=one, object=f"role {name}", difference=shown, statements=tuple(put_right))


def _says(one: Membership) -> str:
    options = f"admin {one.admin}, inherit {one.inherit}, set {one.can_set}".lower()
    return f"granted by {one.grantor or 'nobody'}, {options}"


def _granted(role: str, member: str, *, admin: bool) -> sql.Composable:
    order = statement("GRANT {role} TO {member}", role=role, member=member)
    return order + sql.SQL(" WITH ADMIN OPTION") if admin else order


def _grantor(one: Membership, server: Server) -> sql.Composable:
    if one.grantor and server.version >= GRANTED_BY_NAMES_ANYBODY:
        return statement(" GRANTED BY {grantor}", grantor=one.grantor)
    return sql.SQL("")


def _revoked(one: Membership, server: Server) -> sql.Composable:
    order = statement("REVOKE {role} FROM {member}", role=one.role, member=one.member)
    return order + _grantor(one, server) + sql.SQL(" CASCADE")


def _without_admin(one: Membership, server: Server) -> sql.Composable:
    order = statement("REVOKE ADMIN OPTION FOR {role} FROM {member}", role=one.role, member=one.member)
    return order + _grantor(one, server) + sql.SQL(" CASCADE")
