"""The hands that change something on the servers, a change by hand, and the command that has to see it."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.e2e.engine import CHECKOUT, Project
from tests.e2e.servers import Servers

BY_HAND = "kubectl-edit"
"""The field manager that `kubectl edit` writes as."""


@dataclass(frozen=True)
class Hands:
    """A person with every right: the cluster's administrator, Vault's root, PostgreSQL's superuser."""

    servers: Servers
    environment: Mapping[str, str]

    def get(self, address: str) -> dict[str, Any]:
        return self.servers.object(address)

    def edit(self, address: str, patch: Mapping[str, Any]) -> None:
        self.servers.object(f"{address}?fieldManager={BY_HAND}", patch)

    def is_there(self, collection: str, name: str) -> bool:
        return name in [one["metadata"]["name"] for one in self.get(collection)["items"]]

    @contextmanager
    def database(self, name: str = "postgres") -> Iterator[Any]:
        user, password = self.environment["PGUSER"], self.environment["PGPASSWORD"]
        with self.servers.database(name, user=user, password=password) as session:
            yield session

    def sql(self, statement: str, database: str = "postgres") -> None:
        with self.database(database) as session:
            session.execute(statement.encode())

    def ask(self, query: str, database: str = "postgres") -> Any:
        with self.database(database) as session:
            return session.execute(query.encode()).fetchall()

    def vault(self, path: str) -> dict[str, Any]:
        return self.servers.vault.read(path)["data"]

    def write(self, path: str, **data: Any) -> None:
        self.servers.vault.write_data(path, data=data)


@dataclass(frozen=True)
class Change:
    """One change by hand.

    Args:
        name: as the matrix calls it.
        resource: the resource, one of those that the report may name.
        words: what the report says of it, the object's name or its differences.
        act: what the person does.
        look: the live value.
        batch: changes of one batch are made together: none stands in another's way.
    """

    name: str
    resource: str
    words: tuple[str, ...]
    act: Callable[[Hands], object]
    look: Callable[[Hands], Any]
    batch: int = 1

    def __str__(self) -> str:
        return self.name


def drift(project: Project, *words: str, **variables: str) -> tuple[int, str]:
    """`bulkhead drift WORDS` as a person runs it: exit code and standard output."""
    done = subprocess.run(
        [str(CHECKOUT / ".venv/bin/bulkhead"), "drift", *words],
        cwd=project.folder,
        env={**os.environ, **project.environment, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode in {0, 1, 3}, done.stderr[-3000:]
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    return done.returncode, done.stdout


def reports(project: Project, *words: str) -> tuple[int, dict[str, Any]]:
    """The same with `--json`: exit code, and the report of each stack."""
    code, said = drift(project, "--json", *words)
    return code, {report["stack"]: report for report in json.loads(said)["stacks"]}


def told(report: Mapping[str, Any], resource: str) -> list[str]:
    """What a report says of a resource, or of all if none is named, a text for each of its objects."""
    return [
        "\n".join([f"{one['kind']} {one['object']}", *map(_sentence, one["differences"])])
        for one in report["drifts"]
        if resource in {"", one["name"]}
    ]


def _sentence(part: Mapping[str, Any]) -> str:
    live = "nothing" if part["live"] is None else part["live"]
    return f"{part['path']}: {live}" + ("" if part["declared"] is None else f", declared is {part['declared']}")
