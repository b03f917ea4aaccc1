"""Migration files: a folder of SQL, read and checked before anything runs.

`structure.sql` is a copied structure, for a database that has nothing yet; `0001_tables.sql`, `0002_…` follow in
order, each once; seeds are a folder of the same form.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from components.errors import InputError

STRUCTURE = "structure.sql"
NO_TRANSACTION = "-- bulkhead: no transaction"
CONTAINS = "-- bulkhead: contains "

LARGEST = 2**20
"""Bytes that a ConfigMap takes, names included."""

_NAME = re.compile(r"(?P<number>[0-9]{4})_[a-z0-9]+(_[a-z0-9]+)*\.sql")
_META_COMMANDS = frozenset({"echo", "elif", "else", "endif", "g", "gexec", "gset", "gx", "if", "set", "unset"})
"""psql's own commands that a file may use; others leave the session, the transaction or the folder."""

_COPY = re.compile(r"^COPY\b[^;]*\bFROM\s+STDIN\b[^;]*;\n(?:.*\n)*?\\\.$", re.IGNORECASE | re.MULTILINE)
_QUOTED = re.compile(
    r"""--[^\n]*                            # a comment to the end of the line
      | /\*.*?\*/                           # a comment between stars
      | (?<![A-Za-z0-9_$])\$(?P<tag>[A-Za-z_]?\w*)\$.*?\$(?P=tag)\$   # a body between dollars
      | (?<![A-Za-z0-9_])[eE]'(?:[^'\\]|\\.|'')*'
      | '(?:[^']|'')*'
      | "(?:[^"]|"")*" """,
    re.VERBOSE | re.DOTALL,
)
_TRANSACTION = re.compile(
    r"(?:^|;)\s*(BEGIN(?!\s+ATOMIC)|START\s+TRANSACTION|COMMIT|ROLLBACK(?!\s+TO)|ABORT|PREPARE\s+TRANSACTION)\b",
    re.IGNORECASE,
)


_ATOMIC = re.compile(r"\bBEGIN\s+ATOMIC\b.*?\bEND\b", re.IGNORECASE | re.DOTALL)
"""A function's body that is written without quotes."""

_ROWS = re.compile(r"(?:^|;)\s*(COPY|INSERT|UPDATE|MERGE)\b|\bsetval\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class SqlFile:
    """One file of SQL statements, for psql.

    Args:
        name: the file's name.
        text: what it says.
    """

    name: str
    text: str

    @property
    def digest(self) -> str:
        """Tells whether it was changed."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def has_transaction(self) -> bool:
        """Whether it runs in one transaction, wholly or not at all."""
        return self.text.partition("\n")[0].rstrip() != NO_TRANSACTION


@dataclass(frozen=True, kw_only=True)
class Migrations:
    """The files of one database.

    Args:
        structure: the copied structure.
        contained: the migrations that the structure was made with, by name.
        files: the migrations, in their order.
        seeds: rows to begin with, in their order.
    """

    structure: SqlFile | None = None
    contained: tuple[str, ...] = ()
    files: tuple[SqlFile, ...] = ()
    seeds: tuple[SqlFile, ...] = ()


def read(files: Path, seeds: Path | None = None) -> Migrations:
    """The files of a database.

    Args:
        files: the folder of structure and migrations.
        seeds: the folder of seeds.

    Raises:
        InputError: a folder or a file cannot be used: which, and what is allowed.
    """
    structure_file = files / STRUCTURE
    structure = _read(structure_file) if structure_file.is_file() else None
    if structure and (rows := rows_in(structure.text)):
        raise InputError(
            f"{structure_file} holds rows, by {rows!r}; use a structure alone: bulkhead structure dump. "
            "Rows to begin with are seeds"
        )
    lines = structure.text.splitlines() if structure else []
    contained = tuple(line.removeprefix(CONTAINS).strip() for line in lines if line.startswith(CONTAINS))
    for name in contained:
        if not _NAME.fullmatch(name):
            raise InputError(f"{structure_file} says that it contains {name!r}; use a migration's name")
    found = _numbered(files, besides=STRUCTURE)
    _refuse_gaps(files, {*contained, *(file.name for file in found)})
    if not found and not structure:
        raise InputError(f"files is {str(files)!r}, which has neither {STRUCTURE} nor 0001_….sql")
    planted = _numbered(seeds) if seeds else ()
    if seeds:
        _refuse_gaps(seeds, {file.name for file in planted})
    for folder, given in ((files, (*found, *([structure] if structure else []))), (seeds, planted)):
        _refuse_too_large(folder, given)
    return Migrations(structure=structure, contained=contained, files=found, seeds=planted)


def _numbered(folder: Path, besides: str = "") -> tuple[SqlFile, ...]:
    if not folder.is_dir():
        raise InputError(f"{str(folder)!r} is no folder; use one of SQL files such as 0001_tables.sql")
    names = sorted(path.name for path in folder.iterdir() if path.suffix == ".sql" and path.name != besides)
    for name in names:
        if not _NAME.fullmatch(name):
            raise InputError(
                f"{folder / name} is misnamed; use four digits, _, and lower-case words: 0001_tables.sql"
            )
    return tuple(_read(folder / name) for name in names)


def _refuse_gaps(folder: Path, names: set[str]) -> None:
    by_number: dict[int, str] = {}
    for name in sorted(names):
        other = by_number.setdefault(int(name[:4]), name)
        if other != name:
            raise InputError(f"{folder} has {other} and {name}; give each file a number of its own")
    for number in range(1, len(by_number) + 1):
        if number not in by_number:
            raise InputError(
                f"{folder} has {', '.join(by_number.values())}, and no {number:04}_….sql; number them from 0001 "
                "without a gap"
            )


def _refuse_too_large(folder: Path | None, files: tuple[SqlFile, ...]) -> None:
    size = sum(len(file.name.encode()) + len(file.text.encode()) for file in files)
    if size > LARGEST:
        largest = max(files, key=lambda file: len(file.text))
        raise InputError(
            f"the files in {folder} have {size} bytes together, the largest is {largest.name}; a ConfigMap takes "
            f"{LARGEST}. Put what every database has by now into {STRUCTURE}: bulkhead structure dump"
        )


def _read(path: Path) -> SqlFile:
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8: byte {error.start}") from None
    for what, sign in (("a NUL byte", "\0"), ("a line that ends in CR LF; end lines in LF alone", "\r")):
        if sign in text:
            raise InputError(f"{path} has {what}")
    if not text.strip():
        raise InputError(f"{path} is empty; a file has at least one statement")
    file = SqlFile(name=path.name, text=text)
    _refuse_control(path, file)
    return file


def rows_in(text: str) -> str:
    """The word by which a structure would bring rows along; empty where it brings none."""
    found = _ROWS.search(_ATOMIC.sub(" ", without_quotes(text)))
    return found[0].strip("; \n") if found else ""


def without_quotes(text: str) -> str:
    """SQL without comments, literals, quoted names and bodies between dollars: the statements' own words."""
    return _QUOTED.sub(" ", text)


def _refuse_control(path: Path, file: SqlFile) -> None:
    """Refuse statements and psql commands that would end the file's transaction, or the session that runs it."""
    plain = without_quotes(_COPY.sub("", file.text))
    for command in re.findall(r"\\(\S*)", plain):
        if command not in _META_COMMANDS:
            known = ", ".join(f"\\{one}" for one in sorted(_META_COMMANDS))
            raise InputError(f"{path} has psql's \\{command}; a file may use {known}")
    if file.has_transaction and (found := _TRANSACTION.search(plain)):
        raise InputError(
            f"{path} has {found[1].upper()}; each file is one transaction already. What cannot be in one, such as "
            f"CREATE INDEX CONCURRENTLY, goes into a file that begins with {NO_TRANSACTION!r}"
        )
