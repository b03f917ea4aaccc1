"""Expected secrets: what people have to put into Vault before a stack can be applied, and how.

Only the names of keys are asked for: Vault's `subkeys` answer has no value in it.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import cast

from components.errors import PlatformError
from components.server import Server


def refuse_missing(
    server: Server, headers: Mapping[str, str], mount: str, expected: Mapping[str, Sequence[str]]
) -> None:
    """Refuse a Vault that lacks a key which people put there.

    Args:
        server: Vault.
        headers: who asks.
        mount: the mount of the KV version 2 engine.
        expected: keys by path below the mount.

    Raises:
        PlatformError: each path with the keys that it lacks, and the commands that put them there.
    """
    said: list[str] = []
    for path, keys in expected.items():
        status, body = server.get(f"/v1/{mount}/subkeys/{path}?depth=1", headers)
        if status not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
            raise PlatformError(
                f"whether Vault has {mount}/{path} is undecided: it answers {status}; "
                f"the token needs read on {mount}/subkeys/{path}"
            )
        # A deleted version is answered with 404 and its metadata, without subkeys.
        data = server.read(body).get("data") if status == HTTPStatus.OK else None
        subkeys = cast("Mapping[str, object]", data).get("subkeys") if isinstance(data, Mapping) else None
        there = set(cast("Mapping[str, object]", subkeys)) if isinstance(subkeys, Mapping) else set[str]()
        if lacking := [key for key in keys if key not in there]:
            said.append(lacks(mount, path, lacking, exists=bool(there)))
    if said:
        raise PlatformError("\n".join(said))


def lacks(mount: str, path: str, keys: Sequence[str], *, exists: bool) -> str:
    """What is missing, and the command that puts each of it there from standard input.

    Args:
        mount: the mount of the KV version 2 engine.
        path: the secret's path below it.
        keys: the keys that it lacks.
        exists: whether the secret is there; `patch` refuses one that is not, `put` would drop its other keys.
    """
    commands = [
        f"vault kv {'patch' if exists or index else 'put'} -mount={mount} {path} {key}=-"
        for index, key in enumerate(keys)
    ]
    return f"Vault lacks {', '.join(keys)} of {mount}/{path}; each from standard input: " + "; ".join(commands)
