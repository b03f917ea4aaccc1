"""Where the API server is, and who we are there."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import kubeconfig
from components.errors import PlatformError

CANARY = "hunter2-canary"


@pytest.fixture
def write(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Write a kubeconfig with one context, `here`, whose user is what is given."""

    def written(user: dict[str, Any] | None) -> Path:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "cluster", "cluster": {"server": "https://10.1.1.1:6443"}}],
            "contexts": [{"name": "here", "context": {"cluster": "cluster", "user": "me"}}],
            "users": [{"name": "me", "user": user}] if user is not None else [],
        }
        file = tmp_path / "kubeconfig"
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        monkeypatch.setenv("KUBECONFIG", str(file))
        return file

    return written


def identity() -> dict[str, str]:
    """The headers of the context `here`."""
    return kubeconfig.read("here").identify(ssl.create_default_context())


def test_a_token_is_said_as_it_stands_and_without_the_official_client(
    write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"token": CANARY})
    monkeypatch.setattr(kubeconfig, "import_module", lambda name: pytest.fail(f"{name} was imported"))
    assert identity() == {"Authorization": f"Bearer {CANARY}"}


def test_a_login_by_command_is_left_to_the_official_client(write: Any, tmp_path: Path) -> None:
    answer = (
        '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"'
        + CANARY
        + '"}}'
    )
    command = tmp_path / "login"
    command.write_text(f"#!/bin/sh\necho '{answer}'\n", encoding="utf-8")
    command.chmod(0o755)
    exec_ = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(command), "interactiveMode": "Never"}
    write({"exec": exec_})
    assert {key.lower(): value for key, value in identity().items()} == {"authorization": f"Bearer {CANARY}"}


def test_a_user_without_credentials_says_nothing(write: Any) -> None:
    write({})
    assert identity() == {}


def test_a_context_that_is_not_there_is_named_with_those_that_are(write: Any) -> None:
    file = write({"token": CANARY})
    with pytest.raises(PlatformError) as refused:
        kubeconfig.read("elsewhere")
    assert "'elsewhere'" in str(refused.value)
    assert str(file) in str(refused.value)
    assert "it has here" in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "clusters: 1", "{", "clusters: [{}]\ncontexts: []"])
def test_what_is_no_kubeconfig_is_said_so(write: Any, text: str) -> None:
    file = write({})
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PlatformError, match="is no kubeconfig"):
        kubeconfig.read("here")
