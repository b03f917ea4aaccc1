"""What a session of a login begins with, whether the login is static or leased."""

from typing import Any

import pytest

from components import InputError
from components.role_settings import RoleSettings, as_role_inputs, as_statements

ALL = RoleSettings(
    statement_timeout="30s", idle_in_transaction_session_timeout="1m30s", search_path=("app", "$user", "public")
)
NONE = RoleSettings(idle_in_transaction_session_timeout=None)


def test_a_static_login_gets_them_as_inputs_of_its_role_in_milliseconds() -> None:
    assert as_role_inputs(ALL, 20) == {
        "connection_limit": 20,
        "statement_timeout": 30_000,
        "idle_in_transaction_session_timeout": 90_000,
        "search_paths": ["app", "$user", "public"],
    }


def test_a_leased_login_gets_the_same_by_statements() -> None:
    assert as_statements(ALL, 20) == [
        'ALTER ROLE "{{name}}" CONNECTION LIMIT 20',
        'ALTER ROLE "{{name}}" SET statement_timeout = 30000',
        'ALTER ROLE "{{name}}" SET idle_in_transaction_session_timeout = 90000',
        'ALTER ROLE "{{name}}" SET search_path = "app", "$user", "public"',
    ]


def test_nothing_is_said_of_what_has_no_limit() -> None:
    assert as_role_inputs(NONE, 2) == {"connection_limit": 2}
    assert as_statements(NONE, 2, "some_login") == ['ALTER ROLE "some_login" CONNECTION LIMIT 2']


def test_idling_inside_a_transaction_ends_after_a_minute_unless_something_else_is_said() -> None:
    assert as_role_inputs(RoleSettings(), 2)["idle_in_transaction_session_timeout"] == 60_000
    assert "statement_timeout" not in as_role_inputs(RoleSettings(), 2)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            {"statement_timeout": "0s"},
            r"role_settings.statement_timeout is '0s'; use a time longer than zero",
        ),
        ({"statement_timeout": "1 fortnight"}, "is '1 fortnight'; use a time"),
        ({"statement_timeout": 30}, "statement_timeout is 30; use a time"),
        (
            {"idle_in_transaction_session_timeout": "-1m"},
            "session_timeout is '-1m'; use a time",
        ),
        ({"idle_in_transaction_session_timeout": "25d"}, "is '25d'; PostgreSQL keeps at most 24 days"),
        ({"search_path": ("app; DROP",)}, "search_path has 'app; DROP'; use names"),
        ({"search_path": ('a"b',)}, "search_path has"),
        ({"search_path": (None,)}, "search_path has None"),
        ({"search_path": ("app", "app")}, "name each schema once"),
        ({"search_path": "public"}, "search_path is 'public'; use a list"),
    ],
)
def test_what_cannot_be_set_is_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        RoleSettings(**wrong)
