"""Passwords of which the next one is accepted before it is used."""

import pytest

from components.cache_credentials import generations


@pytest.mark.parametrize("rotation", range(10))
def test_the_accepted_passwords_are_those_before_of_now_and_next(rotation: int) -> None:
    assert set(generations(rotation)) == {rotation - 1, rotation, rotation + 1}


@pytest.mark.parametrize("rotation", range(10))
def test_a_rotation_renews_the_one_password_that_nobody_uses(rotation: int) -> None:
    now, then = generations(rotation), generations(rotation + 1)
    renewed = [place for place in range(3) if now[place] != then[place]]
    assert [now[place] for place in renewed] == [rotation - 1]
    assert [then[place] for place in renewed] == [rotation + 2]
