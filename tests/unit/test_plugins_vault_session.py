"""The Vault provider's configuration, and that its types are those of the Python package."""

from __future__ import annotations

import importlib
import inspect
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from pulumi._types import input_type_py_to_pulumi_names

from sandbox.plugins.process import PluginError
from sandbox.plugins.values import Unknown
from sandbox.plugins.vault.client import VaultError
from sandbox.plugins.vault.provider import TYPES
from sandbox.plugins.vault.session import connect
from tests.unit.vault_wire import ADDRESS, TOKEN, Wire, wire

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["wire"]

CHILD = (200, {"auth": {"client_token": "hvs.child"}})


@pytest.fixture(autouse=True)
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox whose Vault is the pretended one, and a shell without Vault's variables."""
    (tmp_path / "platform.yaml").write_text(f'vault: {{address: "{ADDRESS}"}}\n', encoding="utf-8")
    monkeypatch.setenv("BULKHEAD_SANDBOX", str(tmp_path))
    for name in ("ADDR", "TOKEN", "MAX_RETRIES", "TOKEN_NAME"):
        monkeypatch.delenv(f"VAULT_{name}", raising=False)
    for name in ("SKIP_CHILD_TOKEN", "MAX_TTL"):
        monkeypatch.delenv(f"TERRAFORM_VAULT_{name}", raising=False)


def test_the_environment_stands_in_for_inputs(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", ADDRESS)
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    connect({"skipChildToken": "true"}).read("x")
    assert wire.headers[0]["X-Vault-Token"] == TOKEN


def test_inputs_win_over_the_environment(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.9:1")
    monkeypatch.setenv("VAULT_TOKEN", "hvs.other")
    connect({"address": ADDRESS, "token": TOKEN, "skipChildToken": True}).read("x")
    assert wire.headers[0]["X-Vault-Token"] == TOKEN


def test_a_child_token_is_made_once_and_not_before_it_is_needed(wire: Wire) -> None:
    wire.answers["POST", "auth/token/create"] = CHILD
    server = connect({"address": ADDRESS, "token": TOKEN, "maxLeaseTtlSeconds": "900"})
    assert not wire.asked
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(server.read, ["x"] * 8))
    assert wire.asked.count(("POST", "auth/token/create")) == 1
    assert wire.sent["auth/token/create"] == {
        "display_name": "terraform",
        "explicit_max_ttl": "900s",
        "renewable": False,
        "ttl": "900s",
    }
    tokens = [headers["X-Vault-Token"] for headers in wire.headers]
    assert tokens == [TOKEN, *["hvs.child"] * 8]


def test_a_token_that_may_not_have_children_is_told(wire: Wire) -> None:
    wire.answers["POST", "auth/token/create"] = (403, {"errors": ["permission denied"]})
    with pytest.raises(VaultError, match="denies POST auth/token/create"):
        connect({"address": ADDRESS, "token": TOKEN}).read("x")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "no address"),
        ({"address": ADDRESS}, "no token"),
        ({"address": "http://vault.example:8200", "token": TOKEN}, "sandbox alone"),
        ({"address": ADDRESS, "token": TOKEN, "namespace": "team"}, "no namespaces"),
        ({"address": ADDRESS, "token": TOKEN, "maxRetries": "two"}, "maxRetries must be a whole number"),
        ({"address": ADDRESS, "token": f"{TOKEN}\n"}, "characters that no Vault token has"),
        ({"address": Unknown, "token": TOKEN}, "must be known"),
    ],
)
def test_what_cannot_be_is_refused(wire: Wire, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(PluginError, match=said) as caught:
        connect(arguments)
    assert TOKEN not in str(caught.value)
    assert not wire.asked


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: type(kind).__name__)
def test_a_type_has_the_properties_of_the_python_package(kind: Any) -> None:
    _, module, name = kind.token.split(":")
    package = importlib.import_module(f"pulumi_vault.{_module(module)}")
    known = set(input_type_py_to_pulumi_names(getattr(package, f"_{name}State")).values())
    assert set(kind.properties) == known
    parameters = inspect.signature(getattr(package, f"{name}Args").__init__).parameters.values()
    required = {_camel(one.name) for one in parameters if one.default is one.empty} - {"__self__"}
    ours = {key for key, prop in kind.properties.items() if prop.required and not prop.autoname}
    # A connection needs one engine; the sandbox has but PostgreSQL.
    assert ours - {"postgresql"} == required


def _module(path: str) -> str:
    folder, _, leaf = path.partition("/")
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in leaf)
    return name if folder == "index" else f"{folder}.{name}"


def _camel(name: str) -> str:
    if name.startswith("__"):
        return name
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)
