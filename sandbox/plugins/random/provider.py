"""What the process `pulumi-resource-random` serves."""

from __future__ import annotations

from secrets import SystemRandom

from sandbox.plugins.bridged.provider import BridgedProvider
from sandbox.plugins.process import plugin_version, serve
from sandbox.plugins.random.octets import RandomBytes
from sandbox.plugins.random.passwords import RandomPassword

PACKAGE = "random"


def main() -> None:
    """Serve the engine that started this process."""
    provider = BridgedProvider(
        (
            RandomBytes(),
            RandomPassword(),
        ),
        lambda _arguments: SystemRandom(),
    )
    serve(PACKAGE, plugin_version(PACKAGE), provider)
