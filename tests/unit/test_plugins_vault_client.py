"""The Vault plugin's client: what is gone, what is an error, and what an error must never show."""

from __future__ import annotations

import pytest

from sandbox.plugins.vault.addresses import in_full
from sandbox.plugins.vault.client import Vault, VaultError
from sandbox.plugins.vault.durations import seconds, short
from sandbox.plugins.vault.fields import snake
from tests.unit.vault_wire import ADDRESS, TOKEN, Wire, vault, wire

__all__ = ["vault", "wire"]

SECRET = 'p%4"2 word'


def test_only_404_is_gone(vault: Vault, wire: Wire) -> None:
    assert vault.read("secret/data/nothing") is None
    for status in (400, 403, 405, 500, 503):
        wire.answers["GET", "secret/data/x"] = (status, {"errors": ["no"]})
        with pytest.raises(VaultError) as caught:
            vault.read("secret/data/x")
        assert caught.value.status == status
        assert "secret/data/x" in str(caught.value)
        assert ADDRESS in str(caught.value)


def test_404_with_data_is_an_answer(vault: Vault, wire: Wire) -> None:
    """So Vault tells of a secret whose newest version is deleted."""
    wire.answers["GET", "kv/data/x"] = (404, {"data": {"data": None, "metadata": {"version": 2}}})
    assert vault.read("kv/data/x") == {"data": None, "metadata": {"version": 2}}


def test_writing_where_nothing_serves_is_an_error(vault: Vault, wire: Wire) -> None:
    wire.answers["POST", "nowhere/roles/x"] = (404, {"errors": ["no handler for route"]})
    with pytest.raises(VaultError, match="POST nowhere/roles/x with 404: no handler for route"):
        vault.write("nowhere/roles/x", {})


def test_deleting_what_is_gone_is_fine(vault: Vault, wire: Wire) -> None:
    wire.answers["DELETE", "nowhere/roles/x"] = (404, {"errors": ["no handler for route"]})
    vault.delete("nowhere/roles/x")
    assert wire.asked == [("DELETE", "nowhere/roles/x")]


def test_unreachable_names_the_address_and_is_tried_again(vault: Vault, wire: Wire) -> None:
    wire.answers["GET", "sys/mounts/kv"] = ConnectionRefusedError(111, "Connection refused")
    with pytest.raises(VaultError, match=r"cannot be reached \(GET sys/mounts/kv\): Connection refused") as caught:
        vault.read("sys/mounts/kv")
    assert ADDRESS in str(caught.value)
    assert len(wire.asked) == 1 + vault.retries


def test_a_server_that_comes_back_is_not_an_error(vault: Vault, wire: Wire) -> None:
    wire.answers["GET", "x"] = [
        ConnectionResetError(104, "reset"),
        (503, {"errors": ["Vault is sealed"]}),
        (200, {"data": {"a": 1}}),
    ]
    assert vault.read("x") == {"a": 1}


def test_a_time_limit_is_waited_for_once(vault: Vault, wire: Wire) -> None:
    wire.answers["DELETE", "sys/mounts/db"] = TimeoutError("timed out")
    with pytest.raises(VaultError, match="timed out"):
        vault.delete("sys/mounts/db")
    assert len(wire.asked) == 1


def test_sealed_says_so(vault: Vault, wire: Wire) -> None:
    wire.answers["GET", "x"] = (503, {"errors": ["Vault is sealed"]})
    with pytest.raises(VaultError, match=f"{ADDRESS} cannot serve GET x: Vault is sealed"):
        vault.read("x")


def test_refusal_is_one_line_and_names_the_path(vault: Vault, wire: Wire) -> None:
    wire.answers["GET", "sys/policies/acl/x"] = (
        403,
        {"errors": ["1 error occurred:\n\t* permission denied\n\n"]},
    )
    with pytest.raises(VaultError) as caught:
        vault.read("sys/policies/acl/x")
    assert str(caught.value).endswith("denies GET sys/policies/acl/x to the token in use: permission denied")


@pytest.mark.parametrize("form", [SECRET, "p%254%222%20word", 'p%4\\"2 word'])
def test_secrets_stay_out_of_errors(vault: Vault, wire: Wire, form: str) -> None:
    wire.answers["POST", "db/config/x"] = (400, {"errors": [f"cannot log in with {form} and {TOKEN}"]})
    with pytest.raises(VaultError) as caught:
        vault.write("db/config/x", {"password": SECRET}, secrets=[SECRET])
    assert str(caught.value).endswith("cannot log in with [secret] and [secret]")
    assert caught.value.reasons == ("cannot log in with [secret] and [secret]",)


def test_an_answer_that_is_not_vaults(vault: Vault, wire: Wire) -> None:
    wire.answers["GET", "x"] = (502, b"<html>Bad gateway</html>")
    with pytest.raises(VaultError, match="the answer is not Vault's: <html>Bad gateway"):
        vault.read("x")


def test_the_token_is_sent_but_not_shown(vault: Vault, wire: Wire) -> None:
    vault.read("x")
    assert wire.headers[0]["X-Vault-Token"] == TOKEN
    assert TOKEN not in repr(vault)


@pytest.mark.parametrize(
    ("text", "whole"),
    [("0s", 0), ("3h12m10s", 11530), ("768h0m0s", 2764800), ("1.5h", 5400), ("500ms", 0), ("60", 60), (7, 7)],
)
def test_durations_are_read(text: str | int, whole: int) -> None:
    assert seconds(text) == whole


@pytest.mark.parametrize("text", ["", "1 fortnight", "h", "-1s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        seconds(text)


@pytest.mark.parametrize(
    ("whole", "text"),
    [(0, "0s"), (90, "1m30s"), (60, "1m"), (3600, "1h"), (3601, "1h0m1s"), (5400, "1h30m"), (2764800, "768h")],
)
def test_durations_are_written_short(whole: int, text: str) -> None:
    assert short(whole) == text
    assert seconds(text) == whole


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("tokenBoundCidrs", "token_bound_cidrs"),
        ("auditNonHmacRequestKeys", "audit_non_hmac_request_keys"),
        ("kubernetesCaCert", "kubernetes_ca_cert"),
        ("path", "path"),
    ],
)
def test_names_of_fields(name: str, field: str) -> None:
    assert snake(name) == field


def test_addresses_get_their_length_back() -> None:
    assert in_full("10.1.2.3", ()) == "10.1.2.3/32"
    assert in_full("fe80::1", ()) == "fe80::1/128"
    assert in_full("10.0.0.0/8", ()) == "10.0.0.0/8"
    assert in_full("10.1.2.3", ("10.1.2.3",)) == "10.1.2.3"
