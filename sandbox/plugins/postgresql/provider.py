"""The plugin's provider: its resource types and its server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from sandbox.plugins.bridged.provider import BridgedProvider
from sandbox.plugins.postgresql.database import Database
from sandbox.plugins.postgresql.default_privileges import DefaultPrivileges
from sandbox.plugins.postgresql.extension import Extension
from sandbox.plugins.postgresql.grant import Grant
from sandbox.plugins.postgresql.grant_role import GrantRole
from sandbox.plugins.postgresql.publication import Publication
from sandbox.plugins.postgresql.role import Role
from sandbox.plugins.postgresql.schema import DatabaseSchema
from sandbox.plugins.postgresql.server import Server
from sandbox.plugins.postgresql.settings import settings
from sandbox.plugins.process import refuse_unless_sandbox, serve

if TYPE_CHECKING:
    from sandbox.plugins.bridged.schema import Values

PACKAGE: Final = "postgresql"
#: The version that the Python package pulumi-postgresql asks for.
VERSION: Final = "3.18.2"


def connect(inputs: Values) -> Server:
    """The server that the provider's inputs and the environment name, if it is the sandbox's."""
    own = settings(inputs, os.environ)
    refuse_unless_sandbox(PACKAGE, own.address)
    return Server(own)


def provider() -> BridgedProvider[Server]:
    """The provider with everything that it serves."""
    return BridgedProvider(
        [
            Role(),
            Database(),
            DatabaseSchema(),
            Grant(),
            GrantRole(),
            DefaultPrivileges(),
            Extension(),
            Publication(),
        ],
        connect,
    )


def main() -> None:
    """Serve the engine."""
    serve(PACKAGE, VERSION, provider())
