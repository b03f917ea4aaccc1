"""A client that behaves as pods do: what it logs in with is what the Secret held when its pod started."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from tests.e2e.servers import Servers

LOOK_SECONDS = 0.2
"""Between two log-ins of every pod: without pause, as a busy pool opens connections."""

LINGER_SECONDS = 3
"""How long a pod that is gone from the cluster goes on logging in, as one that stops gracefully does."""


@dataclass
class Logins:
    """What the pods' log-ins came to; `going` are those that log in now, a pod that is stopping among them."""

    succeeded: int = 0
    failures: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    pods: set[str] = field(default_factory=set)
    going: set[str] = field(default_factory=set)
    longest_pause: float = 0.0


@dataclass
class Pods:
    """The pods of one namespace, each with the credential that it started with.

    Args:
        servers: administrators' access, to see pods and the Secret.
        namespace: where they run.
        secret: the Secret that they start with.
    """

    servers: Servers
    namespace: str
    secret: str
    logins: Logins = field(default_factory=Logins)
    _held: dict[str, dict[str, str]] = field(default_factory=dict)
    _gone: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def watched(self) -> Iterator[Logins]:
        """Log in as every pod, again and again, while the block runs."""
        over = threading.Event()
        watcher = threading.Thread(target=self._run, args=(over,))
        watcher.start()
        try:
            yield self.logins
        finally:
            over.set()
            watcher.join()

    def _run(self, over: threading.Event) -> None:
        last = time.monotonic()
        while not over.is_set():
            try:
                self._start_and_stop()
                self._log_in()
            except Exception as error:  # noqa: BLE001 - a watcher that dies quietly would prove nothing
                self.logins.failures.append(f"the watcher failed: {error!r}")
                return
            now = time.monotonic()
            self.logins.longest_pause, last = max(self.logins.longest_pause, now - last), now
            over.wait(LOOK_SECONDS)

    def _start_and_stop(self) -> None:
        now = time.monotonic()
        # The Secret is read first: a pod that is seen after it started with this or with something newer.
        delivered = self.servers.secret(self.namespace, self.secret)
        there = {pod.metadata.uid for pod in self.servers.core.list_namespaced_pod(self.namespace).items}
        for uid in there - set(self._held):
            self._held[uid] = delivered
            self.logins.pods.add(uid)
        for uid in set(self._held) - there:
            if now - self._gone.setdefault(uid, now) > LINGER_SECONDS:
                del self._held[uid]
        self.logins.going = set(self._held)

    def _log_in(self) -> None:
        for values in self._held.values():
            user = values["PGUSER"]
            if refusal := refused(self.servers, values):
                self.logins.failures.append(f"{user}: {refusal}")
                continue
            self.logins.succeeded += 1
            if user not in self.logins.users:
                self.logins.users.append(user)


def refused(servers: Servers, values: Mapping[str, str]) -> str:
    """Why the database does not take a credential; empty where it does."""
    try:
        with servers.database(
            values["PGDATABASE"], user=values["PGUSER"], password=values["PGPASSWORD"]
        ) as session:
            session.execute("SELECT 1")
    except psycopg.OperationalError as error:
        return str(error)
    return ""
