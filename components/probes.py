"""Probes: how the cluster asks an application whether it lives and whether it can serve."""

import re
from dataclasses import dataclass

from components.errors import InputError
from components.manifest import Object

START_SECONDS = 60
"""Seconds that a start may take where the application does not say how long it takes."""

_ANSWER_SECONDS = 2
_LONGEST = 3600
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")


@dataclass(frozen=True, kw_only=True)
class Probes:
    """The HTTP paths that answer 2xx or 3xx when the application lives and when it can serve, and when to ask.

    Args:
        live: the path that answers while the application lives; three failures in a row restart it.
        live_delay: seconds after the start until it is asked first; 0 lets a start take up to 60 s instead.
        live_period: seconds between two times.
        ready: the path that answers while it can serve; else it gets no requests.
        ready_delay: seconds after the start until it is asked first.
        ready_period: seconds between two times.

    Raises:
        InputError: a path or a time cannot be used.
    """

    live: str = "/health"
    live_delay: int = 0
    live_period: int = 10
    ready: str = "/health"
    ready_delay: int = 0
    ready_period: int = 5

    def __post_init__(self) -> None:
        for what in ("live", "ready"):
            path = getattr(self, what)
            if not isinstance(path, str) or not _PATH.fullmatch(path):
                raise InputError(f"probes.{what} is {path!r}; use an absolute path such as /health")
            for key, least in ((f"{what}_delay", 0), (f"{what}_period", 1)):
                value = getattr(self, key)
                if type(value) is not int or not least <= value <= _LONGEST:
                    raise InputError(f"probes.{key} is {value!r}; use {least} to {_LONGEST} seconds")


def render_probes(probes: Probes) -> Object:
    """The container's probes.

    A delay says how long a start takes. Without one, a startup probe finds out: the application is asked every
    two seconds, and the others begin once it has answered.
    """
    rendered: Object = {
        "livenessProbe": _probe(probes.live, probes.live_period, probes.live_delay),
        "readinessProbe": _probe(probes.ready, probes.ready_period, probes.ready_delay),
    }
    if not probes.live_delay:
        often = _probe(probes.live, _ANSWER_SECONDS)
        rendered["startupProbe"] = {**often, "failureThreshold": START_SECONDS // _ANSWER_SECONDS}
    return rendered


def _probe(path: str, period: int, delay: int = 0) -> Object:
    waits = {"initialDelaySeconds": delay} if delay else {}  # the API server does not keep a zero
    asked = {"httpGet": {"path": path, "port": "http"}, "periodSeconds": period}
    return {**asked, **waits, "timeoutSeconds": _ANSWER_SECONDS}
