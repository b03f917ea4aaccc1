"""Derived names: no two environments, of one system or of two, can ever meet in one name."""

import re
from collections.abc import Callable, Hashable, Iterable

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from components import Environment

# Few letters, so that names that could meet do.
WORDS = st.sampled_from(["a", "b", "ab", "ba", "pr"])
SYSTEMS = st.lists(WORDS, min_size=1, max_size=2).map("-".join)
ENVIRONMENTS = st.sampled_from(["dev", "prod", "prod-1", "pr", "pr-1", "a"])
PARTS = WORDS | st.sampled_from(["owner", "readonly", "login", "login2", "vault", "prod", "migration"])
SECRETS = st.lists(WORDS, min_size=1, max_size=3).map("_".join)

Identity = tuple[str, str, str]
IDENTITIES = st.sets(st.tuples(SYSTEMS, ENVIRONMENTS, PARTS), min_size=10, max_size=30)

EXAMPLES = settings(max_examples=40, deadline=None)
GENERATED = settings(EXAMPLES, phases=[Phase.generate])

Derive = Callable[[Environment, str], Iterable[Hashable]]


def environment(system: str, name: str) -> Environment:
    kind = "production" if name.startswith("prod") else "development"
    return Environment(system=system, name=name, kind=kind, domain="keybuzz.io")


def roles(of: Environment, part: str) -> list[str]:
    names = of.database(part)
    return [names.owner, names.read_write, names.read_only, of.login(part), of.vault_administrator(part)]


def all_roles(of: Environment, part: str) -> set[str]:
    """Those, the logins that take turns with them, and those of a migration."""
    second = {of.login(part, purpose, second=True) for purpose in ("", "migration")}
    return {*roles(of, part), *second, of.login(part, "migration"), of.vault_administrator(part, "migration")}


NAME_SPACES: dict[str, Derive] = {
    "namespaces": lambda of, part: [of.namespace(part)],
    "Vault policies and auth roles": lambda of, part: [
        of.principal(part, use) for use in ("", "app", "migration")
    ],
    "databases": lambda of, part: [of.database(part).database],
    "PostgreSQL roles": all_roles,
}


def collision(identities: Iterable[Identity], derive: Derive) -> tuple[Identity, Identity] | None:
    """Two identities that have a name in common."""
    owners: dict[Hashable, Identity] = {}
    for identity in identities:
        system, name, part = identity
        for derived in derive(environment(system, name), part):
            if owners.setdefault(derived, identity) != identity:
                return owners[derived], identity
    return None


@pytest.mark.parametrize("space", NAME_SPACES)
@given(identities=IDENTITIES)
@EXAMPLES
def test_different_identities_have_different_names(space: str, identities: set[Identity]) -> None:
    assert collision(identities, NAME_SPACES[space]) is None


@given(identities=IDENTITIES)
@EXAMPLES
def test_the_roles_of_one_part_are_five(identities: set[Identity]) -> None:
    for system, name, part in identities:
        assert len(set(roles(environment(system, name), part))) == 5
        assert len(all_roles(environment(system, name), part)) == 9


@given(identities=IDENTITIES)
@EXAMPLES
def test_a_database_called_after_its_system_meets_none_of_a_part(identities: set[Identity]) -> None:
    called_after_system = {
        environment(system, name).database(part, bears_system_name=True).database: (system, name)
        for system, name, part in identities
    }
    assert len(called_after_system) == len({(system, name) for system, name, _ in identities})
    of_parts = {environment(system, name).database(part).database for system, name, part in identities}
    assert not of_parts & set(called_after_system)


@given(st.sets(st.tuples(SYSTEMS, ENVIRONMENTS, SECRETS), min_size=10, max_size=30))
@EXAMPLES
def test_different_secrets_have_different_vault_paths(identities: set[Identity]) -> None:
    assert collision(identities, lambda of, secret: [of.vault_path(secret)]) is None


@given(SYSTEMS, IDENTITIES)
@EXAMPLES
def test_the_environments_of_one_system_have_different_hosts(system: str, identities: set[Identity]) -> None:
    own = {(system, name, part) for _, name, part in identities}
    assert collision(own, lambda of, part: [of.host(part)]) is None


@given(SYSTEMS, IDENTITIES)
@EXAMPLES
def test_the_environments_of_one_system_have_different_namespaces_shared_or_not(
    system: str, identities: set[Identity]
) -> None:
    own = {(system, name, part) for _, name, part in identities}
    shared = {environment(system, name).namespace() for _, name, _ in own}
    assert len(shared) == len({name for _, name, _ in own})
    assert not shared & {environment(system, name).namespace(part) for _, name, part in own}


@given(identities=IDENTITIES)
@EXAMPLES
def test_every_name_is_what_its_server_takes(identities: set[Identity]) -> None:
    for system, name, part in identities:
        of = environment(system, name)
        for label in (of.namespace(part), of.principal(part), *of.host(part).split(".")):
            assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", label)
        for identifier in (of.database(part).database, *roles(of, part)):
            assert re.fullmatch(r"[a-z][a-z0-9_]{0,62}", identifier)


def test_a_rule_that_lets_names_meet_would_be_found() -> None:
    def naive(of: Environment, part: str) -> list[str]:
        return [f"{of.system}{part}-{of.name}"]

    assert find(IDENTITIES, lambda identities: collision(identities, naive) is not None, settings=GENERATED)
