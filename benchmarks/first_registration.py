"""Processor seconds that a program needs before it registers its first resource; printed, nothing is applied.

Run as `python -m benchmarks.first_registration STACK PROJECT` in the program's folder, with the configuration in
PULUMI_CONFIG as the engine gives it.
"""

from __future__ import annotations

import asyncio
import os
import runpy
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pulumi

if TYPE_CHECKING:
    from pulumi.runtime import MockCallArgs, MockResourceArgs


_ONCE = threading.Lock()


class First(pulumi.runtime.Mocks):
    """Ends the process at the first resource."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Print what has been spent, and stop at once; the stack itself is no resource of the program's."""
        if args.typ == "pulumi:pulumi:Stack":
            return args.name, {}
        _ONCE.acquire()  # registrations come from several threads; the first one ends the process
        print(f"{time.process_time():.3f}", flush=True)
        os._exit(0)

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Programs of ours call nothing."""
        return {}, None


def main() -> None:
    """Run the program in this folder until its first resource."""
    stack, project = sys.argv[1:]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    pulumi.runtime.set_mocks(First(), project=project, stack=stack, preview=True)
    pulumi.runtime.settings.ROOT.set(None)  # the mocks made a root stack, and the run makes its own
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as the language host does it

    def program() -> None:
        runpy.run_path("__main__.py", run_name="__main__")

    loop.run_until_complete(pulumi.runtime.run_in_stack(program))


if __name__ == "__main__":
    main()
