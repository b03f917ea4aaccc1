"""How resources of a database that was there before are declared, and when its plan is carried out."""

from collections.abc import Mapping

import pytest

from components import EnvironmentDatabase, EnvironmentDatabaseArgs, adoption_transaction
from components.adoption_plan import Facts, Plan, Role, Thing, plan
from components.environment import LegacyNames
from components.preflight import Found
from components.providers import configure
from components.values import Database
from tests.making import environment
from tests.recording import Recording, record
from tests.stacks import FOUND, platform

OLD = LegacyNames(
    databases={"api": "keybuzz", "backend": "keybuzz_backend"}, logins={"api": "veteran", "backend": "veteran"}
)
ENVIRONMENT = environment(legacy=OLD)
LOGIN = Role(name="veteran", login=True)


def facts(part: str, **more: object) -> Facts:
    given: dict[str, object] = {
        "names": ENVIRONMENT.database(part),
        "owner": LOGIN,
        "login": LOGIN,
        "administrator": "bulkhead",
        "things": (Thing(kind="table", identity="public.t", schema="public"),),
        **more,
    }
    return Facts(**given)  # type: ignore[arg-type]


def ours(part: str) -> Facts:
    names = ENVIRONMENT.database(part)
    roles = frozenset({names.owner, names.read_write, names.read_only})
    return facts(part, owner=Role(name=names.owner), things=(), roles=roles)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The databases whose plans were carried out."""
    said: list[str] = []
    monkeypatch.setattr(
        adoption_transaction, "carry_out", lambda _, wanted: said.append(wanted.facts.names.database)
    )
    monkeypatch.setattr("pulumi.log.info", lambda _: None)
    return said


def databases(
    adoptions: Mapping[str, Plan], values: Database | None = None, *, preview: bool = False
) -> Recording:
    def program() -> None:
        connected = configure(platform(), Found(identity=FOUND.identity, adoptions=adoptions))
        for part in OLD.databases:
            args = EnvironmentDatabaseArgs(environment=ENVIRONMENT, values=values or Database(protect=False))
            EnvironmentDatabase(part, args, connected)

    return record(program, preview=preview)


NEEDED = {part: plan(facts(part)) for part in OLD.databases}
SETTLED = {part: plan(ours(part)) for part in OLD.databases}


def test_an_update_carries_each_plan_out_once(done: list[str]) -> None:
    databases(NEEDED)
    assert sorted(done) == ["keybuzz", "keybuzz_backend"]


def test_a_preview_carries_nothing_out(done: list[str]) -> None:
    databases(NEEDED, preview=True)
    assert done == []


@pytest.mark.usefixtures("done")
def test_a_preview_says_in_words_what_an_update_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("pulumi.log.info", said.append)
    databases(NEEDED, preview=True)
    assert said == [*NEEDED["api"].words, *NEEDED["backend"].words]


def test_what_is_adopted_already_is_left_alone(done: list[str]) -> None:
    databases(SETTLED)
    assert done == []


@pytest.mark.usefixtures("done")
def test_an_update_imports_the_database_and_all_its_roles() -> None:
    recording = databases(NEEDED)
    names = ENVIRONMENT.database("api")
    assert recording.one("Database", "api-database").options["importId"] == "keybuzz"
    for purpose, name in (
        ("owner", names.owner),
        ("read-write", names.read_write),
        ("read-only", names.read_only),
    ):
        assert recording.one("Role", f"api-{purpose}").options["importId"] == name


@pytest.mark.usefixtures("done")
def test_a_preview_imports_what_is_there_and_looks_away_from_the_owner_that_it_will_get() -> None:
    recording = databases(NEEDED, preview=True)
    database = recording.one("Database", "api-database")
    assert database.options["importId"] == "keybuzz"
    assert set(database.options["ignoreChanges"]) == {"connectionLimit", "owner"}
    assert "importId" not in recording.one("Role", "api-owner").options


@pytest.mark.usefixtures("done")
@pytest.mark.parametrize("adoptions", [NEEDED, SETTLED])
def test_an_adopted_database_keeps_its_connection_limit_unless_the_stack_gives_one(
    adoptions: Mapping[str, Plan],
) -> None:
    kept = databases(adoptions).one("Database", "api-database")
    assert kept.options["ignoreChanges"] == ["connectionLimit"]
    given = databases(adoptions, Database(protect=False, connection_limit=80)).one("Database", "api-database")
    assert "ignoreChanges" not in given.options


@pytest.mark.usefixtures("done")
@pytest.mark.parametrize("adoptions", [NEEDED, SETTLED])
def test_the_login_of_two_databases_is_imported_once_and_never_dropped(adoptions: Mapping[str, Plan]) -> None:
    recording = databases(adoptions)
    login = recording.one("Role", "legacy-veteran")
    assert login.options["importId"] == "veteran"
    assert login.options["retainOnDelete"] is True
    assert {"password", "roles", "superuser"} <= set(login.options["ignoreChanges"])
    for part in OLD.databases:
        member = recording.one("GrantRole", f"{part}-legacy-membership")
        assert member.inputs["role"] == "veteran"
        assert member.inputs["grantRole"] == ENVIRONMENT.database(part).owner
        recording.require_after(member, recording.one("Role", f"{part}-owner"))


def test_a_database_that_is_not_there_is_created_as_every_other(done: list[str]) -> None:
    recording = databases({})
    assert done == []
    assert "importId" not in recording.one("Database", "api-database").options
    assert not recording.has("Role", "legacy-veteran")
