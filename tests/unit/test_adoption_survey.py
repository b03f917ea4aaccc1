"""Reading the facts of a database that was there before; servers are stood in for."""

from collections.abc import Mapping
from typing import Any

import psycopg
import pytest

from components import adoption_survey
from components.adoption_plan import Role
from components.errors import PlatformError
from tests.making import environment
from tests.stacks import platform
from tests.unit.sessions import Database, adopting_environment, stand_in


def role(**more: bool) -> dict[str, bool]:
    return {"login": True, "superuser": False, "inherits": True, "usable": True, **more}


def survey(owner: str, things: int = 0, **roles: Mapping[str, bool]) -> dict[str, Any]:
    return {
        "administrator": "bulkhead",
        "databases": {"keybuzz": {"owner": owner, "things": things}},
        "roles": {owner: role(), **roles},
    }


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch) -> tuple[list[Database], list[psycopg.Error]]:
    return stand_in(monkeypatch)


def test_only_what_is_declared_is_asked_for() -> None:
    assert adoption_survey.survey_of(adopting_environment()) == {
        "databases": ["keybuzz"],
        "roles": ["keybuzz_api_owner_dev", "keybuzz_api_dev", "keybuzz_api_readonly_dev", "veteran"],
    }
    assert adoption_survey.survey_of(environment()) == {"databases": [], "roles": []}


@pytest.mark.parametrize("found", [None, {"administrator": "bulkhead", "databases": None, "roles": None}])
def test_a_database_that_is_not_there_is_not_adopted(found: Mapping[str, Any] | None) -> None:
    assert adoption_survey.plans(platform(), adopting_environment(), found) == {}


def test_a_database_that_we_made_is_not_adopted() -> None:
    assert adoption_survey.plans(platform(), adopting_environment(), survey("keybuzz_api_owner_dev")) == {}


@pytest.mark.usefixtures("databases")
def test_a_database_of_the_login_is_looked_into() -> None:
    plan = adoption_survey.plans(platform(), adopting_environment(), survey("veteran", 4))["api"]
    assert [thing.identity for thing in plan.facts.things] == ["public.t"]
    assert [thing.identity for thing in plan.facts.left] == ["pg_trgm"]
    assert plan.facts.sequences == ("public.t_id_seq",)
    assert plan.facts.guests == ("report",)


def test_an_adopted_database_is_not_looked_into_again(
    databases: tuple[list[Database], list[psycopg.Error]],
) -> None:
    found = survey("keybuzz_api_owner_dev", veteran=role())
    plan = adoption_survey.plans(platform(), adopting_environment(), found)["api"]
    assert not plan.is_needed
    assert plan.facts.login == Role(name="veteran", login=True)
    assert databases[0] == []


def test_what_cannot_be_adopted_is_refused_without_a_look_inside() -> None:
    with pytest.raises(PlatformError, match=r"declare legacy\.dev\.logins\.api: postgres in the platform file"):
        adoption_survey.plans(platform(), adopting_environment(), survey("postgres"))
