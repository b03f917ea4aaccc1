"""Names and versions of extensions, before a server is asked for them."""

from dataclasses import replace
from typing import Any

import pytest

from components import Connected, InputError
from components.extensions import refuse_unavailable, refuse_unusable
from tests.making import build, database, environment


@pytest.mark.parametrize(
    "extensions",
    [{}, {"vector": None}, {"pg_trgm": "1.6", "uuid-ossp": "1.1"}, {"postgis": "3.4.2-rc1", "a": "2024"}],
)
def test_names_and_versions_as_postgresql_has_them_pass(extensions: dict[str, str | None]) -> None:
    refuse_unusable(extensions)


@pytest.mark.parametrize(
    ("extensions", "words"),
    [
        (("vector",), r"extensions is \('vector',\); use a mapping"),
        ("vector", "extensions is 'vector'; use a mapping"),
        (None, "extensions is None"),
        ({"Vector": None}, "extensions has 'Vector'; use a name"),
        ({'vec"tor': None}, "extensions has"),
        ({"": None}, "extensions has ''"),
        ({"a" * 64: None}, "extensions has"),
        ({7: None}, "extensions has 7"),
        ({"vector": ""}, "extensions.vector is ''; use a version in quotes"),
        ({"vector": 0.8}, "extensions.vector is 0.8; use a version in quotes"),
        ({"vector": "0.8--0.9"}, "extensions.vector is '0.8--0.9'"),
        ({"vector": "0.8 "}, "extensions.vector is '0.8 '"),
        ({"vector": "0.8'; DROP"}, "extensions.vector is"),
    ],
)
def test_what_postgresql_could_not_have_is_refused(extensions: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        refuse_unusable(extensions)


AVAILABLE = {"pg_trgm": ["1.3", "1.5", "1.6"], "vector": ["0.8.5"]}


def test_what_the_server_has_passes_and_none_is_its_default() -> None:
    refuse_unavailable({"pg_trgm": "1.6", "vector": None}, AVAILABLE)


@pytest.mark.parametrize(
    ("extensions", "words"),
    [
        (
            {"pg_trgm": "9.9"},
            r"extensions\.pg_trgm is '9\.9', which the server does not have; it has 1\.3, 1\.5, 1\.6",
        ),
        ({"pgvector": None}, "extensions has 'pgvector', which the server does not have; did you mean 'vector'"),
        ({"postgis": "3.4"}, "its files come with a package"),
    ],
)
def test_what_the_server_does_not_have_is_refused_with_what_there_is(
    extensions: dict[str, str | None], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        refuse_unavailable(extensions, AVAILABLE)


def test_a_preview_refuses_a_version_that_the_server_does_not_have_before_anything_is_made() -> None:
    def make(connected: Connected) -> None:
        asked = replace(connected, extensions=AVAILABLE)
        with pytest.raises(InputError, match=r"extensions\.pg_trgm is '9\.9'"):
            database(asked, environment(), extensions={"pg_trgm": "9.9"})
        database(asked, environment(), "other", extensions={"pg_trgm": "1.6"})
        database(connected, environment(), "unseen", extensions={"pg_trgm": "9.9"})

    made = {resource.name for resource in build(make)}
    assert {"other-extension-pg_trgm", "unseen-extension-pg_trgm"} <= made
    assert "api-owner" not in made
