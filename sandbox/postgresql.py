"""PostgreSQL of the sandbox: its first start, the user it runs as, and the administrator programs use.

The server runs from a copy of the installed tree, hard links where possible, made anew at each start:

- it refuses to run as root. For root it therefore runs as `nobody`, and copy and data are in the runtime
  folder, because cache and checkout may lie where `nobody` can't reach;
- in the copy, pgvector is marked as trusted, as hosted PostgreSQL has it: an administrator who is no
  superuser may create the extension.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.errors import SandboxError
from sandbox.layout import write_private
from sandbox.supervisor import UNPRIVILEGED

if TYPE_CHECKING:
    from psycopg import Connection

    from sandbox.layout import Layout

SUPERUSER = "postgres"
ADMINISTRATOR = "bulkhead"
"""Who programs act as: may create databases and roles, is no superuser, as at a provider's."""

_FOLDER = 0o755
_FILE = 0o644
_READABLE = 0o044

_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 200
shared_buffers = '256MB'
# Publications are of use only with logical decoding.
wal_level = 'logical'
# Written data is safe from a crash of the process; only a crash of the machine could lose it.
fsync = off
# What production servers log: changes, what is slow, who comes, who waits. A password is in no statement of
# Vault or of the plugins, which hash it themselves; a statement that failed may hold anything, and is left out.
log_statement = 'mod'
log_min_duration_statement = 1000
log_connections = on
log_disconnections = on
log_lock_waits = on
log_min_error_statement = 'panic'
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_line_prefix = '%m [%p] %q%u@%d '
"""


def runnable(layout: Layout, tree: Path) -> Path:
    """The copy of an installed tree that the server runs from; `prepare` makes it."""
    return layout.postgresql_data / tree.name


def clear_remains(layout: Layout, tree: Path) -> None:
    """Remove what a server left that runs no more: its lock, and the copy of the tree.

    The lock names the process that crashed, and holds for as long as nobody has reaped that; that no process
    works in the data folder has been made sure of. `prepare` copies what is installed now.
    """
    (layout.postgresql_data / "data" / "postmaster.pid").unlink(missing_ok=True)
    served = runnable(layout, tree)
    if served.exists():
        shutil.rmtree(served)


def _copy(tree: Path, copy: Path) -> None:
    """Put a tree where the server's user can reach it, whole or not at all."""
    draft = copy.with_name(f"{copy.name}.new")
    if draft.exists():
        shutil.rmtree(draft)
    shutil.copytree(tree, draft, symlinks=True, copy_function=_link)
    for folder, _, _ in os.walk(draft):
        Path(folder).chmod(_FOLDER)
    for control in draft.rglob("vector.control"):
        text = control.read_text(encoding="utf-8")
        control.unlink()  # a hard link: the installed file stays as it is
        control.write_text(f"{text.rstrip()}\ntrusted = true\n", encoding="utf-8")
        control.chmod(_FILE)
    draft.rename(copy)


def _link(source: str, target: str) -> None:
    """A hard link if others may read the file, else a copy that they may."""
    with contextlib.suppress(OSError):  # another file system
        os.link(source, target)
        if Path(target).stat().st_mode & _READABLE == _READABLE:
            return
        Path(target).unlink()
    shutil.copy(source, target)
    Path(target).chmod(Path(target).stat().st_mode | _READABLE)


def is_lost(layout: Layout) -> bool:
    """Whether there was data, which somebody has removed (for root it is in the temporary folder)."""
    return layout.postgresql_file.exists() and not (layout.postgresql_data / "data" / "PG_VERSION").exists()


def prepare(layout: Layout, tree: Path) -> None:
    """Make the data folder if there is none, with a superuser whose password only we know.

    Args:
        layout: the sandbox's paths.
        tree: the installed PostgreSQL.
    """
    layout.postgresql_data.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
    served = runnable(layout, tree)
    if not served.exists():
        _copy(tree, served)
    data = layout.postgresql_data / "data"
    if (data / "PG_VERSION").exists() and layout.postgresql_file.exists():
        return
    shutil.rmtree(data, ignore_errors=True)
    passwords = {"superuser": secrets.token_urlsafe(24), "administrator": secrets.token_urlsafe(24)}
    owner = pwd.getpwnam(UNPRIVILEGED) if os.getuid() == 0 else None
    data.mkdir(mode=0o700)
    password_file = layout.runtime / "postgresql.password"
    write_private(password_file, passwords["superuser"] + "\n")
    if owner:
        os.chown(data, owner.pw_uid, owner.pw_gid)
        os.chown(password_file, owner.pw_uid, owner.pw_gid)
    try:
        made = subprocess.run(
            [
                str(served / "bin" / "initdb"),
                f"--pgdata={data}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "--no-instructions",
            ],
            user=owner.pw_uid if owner else None,
            group=owner.pw_gid if owner else None,
            extra_groups=[] if owner else None,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            cwd=layout.runtime,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        password_file.unlink()
    if made.returncode:
        shutil.rmtree(data, ignore_errors=True)
        raise SandboxError(f"PostgreSQL's data folder could not be made:\n{made.stderr.strip()}")
    with (data / "postgresql.conf").open("a", encoding="utf-8") as stream:
        stream.write(_SETTINGS)
    write_private(layout.postgresql_file, json.dumps(passwords) + "\n")


def password(layout: Layout, of: str) -> str:
    """The password of the `superuser` or the `administrator`."""
    return str(json.loads(layout.postgresql_file.read_text(encoding="utf-8"))[of])


def provision(layout: Layout, port: int) -> None:
    """Create the administrator, and take from PUBLIC what lets everybody into every database."""
    import psycopg  # noqa: PLC0415 - a third of a second that other commands need not spend
    from psycopg import sql  # noqa: PLC0415

    with psycopg.connect(
        host="127.0.0.1",
        port=port,
        user=SUPERUSER,
        password=password(layout, "superuser"),
        dbname="postgres",
        sslmode="disable",
        connect_timeout=10,
        autocommit=True,
    ) as connection:
        if _has_administrator(connection):
            return
        name = sql.Identifier(ADMINISTRATOR)
        with connection.transaction():
            # Hashed here, since the server logs what changes it.
            given = password(layout, "administrator").encode()
            verifier = connection.pgconn.encrypt_password(given, ADMINISTRATOR.encode(), b"scram-sha-256")
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE NOSUPERUSER PASSWORD {}").format(
                    name, sql.Literal(verifier.decode())
                )
            )
            # PostgreSQL 16: whoever creates a role may then also act as it, which owning things for it takes.
            connection.execute(sql.SQL("ALTER ROLE {} SET createrole_self_grant TO 'set, inherit'").format(name))
            connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC"))
            connection.execute(sql.SQL("GRANT CONNECT ON DATABASE postgres TO {}").format(name))
            # A database is dropped though somebody is connected, be it with a login that is gone by then.
            connection.execute(sql.SQL("GRANT pg_signal_backend TO {}").format(name))


def _has_administrator(connection: Connection) -> bool:
    return connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (ADMINISTRATOR,)).fetchone() is not None
