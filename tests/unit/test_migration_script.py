"""The script's form; what it does is tried on a real server, in tests/e2e/test_migration_script.py."""

from components.environment import DatabaseNames
from components.migration_files import NO_TRANSACTION, Migrations, SqlFile
from components.migration_script import Plan, render_files, render_script, seed_files

NAMES = DatabaseNames(database="shop_dev", owner="shop_owner", read_write="shop_rw", read_only="shop_ro")


def plan(**more: object) -> Plan:
    files = (
        SqlFile(name="0001_a.sql", text="SELECT 1;"),
        SqlFile(name="0002_b.sql", text=f"{NO_TRANSACTION}\nVACUUM;"),
    )
    given: dict[str, object] = {
        "files": files,
        "seeds": (SqlFile(name="0001_demo.sql", text="SELECT 2;"),),
        **more,
    }
    return Plan(names=NAMES, migrations=Migrations(**given), settings={"work_mem": "8MB"})  # type: ignore[arg-type]


def position(script: str, *parts: str) -> list[int]:
    return [script.index(part) for part in parts]


def test_the_lock_comes_before_all_else_and_seeds_come_last() -> None:
    script = render_script(plan(structure=SqlFile(name="structure.sql", text="SELECT 0;")))
    order = position(
        script,
        "\\ir wait.sql",
        "CREATE SCHEMA bulkhead",
        "has changed since",
        "\\ir structure.sql",
        "\\ir 0001_a.sql",
        "\\ir 0002_b.sql",
        "SET \"work_mem\" TO '8MB'",
        "\\ir seeds/0001_demo.sql",
    )
    assert order == sorted(order)


def test_a_file_is_written_down_in_the_transaction_that_ran_it() -> None:
    script = render_script(plan())
    part = script[script.index("\\ir 0001_a.sql") : script.index("\\echo 0001_a.sql")]
    assert position(part, "INSERT INTO bulkhead.migrations", "COMMIT;") == sorted(
        position(part, "INSERT INTO bulkhead.migrations", "COMMIT;")
    )


def test_a_file_without_a_transaction_begins_none() -> None:
    script = render_script(plan())
    part = script[script.index("name = '0002_b.sql'") : script.index("\\echo 0002_b.sql")]
    assert "BEGIN;" not in part
    assert "DROP INDEX CONCURRENTLY" in part


def test_a_file_may_name_the_environments_roles() -> None:
    script = render_script(plan())
    for line in ("database shop_dev", "owner shop_owner", "read_write shop_rw", "read_only shop_ro"):
        assert f"\\set {line}\n" in script


def test_the_script_stands_beside_the_files_that_it_includes() -> None:
    found = plan(structure=SqlFile(name="structure.sql", text="SELECT 0;"))
    assert render_files(found).keys() == {"migrate.sql", "wait.sql", "structure.sql", "0001_a.sql", "0002_b.sql"}
    assert seed_files(found.migrations.seeds) == {"0001_demo.sql": "SELECT 2;"}


def test_without_seeds_the_script_has_no_word_of_them() -> None:
    assert "seed" not in render_script(plan(seeds=()))


def test_extensions_are_loaded_only_where_one_of_their_settings_is_given() -> None:
    assert "pg_depend\n" not in render_script(plan())
    with_setting = Plan(names=NAMES, migrations=plan().migrations, settings={"ivfflat.probes": "10"})
    assert "regtype" in render_script(with_setting)
    assert "regtype" not in render_script(plan())


def test_the_same_files_give_the_same_script() -> None:
    assert render_script(plan()) == render_script(plan())
