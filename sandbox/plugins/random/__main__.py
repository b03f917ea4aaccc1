"""The process `pulumi-resource-random`."""

from __future__ import annotations

from sandbox.plugins.bridged.provider import BridgedProvider
from sandbox.plugins.process import serve
from sandbox.plugins.random.passwords import RandomPassword

PACKAGE = "random"
VERSION = "4.21.4"


def main() -> None:
    """Serve the engine that started this process."""
    serve(PACKAGE, VERSION, BridgedProvider((RandomPassword(),), lambda _arguments: None))


if __name__ == "__main__":
    main()
