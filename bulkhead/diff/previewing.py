"""Previewing: all stacks at once, each in a worker that is forked when everything they share is imported."""

from __future__ import annotations

import gc
from multiprocessing import get_context
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, cast

from bulkhead.diff import worker
from bulkhead.diff.model import Preview
from bulkhead.errors import CommandError
from bulkhead.preloading import preload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess
    from multiprocessing.synchronize import Semaphore

    from pulumi.automation import PulumiCommand


def begin(requests: Sequence[worker.Request], *, at_once: int) -> Iterator[Preview]:
    """Preview stacks side by side; the previews, each as soon as it is there.

    The workers are forked before this returns, so no thread may run in this process until then.

    Args:
        requests: what is asked, one a stack.
        at_once: how many are previewed at the same time.
    """
    command = engine()
    preload()
    gc.freeze()  # what is imported is never garbage: looked at by a worker, its pages would be copied
    context = get_context("fork")
    turn = context.Semaphore(at_once)
    waiting: dict[Any, worker.Request] = {}
    processes: list[ForkProcess] = []
    for request in requests:
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(request, command, turn, theirs), name=str(request.stack))
        process.start()
        theirs.close()
        waiting[mine] = request
        processes.append(process)
    return _answers(waiting, processes)


def _answers(waiting: dict[Any, worker.Request], processes: list[ForkProcess]) -> Iterator[Preview]:
    while waiting:
        for ready in cast("list[Connection]", wait(waiting)):
            stack = waiting.pop(ready).stack
            try:
                yield ready.recv()
            except EOFError:
                yield Preview(stack=stack, failure="the process that previewed it ended before its answer")
            ready.close()
    for process in processes:
        process.join()


def engine() -> PulumiCommand:
    """The engine's command, asked once for its version.

    Raises:
        CommandError: there is none, or one that is too old.
    """
    from pulumi.automation import InvalidVersionError, PulumiCommand  # noqa: PLC0415 - with the rest of Pulumi

    try:
        return PulumiCommand()
    except FileNotFoundError:
        from sandbox.toolbox.catalogue import ToolMissing  # noqa: PLC0415 - only once something has gone wrong

        raise ToolMissing("pulumi is not on PATH") from None
    except InvalidVersionError as error:
        raise CommandError(str(error)) from None


def _work(request: worker.Request, command: PulumiCommand, turn: Semaphore, answer: Any) -> None:
    with turn:
        answer.send(worker.preview(request, command))
        answer.close()
