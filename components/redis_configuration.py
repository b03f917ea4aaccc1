"""What Redis and Sentinel are told: their configuration and their users, as text.

Pure functions; no password is in a configuration: it comes from the files of a Secret.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

PORT: Final = 6379
SENTINEL_PORT: Final = 26379
PRIMARY: Final = "primary"
"""What Sentinel calls the Redis that takes writes, whichever pod that is."""

QUORUM: Final = 2
LAG_SECONDS: Final = 10
"""A primary that no replica has answered for so long refuses writes: the bound of what a failover can lose."""

DOWN_MILLISECONDS: Final = 5000
FAILOVER_MILLISECONDS: Final = 15000
"""How long a failover may take; a vote that nobody wins is repeated after twice as long."""

CONFIGURATION: Final = "/etc/redis"
"""Where the ConfigMap is mounted: configurations and scripts."""
CREDENTIALS: Final = "/run/redis/credentials"
"""Where the Secret is mounted; the cluster renews its files within a minute or two."""
OWN: Final = "/run/redis/own"
"""A pod's own configuration, which Sentinel has Redis rewrite; in memory."""
DATA: Final = "/data"
"""The volume: Redis' data, and Sentinel's memory of who is primary."""

_SENTINEL_MAY: Final = (
    "+multi +exec +ping +info +role +publish +subscribe +slaveof +config|rewrite +client|setname +client|kill "
    "+script|kill"
)

Eviction = Literal[
    "noeviction",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
]
Append = Literal["always", "everysec", "no"]


@dataclass(frozen=True, kw_only=True)
class Redis:
    """One cache as its servers see it.

    Args:
        app: what the cache is called within its namespace.
        namespace: where it runs.
        cluster_domain: what the cluster's own DNS names end with.
        replicas: how many Redis servers there are.
        memory: bytes of data that it holds at most.
        eviction: which keys go when the memory is full.
        save: a snapshot after so many seconds, when there were so many changes.
        append: when the append-only file is written to disk; None for no such file.
        disabled: commands that applications may not use.
    """

    app: str
    namespace: str
    cluster_domain: str
    replicas: int
    memory: int
    eviction: Eviction
    save: tuple[tuple[int, int], ...]
    append: Append | None
    disabled: tuple[str, ...]

    @property
    def is_replicated(self) -> bool:
        """Whether there are replicas, Sentinels and proxies."""
        return self.replicas > 1

    @property
    def servers(self) -> str:
        """What the StatefulSet of all Redis servers is called, and the Service that names its pods."""
        return f"{self.app}-redis"

    @property
    def host(self) -> str:
        """The end point that takes writes, in both forms."""
        return f"{self.app}.{self.namespace}.svc.{self.cluster_domain}"

    @property
    def pods(self) -> tuple[str, ...]:
        """The names of all Redis pods."""
        return tuple(f"{self.servers}-{index}" for index in range(self.replicas))

    def host_of(self, pod: str) -> str:
        """The name under which one pod is known to the others, through restarts."""
        return f"{pod}.{self.servers}.{self.namespace}.svc.{self.cluster_domain}"


def render_redis(redis: Redis) -> str:
    """redis.conf: what all servers of a cache have in common."""
    lines = [
        f"port {PORT}",
        "bind * -::*",
        "protected-mode yes",  # should the users ever be missing, nobody comes in from outside the pod
        f"dir {DATA}",
        f"maxmemory {redis.memory}",
        f"maxmemory-policy {redis.eviction}",
        *(f"save {seconds} {changes}" for seconds, changes in redis.save or ()),
        *([] if redis.save else ['save ""']),
        f"appendonly {'yes' if redis.append else 'no'}",
        *([f"appendfsync {redis.append}"] if redis.append else []),
        "auto-aof-rewrite-percentage 100",
        "auto-aof-rewrite-min-size 64mb",
        "tcp-keepalive 60",
        "timeout 0",
        "lazyfree-lazy-eviction yes",
        f"aclfile {CREDENTIALS}/users.acl",
    ]
    if redis.is_replicated:
        lines += [
            "replica-read-only yes",
            "repl-diskless-sync yes",
            "repl-diskless-sync-delay 1",
            f"repl-backlog-size {max(redis.memory // 16, 2**20)}",  # a short absence needs no full copy
            "min-replicas-to-write 1",
            f"min-replicas-max-lag {LAG_SECONDS}",
        ]
    return _text(lines)


def render_sentinel() -> str:
    """sentinel.conf: what is declared; what Sentinel learns, it adds to a copy of its own."""
    return _text(
        [
            f"port {SENTINEL_PORT}",
            "bind * -::*",
            f"dir {DATA}",
            "sentinel resolve-hostnames yes",
            "sentinel announce-hostnames yes",
            "sentinel deny-scripts-reconfig yes",
            f"sentinel announce-port {SENTINEL_PORT}",
            f"sentinel auth-user {PRIMARY} sentinel",
            f"sentinel down-after-milliseconds {PRIMARY} {DOWN_MILLISECONDS}",
            f"sentinel failover-timeout {PRIMARY} {FAILOVER_MILLISECONDS}",
            f"sentinel parallel-syncs {PRIMARY} 1",
        ]
    )


def render_users(redis: Redis, *, accepted: Iterable[str], internal: str, probe: str) -> str:
    """users.acl: who may do what. Passwords are given and kept as SHA-256 in hexadecimal.

    Args:
        redis: the cache.
        accepted: the applications' passwords: that of now, the one before and the next one.
        internal: the password of the cache's own users.
        probe: the password of the one that asks for the state.
    """
    passwords = " ".join(f"#{hashed}" for hashed in accepted)
    refused = " ".join(f"-{command.lower()}" for command in redis.disabled)
    own = f"on #{internal} resetkeys resetchannels -@all"
    users = [
        f"user default on {passwords} ~* &* +@all {refused}".rstrip(),
        f"user keeper {own} +acl|load +role +client|pause",
        f"user probe on #{probe} resetkeys resetchannels -@all +ping +info",
    ]
    if redis.is_replicated:
        users += [f"user replica {own} +psync +replconf +ping", f"user sentinel {own} &* {_SENTINEL_MAY}"]
    return _text(users)


def render_replication(password: str) -> str:
    """auth.conf: as whom a replica logs in at its primary."""
    return _text(["masteruser replica", f"masterauth {password}"])


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
