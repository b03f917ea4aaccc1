"""What a stack's resources of PostgreSQL declare together: roles, memberships, rights, settings; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from bulkhead.drift.postgresql_facts import PUBLIC, Right

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bulkhead.drift.declared import Declaration, Declared

ROLE, DATABASE, SCHEMA = (
    f"postgresql:index/{name}" for name in ("role:Role", "database:Database", "schema:Schema")
)
GRANT, GRANT_ROLE = "postgresql:index/grant:Grant", "postgresql:index/grantRole:GrantRole"
DEFAULTS: Final = "postgresql:index/defaultPrivileges:DefaultPrivileges"
EXTENSION, PUBLICATION = "postgresql:index/extension:Extension", "postgresql:index/publication:Publication"
TYPES: Final = frozenset({ROLE, DATABASE, SCHEMA, GRANT, GRANT_ROLE, DEFAULTS, EXTENSION, PUBLICATION})
GRANTED_ON: Final = frozenset({"database", "schema"})
"""Kinds of objects whose Grants are compared, both ways."""

LETTERS: Final = {"table": "r", "sequence": "S", "function": "f", "routine": "f", "type": "T", "schema": "n"}
_SETTING: Final = re.compile(r'^ALTER DATABASE "((?:[^"]|"")+)" SET "((?:[^"]|"")+)" TO (.+);$', re.MULTILINE)
_LITERAL: Final = re.compile(r"'((?:[^']|'')*)'")
_GRANT: Final = re.compile(r"\bGRANT\b[^;]*;", re.IGNORECASE)


@dataclass(frozen=True)
class Member:
    """A declared membership.

    Args:
        one: the resource that declares it.
        role: the role.
        member: its member.
        admin: whether the member may grant it on.
    """

    one: Declared
    role: str
    member: str
    admin: bool = False


@dataclass(frozen=True)
class Wanted:
    """A stack's declarations.

    Args:
        declaration: all of them.
    """

    declaration: Declaration

    @cached_property
    def roles(self) -> Mapping[str, Declared]:
        """The declared roles, by name."""
        return {str(one.shown["name"]): one for one in self.declaration.of_type(ROLE)}

    @cached_property
    def databases(self) -> Mapping[str, Declared]:
        """The declared databases, by name."""
        return {str(one.shown["name"]): one for one in self.declaration.of_type(DATABASE)}

    @cached_property
    def memberships(self) -> Mapping[tuple[str, str], Member]:
        """The declared memberships, by role and member."""
        found: dict[tuple[str, str], Member] = {}
        for name, one in self.roles.items():
            listed: list[str] = [] if "roles" in one.ignored else one.shown.get("roles") or []
            for role in listed:
                found[role, name] = Member(one, role, name)
        for one in self.declaration.of_type(GRANT_ROLE):
            role, member = str(one.shown["grantRole"]), str(one.shown["role"])
            found[role, member] = Member(one, role, member, admin=bool(one.shown.get("withAdminOption")))
        return found

    def inside(self, database: str, *types: str) -> Iterator[Declared]:
        """What is declared of some types in one database."""
        return (one for one in self.declaration.of_type(*types) if one.shown.get("database") == database)

    def schemas(self, database: str) -> dict[str, Declared]:
        """The schemas of which something is declared: that they are there, or who may use them."""
        granted = {
            str(one.shown.get("schema")): one
            for one in self.inside(database, GRANT)
            if one.shown.get("objectType") == "schema"
        }
        return {**granted, **{str(one.shown["name"]): one for one in self.inside(database, SCHEMA)}}

    def grants(self, database: str, kind: str, schema: str = "") -> dict[str, Declared]:
        """The Grants on one thing, by grantee; of tables, those on all of a schema's."""
        return {
            _grantee(one.shown): one
            for one in self.inside(database, GRANT)
            if one.shown.get("objectType") == kind
            and str(one.shown.get("schema") or "") == schema
            and not one.shown.get("objects")
        }

    def defaults(self, database: str) -> dict[tuple[str, str, str], dict[str, Declared]]:
        """The declared rights on objects to come, by owner, schema and kind, then by grantee."""
        found: dict[tuple[str, str, str], dict[str, Declared]] = {}
        for one in self.inside(database, DEFAULTS):
            key = (
                str(one.shown["owner"]),
                str(one.shown.get("schema") or ""),
                LETTERS[str(one.shown["objectType"])],
            )
            found.setdefault(key, {})[_grantee(one.shown)] = one
        return found

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The files that migrations of the stack run."""
        found: list[str] = []
        for one in self.declaration.of_type("kubernetes:core/v1:ConfigMap"):
            data: Mapping[str, Any] = one.shown.get("data") or {}
            found += [value for value in data.values() if isinstance(value, str)]
        return tuple(found)

    def settings(self, database: str) -> dict[str, str]:
        """What migrations of the stack let sessions in a database begin with."""
        found: dict[str, str] = {}
        for text in self.texts:
            for name, setting, values in _SETTING.findall(text):
                if name.replace('""', '"') == database:
                    parts = [part.replace("''", "'") for part in _LITERAL.findall(values)]
                    found[setting.replace('""', '"')] = ", ".join(parts)
        return found

    def migrations_grant(self, name: str) -> bool:
        """Whether a file that a migration of the stack runs grants something on an object of that name."""
        plain = re.escape(re.sub(r"\(.*", "", name).strip('"'))
        word = re.compile(rf"(?<!\w){plain}(?!\w)")
        return any(word.search(statement) for text in self.texts for statement in _GRANT.findall(text))


def _grantee(inputs: Mapping[str, Any]) -> str:
    name = str(inputs["role"])
    return PUBLIC if name.lower() == PUBLIC else name


def rights(declared: Mapping[str, Declared], default: Iterable[Right], owner: str) -> set[Right]:
    """Who should have which privilege on one thing.

    Args:
        declared: what is declared of it, by grantee.
        default: what the server gives where nobody has said anything.
        owner: whose it is; `ALL` is what the server gives them.
    """
    default = list(default)
    everything = [right.privilege for right in default if right.grantee == owner]
    found = {right for right in default if right.grantee not in declared}
    for grantee, one in declared.items():
        listed: list[str] = one.shown.get("privileges") or []
        wanted = everything if "ALL" in listed else listed
        grantable = bool(one.shown.get("withGrantOption"))
        found |= {Right(grantee, privilege, grantable) for privilege in wanted}
    return found
