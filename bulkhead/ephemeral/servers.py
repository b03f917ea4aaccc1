"""Servers: on which three an ephemeral environment stands, and whether those that answer are the same."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from bulkhead.errors import CommandError
from bulkhead.live import Live, LiveError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bulkhead.ephemeral.record import Record
    from bulkhead.state import State

_PLACES = {"kubernetes": "the cluster", "vault": "Vault", "postgresql": "PostgreSQL"}


class ServersError(CommandError):
    """The servers are not known, or are others than those that the environment was made on."""


def live_of(known: State, record: Record, folder: Path) -> Live:
    """The servers that an environment stands on: those of its providers, or else of its platform.

    A state that is empty, or lost its providers with the rest, names none; the platform's file does.

    Raises:
        ServersError: neither is known.
    """
    if {"kubernetes", "vault", "postgresql"} <= known.providers.keys():
        return Live.of(known)
    if not record.platform:
        raise ServersError(
            f"stack {record.name} has no providers and no platform recorded; its servers are not known"
        )
    from components.errors import InputError  # noqa: PLC0415 - help must not wait for it
    from components.platform import load_platform  # noqa: PLC0415

    try:
        platform = load_platform(record.platform, folder / "platforms")
    except InputError as error:
        raise ServersError(str(error)) from None
    write = platform.postgresql.write
    return Live(
        context=platform.kubernetes.context,
        vault=platform.vault.address,
        host=write.host,
        port=write.port,
        sslmode=platform.postgresql.sslmode,
    )


def identity(live: Live) -> dict[str, str]:
    """The three servers' own ids: the uid of kube-system, Vault's cluster id, PostgreSQL's system identifier.

    Raises:
        LiveError: a server does not say.
    """
    psycopg: Any = import_module("psycopg")
    hvac: Any = import_module("hvac")
    system = live.kubernetes.get("/api/v1/namespaces/kube-system") or {}
    try:
        health: Any = live.vault.sys.read_health_status(method="GET")
        with live.database() as session:
            row: Any = session.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone()
    except (psycopg.Error, hvac.exceptions.VaultError, OSError) as error:
        raise LiveError(f"which servers these are cannot be told: {error}") from None
    told = cast("dict[str, Any]", health if isinstance(health, dict) else health.json())
    found = {
        "kubernetes": str(system.get("metadata", {}).get("uid", "")),
        "vault": str(told.get("cluster_id", "")),
        "postgresql": str(row[0]),
    }
    if not all(found.values()):
        raise LiveError(f"which servers these are cannot be told: {found}")
    return found


def refuse_others(recorded: Mapping[str, str], found: Mapping[str, str], stack: str) -> None:
    """Refuse servers that are not those that the environment was made on.

    On others everything is absent: the engine would forget what it does not find, and the search for residue
    would say 0.

    Raises:
        ServersError: each that is another one, with both ids.
    """
    others = [
        f"{_PLACES[key]} is {found[key]}, stack {stack} was applied to {recorded[key]}"
        for key in _PLACES
        if recorded.get(key) and recorded[key] != found[key]
    ]
    if others:
        raise ServersError("; ".join(others) + ". Nothing has been changed; use the servers that it was made on")
