"""What one command of the sandbox leaves for the next one: ports, runtime folder, what has been set up."""

from __future__ import annotations

import json
import random
import socket
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.errors import SandboxError
from sandbox.layout import Layout, choose_runtime, write_private

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

PORTS = range(20_000, 30_000)
"""Below the ports that the kernel hands out for connections and Kubernetes for node ports: a server that is
stopped for a while finds its port free again."""


@dataclass
class Record:
    """The content of `sandbox.json`."""

    runtime: str
    ports: dict[str, int] = field(default_factory=dict[str, int])
    complete: bool = False
    """Whether an `up` came to its end, so that everything that is set up once has been."""
    definitions: str = ""
    """Fingerprint of the custom resource definitions that were applied."""
    plugins: str = ""
    """Which provider plugins are in use: official or sandbox."""
    plugins_reason: str = ""
    """Why these."""


def load(home: Path, *, forgive: bool = False) -> tuple[Layout, Record]:
    """The layout and record of a home; a fresh record if there is none.

    Args:
        home: the sandbox's home.
        forgive: take a damaged record for none, as what deletes everything may.

    Raises:
        SandboxError: if the record is damaged.
    """
    path = home / "sandbox.json"
    try:
        record = Record(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        record = Record(runtime=str(choose_runtime(home)))
    except (OSError, ValueError, TypeError) as error:
        if not forgive:
            raise SandboxError(f"{path} can't be read ({error}): `bulkhead sandbox reset` begins anew") from error
        record = Record(runtime=str(choose_runtime(home)))
    return Layout(home=home, runtime=Path(record.runtime)), record


def save(layout: Layout, record: Record) -> None:
    """Keep a record."""
    write_private(layout.record_file, json.dumps(asdict(record), indent=2) + "\n")


def is_free(port: int) -> bool:
    """Whether a server could listen on a loopback port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: a connection that is still being forgotten is no hindrance, a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_ports(names: Iterable[str], kept: Mapping[str, int], taken: Collection[str] = ()) -> dict[str, int]:
    """A free port for each name: the one that it had if possible, as recorded state may name it.

    Args:
        names: what needs a port.
        kept: the ports of the last time.
        taken: names whose server runs and holds its port already.
    """
    chosen: dict[str, int] = {}
    for name in names:
        port = kept.get(name)
        if port is None or not (name in taken or is_free(port)):
            used = {*kept.values(), *chosen.values()}
            candidates = (
                candidate
                for candidate in random.sample(PORTS, len(PORTS))
                if candidate not in used and is_free(candidate)
            )
            port = next(candidates, None)
            if port is None:
                raise SandboxError(f"no port from {PORTS.start} to {PORTS.stop - 1} is free on 127.0.0.1")
        chosen[name] = port
    return chosen
