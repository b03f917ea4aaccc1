"""Serving: the pack on a port of this machine, where the engine asks about each resource."""

from __future__ import annotations

import os
import threading
import time

import pulumi_policy

from policy.registration import leave_unread, policies

_WATCH_SECONDS = 2.0


def serve() -> None:
    """Write the port's number to the standard output, and answer until the parent process has ended."""
    leave_unread()
    parent = os.getppid()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    mandatory = pulumi_policy.EnforcementLevel.MANDATORY
    pulumi_policy.PolicyPack("bulkhead", policies(), enforcement_level=mandatory)


def _end_with(parent: int) -> None:
    """End with the engine: one that was killed ends nobody, and the pack would wait for it for ever."""
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(0)
