"""The commands that there are, and those that applications have no need of."""

from components.redis_commands import DANGEROUS, INDISPENSABLE, KNOWN


def test_every_disabled_command_exists_and_none_is_indispensable() -> None:
    disabled = {command.lower() for command in DANGEROUS}
    assert disabled <= KNOWN
    assert not disabled & INDISPENSABLE
    assert len(disabled) == len(DANGEROUS)


def test_what_the_systems_ask_to_be_disabled_is() -> None:
    assert {"FLUSHALL", "FLUSHDB", "CONFIG", "DEBUG", "KEYS", "SHUTDOWN"} <= set(DANGEROUS)


def test_what_applications_need_stays() -> None:
    needed = {"get", "set", "scan", "info", "eval", "multi", "subscribe", "blpop", "select", "client", "command"}
    assert needed <= KNOWN - {command.lower() for command in DANGEROUS}
