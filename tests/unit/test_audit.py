"""Whether Vault writes down who asks it for what."""

import json

import pytest

from components.audit import unaudited
from components.errors import PlatformError
from components.server import Server


def vault(monkeypatch: pytest.MonkeyPatch, status: int, data: object) -> Server:
    monkeypatch.setattr(Server, "get", lambda *_: (status, json.dumps({"data": data}).encode()))
    return Server("Vault", "http://vault")


@pytest.mark.parametrize("demanded", [False, True])
def test_a_vault_with_a_device_is_taken(monkeypatch: pytest.MonkeyPatch, *, demanded: bool) -> None:
    assert unaudited(vault(monkeypatch, 200, {"file/": {}}), {}, demanded=demanded) == ""


def test_a_vault_without_one_is_refused_where_one_is_demanded(monkeypatch: pytest.MonkeyPatch) -> None:
    without = vault(monkeypatch, 200, {})
    assert "Vault http://vault has no audit device" in unaudited(without, {}, demanded=False)
    with pytest.raises(PlatformError, match="has no audit device"):
        unaudited(without, {}, demanded=True)


@pytest.mark.parametrize("demanded", [False, True])
def test_what_cannot_be_asked_is_undecided_and_not_passed(
    monkeypatch: pytest.MonkeyPatch, *, demanded: bool
) -> None:
    assert "undecided" in unaudited(vault(monkeypatch, 403, {}), {}, demanded=demanded)
