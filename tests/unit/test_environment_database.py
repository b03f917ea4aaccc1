"""A database of one environment: who owns it, who may enter, and what outlives a destruction."""

from itertools import pairwise
from typing import Any

import pytest

from components import InputError
from components.environment import LegacyNames
from components.environment_database import connection_url
from components.settings import Database
from tests.making import build, database, environment
from tests.recording import Recording

PURPOSES = ("owner", "read-write", "read-only")


def built(name: str = "dev", **more: Any) -> Recording:
    return build(lambda connected: database(connected, environment(name), **more))


def test_the_owner_and_the_groups_cannot_log_in() -> None:
    recording = built()
    for purpose in PURPOSES:
        assert recording.one("Role", f"api-{purpose}").inputs.get("login") is False


def test_the_owner_owns_the_database_and_the_schema() -> None:
    recording = built("prod", bears_system_name=True)
    made = recording.one("Database", "api-database")
    assert made.inputs["name"] == "keybuzz_prod"
    assert made.inputs["owner"] == "keybuzz_api_owner_prod"
    assert recording.one("Schema", "api-schema").inputs["owner"] == "keybuzz_api_owner_prod"


def test_public_may_neither_connect_nor_use_the_schema() -> None:
    recording = built()
    for kind in ("database", "schema"):
        grant = recording.one("Grant", f"api-public-{kind}")
        assert grant.inputs["role"] == "public"
        assert grant.inputs["privileges"] == []


@pytest.mark.parametrize("group", ["read-write", "read-only"])
def test_a_group_may_connect_and_use_the_schema_and_create_nothing(group: str) -> None:
    recording = built()
    assert recording.one("Grant", f"api-{group}-database").inputs["privileges"] == ["CONNECT"]
    assert recording.one("Grant", f"api-{group}-schema").inputs["privileges"] == ["USAGE"]


def test_what_the_owner_makes_later_is_open_to_both_groups_each_by_its_rights() -> None:
    recording = built()
    rights = {
        made.name: (made.inputs["role"], made.inputs["privileges"]) for made in recording.of("DefaultPrivileges")
    }
    group, reader = "keybuzz_api_dev", "keybuzz_api_readonly_dev"
    assert rights == {
        "api-read-write-tables": (group, ["DELETE", "INSERT", "SELECT", "UPDATE"]),
        "api-read-write-sequences": (group, ["SELECT", "UPDATE", "USAGE"]),
        "api-read-only-tables": (reader, ["SELECT"]),
        "api-read-only-sequences": (reader, ["SELECT"]),
    }
    assert {made.inputs["owner"] for made in recording.of("DefaultPrivileges")} == {"keybuzz_api_owner_dev"}


def test_rights_are_listed_by_name_and_never_as_all() -> None:
    for made in (*built().of("Grant"), *built().of("DefaultPrivileges")):
        assert "ALL" not in made.inputs["privileges"]
        assert made.inputs["privileges"] == sorted(made.inputs["privileges"])


def test_changes_of_rights_run_one_after_the_other() -> None:
    recording = built(extensions=("vector", "pg_trgm"))
    chain = [*recording.of("Schema"), *recording.of("Extension")]
    chain += [*recording.of("Grant"), *recording.of("DefaultPrivileges")]
    assert len(chain) == 1 + 2 + 6 + 4
    for earlier, later in pairwise(chain):
        assert earlier.urn in later.after, f"{later.name} does not wait for {earlier.name}"


def test_a_grant_is_replaced_by_deleting_it_first() -> None:
    assert all(made.options["deleteBeforeReplace"] for made in built().of("Grant"))


def test_what_is_inside_goes_with_the_database_and_is_never_protected() -> None:
    recording = built("prod")
    whole = recording.one("Database", "api-database").urn
    for made in recording:
        if made.kind in {"Schema", "Extension", "Grant", "DefaultPrivileges"}:
            assert made.options["deletedWith"] == whole
            assert "protect" not in made.options


def test_production_protects_the_database_and_its_owner() -> None:
    recording = built("prod")
    assert recording.one("Database", "api-database").options["protect"]
    assert recording.one("Role", "api-owner").options["protect"]


def test_development_protects_where_it_is_told_to() -> None:
    assert "protect" not in built().one("Database", "api-database").options
    told = built(values=Database(protect=True))
    assert told.one("Database", "api-database").options["protect"]


def test_an_unprotected_database_in_production_is_refused_before_anything_is_registered() -> None:
    with pytest.raises(InputError, match="'keybuzz_api_prod'; production's databases are protected"):
        built("prod", values=Database(protect=False))


def test_the_connection_limit_is_the_stacks() -> None:
    values = Database.model_validate({"connectionLimit": 17})
    assert built(values=values).one("Database", "api-database").inputs["connectionLimit"] == 17


def test_a_name_that_another_environment_has_by_exception_is_refused() -> None:
    taken = environment("pr-7", legacy=LegacyNames(databases={"api": "keybuzz"}))
    with pytest.raises(InputError, match="'keybuzz' of api belongs to environment 'dev'"):
        build(lambda connected: database(connected, taken))


def test_the_outputs_are_the_write_end_point_and_the_names() -> None:
    recording = built("prod", bears_system_name=True)
    (outputs,) = [given for urn, given in recording.outputs.items() if "EnvironmentDatabase" in urn]
    assert outputs == {
        "host": "10.0.0.10",
        "port": 5432,
        "database": "keybuzz_prod",
        "owner": "keybuzz_api_owner_prod",
        "readWrite": "keybuzz_api_prod",
        "readOnly": "keybuzz_api_readonly_prod",
    }


def test_vault_connects_through_the_write_end_point_with_its_own_login() -> None:
    urls: list[str] = []
    build(lambda connected: urls.append(connection_url(database(connected, environment("prod")))))
    assert urls == ["postgresql://{{username}}:{{password}}@10.0.0.10:5432/keybuzz_api_prod?sslmode=require"]


def test_a_part_that_cannot_be_told_apart_in_a_name_is_refused() -> None:
    with pytest.raises(InputError, match="part is 'api-v2'"):
        build(lambda connected: database(connected, environment(), "api-v2"))


def test_a_preview_of_the_first_update_registers_the_same() -> None:
    real = built("prod")
    previewed = build(lambda connected: database(connected, environment("prod")), preview=True)
    assert {made.urn for made in previewed} == {made.urn for made in real}
