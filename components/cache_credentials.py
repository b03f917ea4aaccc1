"""The passwords of a cache: one that applications log in with, and the next one already accepted.

A rotation has no order to keep. Redis accepts the password of this rotation, the one before and the next one,
so applications may take the new one before or after Redis hears of the rotation: it has known it since the last.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_random as random

from components.redis_configuration import Redis, render_replication, render_users

ACCEPTED: Final = 3
"""Passwords that are accepted at a time: the one before, that of now, the next one."""

LENGTH: Final = 40


@dataclass(frozen=True, kw_only=True)
class Passwords:
    """What a cache's users log in with.

    Args:
        current: what applications use now.
        accepted: what Redis takes from them.
        internal: of the cache's own users.
        probe: of the one that asks for the state.
    """

    current: pulumi.Output[str]
    accepted: tuple[pulumi.Output[str], ...]
    internal: pulumi.Output[str]
    probe: pulumi.Output[str]


def generations(rotation: int) -> list[int]:
    """Which rotation each of the three passwords belongs to, by its place: a rotation renews one of them alone."""
    near = (rotation - 1, rotation, rotation + 1)
    return sorted(near, key=lambda generation: generation % ACCEPTED)


def make_passwords(parent: pulumi.ComponentResource, name: str, rotation: int) -> Passwords:
    """The passwords, as resources of their own; letters and digits, so that they need no quoting anywhere."""
    made = [
        _generate(parent, f"{name}-password{place}", generation)
        for place, generation in enumerate(generations(rotation))
    ]
    return Passwords(
        current=made[rotation % ACCEPTED],
        accepted=tuple(made),
        internal=_generate(parent, f"{name}-internal-password"),
        probe=_generate(parent, f"{name}-probe-password"),
    )


def _generate(parent: pulumi.ComponentResource, name: str, generation: int | None = None) -> pulumi.Output[str]:
    return random.RandomPassword(
        name,
        length=LENGTH,
        special=False,
        keepers=None if generation is None else {"generation": str(generation)},
        opts=pulumi.ResourceOptions(parent=parent),
    ).result


def for_applications(redis: Redis, port: int, passwords: Passwords) -> dict[str, pulumi.Input[str]]:
    """What an application needs, as it stands in Vault."""
    url = pulumi.Output.concat("redis://:", passwords.current, f"@{redis.host}:{port}/0")
    return {
        "REDIS_HOST": redis.host,
        "REDIS_PORT": str(port),
        "REDIS_PASSWORD": passwords.current,
        "REDIS_URL": url,
    }


def for_servers(redis: Redis, passwords: Passwords) -> dict[str, pulumi.Input[str]]:
    """What the servers need, as it stands in Vault, apart from what applications may read."""
    users = pulumi.Output.all(*passwords.accepted, passwords.internal, passwords.probe).apply(
        lambda known: _users(redis, known)
    )
    return {
        "USERS_ACL": users,
        "AUTH_CONF": passwords.internal.apply(render_replication),
        "INTERNAL_PASSWORD": passwords.internal,
        "PROBE_PASSWORD": passwords.probe,
    }


def _users(redis: Redis, passwords: list[str]) -> str:
    *accepted, internal, probe = (hashlib.sha256(password.encode()).hexdigest() for password in passwords)
    return render_users(redis, accepted=accepted, internal=internal, probe=probe)
