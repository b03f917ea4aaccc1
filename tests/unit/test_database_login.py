"""The source of one login: whose it is, which group it is in, and how static ones take turns."""

import json
from dataclasses import replace
from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import Connected
from components.connections import MIGRATION, Reservation
from components.database_login import Group, LoginArgs, generations_of, make_login
from components.platform import EndPoint
from components.values import Credentials
from tests.making import build, credential, database, environment
from tests.recording import Recording


class Component(pulumi.ComponentResource):
    """What composes a login, such as a migration."""

    def __init__(self, connected: Connected, **changes: Any) -> None:
        super().__init__("bulkhead:index:Composed", "api", {}, connected.options)
        of = environment(changes.pop("stage", "dev"))
        given: dict[str, Any] = {
            "environment": of,
            "database": database(connected, of),
            "credentials": Credentials(mode="static"),
            "path": of.vault_path("migration_api"),
            "part": "api",
            "purpose": "migration",
            "users": (Reservation(what="migration", connections=MIGRATION),),
            **changes,
        }
        self.login = make_login(self, "api", LoginArgs(**given), connected.platform.vault)
        self.register_outputs({})


def made(**changes: Any) -> Recording:
    return build(lambda connected: Component(connected, **changes))


def rotated(rotation: int) -> Recording:
    how = Credentials(mode="static", rotation=rotation)
    return build(lambda connected: credential(connected, environment(), credentials=how))


def generations(recording: Recording) -> dict[str, Any]:
    """The generation of each password, by the login's name."""
    drawn = {name: recording.has("RandomPassword", name) for name in ("api-password", "api-password2")}
    return {
        name: (recording.one("RandomPassword", name).inputs.get("keepers") or {}).get("generation", "0")
        for name, there in drawn.items()
        if there
    }


def kept(recording: Recording, name: str = "api-kv") -> dict[str, str]:
    return json.loads(recording.one("SecretV2", name).inputs["dataJson"])


GROUPS = {
    "read-write": "keybuzz_api_dev",
    "read-only": "keybuzz_api_readonly_dev",
    "owner": "keybuzz_api_owner_dev",
}


@pytest.mark.parametrize("group", GROUPS)
def test_a_login_is_a_member_of_its_one_group_and_only_an_owners_becomes_it(group: Group) -> None:
    role = made(group=group).one("Role", "api-login").inputs
    assert role["roles"] == [GROUPS[group]]
    assert role.get("assumeRole") == (GROUPS[group] if group == "owner" else None)


@pytest.mark.parametrize("group", GROUPS)
def test_a_leased_login_is_made_by_an_administrator_of_its_one_group(group: Group) -> None:
    recording = made(group=group, stage="prod", credentials=Credentials(mode="dynamic"))
    wanted = GROUPS[group].replace("_dev", "_prod")
    assert recording.one("GrantRole", "api-vault-membership").inputs["grantRole"] == wanted
    statements = recording.one("SecretBackendRole", "api-lease").inputs["creationStatements"]
    assert f'IN ROLE "{wanted}"' in statements[0]
    becomes = f"ALTER ROLE \"{{{{name}}}}\" SET role = '{wanted}'"
    assert (becomes in statements) is (group == "owner")


def test_a_purpose_gives_names_of_its_own() -> None:
    assert made().one("Role", "api-login").inputs["name"] == "keybuzz_api_migration_login_dev"
    leased = made(stage="prod", credentials=Credentials(mode="dynamic"))
    assert leased.one("Role", "api-vault").inputs["name"] == "keybuzz_api_migration_vault_prod"
    assert leased.one("Mount", "api-engine").inputs["path"] == "keybuzz/prod/migration_api"


def test_a_read_end_point_is_kept_beside_the_write_end_point() -> None:
    def with_replicas(connected: Connected) -> object:
        servers = connected.platform.postgresql.model_copy(update={"read": EndPoint(host="10.0.0.11", port=5433)})
        platform = connected.platform.model_copy(update={"postgresql": servers})
        return Component(replace(connected, platform=platform))

    values = kept(build(with_replicas))
    assert (values["PGREADHOST"], values["PGREADPORT"]) == ("10.0.0.11", "5433")
    assert not {"PGREADHOST", "PGREADPORT"} & set(kept(made()))


def test_before_the_first_rotation_there_is_one_login_with_the_names_that_it_always_had() -> None:
    recording = rotated(0)
    assert generations(recording) == {"api-password": "0"}
    assert "keepers" not in recording.one("RandomPassword", "api-password").inputs
    assert not recording.has("Role", "api-login2")
    assert "customMetadata" not in recording.one("SecretV2", "api-kv").inputs


def test_the_second_login_is_made_at_the_first_rotation_and_then_they_take_turns() -> None:
    first = rotated(1)
    assert first.one("Role", "api-login2").inputs["name"] == "keybuzz_api_login2_dev"
    turns = {rotation: kept(rotated(rotation)) for rotation in (1, 2, 3)}
    assert [turns[n]["PGUSER"] for n in (1, 2, 3)] == [
        "keybuzz_api_login2_dev",
        "keybuzz_api_login_dev",
        "keybuzz_api_login2_dev",
    ]
    assert turns[1]["PGPASSWORD"] == "generated-password-of-api-password2"
    assert turns[2]["PGPASSWORD"] == "generated-password-of-api-password"


@given(st.integers(0, 200))
def test_a_rotation_changes_the_other_login_and_never_the_one_that_pods_hold(rotation: int) -> None:
    before, after = generations_of(rotation), generations_of(rotation + 1)
    held = rotation % 2
    assert after[held] == before[held]
    assert after[1 - held] == rotation + 1


def test_vault_remembers_the_rotation_so_that_a_leap_can_be_refused() -> None:
    assert rotated(3).one("SecretV2", "api-kv").inputs["customMetadata"] == {"data": {"rotation": "3"}}


def test_a_leased_credential_does_not_rotate_by_number() -> None:
    how = Credentials(mode="dynamic", rotation=3)
    recording = build(lambda connected: credential(connected, environment("prod"), credentials=how))
    assert not recording.has("RandomPassword", "api-password2")
    assert "customMetadata" not in recording.one("SecretV2", "api-kv").inputs
