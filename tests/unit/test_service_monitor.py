"""Where Prometheus finds an application's metrics."""

from typing import Any

import pytest

from components import InputError
from components.service_monitor import Metrics, render_service_monitor
from tests.making import environment


def test_prometheus_asks_the_declared_path_at_the_declared_interval() -> None:
    metrics = Metrics(path="/internal/metrics", interval="1m")
    made = render_service_monitor(environment(), "keybuzz-api-dev", "api", metrics, port="http")
    assert made["spec"] == {
        "jobLabel": "app.kubernetes.io/name",
        "selector": {"matchLabels": {"app.kubernetes.io/name": "api"}},
        "endpoints": [{"port": "http", "path": "/internal/metrics", "interval": "1m"}],
    }
    assert made["metadata"]["namespace"] == "keybuzz-api-dev"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"path": "metrics"}, r"metrics\.path is 'metrics'"),
        ({"path": "/m?x"}, r"metrics\.path is"),
        ({"port": 0}, "port is 0; use 1 to 65535, or None for the application's own"),
        ({"port": "9090"}, "port is '9090'"),
        ({"interval": "5s"}, r"metrics\.interval is '5s'; use at least 10s"),
        ({"interval": "1 minute"}, r"metrics\.interval is '1 minute'"),
        ({"interval": "0s"}, r"metrics\.interval is '0s'"),
    ],
)
def test_what_cannot_be_asked_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        Metrics(**given)
