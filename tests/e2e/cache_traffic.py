"""What uses a cache while something happens to it: applications that log in, and one that writes."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

from tests.e2e.cache_pods import Pod
from tests.e2e.resp import Redis as Client
from tests.e2e.resp import Refused
from tests.e2e.waiting import eventually


class Application(threading.Thread):
    """Logs in again and again with the password that it holds."""

    def __init__(self, address: str, password: Callable[[], str]) -> None:
        super().__init__(daemon=True)
        self.address, self.password = address, password
        self.logins, self.failures = 0, list[str]()
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.02):
            try:
                with Client(self.address, self.password()) as session:
                    session.call("GET", "greeting")
                self.logins += 1
            except (OSError, Refused) as error:
                self.failures.append(f"{time.strftime('%X')} {error}")


class Writer(threading.Thread):
    """Writes one key after the other through the end point; connects anew on an error, as applications do."""

    def __init__(self, address: str, password: str) -> None:
        super().__init__(daemon=True)
        self.address, self.password = address, password
        self.acknowledged: dict[str, float] = {}
        self.over = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.over.wait(0.05):
            try:
                with Client(self.address, self.password, seconds=2) as session:
                    while not self.over.wait(0.002):
                        number += 1
                        session.call("SET", f"written{number}", number)
                        self.acknowledged[f"written{number}"] = time.monotonic()
            except (OSError, Refused):
                continue

    def longest_gap(self) -> float:
        """Seconds for which nothing was acknowledged."""
        times = [*self.acknowledged.values()]
        return max(later - earlier for earlier, later in pairwise(times))


@dataclass
class Replicated:
    """PROD's servers and a proxy, running."""

    pods: list[Pod]
    proxy: Pod
    password: str

    def roles(self) -> dict[str, str]:
        """What each Redis that answers takes itself for; a replica that is not in step counts as alone."""
        found: dict[str, str] = {}
        for pod in self.pods:
            try:
                with Client(pod.address, self.password, seconds=1) as session:
                    said = session.info("replication")
            except (OSError, Refused):
                continue
            alone = said["role"] == "slave" and said["master_link_status"] != "up"
            found[pod.name] = "alone" if alone else said["role"]
        return found

    def primary(self) -> Pod:
        """The only one that takes writes."""
        (name,) = [name for name, role in self.roles().items() if role == "master"]
        return next(pod for pod in self.pods if pod.name == name)

    def complete(self) -> bool:
        """Whether one is primary, two follow it, and all Sentinels know all of them."""
        if sorted(self.roles().values()) != ["master", "slave", "slave"]:
            return False
        internal = (self.pods[0].folder / "credentials" / "internal").read_text()
        for pod in self.pods:
            with Client(pod.address, internal, port=26379) as session:
                said = session.call("SENTINEL", "MASTER", "primary")
            known = dict(zip(said[::2], said[1::2], strict=True))
            if (known["num-slaves"], known["num-other-sentinels"], known["flags"]) != ("2", "2", "master"):
                return False
        return True

    @contextmanager
    def written(self) -> Iterator[Writer]:
        """Writes all the while, from before the block until a while after it."""
        writer = Writer(self.proxy.address, self.password)
        writer.start()
        eventually(lambda: len(writer.acknowledged) > 50, "writes are acknowledged")
        try:
            yield writer
            time.sleep(1)
        finally:
            writer.over.set()
            writer.join(10)

    def lost(self, writer: Writer) -> list[str]:
        """The keys that were acknowledged and are not there."""
        with Client(self.proxy.address, self.password) as session:
            return [key for key in writer.acknowledged if session.call("GET", key) is None]
