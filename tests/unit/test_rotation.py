"""The rotation that a stack asks for, against the one that Vault remembers."""

import json
from collections.abc import Mapping

import pytest

from components.errors import PlatformError
from components.rotation import refuse_leap
from components.server import Server
from components.values import Credentials
from tests.making import environment

FOLDER = "/v1/secret/metadata/keybuzz/dev"


class Vault(Server):
    """A Vault that remembers rotations, and counts what it is asked."""

    def __init__(self, rotations: Mapping[str, int | None], status: int = 200) -> None:
        super().__init__("Vault", "http://10.1.1.1:8200")
        self.asked: list[str] = []
        self._status = status
        self._data: dict[str, object] = {f"{FOLDER}/?list=true": {"keys": [*rotations, "db_folder/"]}}
        for name, rotation in rotations.items():
            custom = None if rotation is None else {"rotation": str(rotation)}
            self._data[f"{FOLDER}/{name}"] = {"custom_metadata": custom}

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        assert headers == {"X-Vault-Token": "token"}
        self.asked.append(path)
        if self._status != 200:
            return self._status, b"{}"
        return (200, json.dumps({"data": self._data[path]}).encode()) if path in self._data else (404, b"{}")


def ask(vault: Vault, rotation: int, mode: str = "static") -> None:
    how = Credentials.model_validate({"mode": mode, "rotation": rotation})
    refuse_leap(vault, {"X-Vault-Token": "token"}, "secret", environment(), how)


@pytest.mark.parametrize(("present", "wanted"), [(None, 0), (None, 1), (1, 1), (1, 2), (7, 8)])
def test_the_present_rotation_and_the_next_are_taken(present: int | None, wanted: int) -> None:
    ask(Vault({"db_api": present}), wanted)


@pytest.mark.parametrize(("present", "wanted"), [(None, 2), (1, 3), (1, 0), (3, 2), (2, 0), (1, 1_000_000)])
def test_a_leap_and_a_step_back_are_refused_by_name(present: int | None, wanted: int) -> None:
    now = present or 0
    with pytest.raises(PlatformError) as refused:
        ask(Vault({"db_api": present}), wanted)
    assert f"credentials.rotation is {wanted}, and secret/keybuzz/dev/db_api is at {now}" in str(refused.value)
    assert f"use {now} or {now + 1}" in str(refused.value)


def test_a_rotation_that_was_cut_short_can_be_finished() -> None:
    ask(Vault({"db_api": 2, "db_backend": 1}), 2)


def test_a_credential_that_is_not_there_yet_begins_at_any_rotation() -> None:
    ask(Vault({}), 5)
    ask(Vault({}, status=404), 5)


def test_what_does_not_take_turns_is_not_asked_for() -> None:
    vault = Vault({"app_main": None, "generated_main": None, "migration_main": None})
    ask(vault, 3)
    assert vault.asked == [f"{FOLDER}/?list=true"]


def test_leased_credentials_have_no_rotation_to_ask_for() -> None:
    vault = Vault({"db_api": None})
    ask(vault, 9, mode="dynamic")
    assert vault.asked == [f"{FOLDER}/?list=true"]


@pytest.mark.parametrize("mode", ["static", "dynamic"])
def test_a_caches_password_takes_turns_in_every_mode(mode: str) -> None:
    ask(Vault({"cache_main": 1}), 2, mode)
    with pytest.raises(PlatformError, match="secret/keybuzz/dev/cache_main is at 1; use 1 or 2"):
        ask(Vault({"cache_main": 1}), 3, mode)


def test_what_cannot_be_read_is_undecided_and_stops_the_stack() -> None:
    with pytest.raises(PlatformError, match=r"is undecided: secret/metadata/keybuzz/dev/.* answers 403"):
        ask(Vault({}, status=403), 1)
