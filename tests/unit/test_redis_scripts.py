"""Scripts: what they are, that they are shell, and that none has a password in a command."""

import subprocess
from pathlib import Path

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


Seen = tuple[str, str, int, int]
"""What one Sentinel says: the primary, in which state, since which vote, and for how many ms it was silent."""

SELF, OTHER = "cache-redis-0", "cache-redis-1"
HERE: Seen = (SELF, "master", 0, 800)
MISSED: Seen = (SELF, "master", 0, 4200)
LOST: Seen = (SELF, "s_down,master,o_down", 0, 6000)
VOTED: Seen = (SELF, "s_down,master,failover_in_progress", 0, 7000)
REPLACED: Seen = (OTHER, "master", 1, 300)
SILENCE: list[Seen] = []


def started(folder: Path, seconds: list[list[Seen]]) -> tuple[int, str]:
    """How many seconds start.sh waits, and of whom Redis is then a replica; "" for none.

    Args:
        folder: where its files are.
        seconds: what the Sentinels that answer say, second by second; the last one stays.
    """
    (folder / "bin").mkdir(parents=True)
    (folder / "own").mkdir()
    (folder / "credentials").mkdir()
    (folder / "credentials" / "internal").write_text("password")
    for second, answers in enumerate(seconds):
        for sentinel, (primary, flags, vote, silent) in enumerate(answers):
            said = ["ip", primary, "flags", flags, "last-ok-ping-reply", silent, "config-epoch", vote]
            (folder / f"{second}-cache-redis-{sentinel}").write_text("".join(f"{word}\n" for word in said))
    programs = {
        "sleep": f"now=$(cat {folder}/now) && echo $((now + 1)) >{folder}/now",
        "redis-cli": f'now=$(cat {folder}/now) && [ "$now" -lt {len(seconds)} ] || now={len(seconds) - 1}\n'
        f'cat "{folder}/$now-${{2%%.*}}"',
        "redis-server": 'grep replicaof "$1" || true',
    }
    for name, text in programs.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / "bin" / name).chmod(0o755)
    (folder / "now").write_text("0")
    for name in ("ask.sh", "start.sh"):
        text = SCRIPTS[name].replace("/etc/redis", str(folder)).replace("/run/redis", str(folder))
        (folder / name).write_text(text)
    done = subprocess.run(
        ["sh", str(folder / "start.sh")],
        env={"PATH": f"{folder}/bin:/usr/bin:/bin", "SELF": SELF},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    follows = done.stdout.splitlines()[1:]
    return int((folder / "now").read_text()), follows[0].split()[1] if follows else ""


@pytest.mark.parametrize(
    ("seconds", "waited", "follows"),
    [
        pytest.param([[HERE, HERE]], 0, "", id="away for a moment only"),
        pytest.param([[HERE, MISSED], [LOST, LOST], [REPLACED, VOTED]], 2, OTHER, id="about to be missed"),
        pytest.param([[LOST, LOST], [VOTED, LOST], [REPLACED, REPLACED]], 2, OTHER, id="being replaced"),
        pytest.param([[REPLACED, HERE]], 0, OTHER, id="one Sentinel has not heard of the vote"),
        pytest.param([[LOST, LOST]], 10, "", id="nobody can take over"),
        pytest.param([[VOTED, LOST]] * 14 + [[REPLACED, REPLACED]], 14, OTHER, id="a slow failover"),
        pytest.param([[VOTED, LOST]], 15, "", id="a failover without an end"),
        pytest.param([SILENCE, SILENCE, [HERE], [HERE, HERE]], 3, "", id="the first of all"),
        pytest.param([[HERE]], 10, "", id="one Sentinel alone"),
        pytest.param([SILENCE] * 20 + [[REPLACED]], 20, OTHER, id="no Sentinel for long"),
    ],
)
def test_a_redis_starts_once_it_is_decided_who_is_primary(
    tmp_path: Path, seconds: list[list[Seen]], waited: int, follows: str
) -> None:
    assert started(tmp_path / "pod", seconds) == (waited, follows)
