"""A publication of listed tables, after what makes them."""

from dataclasses import dataclass
from typing import Any

import pulumi
import pytest

from components import Connected, Environment, InputError
from components.publication import Publication, PublicationArgs
from tests.making import build, database, environment, namespace
from tests.recording import Recording


@dataclass(frozen=True)
class Migration:
    """What makes tables, for a test."""

    environment: Environment
    done: pulumi.Resource


def publish(connected: Connected, of: Environment, **more: Any) -> Publication:
    given: dict[str, Any] = {
        "environment": of,
        "publication": "keybuzz_pub",
        "tables": ("message", "app.conversation"),
        **more,
    }
    given["database"] = given.get("database") or database(connected, of)
    return Publication("changes", PublicationArgs(**given), connected)


def built(name: str = "prod", **more: Any) -> Recording:
    return build(lambda connected: publish(connected, environment(name), **more))


def test_it_publishes_the_tables_as_the_server_says_them_and_the_owner_owns_it() -> None:
    made = built().one("Publication", "changes-publication")
    assert made.inputs == {
        "name": "keybuzz_pub",
        "database": "keybuzz_api_prod",
        "owner": "keybuzz_api_owner_prod",
        "tables": ["app.conversation", "public.message"],
        "publishParams": ["insert", "update", "delete", "truncate"],
        "publishViaPartitionRootParam": True,
    }


def test_operations_are_in_the_servers_order() -> None:
    made = built(operations=("update", "insert")).one("Publication", "changes-publication")
    assert made.inputs["publishParams"] == ["insert", "update"]


def test_it_waits_for_what_makes_the_tables_and_for_all_rights() -> None:
    def make(connected: Connected) -> None:
        of = environment()
        opened = database(connected, of)
        publish(connected, of, database=opened, after=(Migration(of, namespace(connected, of).object),))

    recording = build(make)
    made = recording.one("Publication", "changes-publication")
    recording.require_after(made, recording.one("Namespace", "api-namespace"), *recording.of("DefaultPrivileges"))


def test_it_goes_with_the_database_and_is_the_components_child() -> None:
    recording = built()
    made = recording.one("Publication", "changes-publication")
    assert made.options["deletedWith"] == recording.one("Database", "api-database").urn
    assert made.parent.endswith("bulkhead:index:Publication::changes")
    [outputs] = [given for urn, given in recording.outputs.items() if "bulkhead:index:Publication" in urn]
    assert outputs == {"publication": "keybuzz_pub", "database": "keybuzz_api_prod"}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"publication": "Keybuzz pub"}, "publication is 'Keybuzz pub'; use lower-case letters"),
        ({"publication": ""}, "publication is ''"),
        ({"tables": ()}, r"tables is \(\); list them, .*: all tables take a superuser"),
        ({"tables": "message"}, "tables is 'message'; list them"),
        ({"tables": ("a.b.c",)}, "tables has 'a.b.c'; use"),
        ({"tables": ("message; DROP",)}, "tables has"),
        ({"tables": ("message", "public.message")}, "tables has 'public.message' twice"),
        ({"operations": ()}, r"operations is \(\); use one or more of insert, update, delete, truncate"),
        ({"operations": "insert,update"}, "operations is 'insert,update'"),
        ({"operations": ("select",)}, "operations is"),
    ],
)
def test_what_cannot_be_published_is_refused_before_it_is_registered(wrong: dict[str, Any], words: str) -> None:
    def make(connected: Connected) -> None:
        with pytest.raises(InputError, match=words):
            publish(connected, environment(), **wrong)

    assert build(make).of("Publication") == []


def test_what_belongs_to_another_environment_is_refused() -> None:
    def of_a_database(connected: Connected) -> None:
        publish(connected, environment("prod"), database=database(connected, environment("dev")))

    def of_a_migration(connected: Connected) -> None:
        foreign = environment("dev")
        made = namespace(connected, foreign).object
        publish(connected, environment("prod"), after=(Migration(foreign, made),))

    for make, words in (
        (of_a_database, "database belongs to keybuzz/dev"),
        (of_a_migration, r"after\[0\] belongs"),
    ):
        with pytest.raises(InputError, match=words):
            build(make)
