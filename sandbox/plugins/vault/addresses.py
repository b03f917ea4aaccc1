"""Network addresses as Vault stores them and as they are declared."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


def in_full(address: str, declared: Collection[str]) -> str:
    """An address with its prefix length, which Vault drops where it means one host alone.

    An address that was declared in the short form stays short.
    """
    if "/" in address or address in declared:
        return address
    return f"{address}/{ipaddress.ip_address(address).max_prefixlen}"
