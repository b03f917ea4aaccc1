"""How typed input is read, and how its faults are put into words."""

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import InputError
from components.errors import nearest
from components.validation import (
    Cpu,
    Duration,
    Host,
    Memory,
    Model,
    Name,
    Port,
    Word,
    checked,
    parse,
    parse_seconds,
    quantity,
    refuse_port,
    require_label,
    seconds,
)
from components.values import Image


class Inner(Model):
    """A mapping within a mapping."""

    port: Port = pydantic.Field(description="the port")


class Outer(Model):
    """A mapping with everything that can go wrong."""

    end_point: Inner = pydantic.Field(description="where it answers")
    names: dict[Word, str] = pydantic.Field(default_factory=dict)
    hidden: dict[str, str] = pydantic.Field(default_factory=dict, repr=False)
    flags: tuple[bool, ...] = pydantic.Field((), strict=False)


def faults(data: object) -> list[str]:
    with pytest.raises(InputError) as refused:
        parse(Outer, data, key="file:")
    return str(refused.value).splitlines()


def reads(annotation: object, value: object) -> bool:
    try:
        pydantic.TypeAdapter(annotation, config=pydantic.ConfigDict(strict=True)).validate_python(value)
    except pydantic.ValidationError:
        return False
    return True


def test_keys_are_in_camel_case_and_nothing_is_coerced() -> None:
    assert parse(Outer, {"endPoint": {"port": 5432}}, key="file:").end_point.port == 5432
    assert faults({"endPoint": {"port": "5432"}}) == [
        "file:endPoint.port is '5432'; use a whole number, without quotes"
    ]


def test_a_value_cannot_be_changed_afterwards() -> None:
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        parse(Inner, {"port": 1}, key="file:").port = 2


def test_a_missing_key_says_what_it_is_for() -> None:
    assert faults({}) == ["file:endPoint is missing; it gives where it answers"]
    assert faults({"endPoint": {}}) == ["file:endPoint.port is missing; it gives the port"]


def test_an_unknown_key_names_the_known_ones_of_its_own_mapping() -> None:
    assert faults({"endPoint": {"port": 1, "prot": 2}}) == [
        "file:endPoint.prot is not a known key; did you mean 'port'?; known are port"
    ]
    assert "known are endPoint, flags, hidden, names" in faults({"endPoint": {"port": 1}, "zzz": 2})[0]


def test_the_place_within_a_list_is_named() -> None:
    assert faults({"endPoint": {"port": 1}, "flags": [True, "yes"]}) == [
        "file:flags[1] is 'yes'; use true or false, without quotes"
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"),
        (True, "true"),
        ([1], "a list"),
        ("x" * 200, "'xxxx"),
        ("a\r\nb\0", r"'a\r\nb\x00'"),
        ("d\u0435v", r"'d\u0435v'"),
        ("postgresql://me:word@host", "'postgresql://me:…@host'"),
    ],
)
def test_a_refused_value_is_shown_short_on_one_line_and_without_passwords(value: object, shown: str) -> None:
    (line,) = faults({"endPoint": value})
    assert shown in line
    assert len(line) < 250


@pytest.mark.parametrize(("value", "kind"), [("word", "a text"), (["word"], "a list"), (1234, "a number")])
def test_a_value_that_may_be_secret_is_never_shown(value: object, kind: str) -> None:
    assert faults({"endPoint": {"port": 1}, "hidden": value}) == [
        f"file:hidden is {kind}; use a mapping of keys to values"
    ]
    assert faults({"endPoint": {"port": 1}, "hidden": {"A": [value]}}) == ["file:hidden.A is a list; use text"]


@pytest.mark.parametrize("port", [1, 443, 65535])
def test_a_port_is_taken(port: int) -> None:
    assert reads(Port, port)


@pytest.mark.parametrize("port", [0, -1, 65536, "5432", "5432x", 1.5, True, None])
def test_what_is_no_port_is_refused(port: object) -> None:
    assert not reads(Port, port)


@pytest.mark.parametrize("host", ["10.0.0.10", "::1", "db.keybuzz.io", "localhost", "a-b.c"])
def test_a_host_is_taken(host: str) -> None:
    assert reads(Host, host)


@pytest.mark.parametrize(
    "host",
    ["", "DB.keybuzz.io", "db:5432", "https://db", "db/x", "a..b", "-a", "a-", "a b", "a\n", "a" * 254, "dé"],
)
def test_what_is_no_host_is_refused(host: str) -> None:
    assert not reads(Host, host)


@pytest.mark.parametrize("value", ["1", "2", "500m", "100000"])
def test_processor_time_is_taken(value: str) -> None:
    assert reads(Cpu, value)


@pytest.mark.parametrize("value", ["0", "0m", "00", "-1", "1.5", "1 m", "1M", "", "m", "1000m\n"])
def test_what_is_no_processor_time_is_refused(value: str) -> None:
    assert not reads(Cpu, value)


@pytest.mark.parametrize("value", ["1Gb", "1GB", "1", "0Mi", "-1Mi", "1.5Gi", "1 Gi", "Gi", "", "1Gi\0"])
def test_what_is_no_memory_is_refused(value: str) -> None:
    assert not reads(Memory, value)


@pytest.mark.parametrize(
    "value", ["", "0", "0s", "0h0m", "-1h", "1 fortnight", "1w", "1h 30m", "90", "1h\n", "1.5h"]
)
def test_what_is_no_time_is_refused(value: str) -> None:
    assert not reads(Duration, value)


@pytest.mark.parametrize(("text", "length"), [("90s", 90), ("15m", 900), ("1h30m", 5400), ("2d", 172800)])
def test_a_time_is_read_in_seconds(text: str, length: int) -> None:
    assert reads(Duration, text)
    assert seconds(text) == length


@pytest.mark.parametrize(
    ("text", "amount"), [("500m", 0.5), ("2", 2), ("1Ki", 1024), ("256Mi", 2**28), ("1Gi", 2**30), ("1Ti", 2**40)]
)
def test_an_amount_is_read_as_a_number(text: str, amount: float) -> None:
    assert quantity(text) == pytest.approx(amount)


@given(st.text("az09-._A\né", max_size=70))
def test_a_name_that_is_taken_is_a_dns_label(text: str) -> None:
    if reads(Name, text):
        assert text.isascii()
        assert text == text.lower().strip("-")
        assert 1 <= len(text) <= 63


@given(st.text("az09-_.A\né", max_size=5))
def test_a_word_that_is_taken_has_no_separator_of_any_naming_rule(text: str) -> None:
    if reads(Word, text):
        assert text.isascii()
        assert text.isalnum()


def test_the_nearest_known_word_is_suggested_and_a_far_one_is_not() -> None:
    assert nearest("replica", ["replicas", "resources"]) == "; did you mean 'replicas'?"
    assert nearest("zzz", ["replicas", "resources"]) == ""


def test_a_time_that_a_program_gives_is_read_in_seconds() -> None:
    assert [parse_seconds("deadline", text) for text in ("90s", "1h30m", "2d")] == [90, 5400, 172800]


@pytest.mark.parametrize("time", ["0s", "", "1 hour", "-5m", 60, None, "1.5h"])
def test_what_a_program_gives_and_is_no_time_is_refused(time: object) -> None:
    with pytest.raises(InputError, match="deadline is"):
        parse_seconds("deadline", time)


def test_what_is_checked_by_a_kind_is_answered_with_what_that_allows() -> None:
    assert checked(Duration, "90s", "deadline") == "90s"
    for value in ("soon", 90, None):
        with pytest.raises(InputError) as refused:
            checked(Duration, value, "deadline", ", or None")
        assert str(refused.value) == (
            f'deadline is {value!r}; use a time longer than zero such as "90s", "15m", "1h30m" or "2d", or None'
        )
    with pytest.raises(InputError, match=r"image is 'redis'; use registry/repository:tag"):
        checked(Image, "redis", "image")
    with pytest.raises(InputError, match="image is 7; use text"):
        checked(Image, 7, "image")


@pytest.mark.parametrize("port", [0, 65536, "5432", True, None])
def test_what_a_program_gives_and_is_no_port_is_refused(port: object) -> None:
    with pytest.raises(InputError, match="use 1 to 65535, or None"):
        refuse_port(port, ", or None")
    refuse_port(65535)


@pytest.mark.parametrize("label", ["", "Upper", "a_b", "-a", "a" * 64, None])
def test_what_can_be_no_objects_name_is_refused(label: object) -> None:
    with pytest.raises(InputError, match=r"secret is .*; use a DNS label"):
        require_label("secret", label)
    require_label("secret", "a" * 63)
