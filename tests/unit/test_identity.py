"""Which servers a stack belongs to, and in which words another one is refused."""

import re
from dataclasses import asdict

import pytest

from components.errors import PlatformError
from components.identity import Identity, refuse_another, remember
from tests.recording import record
from tests.stacks import platform

FOUND = Identity(kubernetes="a-cluster", vault="a-vault", postgresql="7412345678901234567")
URN = "urn:pulumi:dev::keybuzz::pulumi:index:Stash::identity"


@pytest.mark.parametrize("remembered", [None, asdict(FOUND)])
def test_the_servers_of_the_first_apply_are_taken(remembered: object) -> None:
    refuse_another(remembered, FOUND, platform(), URN)


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ("kubernetes", "the cluster of context 'keybuzz' is a-cluster, this stack was first applied to other"),
        ("vault", "Vault https://vault.keybuzz.io:8200 is a-vault, this stack was first applied to other"),
        ("postgresql", "PostgreSQL 10.0.0.10:5432 is 7412345678901234567, this stack was first applied to other"),
    ],
)
def test_another_server_is_named_with_both_ids_and_the_way_to_move(server: str, words: str) -> None:
    with pytest.raises(PlatformError, match=re.escape(words)) as refused:
        refuse_another({**asdict(FOUND), server: "other"}, FOUND, platform(), URN)
    assert str(refused.value).count("first applied to") == 1
    assert f"pulumi up --replace '{URN}'" in str(refused.value)


def test_all_servers_that_are_others_are_named_at_once() -> None:
    with pytest.raises(PlatformError) as refused:
        refuse_another({}, FOUND, platform(), URN)
    assert str(refused.value).count("first applied to None") == 3


@pytest.mark.parametrize("preview", [False, True])
def test_it_is_kept_by_the_engine_and_never_overwritten(*, preview: bool) -> None:
    proofs: list[bool] = []
    recording = record(
        lambda: remember(FOUND, platform(), None).apply(proofs.append), stack_name="prod", preview=preview
    )
    [kept] = recording
    assert kept.urn == "urn:pulumi:prod::keybuzz::pulumi:index:Stash::identity"
    assert kept.inputs["input"] == asdict(FOUND)
    assert kept.options == {"ignoreChanges": ["input"]}
    assert proofs == [True]
