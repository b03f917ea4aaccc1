"""What people must have put into Vault, asked for by the names of keys alone."""

import json
from collections.abc import Mapping

import pytest

from components.errors import PlatformError
from components.expected_secrets import lacks, refuse_missing
from components.server import Server

PATH = "twinme/prod/app_api"


def vault(monkeypatch: pytest.MonkeyPatch, status: int, body: object) -> Server:
    def get(_self: Server, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        assert path == f"/v1/secret/subkeys/{PATH}?depth=1", "the values themselves are never asked for"
        assert headers == {"X-Vault-Token": "token"}
        return status, json.dumps(body).encode()

    monkeypatch.setattr(Server, "get", get)
    return Server("Vault", "http://vault")


def ask(server: Server, *keys: str) -> None:
    refuse_missing(server, {"X-Vault-Token": "token"}, "secret", {PATH: keys})


def test_keys_that_are_there_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    ask(vault(monkeypatch, 200, {"data": {"subkeys": {"a": None, "b": None}}}), "b", "a")


def test_the_first_key_of_a_secret_that_is_not_there_is_put_and_the_others_patched() -> None:
    assert lacks("secret", PATH, ("a", "b"), exists=False) == (
        f"Vault lacks a, b of secret/{PATH}; each from standard input: "
        f"vault kv put -mount=secret {PATH} a=-; vault kv patch -mount=secret {PATH} b=-"
    )


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"errors": []}),
        (404, {"data": {"metadata": {"deletion_time": "2026-01-01"}, "subkeys": None}}),
        (200, {"data": {"subkeys": None}}),
        (200, {"data": None}),
    ],
)
def test_a_secret_that_is_not_there_or_deleted_has_no_key(
    monkeypatch: pytest.MonkeyPatch, status: int, body: object
) -> None:
    with pytest.raises(PlatformError, match=f"Vault lacks a of secret/{PATH}"):
        ask(vault(monkeypatch, status, body), "a")


def test_a_secret_that_lacks_a_key_keeps_its_others(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PlatformError, match=f"vault kv patch -mount=secret {PATH} b=-$"):
        ask(vault(monkeypatch, 200, {"data": {"subkeys": {"a": None}}}), "a", "b")


def test_what_the_token_may_not_look_at_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        PlatformError, match=f"undecided: it answers 403; the token needs read on secret/subkeys/{PATH}"
    ):
        ask(vault(monkeypatch, 403, {}), "a")
