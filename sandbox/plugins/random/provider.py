"""What the process `pulumi-resource-random` serves."""

from __future__ import annotations

from secrets import SystemRandom

from sandbox.plugins.bridged.provider import BridgedProvider
from sandbox.plugins.process import serve
from sandbox.plugins.random.passwords import RandomPassword

PACKAGE = "random"
VERSION = "4.21.4"


def main() -> None:
    """Serve the engine that started this process."""
    serve(PACKAGE, VERSION, BridgedProvider((RandomPassword(),), lambda _arguments: SystemRandom()))
