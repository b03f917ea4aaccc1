"""Waits for what a server does by itself, with an end."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

SECONDS = 60
"""Long enough for a busy machine; what is waited for is there in one to five seconds."""


def eventually(look: Callable[[], Found | None], what: str, seconds: float = SECONDS) -> Found:
    """The first answer of `look` that is true.

    Args:
        look: asked again and again; an answer that is not true means not yet.
        what: what is waited for, for the failure's text.
        seconds: when to give up.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)
    return found
