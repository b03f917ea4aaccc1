"""When something happens."""

import pytest

from components import InputError
from components.schedule import refuse_schedule, refuse_time_zone


@pytest.mark.parametrize(
    "schedule",
    [
        *("* * * * *", "0 0 1 1 *", "*/15 * * * *", "0,30 8-18 * * MON-FRI", "5 4 * jan,JUL sun", "0 0 29 2 *"),
        *("0 0 ? * 1", "10-50/10 * * * *", "3/20 * * * *", "0 0 31 1,2 *", "0 0 30 2 MON"),
    ],
)
def test_what_cron_understands_is_taken(schedule: str) -> None:
    refuse_schedule(schedule)


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        ("", "use five fields"),
        ("@daily", "use five fields"),
        ("* * * *", "use five fields"),
        ("0 * * * * *", "use five fields"),
        ("0  * * * *", "use five fields"),
        (None, "use five fields"),
        ("60 * * * *", r"minute is '60'; use \*, numbers 0 to 59"),
        ("* 24 * * *", "hour is '24'"),
        ("* * 0 * *", "day of the month is '0'"),
        ("* * * 13 *", "month is '13'; use .* 1 to 12 or JAN to DEC"),
        ("* * * * 7", "day of the week is '7'; use .* 0 to 6 or SUN to SAT"),
        ("* * * * MONDAY", "day of the week is 'MONDAY'"),
        ("*/0 * * * *", r"minute is '\*/0'"),
        ("9-5 * * * *", "minute is '9-5'"),
        ("1,,2 * * * *", "minute is '1,,2'"),
        ("-5 * * * *", "minute is '-5'"),
        ("*-5 * * * *", r"minute is '\*-5'"),
        ("٣ * * * *", "minute is"),
        ("0 0 31 2 *", "never comes"),
        ("0 0 31 2,4,6 *", "never comes"),
    ],
)
def test_what_cron_does_not_understand_or_never_does_is_refused(schedule: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        refuse_schedule(schedule)


@pytest.mark.parametrize("zone", ["Etc/UTC", "Europe/Paris", "America/Argentina/Buenos_Aires", "UTC"])
def test_a_time_zone_that_is_known_is_taken(zone: str) -> None:
    refuse_time_zone(zone)


@pytest.mark.parametrize("zone", ["", "Local", "../etc/passwd", "Europe/", "/Europe/Paris", 3, None])
def test_what_names_no_time_zone_is_refused(zone: object) -> None:
    with pytest.raises(InputError, match="time_zone is"):
        refuse_time_zone(zone)


def test_a_misspelt_time_zone_is_answered_with_the_one_that_was_meant() -> None:
    with pytest.raises(InputError, match="did you mean 'Europe/Paris'"):
        refuse_time_zone("Europe/Pariss")
