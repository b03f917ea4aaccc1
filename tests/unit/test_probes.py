"""When an application is asked whether it lives, and whether it can serve."""

from typing import Any

import pytest

from components import InputError
from components.probes import START_SECONDS, Probes, render_probes


def test_t1_liveness_is_asked_after_30_seconds_and_readiness_every_five() -> None:
    probes = Probes(live="/health", live_delay=30, live_period=10, ready="/ready", ready_delay=5, ready_period=5)
    assert render_probes(probes) == {
        "livenessProbe": {
            "httpGet": {"path": "/health", "port": "http"},
            "initialDelaySeconds": 30,
            "periodSeconds": 10,
            "timeoutSeconds": 2,
        },
        "readinessProbe": {
            "httpGet": {"path": "/ready", "port": "http"},
            "initialDelaySeconds": 5,
            "periodSeconds": 5,
            "timeoutSeconds": 2,
        },
    }


def test_where_nobody_says_how_long_a_start_takes_a_startup_probe_finds_out() -> None:
    start = render_probes(Probes(live="/alive"))["startupProbe"]
    assert start["failureThreshold"] * start["periodSeconds"] == START_SECONDS
    assert start["httpGet"]["path"] == "/alive"


def test_no_delay_is_not_written_since_the_api_server_keeps_no_zero() -> None:
    assert not [one for one in render_probes(Probes()).values() if "initialDelaySeconds" in one]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"live": "health"}, r"probes\.live is 'health'; use an absolute path"),
        ({"ready": "/a b"}, r"probes\.ready is '/a b'"),
        ({"ready": "/a\n"}, r"probes\.ready is"),
        ({"live_delay": -1}, r"probes\.live_delay is -1; use 0 to 3600 seconds"),
        ({"live_period": 0}, r"probes\.live_period is 0; use 1 to 3600 seconds"),
        ({"ready_delay": "5"}, r"probes\.ready_delay is '5'"),
        ({"ready_period": True}, r"probes\.ready_period is True"),
    ],
)
def test_what_cannot_be_asked_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        Probes(**given)
