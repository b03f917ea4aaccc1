"""How a database that was there before comes under its owner: statements and words, of facts alone."""

from dataclasses import replace

import pytest

from components.adoption_plan import Facts, Role, Schema, Thing, plan, quoted, refuse_impossible
from components.environment import LegacyNames
from components.errors import PlatformError
from tests.making import environment

NAMES = environment(legacy=LegacyNames(databases={"api": "keybuzz"}, logins={"api": "keybuzz"})).database("api")
LOGIN = Role(name="keybuzz", login=True)
FACTS = Facts(
    names=NAMES,
    owner=LOGIN,
    login=LOGIN,
    administrator="bulkhead",
    things=(
        Thing(kind="view", identity="public.names", schema="public"),
        Thing(kind="function", identity="public.twice(integer)", schema="public"),
        Thing(kind="sequence", identity="public.loose", schema="public"),
        Thing(kind="table", identity='"Odd"."T"', schema='"Odd"'),
        Thing(kind="table", identity="public.tenants", schema="public"),
        Thing(kind="schema", identity='"Odd"'),
    ),
    sequences=("public.tenants_id_seq",),
    schemas=(Schema(name="public", owner="pg_database_owner"), Schema(name='"Odd"', owner="keybuzz")),
)
KEY = "legacy.dev.logins.api"


def refusal(facts: Facts) -> str:
    with pytest.raises(PlatformError) as refused:
        refuse_impossible(facts, KEY)
    return str(refused.value)


def test_objects_change_hands_one_by_one_schemas_first_and_never_by_reassign_owned() -> None:
    changes = [change for change in plan(FACTS).changes if change.startswith("ALTER")]
    assert changes == [
        'ALTER SCHEMA "Odd" OWNER TO "keybuzz_api_owner_dev"',
        'ALTER TABLE "Odd"."T" OWNER TO "keybuzz_api_owner_dev"',
        'ALTER TABLE public.tenants OWNER TO "keybuzz_api_owner_dev"',
        'ALTER VIEW public.names OWNER TO "keybuzz_api_owner_dev"',
        'ALTER ROUTINE public.twice(integer) OWNER TO "keybuzz_api_owner_dev"',
        'ALTER SEQUENCE public.loose OWNER TO "keybuzz_api_owner_dev"',
    ]
    assert "REASSIGN" not in str(plan(FACTS))


def test_the_login_becomes_a_member_before_anything_leaves_it() -> None:
    assert plan(FACTS).grants == (
        'GRANT "keybuzz_api_owner_dev" TO "keybuzz"',
        'ALTER DATABASE "keybuzz" OWNER TO "keybuzz_api_owner_dev"',
    )


def test_all_tables_are_locked_before_the_first_of_them_changes() -> None:
    assert plan(FACTS).locks == ('"Odd"."T"', "public.tenants")


def test_roles_that_are_there_are_not_made_again() -> None:
    assert len(plan(FACTS).roles) == 3
    assert plan(replace(FACTS, roles=frozenset({NAMES.owner, NAMES.read_only}))).roles == (
        'CREATE ROLE "keybuzz_api_dev" NOLOGIN',
    )


def test_the_groups_get_their_rights_on_what_is_there() -> None:
    grants = [change for change in plan(FACTS).changes if change.startswith("GRANT")]
    tables = '"Odd"."T", public.tenants, public.names'
    assert grants == [
        'GRANT USAGE ON SCHEMA "Odd", public TO "keybuzz_api_dev", "keybuzz_api_readonly_dev"',
        f'GRANT DELETE, INSERT, SELECT, UPDATE ON {tables} TO "keybuzz_api_dev"',
        f'GRANT SELECT ON {tables} TO "keybuzz_api_readonly_dev"',
        'GRANT SELECT, UPDATE, USAGE ON SEQUENCE public.loose, public.tenants_id_seq TO "keybuzz_api_dev"',
        'GRANT SELECT ON SEQUENCE public.loose, public.tenants_id_seq TO "keybuzz_api_readonly_dev"',
    ]


def test_a_guest_is_let_in_by_name_before_public_is_shut_out() -> None:
    made = plan(replace(FACTS, guests=("report",)))
    assert 'GRANT CONNECT ON DATABASE "keybuzz" TO "report"' in made.grants
    assert 'GRANT USAGE ON SCHEMA public TO "report"' in made.grants
    assert "lets report in by name, who came in by what PUBLIC may" in made.words


def test_the_words_say_what_is_done_and_what_is_left() -> None:
    words = plan(replace(FACTS, left=(Thing(kind="extension", identity="pg_trgm"),))).words
    assert words[0] == "adopts database keybuzz, which is there already:"
    assert "makes role keybuzz_api_owner_dev, which cannot log in" in words
    assert "gives the database from keybuzz to keybuzz_api_owner_dev" in words
    assert (
        "gives 1 function, 1 schema, 1 sequence, 2 tables, 1 view from keybuzz to keybuzz_api_owner_dev; "
        "data stays as it is"
    ) in words
    assert "leaves to keybuzz what nobody can give away: extension pg_trgm" in words


def test_what_is_ours_needs_no_plan() -> None:
    ours = replace(FACTS, owner=Role(name=NAMES.owner), things=())
    assert not plan(ours).is_needed
    assert plan(ours).words == ()


def test_what_the_login_made_later_is_taken_without_a_change_of_the_database() -> None:
    later = plan(replace(FACTS, owner=Role(name=NAMES.owner), roles=frozenset(vars(NAMES).values())))
    assert later.is_needed
    assert not later.roles
    assert not [statement for statement in later.grants if "DATABASE" in statement]


def test_an_empty_database_changes_hands_as_well() -> None:
    assert plan(replace(FACTS, things=(), sequences=())).is_needed


def test_what_can_be_done_is_not_refused() -> None:
    refuse_impossible(FACTS, KEY)
    refuse_impossible(replace(FACTS, owner=Role(name=NAMES.owner, usable=False)), KEY)


@pytest.mark.parametrize("login", [None, Role(name="another")])
def test_a_login_that_is_not_declared_is_asked_for(login: Role | None) -> None:
    said = refusal(replace(FACTS, login=login))
    assert "database keybuzz is there already and belongs to keybuzz" in said
    assert f"declare {KEY}: keybuzz in the platform file" in said


@pytest.mark.parametrize(
    ("facts", "statements"),
    [
        (
            replace(FACTS, login=replace(LOGIN, usable=False)),
            'GRANT "keybuzz" TO "bulkhead" WITH ADMIN OPTION;',
        ),
        (
            replace(FACTS, login=replace(LOGIN, superuser=True)),
            'ALTER ROLE "keybuzz" NOSUPERUSER; GRANT "keybuzz" TO "bulkhead" WITH ADMIN OPTION;',
        ),
        (replace(FACTS, login=replace(LOGIN, inherits=False)), 'ALTER ROLE "keybuzz" INHERIT;'),
        (
            replace(FACTS, schemas=(Schema(name="public", owner="postgres", open_to_all=True),)),
            'ALTER SCHEMA public OWNER TO "keybuzz";',
        ),
        (
            replace(FACTS, schemas=(Schema(name="app", owner="postgres"),)),
            'ALTER SCHEMA app OWNER TO "keybuzz";',
        ),
    ],
)
def test_what_takes_a_superuser_is_named_as_statements(facts: Facts, statements: str) -> None:
    said = refusal(facts)
    assert "cannot be adopted from keybuzz by bulkhead; nothing has been changed" in said
    assert said.endswith(f"connected to keybuzz: {statements}")


def test_a_foreign_schema_in_which_all_may_create_is_no_hindrance() -> None:
    refuse_impossible(replace(FACTS, schemas=(Schema(name="app", owner="postgres", open_to_all=True),)), KEY)


def test_an_identifier_is_quoted_whatever_is_in_it() -> None:
    assert quoted('a"b') == '"a""b"'
