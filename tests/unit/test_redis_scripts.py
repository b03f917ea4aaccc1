"""Scripts: what they are, that they are shell, and that none has a password in a command."""

import subprocess

import pytest

from components.redis_scripts import render_scripts
from tests.unit.test_redis_configuration import redis

SCRIPTS = render_scripts(redis(replicas=3))


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_script_is_shell_of_the_plainest_kind(name: str) -> None:
    done = subprocess.run(
        ["sh", "-n"], input=SCRIPTS[name], capture_output=True, text=True, timeout=10, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "[[" not in SCRIPTS[name]


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_password_is_never_an_argument(name: str) -> None:
    for line in SCRIPTS[name].splitlines():
        if "redis-cli" in line:
            assert " -a " not in line
            assert " --pass " not in line
            assert "AUTH" not in line.replace("REDISCLI_AUTH", "").replace("NOAUTH", "")


def test_one_server_needs_three_scripts() -> None:
    assert set(render_scripts(redis())) == {"live.sh", "ready.sh", "users.sh"}


def test_all_sentinels_are_asked() -> None:
    assert [SCRIPTS["ask.sh"].count(redis().host_of(f"cache-redis-{index}")) for index in range(3)] == [2, 1, 1]
