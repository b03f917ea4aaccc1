"""Names read backwards by the policy pack agree with how the components make them, which is other code."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.environment import Environment
from policy.identity import Names
from policy.world import EndPoint, Platform, World, kind_of
from tests.judged import TODAY

ENVIRONMENTS = ("dev", "prod", "pr-7", "pr-71", "prod-2")
SYSTEMS = ("keybuzz", "ansible-builder")
PLATFORM = Platform(
    domain="example.com",
    points=(EndPoint("10.0.0.10", 5432),),
    servers=frozenset({"vault.example.com", "10.0.0.10"}),
    legacy={"dev": {"databases": {"api": "keybuzz", "backend": "keybuzz_backend"}, "logins": {"api": "kb_app"}}},
)


def names(environment: str, system: str = "keybuzz", *others: str) -> Names:
    known = frozenset({"dev", "prod", *others}) - {environment}
    return Names(
        World(
            system=system,
            environment=environment,
            kind=kind_of(environment),
            today=TODAY,
            platform=PLATFORM,
            others=known,
        )
    )


def made(environment: str, system: str) -> list[str]:
    """Every kind of name that the components make for one environment."""
    kind = "production" if environment.startswith("prod") else "development"
    env = Environment(system=system, name=environment, kind=kind, domain="example.com")
    database = env.database("api")
    return [
        env.namespace(),
        env.namespace("api"),
        env.principal("api"),
        env.principal("api", "migration"),
        f"secret/data/{env.vault_path('db_api')}",
        env.host("api"),
        env.url(),
        database.database,
        database.owner,
        database.read_write,
        database.read_only,
        env.login("api"),
        env.login("api", second=True),
        env.vault_administrator("api", "migration"),
        f"http://api.{env.namespace('api')}.svc.cluster.local:3001/x",
        f'CREATE ROLE "v" IN ROLE "{database.read_write}"',
        f"postgresql://u@10.0.0.10/{database.database}?sslmode=require",
    ]


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(("mine", "theirs"), list(permutations(ENVIRONMENTS, 2)))
def test_every_name_of_another_environment_is_seen_as_its(mine: str, theirs: str, system: str) -> None:
    read = names(mine, system)
    for name in made(theirs, system):
        assert [environment for _, environment in read.foreign(name)] == [theirs], name


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("mine", ENVIRONMENTS)
def test_no_name_of_its_own_is_seen_as_another_s(mine: str, system: str) -> None:
    read = names(mine, system)
    assert not [name for name in made(mine, system) if list(read.foreign(name))]


def has_names(system: str) -> bool:
    """Whether PostgreSQL lets a system have any: the components refuse those that it keeps to itself."""
    return system.partition("-")[0] != "pg" and not system.startswith("template")


@given(
    system=st.from_regex(r"[a-z][a-z0-9]{1,8}(-[a-z0-9]{1,6})?", fullmatch=True).filter(has_names),
    mine=st.sampled_from(ENVIRONMENTS),
    theirs=st.sampled_from(ENVIRONMENTS),
)
def test_any_system_s_names_are_told_apart(system: str, mine: str, theirs: str) -> None:
    read = names(mine, system)
    for name in made(theirs, system):
        assert {environment for _, environment in read.foreign(name)} == {theirs} - {mine}, name


@pytest.mark.parametrize(
    "text",
    [
        "letsencrypt-prod",
        "ghcr.io/keybuzzio/keybuzz-client:prod-2026-02-01",
        "https://vault.example.com:8200",
        "keybuzz-api-postgres",
        "production",
        "somebody@example.com",
        "keybuzz",
        "bulkhead.dev/system",
    ],
)
@pytest.mark.parametrize("mine", ["dev", "prod"])
def test_ordinary_words_are_nobody_s(mine: str, text: str) -> None:
    assert not list(names(mine).foreign(text))


def test_an_environment_that_has_a_stack_file_is_known_by_its_word() -> None:
    assert list(names("dev", "keybuzz", "staging").foreign("keybuzz-api-staging"))
    assert not list(names("dev").foreign("keybuzz-api-staging"))


def test_names_by_exception_are_their_environment_s() -> None:
    assert list(names("prod").foreign("GRANT ALL ON keybuzz_backend TO kb_app")) == [
        ("keybuzz_backend", "dev"),
        ("kb_app", "dev"),
    ]
    assert names("prod").of_database("keybuzz") == "dev"
    assert not list(names("dev").foreign("keybuzz_backend kb_app"))


def test_without_a_platform_hosts_are_not_read_and_names_still_are() -> None:
    read = Names(replace(names("dev").world, platform=None))
    assert not list(read.foreign("https://api.example.com"))
    assert list(read.foreign("keybuzz_api_prod"))
