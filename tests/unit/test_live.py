"""Live servers: which ones a stack's providers name, and where their credentials come from."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from bulkhead.live import Kubernetes, Live, LiveError
from bulkhead.state import SECRET, Resource, State

CONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "one",
    "clusters": [
        {"name": "first", "cluster": {"server": "https://first.example:6443"}},
        {"name": "second", "cluster": {"server": "https://second.example:6443"}},
    ],
    "users": [{"name": "me", "user": {"token": "t0ken"}}],
    "contexts": [
        {"name": "one", "context": {"cluster": "first", "user": "me"}},
        {"name": "two", "context": {"cluster": "second", "user": "me"}},
    ],
}


def state(**providers: dict[str, Any]) -> State:
    made = [
        Resource(
            urn=f"urn:pulumi:dev::shop::pulumi:providers:{package}::{package}",
            type=f"pulumi:providers:{package}",
            name=package,
            inputs=inputs,
        )
        for package, inputs in providers.items()
    ]
    return State(project="shop", stack="dev", resources=tuple(made))


def servers(**inputs: dict[str, Any]) -> State:
    given = {"kubernetes": {}, "vault": {}, "postgresql": {}, **inputs}
    return state(**given)


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(CONFIG), encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(file))
    for name in ("PGHOST", "PGPORT", "PGUSER", "PGSSLMODE", "VAULT_ADDR", "VAULT_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def test_addresses_come_from_the_providers() -> None:
    live = Live.of(
        servers(
            kubernetes={"context": "two"},
            vault={"address": "https://vault.example"},
            postgresql={"host": "db.example", "port": "5433", "sslmode": "verify-full"},
        )
    )
    assert live.key == ("two", "https://vault.example", "db.example", 5433)
    assert live.sslmode == "verify-full"
    assert live.kubernetes.host == "https://second.example:6443"


def test_what_a_provider_leaves_out_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGHOST": "db", "PGPORT": "6432", "PGUSER": "me", "VAULT_ADDR": "http://vault"}.items():
        monkeypatch.setenv(name, value)
    live = Live.of(servers())
    assert live.key == ("", "http://vault", "db", 6432)
    assert live.user == "me"


def test_a_secret_of_a_provider_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", "http://vault")
    live = Live.of(servers(kubernetes={"kubeconfig": SECRET}, vault={"address": SECRET, "token": SECRET}))
    assert live.key[:2] == ("", "http://vault")
    assert live.kubernetes.host == "https://first.example:6443"


def test_a_kubeconfig_of_the_provider_is_taken_as_a_path_or_as_text(tmp_path: Path) -> None:
    other = {**CONFIG, "current-context": "two"}
    file = tmp_path / "other"
    file.write_text(json.dumps(other), encoding="utf-8")
    for given in (str(file), json.dumps(other), json.dumps(other, indent=1)):
        assert Live.of(servers(kubernetes={"kubeconfig": given})).kubernetes.host == "https://second.example:6443"


def test_two_kubeconfigs_are_two_platforms() -> None:
    one, other = (Live.of(servers(kubernetes={"kubeconfig": path})) for path in ("/a", "/b"))
    assert one.key != other.key


def test_a_stack_without_a_provider_says_which() -> None:
    with pytest.raises(LiveError, match="dev has no provider of vault"):
        Live.of(state(kubernetes={}, postgresql={}))


def test_an_unknown_context_is_an_answer() -> None:
    with pytest.raises(LiveError, match="context 'three'"):
        Kubernetes("three")


def test_a_kubeconfigs_text_is_in_no_error() -> None:
    secret = base64.b64encode(b"a key").decode()
    broken = json.dumps({**CONFIG, "users": [{"name": "me", "user": {"token": secret}}], "contexts": []})
    with pytest.raises(LiveError) as refused:
        Kubernetes("one", broken)
    assert secret not in str(refused.value)
