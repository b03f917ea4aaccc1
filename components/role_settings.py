"""Role settings: what a session of a login begins with, such as the time after which a statement is ended.

PostgreSQL takes them from the role that logs in and from no group that it is a member of, so each login gets
them itself: a static one as inputs of its Role, a leased one by the statements that Vault makes it with.
"""

import re
from dataclasses import dataclass
from typing import Any

from components.errors import InputError
from components.validation import parse_seconds

_MOST_MILLISECONDS = 2**31 - 1
"""PostgreSQL keeps a time-out in 32 bits: 24 days and 20 hours."""

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}|\$user")


@dataclass(frozen=True, kw_only=True)
class RoleSettings:
    """What every session of an application begins with; it may ask for something else itself.

    Args:
        statement_timeout: a statement that takes longer is ended, such as `30s`; None for no limit.
        idle_in_transaction_session_timeout: a session that does nothing for so long inside a transaction is
            ended, since its locks and its snapshot hold others up; None for no limit.
        search_path: the schemas in which names without a schema are looked up; empty for the server's own.

    Raises:
        InputError: a time or a schema's name cannot be used.
    """

    statement_timeout: str | None = None
    idle_in_transaction_session_timeout: str | None = "1m"
    search_path: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _milliseconds("statement_timeout", self.statement_timeout)
        _milliseconds("idle_in_transaction_session_timeout", self.idle_in_transaction_session_timeout)
        if isinstance(self.search_path, str):
            raise InputError(f"role_settings.search_path is {self.search_path!r}; use a list of schemas")
        for schema in self.search_path:
            if not _SCHEMA.fullmatch(str(schema)):
                allowed = 'names in lower-case letters, digits and _, or "$user"'
                raise InputError(f"role_settings.search_path has {schema!r}; use {allowed}")
        if len(set(self.search_path)) < len(self.search_path):
            raise InputError(f"role_settings.search_path is {self.search_path!r}; name each schema once")


def as_role_inputs(settings: RoleSettings, connections: int) -> dict[str, Any]:
    """The settings as inputs of a `postgresql.Role`, for a login with a password of its own.

    Args:
        settings: what its sessions begin with.
        connections: the connections that it may have at most, which the server enforces.
    """
    inputs: dict[str, Any] = {"connection_limit": connections, **_timeouts(settings)}
    if settings.search_path:
        inputs["search_paths"] = list(settings.search_path)
    return inputs


def as_statements(settings: RoleSettings, connections: int, login: str = "{{name}}") -> list[str]:
    """The settings as the statements that follow CREATE ROLE, for a login that Vault leases.

    Args:
        settings: what its sessions begin with.
        connections: the connections that it may have at most, which the server enforces.
        login: what it is called; by default what Vault fills in.
    """
    role = f'ALTER ROLE "{login}"'
    statements = [f"{role} CONNECTION LIMIT {connections}"]
    statements += [f"{role} SET {parameter} = {value}" for parameter, value in _timeouts(settings).items()]
    if settings.search_path:
        path = ", ".join(f'"{schema}"' for schema in settings.search_path)
        statements.append(f"{role} SET search_path = {path}")
    return statements


def _timeouts(settings: RoleSettings) -> dict[str, int]:
    """The time-outs that are set, in milliseconds, by the names of PostgreSQL and of the provider."""
    given = {
        name: _milliseconds(name, getattr(settings, name))
        for name in ("statement_timeout", "idle_in_transaction_session_timeout")
    }
    return {name: value for name, value in given.items() if value}


def _milliseconds(name: str, value: object) -> int:
    """A time-out as the server keeps it; 0 for none."""
    if value is None:
        return 0
    found = 1000 * parse_seconds(f"role_settings.{name}", value, ", or None")
    if found > _MOST_MILLISECONDS:
        raise InputError(f"role_settings.{name} is {value!r}; PostgreSQL keeps at most 24 days")
    return found
