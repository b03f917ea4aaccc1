"""`bulkhead structure dump`: what is copied, what is left out, and what must not leave an environment."""

import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bulkhead import structure
from bulkhead.cli import app
from bulkhead.errors import explain
from bulkhead.stacks import StackReference
from bulkhead.state import State, StateError, parse
from bulkhead.structure import Database, Structure, StructureError, choose, find, normalised
from sandbox.toolbox.catalogue import ToolMissing

ROLES = {"owner": "shop_owner_dev", "read_write": "shop_dev", "read_only": "shop_readonly_dev"}
OUTPUTS = {
    "host": "10.0.0.10",
    "port": 5432,
    "database": "shop_dev_db",
    "owner": "shop_owner_dev",
    "readWrite": "shop_dev",
    "readOnly": "shop_readonly_dev",
}

LISTED = """;
; Archive created at 2026-01-01
;
2; 3079 16390 EXTENSION - vector
3500; 0 0 COMMENT - EXTENSION vector
5; 2615 2200 SCHEMA - public shop_owner_dev
6; 2615 2201 SCHEMA - more shop_owner_dev
220; 1259 16800 TABLE public users shop_owner_dev
3520; 0 16800 TABLE DATA public users shop_owner_dev
3521; 0 0 SEQUENCE SET public users_id_seq shop_owner_dev
221; 1259 16810 SEQUENCE public users_id_seq shop_owner_dev
3300; 6104 16900 PUBLICATION - shop_pub shop_owner_dev
3301; 6106 16901 PUBLICATION TABLE public shop_pub users shop_owner_dev
3302; 826 16390 DEFAULT ACL public DEFAULT PRIVILEGES FOR TABLES shop_owner_dev
3303; 0 0 ACL public TABLE users shop_owner_dev
3304; 1417 17000 SERVER - elsewhere shop_owner_dev
3305; 1418 17001 USER MAPPING - USER MAPPING shop_dev SERVER elsewhere shop_owner_dev
"""

DUMP = """--
-- PostgreSQL database dump
--

\\restrict aXbYc

-- Dumped from database version 16.14
-- Dumped by pg_dump version 16.14

SET statement_timeout = 0;
SET transaction_timeout = 0;

--
-- Name: users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.users (
    id integer NOT NULL
);


--
-- Name: users own; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY own ON public.users FOR SELECT TO shop_dev, shop_readonly_dev USING (true);


--
-- PostgreSQL database dump complete
--

\\unrestrict aXbYc
"""


def state(*names: str, sslmode: str = "require") -> State:
    urn = "urn:pulumi:dev::shop::bulkhead:index:EnvironmentDatabase::{}"
    resources = [
        {"urn": urn.format(name), "type": "bulkhead:index:EnvironmentDatabase", "outputs": OUTPUTS}
        for name in names
    ]
    other = {"urn": "urn:pulumi:dev::shop::a:b:C::api", "type": "a:b:C"}
    provider = {
        "urn": "urn:pulumi:dev::shop::pulumi:providers:postgresql::postgresql",
        "type": "pulumi:providers:postgresql",
        "inputs": {"host": "10.0.0.10", "sslmode": sslmode},
    }
    return parse({"deployment": {"resources": [other, provider, *resources]}}, "dev")


def test_the_database_is_the_one_that_the_stacks_state_names() -> None:
    found = find(state("api", "crm"), "api")
    assert (found.host, found.port, found.name, found.roles) == ("10.0.0.10", 5432, "shop_dev_db", ROLES)
    assert found.sslmode == "require"
    assert str(found) == "shop_dev_db (stack dev) at 10.0.0.10:5432"


@pytest.mark.parametrize(
    ("exported", "said"),
    [
        (state("api"), "it has api"),
        (parse({"deployment": None}, "dev"), "it has none"),
        (parse({}, "dev"), "it has none"),
    ],
)
def test_a_database_that_is_not_there_is_told_with_those_that_are(exported: State, said: str) -> None:
    with pytest.raises(StructureError, match=f"stack dev .*{said}"):
        find(exported, "crm")


def test_what_other_declarations_make_and_what_names_a_server_is_left_out() -> None:
    kept, left_out = choose(LISTED)
    assert [line.split(" ", 3)[3] for line in kept] == [
        "SCHEMA - more shop_owner_dev",
        "TABLE public users shop_owner_dev",
        "SEQUENCE public users_id_seq shop_owner_dev",
    ]
    assert left_out == {"extension": 1, "foreign server": 1, "publication": 1, "right": 2, "user mapping": 1}


def test_a_structure_is_the_same_whoever_wrote_it_and_when() -> None:
    text = normalised(DUMP, ("0001_a.sql",), ROLES)
    assert "-- bulkhead: contains 0001_a.sql\n" in text
    for varies in ("restrict", "Dumped", "timeout", "complete"):
        assert varies not in text
    again = DUMP.replace("aXbYc", "other").replace("16.14", "17.2").replace("SET statement_timeout = 0;\n", "")
    assert normalised(again, ("0001_a.sql",), ROLES) == text
    assert text.endswith("USING (true);\n")


def test_a_policy_is_for_the_same_group_in_every_environment() -> None:
    line = 'CREATE POLICY own ON public.users FOR SELECT TO :"read_write", :"read_only" USING (true);'
    assert line in normalised(DUMP, (), ROLES)


def test_a_policy_for_everybody_stays_as_it_is() -> None:
    everybody = DUMP.replace("TO shop_dev, shop_readonly_dev USING", "TO PUBLIC USING")
    assert "FOR SELECT TO PUBLIC USING" in normalised(everybody, (), ROLES)


def test_a_policy_for_a_role_that_no_other_environment_has_is_refused() -> None:
    with pytest.raises(StructureError, match="a policy is for the role somebody"):
        normalised(DUMP.replace("TO shop_dev,", "TO somebody,"), (), ROLES)


def test_a_role_that_is_named_anywhere_else_is_refused() -> None:
    with pytest.raises(StructureError, match="names shop_dev, a role of one environment: -- for shop_dev"):
        normalised(DUMP.replace("CREATE TABLE", "-- for shop_dev\nCREATE TABLE"), (), ROLES)


@pytest.mark.parametrize(
    "rows",
    [
        "COPY public.users (id) FROM stdin;\n1\n\\.\n",
        "INSERT INTO public.users VALUES (1);",
        "SELECT pg_catalog.setval('public.users_id_seq', 7, true);",
    ],
)
def test_rows_are_refused_whatever_brought_them_there(rows: str) -> None:
    with pytest.raises(StructureError, match="holds rows"):
        normalised(DUMP.replace("CREATE TABLE", f"{rows}\nCREATE TABLE"), (), ROLES)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ INSERT INTO t VALUES (1); DELETE FROM t $$;",
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql BEGIN ATOMIC DELETE FROM t; UPDATE t SET a = 1; END;",
        "CREATE TRIGGER g BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();",
        "COMMENT ON TABLE t IS '; INSERT INTO t';",
    ],
)
def test_a_definition_that_only_speaks_of_rows_is_copied(statement: str) -> None:
    assert statement in normalised(DUMP.replace("CREATE TABLE", f"{statement}\nCREATE TABLE"), (), ROLES)


def test_a_database_without_anything_gives_an_empty_structure() -> None:
    assert normalised(DUMP.partition("--\n-- Name")[0], (), ROLES).endswith("'search_path', '', false);\n")


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> list[Database]:
    """A command that needs no server; the databases that it was asked for."""
    asked: list[Database] = []

    def copy(database: Database) -> Structure:
        asked.append(database)
        return Structure(text="SELECT 1;\n", objects=3, contained=("0001_a.sql",), left_out={"right": 2})

    monkeypatch.setattr(structure.state, "read", lambda _: state("api"))
    monkeypatch.setattr(structure, "copy", copy)
    return asked


def test_the_command_writes_the_file_and_says_which_database_it_read(
    copied: list[Database], tmp_path: Path
) -> None:
    file = tmp_path / "structure.sql"
    done = CliRunner().invoke(
        app, ["structure", "dump", "--stack", "dev", "--database", "api", "--output", str(file)]
    )
    assert done.exit_code == 0
    assert file.read_text() == "SELECT 1;\n"
    assert "shop_dev_db (stack dev) at 10.0.0.10:5432" in done.stderr
    assert "3 objects, 1 migrations contained, no row; left out: 2 rights" in done.stderr
    assert len(copied) == 1


def test_without_an_output_the_structure_is_all_that_is_printed(copied: list[Database]) -> None:
    done = CliRunner().invoke(app, ["structure", "dump", "--stack", "dev", "--database", "api"])
    assert done.stdout == "SELECT 1;\n"


def test_a_folder_that_is_not_there_is_wrong_usage(copied: list[Database], tmp_path: Path) -> None:
    words = [
        "structure",
        "dump",
        "--stack",
        "dev",
        "--database",
        "api",
        "--output",
        str(tmp_path / "no" / "x.sql"),
    ]
    assert CliRunner().invoke(app, words).exit_code == 2
    assert not copied


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder in front of PATH, for programs that do what a test wants."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def say(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(stat.S_IRWXU)


def test_what_pulumi_or_postgresql_says_is_the_errors_text(program: Path) -> None:
    say(program, "pulumi", "echo no stack named gone found >&2; exit 255")
    with pytest.raises(StateError, match="no stack named gone found") as error:
        structure.state.read(StackReference(Path(), "gone"))
    assert explain(error.value) == (str(error.value), 1)
    say(program, "pg_dump", "echo server version mismatch >&2; exit 1")
    with pytest.raises(StructureError, match=r"pg_dump of shop_dev_db .*: server version mismatch"):
        structure.copy(find(state("api"), "api"))


def test_a_server_that_is_newer_than_pg_dump_is_told_with_what_to_do(program: Path) -> None:
    said = "pg_dump: error: aborting because of server version mismatch"
    detail = "pg_dump: detail: server version: 17.5; pg_dump version: 16.14"
    say(program, "pg_dump", f"printf '%s\\n' '{said}' '{detail}' >&2; exit 1")
    with pytest.raises(StructureError) as error:
        structure.copy(find(state("api"), "api"))
    assert "server version: 17.5; pg_dump version: 16.14" in str(error.value)
    assert str(error.value).endswith("put a pg_dump of the server's version or later first on PATH")


@pytest.mark.parametrize(
    ("recorded", "own", "used"),
    [("verify-full", "disable", "verify-full"), ("", "require", "require"), ("disable", None, "disable")],
)
def test_the_server_is_checked_as_the_stacks_provider_does(
    program: Path, monkeypatch: pytest.MonkeyPatch, recorded: str, own: str | None, used: str
) -> None:
    if own:
        monkeypatch.setenv("PGSSLMODE", own)
    say(program, "pg_dump", "echo with $PGSSLMODE >&2; exit 1")
    with pytest.raises(StructureError, match=f"with {used}$"):
        structure.copy(find(state("api", sslmode=recorded), "api"))


def test_without_pulumi_a_tool_is_missing(program: Path) -> None:
    with pytest.raises(ToolMissing, match="pulumi is not on PATH"):
        structure.state.read(StackReference(Path(), "dev"))


def test_the_password_is_in_no_argument(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "planted-canary")
    say(program, "pg_dump", f'echo "$@" >> {program}/said; exit 1')
    with pytest.raises(StructureError):
        structure.copy(find(state("api"), "api"))
    said = (program / "said").read_text()
    assert "--role=shop_owner_dev" in said
    assert "planted-canary" not in said
