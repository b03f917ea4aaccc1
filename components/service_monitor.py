"""ServiceMonitor: where Prometheus finds an application's metrics, and its way in to them."""

import re
from dataclasses import dataclass

from components.environment import Environment
from components.errors import InputError
from components.manifest import Object, manifest
from components.network import selector
from components.validation import refuse_port, seconds

_INTERVAL = re.compile(r"[1-9][0-9]{0,3}[sm]")
_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")
_SHORTEST = 10
"""Seconds that Prometheus gives one scrape; it refuses to ask again before that."""


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Where an application tells its metrics.

    Args:
        path: the HTTP path.
        port: the container's port; None for the application's own.
        interval: how often Prometheus asks, such as `30s`; at least 10 s.

    Raises:
        InputError: one of them cannot be used.
    """

    path: str = "/metrics"
    port: int | None = None
    interval: str = "30s"

    def __post_init__(self) -> None:
        if not _PATH.fullmatch(self.path):
            raise InputError(f"metrics.path is {self.path!r}; use an absolute path such as /metrics")
        if self.port is not None:
            refuse_port(self.port, ", or None for the application's own")
        if not _INTERVAL.fullmatch(self.interval) or seconds(self.interval) < _SHORTEST:
            raise InputError(
                f"metrics.interval is {self.interval!r}; use at least {_SHORTEST}s, such as 30s or 1m"
            )


def render_service_monitor(
    environment: Environment, namespace: str, app: str, metrics: Metrics, *, port: str
) -> Object:
    """The ServiceMonitor of one application.

    Args:
        environment: whose it is.
        namespace: where the application runs.
        app: its Service, and Prometheus' job.
        metrics: the path and the interval.
        port: what the Service calls the port.
    """
    return manifest(
        environment,
        "monitoring.coreos.com/v1",
        "ServiceMonitor",
        app,
        namespace=namespace,
        labels=selector(app),
        spec={
            "jobLabel": "app.kubernetes.io/name",
            "selector": {"matchLabels": selector(app)},
            "endpoints": [{"port": port, "path": metrics.path, "interval": metrics.interval}],
        },
    )
