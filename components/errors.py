"""The one error that a user's input can cause."""

import difflib
from collections.abc import Iterable

from pulumi import RunError


class InputError(RunError):
    """What was given cannot be used; the text names the key, the value unless secret, and what is allowed.

    A `pulumi.RunError`, so the engine prints the text alone, without a traceback.
    """


class PlatformError(InputError):
    """A server that environments stand on does not answer as it must; nothing has been changed."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that `word` probably meant, as a sentence's end; empty when none is near."""
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {match[0]!r}?" if match else ""
