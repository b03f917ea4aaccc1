"""A KV secret: what it holds, the digest that tells its change, and the rotation that Vault remembers."""

import pulumi

from components.kv_secret import keep, kept_json, remembered
from tests.making import build


def test_values_are_kept_as_the_provider_stores_them_and_marked_as_secret() -> None:
    def make(_: object) -> None:
        keep("a-kv", "secret", "keybuzz/dev/a", {"B": "2", "A": "1"}, pulumi.ResourceOptions(), rotation=2)

    made = build(make).one("SecretV2", "a-kv")
    assert made.inputs["dataJson"] == '{"A":"1","B":"2"}'
    assert "dataJson" in made.secrets
    assert (made.inputs["mount"], made.inputs["name"]) == ("secret", "keybuzz/dev/a")
    assert made.inputs["customMetadata"] == {"data": {"rotation": "2"}}


def test_before_the_first_rotation_vault_has_nothing_to_remember() -> None:
    assert [remembered(0), remembered(2)] == [None, {"data": {"rotation": "2"}}]


def test_a_digest_tells_a_change_and_none_of_the_values() -> None:
    found: list[str] = []

    def digest(value: str) -> None:
        build(lambda _: kept_json({"PASSWORD": value})[1].apply(found.append))

    for value in ("one", "one", "two"):
        digest(value)
    assert found[0] == found[1] != found[2]
    assert not [text for text in found if "one" in text or "two" in text]
