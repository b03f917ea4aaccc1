"""The attack: the wall between environments, tried with each one's real credentials; all must be refused.

Nothing is changed by an attempt that gets through: reads are reads, writes at the API server are its dry runs,
sessions at PostgreSQL are read-only, and what Vault would lease ends with the token that leased it.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal

from bulkhead.isolation import attempts
from bulkhead.isolation.credentials import TIMEOUT, Credential, delivered, has_ended, token_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from bulkhead.isolation.attempts import Answer, Outcome
    from bulkhead.isolation.territory import Territory
    from bulkhead.live import Kubernetes, Live

MOST = 2000
"""Attempts from one environment into another, unless more are asked for."""

_SIDE_BY_SIDE = 8

Mechanism = Literal["database", "vault", "kubernetes"]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try to cross the wall, not yet made.

    Args:
        source: the environment that it is made from.
        target: the environment that it is made into.
        mechanism: which server it is made at.
        holder: whose credential it is made with; attempts of one holder are made one after the other.
        what: what is tried, in words that follow `dev's`.
        run: makes it.
    """

    source: str
    target: str
    mechanism: Mechanism
    holder: str
    what: str
    run: Callable[[], Answer] = field(repr=False)


@dataclass(frozen=True, kw_only=True, order=True)
class Tried:
    """An attempt that was made, and how it ended."""

    source: str
    target: str
    mechanism: str
    holder: str
    what: str
    outcome: Outcome
    answer: str


@dataclass(frozen=True)
class Armed:
    """An environment with the credentials that it holds.

    Args:
        territory: the environment.
        live: its servers.
        credentials: what was delivered to it.
        ended: those that open nothing any more, not even at home.
        tokens: tokens of its service accounts, by namespace and name.
        cluster: sessions at the API server, by the same.
        vault: sessions at Vault, by the auth role that they came from.
    """

    territory: Territory
    live: Live
    credentials: list[Credential]
    ended: list[Credential]
    tokens: Mapping[tuple[str, str], str] = field(repr=False)
    cluster: Mapping[tuple[str, str], Kubernetes] = field(repr=False)
    vault: Mapping[str, Any] = field(repr=False)


@contextlib.contextmanager
def armed(territory: Territory, live: Live) -> Generator[Armed]:
    """An environment's real credentials, as its pods and External Secrets hold them; its tokens end with it.

    Raises:
        LiveError: a credential cannot be had.
    """
    cluster = live.kubernetes
    held = delivered(territory, cluster)
    ended = [one for one in held if one.opens_database and has_ended(one, sslmode=live.sslmode)]
    there = {
        (namespace, str(account["metadata"]["name"]))
        for namespace in sorted(territory.namespaces)
        for account in cluster.list(f"/api/v1/namespaces/{namespace}/serviceaccounts")
    }
    tokens = {(namespace, name): token_of(cluster, namespace, name) for namespace, name in sorted(there)}
    sessions: dict[str, Any] = {}
    try:
        for one in held:
            token = tokens.get((one.namespace, one.account))
            if token and one.auth_role not in sessions:
                sessions[one.auth_role] = live.vault_as(one.auth_role, token, timeout=TIMEOUT)
        accounts = {account: cluster.with_token(token) for account, token in tokens.items()}
        alive = [one for one in held if one not in ended]
        yield Armed(territory, live, alive, ended, tokens, accounts, sessions)
    finally:
        for session in sessions.values():
            with contextlib.suppress(Exception):  # it ends by itself
                session.auth.token.revoke_self()


def plan(mine: Armed, theirs: Armed) -> list[Attempt]:
    """All attempts from one environment into another: every credential at everything."""
    return [*_at_databases(mine, theirs), *_at_vault(mine, theirs), *_at_kubernetes(mine, theirs)]


def _at_databases(mine: Armed, theirs: Armed) -> Iterator[Attempt]:
    for credential in mine.credentials:
        if not credential.opens_database:
            continue
        for database in sorted(theirs.territory.databases):
            yield connects(mine, theirs, credential, database)
        for role in sorted(theirs.territory.roles):
            run = attempts.becoming(credential, role, mine.live.sslmode)
            yield _attempt(mine, theirs, "database", f"login of {credential}", f"login becomes role {role}", run)


def _at_vault(mine: Armed, theirs: Armed) -> Iterator[Attempt]:
    for account in mine.tokens:
        for role in sorted(theirs.territory.auth_roles):
            yield logs_in(mine, theirs, account, role)
    reads = [path for path, wanted in theirs.territory.vault.items() if wanted == "read"]
    for role, session in mine.vault.items():
        for path in reads:
            yield reads_path(mine, theirs, role, session, path)


def _at_kubernetes(mine: Armed, theirs: Armed) -> Iterator[Attempt]:
    secrets: dict[str, list[str]] = defaultdict(list)
    for credential in theirs.credentials:
        secrets[credential.namespace].append(credential.secret)
    for account in mine.tokens:
        for namespace in sorted(theirs.territory.namespaces):
            for secret in secrets[namespace]:
                yield reads_secret(mine, theirs, account, namespace, secret)
            others = sorted(name for place, name in theirs.tokens if place == namespace)
            for what, method, path, body in attempts.requests(namespace, secrets[namespace], others):
                run = attempts.asking(mine.cluster[account], method, path, body)
                yield _attempt(mine, theirs, "kubernetes", _account(account), f"service account {what}", run)


def connects(mine: Armed, theirs: Armed, credential: Credential, database: str) -> Attempt:
    """Log in to a database of the other environment."""
    run = attempts.connecting(credential, database, mine.live.sslmode)
    return _attempt(mine, theirs, "database", f"login of {credential}", f"login connects to {database}", run)


def logs_in(mine: Armed, theirs: Armed, account: tuple[str, str], role: str) -> Attempt:
    """Log in at Vault for an auth role of the other environment."""
    what = f"service account logs in at Vault as {role.rpartition('/')[2]}"
    run = attempts.logging_in(mine.live, role, mine.tokens[account])
    return _attempt(mine, theirs, "vault", _account(account), what, run)


def reads_path(mine: Armed, theirs: Armed, role: str, session: Any, path: str) -> Attempt:
    """Read a path at Vault that is the other environment's."""
    shown = path.replace("/data/", "/", 1)
    holder = f"Vault token of {role.rpartition('/')[2]}"
    return _attempt(mine, theirs, "vault", holder, f"Vault token reads {shown}", attempts.reading(session, path))


def reads_secret(mine: Armed, theirs: Armed, account: tuple[str, str], namespace: str, secret: str) -> Attempt:
    """Read a Secret of the other environment."""
    path = f"/api/v1/namespaces/{namespace}/secrets/{secret}"
    run = attempts.asking(mine.cluster[account], "GET", path, None)
    what = f"service account reads Secret {namespace}/{secret}"
    return _attempt(mine, theirs, "kubernetes", _account(account), what, run)


def _account(account: tuple[str, str]) -> str:
    return f"service account {account[0]}/{account[1]}"


def _attempt(
    mine: Armed, theirs: Armed, mechanism: Mechanism, holder: str, what: str, run: Callable[[], Answer]
) -> Attempt:
    names = mine.territory.name, theirs.territory.name
    return Attempt(source=names[0], target=names[1], mechanism=mechanism, holder=holder, what=what, run=run)


def sample(mine: Armed, theirs: Armed) -> list[Attempt]:
    """One attempt of each kind, from the first credential of one environment at the other's first."""
    ours, other = mine.credentials[0], theirs.credentials[0]
    account = ours.namespace, ours.account
    path = next(path for path in theirs.territory.vault if path.endswith(f"/data/{other.paths[0]}"))
    return [
        connects(mine, theirs, ours, other.values["PGDATABASE"]),
        logs_in(mine, theirs, account, other.auth_role),
        reads_path(mine, theirs, ours.auth_role, mine.vault[ours.auth_role], path),
        reads_secret(mine, theirs, account, other.namespace, other.secret),
    ]


def bounded(planned: Sequence[Attempt], most: int) -> list[Attempt]:
    """At most so many attempts: some of every holder, before more of any."""
    if len(planned) <= most:
        return list(planned)
    lanes: dict[tuple[str, str], list[Attempt]] = defaultdict(list)
    for one in planned:
        lanes[one.mechanism, one.holder].append(one)
    taken = (one for turn in zip_longest(*lanes.values()) for one in turn if one is not None)
    return [one for one, _ in zip(taken, range(most), strict=False)]


def carry_out(planned: Sequence[Attempt], on_attempt: Callable[[], None] = lambda: None) -> list[Tried]:
    """Make attempts, those of different holders side by side; how each ended, in the same order."""
    lanes: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, one in enumerate(planned):
        lanes[one.source, one.holder].append(index)
    done: dict[int, Tried] = {}

    def lane(of: Sequence[int]) -> None:
        for index in of:
            one, answer = planned[index], planned[index].run()
            done[index] = Tried(
                source=one.source,
                target=one.target,
                mechanism=one.mechanism,
                holder=one.holder,
                what=one.what,
                outcome=answer.outcome,
                answer=answer.said,
            )
            on_attempt()

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as threads:
        list(threads.map(lane, lanes.values()))
    return [done[index] for index in range(len(planned))]
