"""A database of one environment: who owns it, who may enter, and what outlives a destruction."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from components import Connected, InputError
from components.environment import LegacyNames
from components.environment_database import connection_url
from components.platform import EndPoint
from components.role_settings import RoleSettings
from components.values import Database
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
        "api-public-functions": ("public", []),
        "api-public-types": ("public", []),
        "api-read-write-functions": (group, ["EXECUTE"]),
        "api-read-write-tables": (group, ["DELETE", "INSERT", "SELECT", "UPDATE"]),
        "api-read-write-sequences": (group, ["SELECT", "UPDATE", "USAGE"]),
        "api-read-only-tables": (reader, ["SELECT"]),
        "api-read-only-sequences": (reader, ["SELECT"]),
    }
    assert {made.inputs["owner"] for made in recording.of("DefaultPrivileges")} == {"keybuzz_api_owner_dev"}


def test_public_executes_nothing_that_the_owner_makes_in_whatever_schema() -> None:
    """A schema's default privileges add to the database's, so that what PUBLIC has is taken there alone."""
    recording = built()
    for kind in ("functions", "types"):
        assert "schema" not in recording.one("DefaultPrivileges", f"api-public-{kind}").inputs
    assert recording.one("DefaultPrivileges", "api-read-write-functions").inputs["schema"] == "public"


def test_an_extension_has_the_version_that_is_asked_for_or_the_servers_own() -> None:
    recording = built(extensions={"vector": None, "pg_trgm": "1.6"})
    assert recording.one("Extension", "api-extension-pg_trgm").inputs["version"] == "1.6"
    assert "version" not in recording.one("Extension", "api-extension-vector").inputs


def test_the_order_in_which_extensions_are_written_does_not_matter() -> None:
    one = built(extensions={"vector": None, "pg_trgm": "1.6"}).of("Extension")
    other = built(extensions={"pg_trgm": "1.6", "vector": None}).of("Extension")
    assert one == other


def test_an_extension_that_cannot_be_is_refused_before_anything_is_registered() -> None:
    def make(connected: Connected) -> None:
        with pytest.raises(InputError, match=r"extensions.vector is 0.8; use a version in quotes"):
            database(connected, environment(), extensions={"vector": 0.8})

    assert build(make).of("Role") == []


def test_two_databases_of_one_environment_share_no_name() -> None:
    def make(connected: Connected) -> None:
        for part in ("api", "backend"):
            database(connected, environment("prod"), part, bears_system_name=part == "api")

    recording = build(make)
    for kind, number in (("Role", 6), ("Database", 2)):
        assert len({made.inputs["name"] for made in recording.of(kind)}) == number


def test_two_databases_of_one_name_are_refused() -> None:
    def make(connected: Connected) -> None:
        for part in ("api", "backend"):
            database(connected, environment("prod"), part, bears_system_name=True)

    with pytest.raises(InputError, match="backend and api both call their database 'keybuzz_prod'; bears_system"):
        build(make)


def test_the_settings_of_its_sessions_are_there_for_the_logins() -> None:
    asked = RoleSettings(statement_timeout="30s")
    seen: list[RoleSettings] = []
    build(lambda connected: seen.append(database(connected, environment(), role_settings=asked).role_settings))
    assert seen == [asked]


def with_read(connected: Connected) -> Connected:
    """The same platform with a read end point."""
    servers = connected.platform.postgresql.model_copy(update={"read": EndPoint(host="10.0.0.11", port=5433)})
    return replace(connected, platform=connected.platform.model_copy(update={"postgresql": servers}))


def test_the_read_end_point_is_an_output_where_the_platform_has_one() -> None:
    made: list[EndPoint] = []

    def make(connected: Connected) -> None:
        made.append(database(with_read(connected), environment()).require_read("a report"))

    [outputs] = [given for urn, given in build(make).outputs.items() if "EnvironmentDatabase" in urn]
    assert (outputs["readHost"], outputs["readPort"]) == ("10.0.0.11", 5433)
    assert (made[0].host, made[0].port) == ("10.0.0.11", 5433)


def test_a_read_end_point_that_the_platform_has_not_is_refused_to_who_needs_it() -> None:
    def make(connected: Connected) -> None:
        database(connected, environment()).require_read("Secret report-db")

    with pytest.raises(
        InputError, match="Secret report-db asks for the read end point of 'keybuzz_api_dev'; platform"
    ):
        build(make)


def test_rights_are_listed_by_name_and_never_as_all() -> None:
    for made in (*built().of("Grant"), *built().of("DefaultPrivileges")):
        assert "ALL" not in made.inputs["privileges"]
        assert made.inputs["privileges"] == sorted(made.inputs["privileges"])


def test_changes_of_rights_run_one_after_the_other() -> None:
    recording = built(extensions={"vector": None, "pg_trgm": "1.6"})
    chain = [*recording.of("Schema"), *recording.of("Extension")]
    chain += [*recording.of("Grant"), *recording.of("DefaultPrivileges")]
    assert len(chain) == 1 + 2 + 6 + 7
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


def test_a_limit_above_what_the_server_has_is_refused() -> None:
    values = Database.model_validate({"connectionLimit": 98})

    def of_a_server_with(capacity: int) -> Recording:
        return build(
            lambda connected: database(replace(connected, max_connections=capacity), environment(), values=values)
        )

    assert of_a_server_with(98).of("Database")
    with pytest.raises(
        InputError, match=r"connectionLimit is 98 for .*'keybuzz_api_dev'; the server has 97 for all"
    ):
        of_a_server_with(97)


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
