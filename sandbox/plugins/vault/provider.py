"""What the process `pulumi-resource-vault` serves."""

from __future__ import annotations

from sandbox.plugins.bridged.provider import BridgedProvider
from sandbox.plugins.process import plugin_version, serve
from sandbox.plugins.vault.auth import Audit, AuthBackend
from sandbox.plugins.vault.databases import SecretBackendConnection
from sandbox.plugins.vault.kubernetes_config import AuthBackendConfig
from sandbox.plugins.vault.kv import SecretV2
from sandbox.plugins.vault.mounts import Mount
from sandbox.plugins.vault.policies import Policy
from sandbox.plugins.vault.roles import AuthBackendRole, SecretBackendRole, SecretBackendStaticRole
from sandbox.plugins.vault.session import PACKAGE, connect

TYPES = (
    Audit(),
    AuthBackend(),
    AuthBackendConfig(),
    AuthBackendRole(),
    Mount(),
    Policy(),
    SecretBackendConnection(),
    SecretBackendRole(),
    SecretBackendStaticRole(),
    SecretV2(),
)


def main() -> None:
    """Serve the engine that started this process."""
    serve(PACKAGE, plugin_version(PACKAGE), BridgedProvider(TYPES, connect))
