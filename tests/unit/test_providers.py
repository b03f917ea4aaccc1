"""One explicit provider for each server, and none of them before the servers were looked at."""

import pytest

from components import Settings, connect, preflight
from components.preflight import PlatformError
from components.settings import Stack
from tests.making import IMAGE, build, environment
from tests.recording import record
from tests.stacks import platform


def settings() -> Settings:
    stack = Stack.model_validate({"kind": "development", "platform": "keybuzz", "images": {"api": IMAGE}})
    return Settings(environment(), platform(), stack, ("api",))


def test_there_is_one_provider_a_server_with_its_address() -> None:
    recording = build(lambda _: None)
    assert [made.type for made in recording] == [
        "pulumi:providers:kubernetes",
        "pulumi:providers:vault",
        "pulumi:providers:postgresql",
        "pulumi:providers:random",
    ]
    kubernetes, vault, postgresql, _ = recording
    assert kubernetes.inputs["context"] == "keybuzz"
    assert kubernetes.inputs["enablePatchForce"] in (True, "true")
    assert vault.inputs["address"] == "https://vault.keybuzz.io:8200"
    assert vault.inputs["skipChildToken"] in (True, "true")
    assert (postgresql.inputs["host"], postgresql.inputs["sslmode"]) == ("10.0.0.10", "require")
    assert postgresql.inputs["superuser"] in (False, "false")


def test_no_provider_has_a_credential_in_its_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("VAULT_TOKEN", "PGPASSWORD", "PGUSER"):
        monkeypatch.setenv(variable, "hunter2-canary")
    for made in build(lambda _: None):
        assert not {"token", "password", "username", "kubeconfig"} & set(made.inputs)
        assert "hunter2-canary" not in str(made.inputs)


@pytest.mark.parametrize("preview", [False, True])
def test_nothing_is_registered_when_a_server_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, *, preview: bool
) -> None:
    def fail(_: object) -> None:
        raise PlatformError("Vault is sealed")

    monkeypatch.setattr(preflight, "check", fail)
    registered: list[object] = []
    monkeypatch.setattr("components.providers.configure", registered.append)
    with pytest.raises(PlatformError, match="Vault is sealed"):
        record(lambda: connect(settings()), preview=preview)
    assert not registered


def test_only_what_changes_something_asks_whose_the_namespaces_are(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(preflight, "check", lambda _: None)
    monkeypatch.setattr(preflight, "refuse_foreign_namespaces", lambda *given: asked.append(given[2]))
    record(lambda: connect(settings()), preview=True)
    assert not asked
    record(lambda: connect(settings()))
    assert asked == [("keybuzz-dev", "keybuzz-api-dev")]
