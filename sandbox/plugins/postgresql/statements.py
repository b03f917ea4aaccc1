"""SQL statements as templates with marked parts, so that no value is ever written into SQL by hand.

psycopg is imported when a statement is rendered, not before: a preview without a refresh needs no server, and
importing psycopg costs more processor time than everything else that this plugin does at its start.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, LiteralString, Protocol

from sandbox.plugins.process import PluginError

if TYPE_CHECKING:
    from psycopg.sql import Composable, Composed

_KEYWORDS: Final = re.compile(r"[A-Za-z][A-Za-z_ ]*")
_ARGUMENT_TYPES: Final = re.compile(r"[\w\s,.\[\]\"]*")


class Part(Protocol):
    """Something that a template has a place for."""

    def rendered(self) -> Composable:
        """The part as psycopg writes it, quoted as it has to be."""
        ...


@dataclass(frozen=True)
class Name:
    """An identifier; several parts make a qualified one."""

    parts: tuple[str, ...]

    def rendered(self) -> Composable:
        """Each part in double quotes."""
        from psycopg import sql  # noqa: PLC0415 - see the module's description

        return sql.Identifier(*self.parts)


@dataclass(frozen=True)
class Text:
    """A string; it may be a secret, so it is not shown."""

    value: str = field(repr=False)

    def rendered(self) -> Composable:
        """The string in single quotes."""
        from psycopg import sql  # noqa: PLC0415 - see the module's description

        return sql.Literal(self.value)


@dataclass(frozen=True)
class Number:
    """A whole number."""

    value: int

    def rendered(self) -> Composable:
        """The digits."""
        from psycopg import sql  # noqa: PLC0415 - see the module's description

        return sql.Literal(self.value)


@dataclass(frozen=True)
class Keywords:
    """Words of SQL itself, such as privileges; anything else is refused."""

    words: tuple[str, ...]
    separator: LiteralString = ","

    def rendered(self) -> Composable:
        """The words, with the separator between them."""
        from psycopg import sql  # noqa: PLC0415 - see the module's description

        wrong = [word for word in self.words if not _KEYWORDS.fullmatch(word)]
        if wrong:
            raise PluginError(f"{wrong[0]!r} is no SQL keyword")
        known = [sql.SQL(word) for word in self.words]  # pyright: ignore[reportArgumentType] - just checked
        return sql.SQL(self.separator).join(known)


@dataclass(frozen=True)
class Objects:
    """A list of objects of one schema; functions may be given with their argument types."""

    schema: str
    names: tuple[str, ...]

    def rendered(self) -> Composable:
        """Qualified names, with commas between them."""
        from psycopg import sql  # noqa: PLC0415 - see the module's description

        return sql.SQL(",").join([self._one(name) for name in self.names])

    def _one(self, name: str) -> Composable:
        from psycopg import sql  # noqa: PLC0415 - see the module's description

        plain, parenthesis, arguments = name.partition("(")
        identifier = sql.Identifier(self.schema, plain)
        if not parenthesis:
            return identifier
        if not arguments.endswith(")") or not _ARGUMENT_TYPES.fullmatch(arguments[:-1]):
            raise PluginError(f"{name!r} is neither a name nor a function with its argument types")
        return identifier + sql.SQL("(" + arguments)  # pyright: ignore[reportArgumentType] - types only, just checked


@dataclass(frozen=True)
class Names:
    """A list of identifiers."""

    names: tuple[Name, ...]

    def rendered(self) -> Composable:
        """The names, with commas between them."""
        from psycopg import sql  # noqa: PLC0415 - see the module's description

        return sql.SQL(",").join([name.rendered() for name in self.names])


@dataclass(frozen=True)
class Statement:
    """A template, `{like_this}`, and what goes into its places."""

    template: LiteralString
    parts: dict[str, Part]

    def rendered(self) -> Composed:
        """What psycopg executes."""
        from psycopg import sql  # noqa: PLC0415 - see the module's description

        return sql.SQL(self.template).format(**{key: part.rendered() for key, part in self.parts.items()})

    def __add__(self, other: Statement) -> Statement:
        if self.parts.keys() & other.parts.keys():
            raise ValueError(f"two parts of one name: {self.template!r} and {other.template!r}")
        return Statement(f"{self.template} {other.template}", {**self.parts, **other.parts})


def statement(template: LiteralString, /, **parts: Part | str) -> Statement:
    """A statement; a plain string stands for an identifier."""
    return Statement(
        template, {key: Name((part,)) if isinstance(part, str) else part for key, part in parts.items()}
    )
