"""One explicit provider for each server, and none of them before the servers were looked at."""

from dataclasses import replace

import pytest

from components import Settings, connect, preflight
from components.errors import PlatformError
from components.settings import Stack
from tests.making import IMAGE, build, environment
from tests.recording import record
from tests.stacks import FOUND, platform


def settings() -> Settings:
    stack = Stack.model_validate({"kind": "development", "platform": "keybuzz", "images": {"api": IMAGE}})
    return Settings(environment(), platform(), stack, ("api",))


def test_there_is_one_provider_a_server_with_its_address() -> None:
    recording = build(lambda _: None)
    assert {made.name for made in recording} == {"kubernetes", "vault", "postgresql", "random"}
    kubernetes, vault, postgresql = (recording.one(name, name) for name in ("kubernetes", "vault", "postgresql"))
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
    monkeypatch.setattr(preflight, "check", lambda _: FOUND)
    monkeypatch.setattr(preflight, "refuse_foreign_namespaces", lambda *given: asked.append(given[2]))
    record(lambda: connect(settings()), preview=True)
    assert not asked
    record(lambda: connect(settings()))
    assert asked == [("keybuzz-dev", "keybuzz-api-dev")]


def test_every_provider_of_a_server_waits_for_the_proof_that_it_is_the_right_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preflight, "check", lambda _: FOUND)
    recording = record(lambda: connect(settings()), preview=True)
    kept = recording.one("Stash", "identity")
    assert kept.inputs["input"] == {"kubernetes": "a-cluster", "vault": "a-vault", "postgresql": "a-system"}
    assert kept.options["ignoreChanges"] == ["input"]
    for name in ("kubernetes", "vault", "postgresql"):
        recording.require_after(recording.one(name, name), kept)


def test_what_a_server_is_not_as_it_should_be_in_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", said.append)
    monkeypatch.setattr(preflight, "check", lambda _: replace(FOUND, warnings=("no audit device",)))
    record(lambda: connect(settings()), preview=True)
    assert said == ["no audit device"]


def test_expected_secrets_are_looked_for_below_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[preflight.Questions] = []

    def check(questions: preflight.Questions) -> preflight.Found:
        asked.append(questions)
        return FOUND

    monkeypatch.setattr(preflight, "check", check)
    record(lambda: connect(settings(), expects={"api": ("openai-api-key",)}), preview=True)
    assert asked[0].secrets == {"keybuzz/dev/app_api": ("openai-api-key",)}
