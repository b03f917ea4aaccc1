"""Settings that a platform asks for, compared with what the server says, in PostgreSQL's own units."""

import pytest

from components.errors import InputError
from components.requirements import Setting, unmet

FOUND = {
    one.name: one
    for one in (
        Setting(name="max_connections", setting="100", shown="100", kind="integer"),
        Setting(name="shared_buffers", setting="16384", shown="128MB", unit="8kB", kind="integer"),
        Setting(name="work_mem", setting="4096", shown="4MB", unit="kB", kind="integer"),
        Setting(name="log_min_duration_statement", setting="1000", shown="1s", unit="ms", kind="integer"),
        Setting(name="checkpoint_timeout", setting="300", shown="5min", unit="s", kind="integer"),
        Setting(name="checkpoint_completion_target", setting="0.9", shown="0.9", kind="real"),
        Setting(name="log_connections", setting="off", shown="off", kind="bool"),
        Setting(
            name="log_statement",
            setting="ddl",
            shown="ddl",
            kind="enum",
            choices=("none", "ddl", "mod", "all"),
        ),
        Setting(name="shared_preload_libraries", setting="auto_explain, pg_stat_statements", shown="x"),
        Setting(name="log_line_prefix", setting="%m [%p] ", shown="%m [%p] "),
        Setting(name="deadlock_timeout", setting="-1", shown="-1", unit="ms", kind="integer"),
    )
}
KNOWN = (*FOUND, "effective_cache_size")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("max_connections", "100"),
        ("max_connections", ">= 100"),
        ("max_connections", "<=100"),
        ("max_connections", "> 99"),
        ("max_connections", "< 101"),
        ("shared_buffers", "128MB"),
        ("shared_buffers", "131072kB"),
        ("shared_buffers", "16384"),
        ("shared_buffers", ">= 0.125GB"),
        ("work_mem", "<= 4 MB"),
        ("log_min_duration_statement", "1s"),
        ("log_min_duration_statement", "1000"),
        ("log_min_duration_statement", "> 0"),
        ("checkpoint_timeout", "5min"),
        ("checkpoint_timeout", "<= 1h"),
        ("checkpoint_completion_target", ">= 0.5"),
        ("log_connections", "off"),
        ("log_connections", "FALSE"),
        ("log_statement", "ddl"),
        ("shared_preload_libraries", "has pg_stat_statements"),
        ("shared_preload_libraries", "auto_explain,pg_stat_statements"),
        ("log_line_prefix", "%m [%p] "),
        ("deadlock_timeout", "-1"),
    ],
)
def test_a_requirement_that_holds_is_not_mentioned(name: str, wanted: str) -> None:
    assert unmet({name: wanted}, FOUND, KNOWN) == []


@pytest.mark.parametrize(
    ("name", "wanted", "said"),
    [
        ("max_connections", ">= 200", "max_connections is '100', required is '>= 200'"),
        ("max_connections", "200", "max_connections is '100', required is '200'"),
        ("shared_buffers", "256MB", "shared_buffers is '128MB', required is '256MB'"),
        ("shared_buffers", "> 128MB", "shared_buffers is '128MB', required is '> 128MB'"),
        ("log_min_duration_statement", "<= 999ms", "log_min_duration_statement is '1s', required is '<= 999ms'"),
        ("log_connections", "on", "log_connections is 'off', required is 'on'"),
        ("log_statement", "mod", "log_statement is 'ddl', required is 'mod'"),
        ("shared_preload_libraries", "has pgaudit", "shared_preload_libraries is 'x', required is 'has pgaudit'"),
    ],
)
def test_a_requirement_that_does_not_hold_is_named_with_what_is(name: str, wanted: str, said: str) -> None:
    assert unmet({name: wanted}, FOUND, KNOWN) == [said]


def test_all_of_them_are_named() -> None:
    assert len(unmet({"max_connections": "1", "log_statement": "all", "work_mem": "4MB"}, FOUND, KNOWN)) == 2


@pytest.mark.parametrize(
    ("name", "wanted", "words"),
    [
        ("max_conections", "200", "max_conections is no setting of the server; did you mean 'max_connections'?"),
        ("nothing_like_it", "200", "nothing_like_it is no setting of the server"),
        ("shared_buffers", "256Mb", "'256Mb'; use a number with one of B, kB, MB, GB, TB"),
        ("shared_buffers", "5min", "use a number with one of B, kB"),
        ("checkpoint_timeout", "5MB", "use a number with one of us, ms, s, min, h, d"),
        ("max_connections", "200MB", "'200MB'; use a number, or a bound such as '>= 200'"),
        ("max_connections", ">= many", "'many'; use a number"),
        ("max_connections", "", "''; use a number"),
        ("log_connections", "maybe", "'maybe'; use on or off"),
        ("log_connections", ">= on", "log_connections is no number"),
        ("log_statement", "mods", "did you mean 'mod'?; use one of none, ddl, mod, all"),
    ],
)
def test_what_could_never_hold_is_an_error(name: str, wanted: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        unmet({name: wanted}, FOUND, KNOWN)
    assert f"postgresql.requires.{name}" in str(refused.value)
    assert words in str(refused.value)
