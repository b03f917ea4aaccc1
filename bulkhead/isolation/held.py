"""Held values: what the Secrets of an environment say, which its state has as marks alone.

A value is compared and never shown: a finding names the Secret, the key, and what of another environment is named.
"""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkhead.isolation.comparison import Shared, Source
from bulkhead.isolation.identities import Identity
from bulkhead.isolation.plain import mapping
from bulkhead.state import Resource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bulkhead.live import Kubernetes
    from bulkhead.state import State

_SHORTEST = 16
"""Characters: what is shorter may be the same by chance."""

_PUBLIC = (
    "host",
    "port",
    "endpoint",
    "region",
    "bucket",
    "name",
    "user",
    "database",
    "sslmode",
    "issuer",
    "domain",
    "ca.crt",
)
"""How keys end whose values are no secret."""

_PREFIX = "live:"
"""What the URN of a Secret begins with that was read from the cluster."""


def secrets(cluster: Kubernetes, namespaces: Sequence[str]) -> list[Resource]:
    """The Secrets of some namespaces, in the clear, as resources that were only read.

    Raises:
        LiveError: they cannot be read.
    """
    found: list[Resource] = []
    for namespace in namespaces:
        for item in cluster.list(f"/api/v1/namespaces/{namespace}/secrets"):
            name = str(mapping(item.get("metadata")).get("name"))
            data = {key: _decoded(value) for key, value in mapping(item.get("data")).items()}
            found.append(of_values(namespace, name, data))
    return found


def of_values(namespace: str, name: str, data: Mapping[str, str]) -> Resource:
    """A Secret with these values."""
    inputs = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": namespace, "name": name},
        "data": dict(data),
    }
    urn = f"{_PREFIX}kubernetes:core/v1:Secret::{namespace}/{name}"
    return Resource(urn=urn, type="kubernetes:core/v1:Secret", name=name, inputs=inputs, external=True)


def _decoded(value: object) -> str:
    try:
        return base64.b64decode(str(value)).decode()
    except ValueError:
        return str(value)  # no text: compared as it is


def with_secrets(state: State, found: Sequence[Resource]) -> State:
    """A state, and what its environment's Secrets say besides."""
    return replace(state, resources=(*state.resources, *found))


def shared(named: Sequence[tuple[str, Sequence[Resource]]]) -> Iterator[Shared]:
    """Secret values that several environments hold.

    Args:
        named: each environment's name and its Secrets.
    """
    holders: dict[str, list[Source]] = defaultdict(list)
    keys: dict[str, str] = {}
    for environment, found in named:
        for one in found:
            for key, value in mapping(one.inputs.get("data")).items():
                if is_secret(key, str(value)):
                    digest = hashlib.sha256(str(value).encode()).hexdigest()
                    keys.setdefault(digest, key)
                    holders[digest].append(Source(environment, one.urn, f"data.{key}"))
    for digest, sources in holders.items():
        if len({source.stack for source in sources}) > 1:
            yield Shared(Identity("kubernetes", "value of key", "", keys[digest]), tuple(sources))


def is_secret(key: str, value: str) -> bool:
    """Whether the same value in two environments is one credential for both."""
    known = key.lower().endswith(_PUBLIC)
    address = "://" in value and "@" not in value
    return len(value) >= _SHORTEST and not known and not address
