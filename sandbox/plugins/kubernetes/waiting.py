"""Waiting for an object to be ready or gone, for a bounded time, with an account of what was missing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from sandbox.plugins.kubernetes.client import ApiError, Client, UnreachableError
from sandbox.plugins.kubernetes.conditions import Check, wait_for
from sandbox.plugins.kubernetes.objects import (
    SKIP_AWAIT,
    TIMEOUT_SECONDS,
    WAIT_FOR,
    Object,
    annotation,
    identity,
    is_true,
    metadata,
    name_of,
    namespace_of,
)
from sandbox.plugins.kubernetes.readiness import DELETION_NOT_AWAITED, READINESS, FailedError
from sandbox.plugins.process import PluginError

if TYPE_CHECKING:
    from sandbox.plugins.kubernetes.objects import Object as _Object

DEFAULT_SECONDS: Final = 600.0
FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 0.5
#: An error names the latest warnings; more would hide what matters.
SHOWN_EVENTS: Final = 3

Sleep: TypeAlias = Callable[[float], bool]


@dataclass
class NotReadyError(Exception):
    """The object exists, but did not become ready."""

    live: Object
    reasons: list[str]


class Waiter:
    """Waits for one server's objects until the engine cancels."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """End all waiting."""
        self._cancelled.set()

    def ready(self, created: Object, inputs: Object, timeout: float) -> Object:
        """The object as it is once it is ready."""
        check = self._check(created, inputs)
        if check is None:
            return created
        seconds = seconds_of(inputs, timeout)
        live, reasons = created, list[str]()
        for _ in self._pauses(seconds):
            try:
                found = self._get(created)
                if found is None:
                    raise NotReadyError(live, [f"{_title(created)} was deleted while it was waited for"])
                live, reasons = found, check(found)
            except FailedError as error:
                raise NotReadyError(live, [f"{_title(live)} has failed: {error}", *self._events(live)]) from error
            except (ApiError, UnreachableError) as error:
                # The object exists: an error now would lose it from state. The server may come back in time.
                reasons = [str(error)]
            if not reasons:
                return live
        if self._cancelled.is_set():
            raise NotReadyError(live, [f"waiting for {_title(live)} was cancelled", *reasons])
        late = f"{_title(live)} was not ready after {seconds:g} s"
        raise NotReadyError(live, [f"{late}: {'; '.join(reasons)}", *self._events(live)])

    def gone(self, deleted: Object, inputs: Object, timeout: float) -> None:
        """Return once the object, and not another one of its name, is gone."""
        if is_true(inputs, SKIP_AWAIT) and deleted.get("kind") in DELETION_NOT_AWAITED:
            return
        uid = metadata(deleted).get("uid")
        seconds = seconds_of(inputs, timeout)
        live = None
        for _ in self._pauses(seconds):
            live = self._get(deleted)
            if live is None or (uid and metadata(live).get("uid") != uid):
                return
        about = metadata(live or deleted)
        holding = ", ".join(cast("list[str]", about.get("finalizers") or [])) or "nothing that it names"
        status = cast("Object", (live or {}).get("status") or {})
        conditions = cast("list[Object]", status.get("conditions") or [])
        details = [str(one["message"]) for one in conditions if one.get("status") == "True" and one.get("message")]
        late = f"{_title(deleted)} was still there {seconds:g} s after its deletion"
        raise PluginError("; ".join([late, f"it is held by: {holding}", *details]))

    def _check(self, created: Object, inputs: Object) -> Check | None:
        if is_true(inputs, SKIP_AWAIT):
            return None
        if wanted := annotation(inputs, WAIT_FOR):
            return wait_for(wanted)
        readiness = READINESS.get((str(created.get("apiVersion")), str(created.get("kind"))))
        return None if readiness is None else lambda live: readiness(self._client, live)

    def _pauses(self, seconds: float) -> Iterator[None]:
        """Go on at growing intervals until the time is over or the engine cancels, and once at the end."""
        deadline = time.monotonic() + seconds
        pause = FIRST_PAUSE
        while True:
            last = time.monotonic() >= deadline
            yield
            if last or self._cancelled.wait(min(pause, max(0.0, deadline - time.monotonic()))):
                return
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def _get(self, item: _Object) -> Object | None:
        return self._client.get(str(item["apiVersion"]), str(item["kind"]), namespace_of(item), name_of(item))

    def _events(self, item: Object) -> list[str]:
        """The latest warnings about an object and about what it made (whose names begin with its own)."""
        if not namespace_of(item):
            return []
        try:
            events = self._client.objects("v1", "Event", namespace_of(item), {"fieldSelector": "type=Warning"})
        except (ApiError, UnreachableError):
            return []
        about = [event for event in events if _subject(event).startswith(name_of(item))]
        about.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
        texts = dict.fromkeys(f"[{one.get('reason')}] {one.get('message')}" for one in reversed(about))
        return list(texts)[:SHOWN_EVENTS]


def seconds_of(inputs: Object, timeout: float) -> float:
    """How long to wait: the resource's own time-out, the annotation's, or ten minutes."""
    if timeout:
        return timeout
    try:
        return float(annotation(inputs, TIMEOUT_SECONDS))
    except ValueError:
        return DEFAULT_SECONDS


def _subject(event: Object) -> str:
    return str(cast("Object", event.get("involvedObject") or {}).get("name", ""))


def _title(item: Object) -> str:
    return f"{item.get('kind')} {identity(item)}"
