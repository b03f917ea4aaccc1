"""What a stack records of itself, and which stacks no command of ours destroys."""

import json
from datetime import UTC, datetime

import pytest

from bulkhead.ephemeral.collecting import due
from bulkhead.ephemeral.creating import NameRefused, later, refuse_names, refuse_taken
from bulkhead.ephemeral.destroying import Refused, permitted
from bulkhead.ephemeral.expiry import ExpiryError, spelt
from bulkhead.ephemeral.extending import ShorterError, refuse_shorter
from bulkhead.ephemeral.record import EXPIRES, PLATFORM, SERVERS, Record, servers_tag
from bulkhead.ephemeral.report import row

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
PAST, FUTURE = NOW.replace(day=20), NOW.replace(day=22)


def record(name: str = "pr-7", expires: object = FUTURE, kind: str = "ephemeral", resources: int = 9) -> Record:
    """A stack as `create` leaves it, unless something else is said."""
    tags = {} if expires is None else {EXPIRES: spelt(expires) if isinstance(expires, datetime) else str(expires)}
    file = {"bulkhead:kind": kind} if kind else None
    return Record(name=name, resources=resources, tags=tags, file=file)


def test_what_create_made_may_be_destroyed_with_and_without_its_file() -> None:
    assert record().refusal() == ""
    assert record(kind="").refusal() == ""


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (record("dev", None, "development"), "of kind development"),
        (record("dev", FUTURE, "development"), "of kind development"),
        (record("prod", FUTURE), "production's"),
        (record("prod-2", FUTURE, ""), "production's"),
        (record("pr-7", None), "was not made by"),
        (record("pr-7", None, ""), "was not made by"),
    ],
)
def test_what_is_not_ours_is_never_destroyed(refused: Record, why: str) -> None:
    """By its name, by its file or for want of our mark, each alone."""
    with pytest.raises(Refused, match=why):
        permitted(refused, refused.name, [])


def test_a_name_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(Refused, match="there is no stack 'pr-8'; ephemeral environments are: pr-7"):
        permitted(None, "pr-8", ["pr-7"])


def test_a_collection_takes_the_expired_and_decides_nothing_that_it_cannot() -> None:
    records = [
        record("pr-1", PAST),
        record("pr-2", FUTURE),
        record("pr-3", NOW),
        record("pr-4", "next Tuesday"),
        record("pr-5", None),
        record("dev", PAST, "development"),
    ]
    found = due(records, NOW)
    assert [one.name for one in found.expired] == ["pr-1", "pr-3"]
    assert found.kept == ["pr-2"]
    assert found.undecided.keys() == {"pr-4", "dev"}


def test_a_list_says_expired_undecided_and_never() -> None:
    rows = {
        one["name"]: one
        for one in (row(each, NOW) for each in (record("a", PAST), record("b"), record("c", None)))
    }
    assert [rows[name]["expired"] for name in "abc"] == [True, False, None]
    assert rows["a"]["says"] == "expired 24 h 0 min ago"
    assert rows["c"]["says"] == "never (not recorded)"
    assert row(record("d", "?"), NOW)["expired"] is None


def test_a_life_is_extended_and_never_shortened() -> None:
    refuse_shorter(record(expires=PAST), FUTURE)
    refuse_shorter(record(expires="next Tuesday"), PAST)
    with pytest.raises(ShorterError, match="lives until 2026-11-22T10:00:00Z already"):
        refuse_shorter(record(expires=FUTURE), NOW)


def test_creating_anew_lets_the_time_begin_anew_but_never_ends_it_sooner() -> None:
    assert later(None, NOW) == NOW
    assert later(record(expires=PAST), NOW) == NOW
    assert later(record(expires=FUTURE), NOW) == FUTURE
    assert later(record(expires="next Tuesday"), NOW) == NOW


@pytest.mark.parametrize("name", ["prod", "prod-1", "PR-7", "pr_7", "pr-7-x", "", "pr-7 ", "../dev", "pr—7", "7"])
def test_a_name_that_cannot_be_an_ephemeral_environments_is_refused(name: str) -> None:
    with pytest.raises(NameRefused, match="pr-7"):
        refuse_names([name])


def test_names_that_can_be_are_taken() -> None:
    refuse_names(["pr-7", "preview", "alice"])


def test_a_stack_of_somebody_else_is_not_taken_over() -> None:
    with pytest.raises(NameRefused, match="'pr-7' is taken"):
        refuse_taken(record(expires=None))
    with pytest.raises(NameRefused, match="of kind development"):
        refuse_taken(record("dev", None, "development", resources=0))


def test_a_stack_that_was_begun_is_gone_on_with() -> None:
    """One of ours in any state, and an empty one that a kill left without its mark."""
    refuse_taken(Record(name="pr-7"))
    refuse_taken(record())
    refuse_taken(record(expires=None, resources=0))
    refuse_taken(record(expires=None, kind="", resources=0))


def test_the_servers_are_recorded_in_what_a_tag_may_hold() -> None:
    identity = {"kubernetes": "k" * 36, "vault": "v" * 36, "postgresql": "9" * 19}
    tag = servers_tag(identity)
    assert len(tag) <= 256
    assert Record(name="pr-7", tags={SERVERS: tag}).servers == identity


@pytest.mark.parametrize("tag", ["", "{", "[]", '"x"'])
def test_servers_that_cannot_be_read_are_not_known(tag: str) -> None:
    assert Record(name="pr-7", tags={SERVERS: tag}).servers == {}


def test_the_platform_is_the_recorded_one_before_the_files() -> None:
    file = json.loads('{"bulkhead:platform": "of-the-file"}')
    assert Record(name="pr-7", tags={PLATFORM: "recorded"}, file=file).platform == "recorded"
    assert Record(name="pr-7", file=file).platform == "of-the-file"


def test_an_expiry_that_is_no_time_is_an_error_and_not_over() -> None:
    with pytest.raises(ExpiryError):
        record(expires="next Tuesday").is_expired(NOW)
