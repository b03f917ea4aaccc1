"""Names and versions of extensions, before a server is asked for them."""

from typing import Any

import pytest

from components import InputError
from components.extensions import refuse_unusable


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
