"""The random plugin's passwords and bytes: their rules, their hash, their import, and what replaces them."""

from __future__ import annotations

import base64
import re
from secrets import SystemRandom
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi._types import input_type_py_to_pulumi_names
from pulumi_random import random_bytes, random_password

from sandbox.plugins.bridged.difference import difference
from sandbox.plugins.bridged.state import planned
from sandbox.plugins.process import PluginError
from sandbox.plugins.random import bcrypt
from sandbox.plugins.random.characters import SPECIAL, Kind, RuleError, Rules, draw
from sandbox.plugins.random.octets import RandomBytes
from sandbox.plugins.random.passwords import RandomPassword, rules_of
from sandbox.plugins.values import Unknown

PASSWORD, BYTES = RandomPassword(), RandomBytes()
SOURCE = SystemRandom()
KINDS = {"Lower": "[a-z]", "Upper": "[A-Z]", "Numeric": "[0-9]", "Special": f"[{re.escape(SPECIAL)}]"}


def plan(**given: Any) -> dict[str, Any]:
    """The planned state of a new password."""
    return PASSWORD.plan(None, planned(PASSWORD.properties, None, given))


minimums = st.dictionaries(st.sampled_from(sorted(KINDS)), st.integers(0, 8))


@given(minimums=minimums, spare=st.integers(1, 20), without=st.sets(st.sampled_from(sorted(KINDS)), max_size=3))
def test_a_password_keeps_its_rules(minimums: dict[str, int], spare: int, without: set[str]) -> None:
    """Length, least numbers and exclusions hold, whatever they are."""
    minimums = {kind: least for kind, least in minimums.items() if kind not in without}
    length = sum(minimums.values()) + spare
    rules: dict[str, Any] = {f"min{kind}": least for kind, least in minimums.items()}
    rules |= {kind.lower(): False for kind in without}
    password = draw(rules_of(plan(length=length, **rules)), SOURCE)
    assert len(password) == length
    for kind, letters in KINDS.items():
        found = len(re.findall(letters, password))
        assert found >= minimums.get(kind, 0)
        assert not (found and kind in without)


def test_passwords_differ_and_their_characters_are_mixed() -> None:
    """What a rule asks for does not stand at the front."""
    rules = Rules(length=40, kinds=(Kind(characters="a", at_least=20), Kind(characters="b", at_least=20)))
    drawn = {draw(rules, SOURCE) for _ in range(50)}
    assert len(drawn) == 50
    assert all(sorted(password) == sorted("a" * 20 + "b" * 20) for password in drawn)


def test_special_characters_can_be_chosen() -> None:
    """A program may say which special characters its database takes."""
    resource_id, outputs = PASSWORD.create(
        SOURCE, plan(length=50, overrideSpecial="_~", lower=False, upper=False, numeric=False)
    )
    assert resource_id == "none"
    assert set(outputs["result"]) <= {"_", "~"}


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"length": 0}, "length must be at least 1"),
        ({"length": 3, "minLower": 2, "minUpper": 2}, "the minimums add up to 4"),
        ({"length": 3, "minLower": -1}, "must not be negative"),
        ({"length": 3, "lower": False, "upper": False, "numeric": False, "special": False}, "at least one of"),
        ({"length": 3, "number": True, "numeric": False}, "number and numeric differ"),
    ],
)
def test_rules_that_cannot_be_kept_are_refused_before_anything_is_drawn(inputs: dict[str, Any], said: str) -> None:
    """The check says what is wrong."""
    (problem,) = PASSWORD.problems(inputs)
    assert said in problem[1]


def test_rules_that_are_not_known_yet_are_not_judged() -> None:
    """At preview a length may come from another resource."""
    assert PASSWORD.problems({"length": Unknown}) == []


def test_drawing_refuses_too() -> None:
    """Rules that were unknown at the check are judged in the end."""
    with pytest.raises(RuleError, match="at least 1"):
        draw(Rules(length=0, kinds=(Kind(characters="a"),)), SOURCE)


def test_number_is_another_name_of_numeric() -> None:
    """Both show the same, whichever is given."""
    assert plan(length=4)["numeric"] is plan(length=4)["number"] is True
    assert plan(length=4, number=False)["numeric"] is False
    assert plan(length=4, numeric=False)["number"] is False


def test_an_import_brings_the_password_itself() -> None:
    """Its id is the password, and its length counts bytes."""
    state = PASSWORD.read(SOURCE, "hello-wörld", {})
    assert state is not None
    assert (state["id"], state["result"], state["length"]) == ("none", "hello-wörld", 12)
    # The program that declares no more than the length finds nothing to change.
    assert changes({"length": 12}, state) == {}


def changes(inputs: dict[str, Any], state: dict[str, Any]) -> dict[str, str]:
    """What these inputs change of a password in this state."""
    new = PASSWORD.plan(state, planned(PASSWORD.properties, state, inputs))
    found = difference(PASSWORD.properties, state, new, inputs)
    return {path: kind.name for path, kind in found.items()}


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({"length": 13}, "length"),
        ({"length": 12, "special": False}, "special"),
        ({"length": 12, "minUpper": 1}, "minUpper"),
        ({"length": 12, "numeric": False}, "numeric"),
        ({"length": 12, "keepers": {"a": "b"}}, "keepers"),
        ({"length": 12, "overrideSpecial": "_"}, "overrideSpecial"),
    ],
)
def test_every_change_draws_another(inputs: dict[str, Any], path: str) -> None:
    """A password whose rules change is not the same password."""
    state = PASSWORD.read(SOURCE, "hello-world!", {})
    assert state is not None
    found = changes(inputs, state)
    assert path in found
    assert all(kind.endswith("REPLACE") for kind in found.values())


def test_a_refresh_changes_nothing() -> None:
    """There is no server that could know better than the state."""
    assert PASSWORD.read(SOURCE, "none", {"result": "x"}) == {}


def test_the_hash_is_bcrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    """It verifies for this password alone, and is left out where there is no bcrypt."""
    library = bcrypt.password_library()
    assert library is not None, "libxcrypt is missing: this machine's logins would not work either"
    hashed = bcrypt.bcrypt_hash("hello")
    assert hashed is not None
    assert re.fullmatch(r"\$2a\$10\$[./A-Za-z0-9]{53}", hashed)
    assert library.crypt(b"hello", hashed.encode()).decode() == hashed
    assert library.crypt(b"other", hashed.encode()).decode() != hashed
    assert hashed != bcrypt.bcrypt_hash("hello"), "the salt is fresh"
    monkeypatch.setattr(bcrypt, "password_library", lambda: None)
    assert bcrypt.bcrypt_hash("hello") is None


def test_the_type_has_the_properties_of_the_python_package() -> None:
    """A program cannot tell by names."""
    known = input_type_py_to_pulumi_names(random_password._RandomPasswordState)
    assert set(PASSWORD.properties) == set(known.values())
    secret = {name for name, prop in PASSWORD.properties.items() if prop.secret}
    assert secret == {"result", "bcryptHash"}


def test_random_bytes_have_their_length_and_both_spellings() -> None:
    """The same bytes, in hexadecimal and in base64; no two draws are alike."""
    drawn = [BYTES.create(SOURCE, {"length": 32})[1] for _ in range(20)]
    assert {len(bytes.fromhex(each["hex"])) for each in drawn} == {32}
    assert all(base64.b64decode(each["base64"]) == bytes.fromhex(each["hex"]) for each in drawn)
    assert len({each["hex"] for each in drawn}) == 20


def test_no_bytes_at_all_are_refused_before_anything_is_drawn() -> None:
    """The check says what is wrong; what is not known yet is not judged."""
    assert BYTES.problems({"length": 0}) == [("length", "length must be at least 1, not 0")]
    assert BYTES.problems({"length": 1}) == BYTES.problems({"length": Unknown}) == []


def test_an_import_brings_the_bytes_themselves() -> None:
    """Their id is their base64, and nothing else is taken."""
    assert BYTES.read(SOURCE, "AAEC", {}) == {"id": "none", "length": 3, "base64": "AAEC", "hex": "000102"}
    assert BYTES.read(SOURCE, "none", {"hex": "00"}) == {}
    with pytest.raises(PluginError, match="imported as base64"):
        BYTES.read(SOURCE, "not base64!", {})


def test_bytes_have_the_properties_of_the_python_package() -> None:
    """Both outputs are secret, and every change of an input draws others."""
    known = input_type_py_to_pulumi_names(random_bytes._RandomBytesState)
    assert set(BYTES.properties) == set(known.values())
    assert {name for name, prop in BYTES.properties.items() if prop.secret} == {"hex", "base64"}
    assert all(prop.force_new or prop.output for prop in BYTES.properties.values())
