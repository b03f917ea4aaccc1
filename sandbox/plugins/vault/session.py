"""From the provider's configuration to a Vault client: which server, and with which token."""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from sandbox.plugins.process import PluginError, refuse_unless_sandbox
from sandbox.plugins.values import Unknown
from sandbox.plugins.vault.client import Vault

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGE: Final = "vault"
_CHILD_SECONDS: Final = 1200
_RETRIES: Final = 2


class ChildToken:
    """A short-lived token made of the configured one, when it is first needed.

    So does the official plugin: a token that leaks out of a run is worth little. It is not made at configuration,
    because a preview without a difference asks Vault for nothing at all.
    """

    def __init__(self, parent: Vault, *, name: str, seconds: int) -> None:
        self._parent = parent
        self._name = name
        self._seconds = seconds
        self._turn = Lock()
        self._token = ""

    def __call__(self) -> str:
        """The token; every thread gets the same."""
        with self._turn:
            if not self._token:
                answer = self._parent.write(
                    "auth/token/create",
                    {
                        "display_name": self._name,
                        "explicit_max_ttl": f"{self._seconds}s",
                        "renewable": False,
                        "ttl": f"{self._seconds}s",
                    },
                )
                self._token = str(answer["auth"]["client_token"])
            return self._token


def connect(arguments: Mapping[str, Any]) -> Vault:
    """The client for a provider's inputs; what they leave out comes from the environment."""
    if any(arguments.get(name) is Unknown for name in ("address", "token", "skipChildToken")):
        raise PluginError("The Vault provider's address and token must be known when a preview begins.")
    address = str(arguments.get("address") or os.environ.get("VAULT_ADDR") or "")
    if not address:
        raise PluginError("The Vault provider has no address: give it one, or set VAULT_ADDR.")
    refuse_unless_sandbox(PACKAGE, address)
    if arguments.get("namespace"):
        raise PluginError("The sandbox's Vault has no namespaces: leave out the provider's namespace.")
    # A token helper's file (~/.vault-token) is a person's own: it has nothing to do with the sandbox.
    token = str(arguments.get("token") or os.environ.get("VAULT_TOKEN") or "")
    if not token:
        raise PluginError(f"The Vault provider for {address} has no token: give it one, or set VAULT_TOKEN.")
    if not (token.isascii() and token.isprintable()):
        raise PluginError("The Vault token has characters that no Vault token has (a line break, perhaps).")
    retries = _number(arguments, "maxRetries", "VAULT_MAX_RETRIES", _RETRIES)
    server = Vault(address=address, token=lambda: token, retries=retries)
    if _switch(arguments, "skipChildToken", "TERRAFORM_VAULT_SKIP_CHILD_TOKEN"):
        return server
    name = str(arguments.get("tokenName") or os.environ.get("VAULT_TOKEN_NAME") or "terraform")
    seconds = _number(arguments, "maxLeaseTtlSeconds", "TERRAFORM_VAULT_MAX_TTL", _CHILD_SECONDS)
    return Vault(address=address, token=ChildToken(server, name=name, seconds=seconds), retries=retries)


def _number(arguments: Mapping[str, Any], name: str, variable: str, default: int) -> int:
    """A whole number from the inputs (where it stands as text), the environment or nowhere."""
    text = str(arguments.get(name) or os.environ.get(variable) or default)
    if not text.isdigit():
        raise PluginError(f"The Vault provider's {name} must be a whole number, not {text!r}.")
    return int(text)


def _switch(arguments: Mapping[str, Any], name: str, variable: str) -> bool:
    """A yes or no from the inputs (where it stands as text), the environment or nowhere."""
    given = arguments.get(name)
    text = str(os.environ.get(variable, "") if given is None else given).lower()
    return text in {"1", "true", "yes"}
