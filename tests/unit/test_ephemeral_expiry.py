"""How long an ephemeral environment may live, and what is recorded of it."""

from datetime import UTC, datetime, timedelta

import pytest

from bulkhead.ephemeral.expiry import ExpiryError, TtlError, distance, lifetime, read, spelt

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ttl", "hours"), [("48h", 48), ("7d", 168), ("90m", 1.5), ("1h30m", 1.5), ("30d", 720), ("1s", 1 / 3600)]
)
def test_a_time_to_live_is_read(ttl: str, hours: float) -> None:
    assert lifetime(ttl) == timedelta(hours=hours)


@pytest.mark.parametrize(
    "ttl",
    [
        "0h",
        "0",
        "-1h",
        "",
        " 48h",
        "48h ",
        "48",
        "1 fortnight",
        "two days",
        "48H",
        "1.5h",
        "٤٨h",
        "48h\n",
        "999999d",
    ],
)
def test_what_is_no_time_is_refused_with_what_is_allowed(ttl: str) -> None:
    with pytest.raises(TtlError, match="30d at most"):
        lifetime(ttl)


@pytest.mark.parametrize("ttl", ["31d", "30d1s", "721h"])
def test_more_than_thirty_days_is_refused(ttl: str) -> None:
    with pytest.raises(TtlError, match=r"use .*30d at most"):
        lifetime(ttl)


def test_an_expiry_reads_as_it_was_spelt() -> None:
    assert spelt(NOW) == "2026-11-21T10:00:00Z"
    assert read(spelt(NOW)) == NOW


def test_an_expiry_is_spelt_in_utc_wherever_it_comes_from() -> None:
    elsewhere = datetime.fromisoformat("2026-11-21T12:00:00+02:00")
    assert spelt(elsewhere) == "2026-11-21T10:00:00Z"


@pytest.mark.parametrize(
    "text", ["", "next Tuesday", "2026-11-21", "2026-13-01T00:00:00Z", "2026-11-21T10:00:00+02:00"]
)
def test_an_expiry_that_is_no_time_cannot_be_decided(text: str) -> None:
    with pytest.raises(ExpiryError, match="which is no time"):
        read(text)


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (timedelta(hours=48), "in 2 d 0 h"),
        (timedelta(hours=47, minutes=59), "in 47 h 59 min"),
        (timedelta(minutes=5), "in 5 min"),
        (timedelta(seconds=5), "in 0 min"),
        (timedelta(), "0 min ago"),
        (-timedelta(days=3, hours=2), "3 d 2 h ago"),
    ],
)
def test_a_distance_is_said_in_words(gap: timedelta, words: str) -> None:
    assert distance(NOW + gap, NOW) == words
