"""Migration files: what a folder may hold, and what is refused before anything runs."""

from pathlib import Path

import pytest

from components.errors import InputError
from components.migration_files import LARGEST, NO_TRANSACTION, SqlFile, read, without_quotes


def folder(at: Path, **files: str) -> Path:
    """A folder of SQL files; `_0001_a` is 0001_a.sql."""
    at.mkdir(exist_ok=True)
    for name, text in files.items():
        (at / f"{name.removeprefix('_')}.sql").write_text(text)
    return at


def refused(files: Path, seeds: Path | None = None) -> str:
    with pytest.raises(InputError) as error:
        read(files, seeds)
    return str(error.value)


def test_files_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    files = folder(tmp_path / "api", _0002_b="SELECT 2;", _0001_a="SELECT 1;", structure="SELECT 0;")
    (files / "README.md").write_text("what is not SQL is left alone")
    found = read(files, folder(tmp_path / "seeds", _0001_demo="SELECT 3;"))
    assert [file.name for file in found.files] == ["0001_a.sql", "0002_b.sql"]
    assert found.structure
    assert found.structure.text == "SELECT 0;"
    assert [file.name for file in found.seeds] == ["0001_demo.sql"]


def test_the_first_line_says_that_a_file_runs_without_a_transaction() -> None:
    assert not SqlFile(name="a", text=f"{NO_TRANSACTION}\nVACUUM;").has_transaction
    assert SqlFile(name="a", text=f"SELECT 1;\n{NO_TRANSACTION}\n").has_transaction


def test_a_changed_file_has_another_digest() -> None:
    assert SqlFile(name="a", text="SELECT 1;").digest != SqlFile(name="a", text="SELECT 1; ").digest


def test_a_structure_may_stand_for_the_migrations_that_it_contains(tmp_path: Path) -> None:
    files = folder(
        tmp_path / "api",
        structure="-- bulkhead: contains 0001_a.sql\n-- bulkhead: contains 0002_b.sql\nSELECT 0;",
        _0003_c="SELECT 3;",
    )
    found = read(files)
    assert found.contained == ("0001_a.sql", "0002_b.sql")
    assert [file.name for file in found.files] == ["0003_c.sql"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "neither structure.sql nor"),
        ({"_0001_a": "SELECT 1;", "_0003_c": "SELECT 1;"}, "no 0002_….sql"),
        ({"_0002_a": "SELECT 1;"}, "no 0001_….sql"),
        ({"_0001_a": "SELECT 1;", "_0001_b": "SELECT 1;"}, "0001_a.sql and 0001_b.sql"),
        ({"_1_a": "SELECT 1;"}, "misnamed"),
        ({"_0001_A": "SELECT 1;"}, "misnamed"),
        ({"_0001-a": "SELECT 1;"}, "misnamed"),
        ({"_0001_a": " \n"}, "0001_a.sql is empty"),
        ({"_0001_a": "SELECT '\0';"}, "NUL byte"),
        ({"structure": "-- bulkhead: contains ../x.sql\nSELECT 1;"}, "'../x.sql'; use a migration's name"),
        ({"structure": "-- bulkhead: contains 0002_b.sql\nSELECT 1;"}, "no 0001_"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_by_name(tmp_path: Path, files: dict[str, str], said: str) -> None:
    assert said in refused(folder(tmp_path / "api", **files))


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "is no folder" in refused(tmp_path / "nowhere")
    assert "is no folder" in refused(folder(tmp_path / "api", _0001_a="SELECT 1;"), tmp_path / "nowhere")


@pytest.mark.parametrize(("data", "said"), [(b"SELECT 1;\r\n", "CR LF"), (b"SELECT '\xff';", "not UTF-8: byte 8")])
def test_bytes_that_git_or_an_editor_may_have_changed_are_refused(tmp_path: Path, data: bytes, said: str) -> None:
    files = folder(tmp_path / "api")
    (files / "0001_a.sql").write_bytes(data)
    assert said in refused(files)


def test_more_than_a_config_map_takes_is_refused_with_what_helps(tmp_path: Path) -> None:
    files = folder(tmp_path / "api", _0001_a="SELECT 1;", _0002_large="-- " + "x" * LARGEST)
    said = refused(files)
    assert "the largest is 0002_large.sql" in said
    assert "bulkhead structure dump" in said


@pytest.mark.parametrize(
    "text",
    [
        "COMMIT;",
        "SELECT 1; commit;",
        "BEGIN;\nSELECT 1;\nEND;",
        "START TRANSACTION;",
        "/* x */ ROLLBACK;",
        "SELECT 'a;b'; ABORT;",
        "PREPARE TRANSACTION 'x';",
    ],
)
def test_a_file_that_ends_its_own_transaction_is_refused(tmp_path: Path, text: str) -> None:
    said = refused(folder(tmp_path / "api", _0001_a=text))
    assert "each file is one transaction already" in said
    folder(tmp_path / "api", _0001_a=f"{NO_TRANSACTION}\n{text}")
    assert read(tmp_path / "api").files


@pytest.mark.parametrize(
    "text",
    [
        "-- COMMIT;\nSELECT 1;",
        "SELECT '; COMMIT;';",
        'SELECT "; COMMIT";',
        "SELECT E'\\'; COMMIT;';",
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN COMMIT; END; $$;",
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $_x$ BEGIN RETURN; END; $_x$;",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END;",
        "SAVEPOINT a; ROLLBACK TO a;",
        "CREATE TABLE commits (begin_at int); SELECT 1;",
        "COPY t FROM stdin;\n1\t\\N\n\\.\nSELECT 1;",
        "SELECT 1 AS a \\gset\n\\if :a\n\\echo yes\n\\endif",
    ],
)
def test_words_that_only_look_like_it_are_fine(tmp_path: Path, text: str) -> None:
    assert read(folder(tmp_path / "api", _0001_a=text)).files


@pytest.mark.parametrize("command", ["! rm", "connect other", "c", "i other.sql", "o out", "copy t from x", "q"])
def test_psqls_commands_that_leave_the_session_or_the_folder_are_refused(tmp_path: Path, command: str) -> None:
    said = refused(folder(tmp_path / "api", _0001_a=f"SELECT 1;\n\\{command}\n"))
    assert f"has psql's \\{command.partition(' ')[0]}" in said


def test_the_words_of_statements_are_what_is_left_without_quotes() -> None:
    assert without_quotes("SELECT 'x' -- y\n, $a$ z $a$, \"q\" /* c */;").split() == ["SELECT", ",", ",", ";"]


@pytest.mark.parametrize("rows", ["INSERT INTO t VALUES (1);", "COPY t FROM stdin;", "SELECT setval('s', 9);"])
def test_a_structure_that_brings_rows_is_refused(tmp_path: Path, rows: str) -> None:
    (tmp_path / "structure.sql").write_text(f"CREATE TABLE t (a int);\n{rows}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"structure\.sql holds rows, by"):
        read(tmp_path)
