"""What a stack's last `up` declared, read with its secrets and shown without them."""

import json
from typing import Any

from bulkhead.drift.declared import Opened, opened, parse
from bulkhead.state import SECRET

MARK = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


def secret(value: Any) -> dict[str, Any]:
    return {**MARK, "plaintext": json.dumps(value)}


def entry(kind: str, name: str, **more: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:dev::shop::{kind}::{name}"
    return {"urn": urn, "type": kind, "custom": True, "inputs": {}, "outputs": {}, **more}


ROLE = entry(
    "postgresql:index/role:Role",
    "login",
    inputs={"__defaults": [], "name": "shop", "password": secret("s3cret")},
    ignoreChanges=["password"],
)
OBJECT = entry(
    "kubernetes:core/v1:Secret",
    "object",
    inputs={"data": secret({"a": "s3cret"})},
    outputs={"__fieldManager": "pulumi-kubernetes-1"},
)
EXPORT = {
    "deployment": {
        "resources": [
            entry("pulumi:pulumi:Stack", "shop-dev", custom=False),
            entry("pulumi:providers:vault", "vault"),
            entry("bulkhead:index:Namespace", "api", custom=False),
            ROLE,
            OBJECT,
            entry("kubernetes:core/v1:Secret", "old", delete=True),
            entry("kubernetes:core/v1:Namespace", "read", external=True),
        ]
    }
}


def test_what_providers_were_asked_for_is_declared() -> None:
    found = parse(EXPORT, "dev")
    assert [one.name for one in found.resources] == ["login", "object"]
    assert found.state.providers.keys() == {"vault"}


def test_secrets_are_at_hand_and_in_no_text() -> None:
    [login, thing] = parse(EXPORT, "dev").resources
    assert login.inputs.value == {"name": "shop", "password": "s3cret"}
    assert thing.inputs.value == {"data": {"a": "s3cret"}}
    assert login.shown == {"name": "shop", "password": SECRET}
    for text in (repr(login), str(thing), f"{login.inputs}", repr([thing.inputs])):
        assert "s3cret" not in text


def test_what_the_program_ignores_and_who_applies_is_known() -> None:
    [login, thing] = parse(EXPORT, "dev").resources
    assert login.ignored == {"password"}
    assert thing.manager == "pulumi-kubernetes-1"


def test_an_encrypted_secret_is_not_taken_for_a_value() -> None:
    assert opened({"a": {**MARK, "ciphertext": "v1:abc"}}) == {"a": None}


def test_an_opened_value_prints_a_mark() -> None:
    assert f"{Opened('s3cret')} {Opened('s3cret')!r}" == f"{SECRET} {SECRET}"
