"""`bulkhead structure`: copies what a database is made of, and not a row of what is in it.

PostgreSQL's own pg_dump and pg_restore do the work. What EnvironmentDatabase and Publication declare for each
environment is left out, and so is whatever names a role, a server or a login: the file may enter any environment.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bulkhead import stacks, state
from bulkhead.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkhead.state import State

app = typer.Typer(no_args_is_help=True, help="What a database is made of, without a row.")

_TYPE = "bulkhead:index:EnvironmentDatabase"
_NEWER = "server version mismatch"
"""How pg_dump begins to say that the server is newer than itself."""

_LEDGER = "bulkhead"

_ENTRY = re.compile(r"^\d+; \d+ \d+ (?P<what>.+)$")
_LEFT_OUT = {
    "ACL": "right",
    "DEFAULT ACL": "right",
    "COMMENT - EXTENSION": "",
    "COMMENT - SCHEMA public": "",
    "SCHEMA - public": "",
    "EXTENSION": "extension",
    "PUBLICATION": "publication",
    "PUBLICATION TABLE": "",
    "PUBLICATION TABLES IN SCHEMA": "",
    "SUBSCRIPTION": "subscription",
    "SECURITY LABEL": "security label",
    "EVENT TRIGGER": "event trigger",
    "FOREIGN DATA WRAPPER": "foreign data wrapper",
    "FOREIGN TABLE": "foreign table",
    "SERVER": "foreign server",
    "USER MAPPING": "user mapping",
    "DATABASE": "",
    "TABLE DATA": "",
    "SEQUENCE SET": "",
}
"""How pg_restore's entries begin that are not copied, and what a person calls them; empty: not worth a word."""

_POLICY = re.compile(
    r"^(?P<head>CREATE POLICY .+? ON \S+(?: AS \w+)?(?: FOR \w+)?) TO (?P<roles>[^;()]+?)"
    r"(?P<rest> USING \(| WITH CHECK \(|;)",
    re.MULTILINE,
)


class StructureError(CommandError):
    """The structure cannot be copied; nothing was written."""


@dataclass(frozen=True, kw_only=True)
class Database:
    """A database as a stack's state has it.

    Args:
        stack: whose it is.
        host: the write end point.
        port: the write end point's port.
        name: what it is called on the server.
        roles: what its roles are called there, by what a migration calls them.
        sslmode: how the stack's provider checks the server; empty for what PGSSLMODE says.
    """

    stack: str
    host: str
    port: int
    name: str
    roles: Mapping[str, str]
    sslmode: str = ""

    def __str__(self) -> str:
        return f"{self.name} (stack {self.stack}) at {self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Structure:
    """A copied structure.

    Args:
        text: SQL for psql.
        objects: how many it makes.
        contained: the migrations that it was made with.
        left_out: what was not copied, and how many of each.
    """

    text: str
    objects: int
    contained: tuple[str, ...]
    left_out: Mapping[str, int]


@app.callback()
def structure() -> None:
    """What a database is made of, without a row."""


@app.command()
def dump(
    stack: Annotated[str, typer.Option(help="The stack whose database is read, or FOLDER:STACK.")],
    database: Annotated[str, typer.Option(help="The database, by its name in the program.")],
    output: Annotated[Path | None, typer.Option(help="Write to this file instead of printing.")] = None,
) -> None:
    """Copy a database's structure into a file that SchemaMigration applies to an empty database.

    Reads the definitions alone, of any stack, as the administrator that PGUSER and PGPASSWORD name, and checks
    the server as the stack's provider does. The same structure gives the same bytes. pg_dump must be of the
    server's version or later: the one on PATH is taken, else the sandbox's own, 16.

    Exit codes: 0 written, 1 it cannot be read, 2 wrong usage, 4 a tool is not installed.
    """
    if output is not None and not output.parent.is_dir():
        raise typer.BadParameter(f"{output.parent} is no folder", param_hint="--output")
    [reference] = stacks.chosen([stack])
    found = find(state.read(reference), database)
    copied = copy(found)
    if output is None:
        print(copied.text, end="")
    else:
        draft = output.with_name(f"{output.name}.new")
        draft.write_text(copied.text, encoding="utf-8")
        draft.replace(output)
    left_out = ", ".join(f"{count} {what}{'s' if count > 1 else ''}" for what, count in copied.left_out.items())
    print(
        f"{found} → {output or 'standard output'}: {copied.objects} objects, "
        f"{len(copied.contained)} migrations contained, no row; left out: {left_out or 'nothing'}",
        file=sys.stderr,
    )


def find(recorded: State, database: str) -> Database:
    """The database in a stack's recorded state.

    Raises:
        StructureError: there is none of that name; which there are.
    """
    there = {one.name: one.outputs for one in recorded.of_type(_TYPE)}
    if database not in there:
        known = ", ".join(sorted(there)) or "none, as long as it was not applied"
        raise StructureError(f"stack {recorded.stack} has no database {database!r}; it has {known}")
    outputs, provider = there[database], recorded.providers.get("postgresql")
    return Database(
        stack=recorded.stack,
        host=str(outputs["host"]),
        port=int(outputs["port"]),
        name=str(outputs["database"]),
        roles={
            "owner": str(outputs["owner"]),
            "read_write": str(outputs["readWrite"]),
            "read_only": str(outputs["readOnly"]),
        },
        sslmode=str(provider.inputs.get("sslmode", "")) if provider else "",
    )


def copy(database: Database) -> Structure:
    """Copy a database's structure.

    Raises:
        StructureError: PostgreSQL's tools fail, or the structure names what belongs to one environment.
    """
    role = f"--role={database.roles['owner']}"
    with tempfile.TemporaryDirectory(prefix="bulkhead-structure-") as folder:
        archive, chosen = Path(folder) / "archive", Path(folder) / "list"
        flags = ("--no-password", "--lock-wait-timeout=10s", f"--exclude-schema={_LEDGER}", role)
        _run(database, "pg_dump", "--format=custom", "--schema-only", *flags, f"--file={archive}")
        listed = _run(database, "pg_restore", "--list", str(archive))
        kept, left_out = choose(listed)
        chosen.write_text("\n".join(kept) + "\n", encoding="utf-8")
        plain = ("--no-owner", "--no-privileges", "--no-tablespaces", "--schema-only")
        text = _run(database, "pg_restore", *plain, f"--use-list={chosen}", "--file=-", str(archive))
    contained = _contained(database)
    return Structure(
        text=normalised(text, contained, database.roles),
        objects=len(kept),
        contained=contained,
        left_out=left_out,
    )


def choose(listed: str) -> tuple[list[str], dict[str, int]]:
    """The entries of an archive's list that are copied, and what the others are."""
    kept: list[str] = []
    left_out: Counter[str] = Counter()
    longest_first = sorted(_LEFT_OUT, key=len, reverse=True)
    for line in listed.splitlines():
        entry = _ENTRY.match(line)
        if not entry:
            continue
        beginning = next((one for one in longest_first if f"{entry['what']} ".startswith(f"{one} ")), None)
        if beginning is None:
            kept.append(line)
        elif _LEFT_OUT[beginning]:
            left_out[_LEFT_OUT[beginning]] += 1
    return kept, dict(sorted(left_out.items()))


def normalised(text: str, contained: tuple[str, ...], roles: Mapping[str, str]) -> str:
    """A structure as it is kept: the same for each server, version of pg_dump and environment.

    Raises:
        StructureError: it names a role that other environments have not, or holds rows.
    """
    from components.migration_files import CONTAINS, rows_in  # noqa: PLC0415 - help must not wait for it

    start = text.find("--\n-- Name: ")
    body = text[start:] if start >= 0 else ""
    body = re.sub(r"^\\(un)?restrict .*\n", "", body, flags=re.MULTILINE)
    body = body.partition("\n--\n-- PostgreSQL database dump complete")[0].rstrip("\n")
    words = {name: f':"{variable}"' for variable, name in roles.items()}

    def policy(match: re.Match[str]) -> str:
        named = [name.strip() for name in match["roles"].split(",")]
        for name in named:
            if name not in words and name.upper() != "PUBLIC":
                raise StructureError(
                    f"a policy is for the role {name}, which other environments have not: {match['head']}; "
                    'make it for PUBLIC, or for :"read_write" in a migration'
                )
        return f"{match['head']} TO {', '.join(words.get(name, name) for name in named)}{match['rest']}"

    body = _POLICY.sub(policy, body)
    for name in words:
        if found := re.search(rf"^.*\b{re.escape(name)}\b.*$", body, re.MULTILINE):
            raise StructureError(f"the structure names {name}, a role of one environment: {found[0].strip()}")
    if rows := rows_in(body):
        raise StructureError(f"the structure holds rows, by {rows!r}; nothing was written")
    header = [
        "-- The structure of a database, without a row, as `bulkhead structure dump` wrote it. Copy it anew",
        "-- instead of editing it. An empty database gets it; what it contains is not applied again.",
        *(f"{CONTAINS}{name}" for name in contained),
        "",
        "SET check_function_bodies = false;",
        "SELECT pg_catalog.set_config('search_path', '', false);",
        "",
    ]
    return "\n".join([*header, body]).rstrip("\n") + "\n"


def _contained(database: Database) -> tuple[str, ...]:
    """The migrations that the database has had, by name: what was done, and nothing of what is in it."""
    ask = ("--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1")
    owner = database.roles["owner"]
    there = _run(database, "psql", *ask, f"--command=SELECT to_regclass('{_LEDGER}.migrations') IS NOT NULL")
    if there.strip() != "t":
        return ()
    query = f"SELECT name FROM {_LEDGER}.migrations WHERE kind = 'migration' ORDER BY name"  # noqa: S608 - constant
    listed = _run(database, "psql", *ask, f'--command=SET ROLE "{owner}"', f"--command={query}")
    return tuple(listed.split())


def _run(database: Database, program: str, *words: str) -> str:
    """Run one of PostgreSQL's programs on a database; the password is in the environment alone."""
    place = {"PGHOST": database.host, "PGPORT": str(database.port), "PGDATABASE": database.name}
    if database.sslmode:
        place["PGSSLMODE"] = database.sslmode
    done = subprocess.run(
        [_program(program), *words],
        env={
            **os.environ,
            **place,
            "PGCONNECT_TIMEOUT": "15",
            "PGCLIENTENCODING": "UTF8",
            "PGTZ": "UTC",
            "LC_ALL": "C",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        instead = f"; put a {program} of the server's version or later first on PATH"
        raise StructureError(
            f"{program} of {database}: {done.stderr.strip()}{instead if _NEWER in done.stderr else ''}"
        )
    return done.stdout


def _program(name: str) -> str:
    if found := shutil.which(name):
        return found
    from sandbox.toolbox import catalogue  # noqa: PLC0415 - what is on PATH needs no catalogue

    return str(catalogue.binary(name))
