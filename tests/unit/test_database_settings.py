"""Database settings: what an owner may set, and how it is written."""

import pytest

from components.database_settings import identifier, is_of_extension, literal, refuse_unusable, value_of
from components.errors import InputError


@pytest.mark.parametrize("name", ["work_mem", "statement_timeout", "TimeZone", "ivfflat.probes", "search_path"])
def test_what_any_session_may_set_a_databases_owner_may_set_too(name: str) -> None:
    refuse_unusable({name: "1"})


@pytest.mark.parametrize(
    "name",
    [
        "log_statement",
        "log_min_duration_statement",
        "log_lock_waits",
        "max_connections",
        "shared_buffers",
        "session_preload_libraries",
        "role",
        "pg_stat_statements.track",
        "auto_explain.log_min_duration",
        "work mem",
    ],
)
def test_what_is_the_servers_is_refused_and_pointed_to_the_platform(name: str) -> None:
    with pytest.raises(InputError, match=r"platform file, postgresql\.requires"):
        refuse_unusable({name: "1"})


def test_a_misspelt_setting_is_told_its_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'work_mem'"):
        refuse_unusable({"work_men": "1"})


@pytest.mark.parametrize("value", ["", "a\nb", 5, None])
def test_a_value_that_is_no_line_of_text_is_refused(value: object) -> None:
    with pytest.raises(InputError, match=r"settings\.work_mem is"):
        refuse_unusable({"work_mem": value})


def test_values_and_names_are_quoted_whatever_is_in_them() -> None:
    assert literal("it's") == "'it''s'"
    assert identifier('a"b') == '"a""b"'
    assert value_of("work_mem", "8MB") == "'8MB'"


def test_a_list_is_quoted_name_by_name() -> None:
    assert value_of("search_path", 'public, "$user"') == "'public', '$user'"


def test_an_extensions_setting_has_a_dot() -> None:
    assert is_of_extension("ivfflat.probes")
    assert not is_of_extension("work_mem")
