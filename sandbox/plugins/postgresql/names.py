"""Where a resource that lives in a database is: from its state, or on import from its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.plugins.process import PluginError

if TYPE_CHECKING:
    from sandbox.plugins.bridged.schema import Values
    from sandbox.plugins.postgresql.server import Server


def database_and_name(server: Server, kind: str, resource_id: str, state: Values) -> tuple[str, str]:
    """The database of a resource and its name there; an imported one has them in its id."""
    if state.get("name"):
        return str(state.get("database") or server.database), str(state["name"])
    parts = resource_id.split(".")
    if len(parts) != 2:  # noqa: PLR2004 - a database and a name
        raise PluginError(f"{kind} ID {resource_id} has not the expected format 'database.{kind}': {parts}")
    return parts[0], parts[1]


def refuse_import(kind: str, state: Values) -> None:
    """Raise if there is no state: what the official plugin cannot import, this one does not either."""
    if not state.get("role"):
        raise PluginError(f"{kind} cannot be imported: declare it, and its next update takes the rights over")


def still_there(live: Values | None, what: str) -> Values:
    """What was read back after a change; something may have removed it in that moment."""
    if live is None:
        raise PluginError(f"{what} is gone right after it was written")
    return live
