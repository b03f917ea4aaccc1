"""Where the server is and who we are there: the provider's inputs, with the environment behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sandbox.plugins.process import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping

_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
#: What the engine and the SDK add to a provider's inputs.
_BOOKKEEPING: Final = {"version", "pluginDownloadURL", "__internal", "__defaults"}
_KNOWN: Final = {
    "host",
    "port",
    "username",
    "password",
    "database",
    "databaseUsername",
    "sslmode",
    "superuser",
    "connectTimeout",
    "maxConnections",
    "expectedVersion",
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The provider's configuration, complete."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    database: str = "postgres"
    database_username: str = ""
    sslmode: str = ""
    superuser: bool = True
    connect_timeout: int = 180
    max_connections: int = 20

    @property
    def address(self) -> str:
        """The server as a person writes it."""
        return f"{self.host}:{self.port}"

    @property
    def role(self) -> str:
        """The role that we are on the server, which a user name map may make another than we log in as."""
        return self.database_username or self.username


def settings(inputs: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """The provider's settings; what the program leaves out comes from the PG* variables."""
    unserved = sorted(key for key, value in inputs.items() if value and key not in _KNOWN | _BOOKKEEPING)
    if unserved:
        raise PluginError(f"The sandbox's postgresql plugin does not serve the setting {', '.join(unserved)}")

    def value(key: str, variable: str, default: str = "") -> str:
        given = inputs.get(key)
        return environment.get(variable, default) if given in (None, "") else str(given)

    host = value("host", "PGHOST")
    if not host:
        raise PluginError(_missing("address", "host", "PGHOST"))
    password = value("password", "PGPASSWORD")
    if not password:
        raise PluginError(_missing("password", "password", "PGPASSWORD"))
    return Settings(
        host=host,
        port=_number("port", value("port", "PGPORT", "5432")),
        username=value("username", "PGUSER", "postgres"),
        password=password,
        database=value("database", "PGDATABASE", "postgres"),
        database_username=str(inputs.get("databaseUsername") or ""),
        sslmode=value("sslmode", "PGSSLMODE"),
        superuser=_boolean("superuser", value("superuser", "PGSUPERUSER", "true")),
        connect_timeout=_number("connectTimeout", value("connectTimeout", "PGCONNECT_TIMEOUT", "180")),
        max_connections=_number("maxConnections", str(inputs.get("maxConnections") or 20)),
    )


def _missing(what: str, key: str, variable: str) -> str:
    return (
        f"The PostgreSQL server's {what} is not known: neither does the provider have `{key}`, nor is {variable} "
        'set. In the sandbox, `eval "$(bulkhead sandbox env)"` sets it.'
    )


def _number(key: str, text: str) -> int:
    try:
        return int(float(text))
    except ValueError as error:
        raise PluginError(f"postgresql: {key} must be a whole number, not {text!r}") from error


def _boolean(key: str, text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise PluginError(f"postgresql: {key} must be true or false, not {text!r}")
    return _BOOLEANS[text.lower()]
