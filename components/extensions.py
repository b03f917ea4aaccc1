"""Extensions: what may be asked for of a database's extensions, before a server is asked for them."""

import re
from collections.abc import Mapping, Sequence
from typing import cast

from components.errors import InputError, nearest

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_VERSION = re.compile(r"[0-9A-Za-z]+([._+-][0-9A-Za-z]+)*")


def refuse_unusable(extensions: object) -> None:
    """Refuse names and versions of extensions that PostgreSQL could not have.

    Raises:
        InputError: the name or the version, and what is allowed.
    """
    if not isinstance(extensions, Mapping):
        raise InputError(
            f'extensions is {extensions!r}; use a mapping of names to versions such as {{"vector": "0.8.5"}}, '
            "with None for the server's default"
        )
    for name, version in cast("Mapping[object, object]", extensions).items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InputError(f"extensions has {name!r}; use a name in lower-case letters, digits, - and _")
        if version is not None and (not isinstance(version, str) or not _VERSION.fullmatch(version)):
            raise InputError(
                f'extensions.{name} is {version!r}; use a version in quotes such as "1.6", '
                "or None for the server's default"
            )


def refuse_unavailable(wanted: Mapping[str, str | None], available: Mapping[str, Sequence[str]]) -> None:
    """Refuse what the server does not have, whether or not a database has it from before.

    Args:
        wanted: extensions and their versions; None for the server's default.
        available: the versions of each extension that the server has.

    Raises:
        InputError: the extension or the version, and what there is.
    """
    for name, version in wanted.items():
        if name not in available:
            raise InputError(
                f"extensions has {name!r}, which the server does not have{nearest(name, available)}; "
                "its files come with a package on the server's nodes"
            )
        if version is not None and version not in available[name]:
            there = ", ".join(available[name])
            raise InputError(f"extensions.{name} is {version!r}, which the server does not have; it has {there}")
