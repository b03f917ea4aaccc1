"""Preloading: what programs import, loaded once before processes are forked that run them."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

_MODULES = (
    "pulumi_kubernetes",
    "pulumi_postgresql",
    "pulumi_random",
    "pulumi_vault",
    "pulumi_vault.database",
    "pulumi_vault.kubernetes",
    "pulumi_vault.kv",
    "components",
)


def preload(*more: str) -> None:
    """Import the modules of programs, as far as they are installed, and others by name."""
    for name in (*_MODULES, *more):
        with suppress(ImportError):
            import_module(name)
