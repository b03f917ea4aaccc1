"""Recording: what a program declares, as a flat graph, without an engine, a plugin or a server.

The program runs against a monitor that answers as the engine would at a first update: every input comes back as an
output. Each run needs a process of its own; `running` sees to that.
"""

from __future__ import annotations

import asyncio
import contextvars
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from google.protobuf import empty_pb2, json_format
from pulumi.runtime import mocks, rpc, settings, stack

from bulkhead.parity.graph import STACK, Element, Graph, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pulumi_messages: Any = import_module("pulumi.runtime.proto.resource_pb2")

PATIENCE: Final = 60
"""Seconds that one program may take."""

_STACK_TYPE = "pulumi:pulumi:Stack"
_OPTIONS = (
    "protect",
    "deletedWith",
    "ignoreChanges",
    "importId",
    "deleteBeforeReplace",
    "retainOnDelete",
    "aliases",
)
"""The resource options that are compared, by the engine's names."""

_GENERATED = {
    "random:index/randomBytes:RandomBytes": ("base64", "hex"),
    "random:index/randomPassword:RandomPassword": ("result",),
}
"""Secret outputs that a provider makes up, by type; here each is a constant of its resource."""


class Unanswerable(Exception):  # noqa: N818 - read as a sentence
    """The program needs an answer that only a provider can give."""


class _Monitor(mocks.MockMonitor):
    """Takes registrations and answers each as if it had succeeded."""

    def __init__(self) -> None:
        super().__init__(mocks=cast("Any", None))
        self.graph: dict[Element, object] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        urn = _urn(request.parent, request.type, request.name)
        given = json_format.MessageToDict(request.object)
        if request.type != _STACK_TYPE:
            self._take(urn, request, given)
        outputs = dict(given)
        if request.type == "pulumi:index:Stash":
            outputs["output"] = outputs.get("input")
        for output in _GENERATED.get(request.type, ()):
            secret = {rpc._special_sig_key: rpc._special_secret_sig}  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the wire's mark has no public name
            outputs[output] = {**secret, "value": f"generated-{output}-of-{request.name}"}
        answer = pulumi_messages.RegisterResourceResponse(
            urn=urn, id=f"{request.name}-id" if request.custom else ""
        )
        answer.object.update(outputs)
        return answer

    def _take(self, urn: str, request: Any, given: dict[str, Any]) -> None:
        resource = _without_origin(urn)
        if (resource, "") in self.graph:
            raise Unanswerable(f"the program declares {resource} twice")
        self.graph[resource, ""] = "declared"
        for path, value in _leaves(given):
            self.graph[resource, path] = value
        for option in _OPTIONS:
            if value := getattr(request, option):
                self.graph[resource, f"({option})"] = _option(value)
        self.graph[resource, "(provider)"] = _without_origin(request.provider.rpartition("::")[0])
        listed = (one for below in request.propertyDependencies.values() for one in below.urns)
        after = sorted({_without_origin(one) for one in (*request.dependencies, *listed)})
        for one in after:
            self.graph[resource, f"(after {one})"] = "declared"

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        if f"::{_STACK_TYPE}::" in request.urn:
            for path, value in _leaves(json_format.MessageToDict(request.outputs)):
                self.graph[STACK, path] = value
        return empty_pb2.Empty()

    def ReadResource(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        raise Unanswerable(f"the program reads {request.type} {request.name} from a provider")

    def Invoke(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        raise Unanswerable(f"the program asks a provider for {request.tok}")

    def Call(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        raise Unanswerable(f"the program calls {request.tok} of a provider")


def record(program: Callable[[], object], *, project: str, name: str) -> Graph:
    """Run a program to its end; what it declares. What it raises is raised.

    Args:
        program: registers resources.
        project: the project's name.
        name: the stack's.
    """
    return contextvars.Context().run(_record, program, project, name)


def _record(program: Callable[[], object], project: str, name: str) -> Graph:
    monitor: Any = _Monitor()
    settings.configure(
        mocks.MockSettings(
            monitor=monitor,
            monitor_features=set(monitor.GetDeploymentInfo(None).supportedFeatures),
            engine=mocks.MockEngine(None),
            project=project,
            stack=name,
            dry_run=False,
            organization="organization",
        )
    )
    settings.ROOT.set(None)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    def run() -> None:
        program()

    try:
        loop.run_until_complete(asyncio.wait_for(stack.run_in_stack(run), PATIENCE))
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return Graph(monitor.graph)


def _urn(parent: str, kind: str, name: str) -> str:
    above = parent.split("::")[2] if parent else _STACK_TYPE
    chain = kind if above == _STACK_TYPE else f"{above}${kind}"
    return f"urn:pulumi:stack::project::{chain}::{name}"


def _without_origin(urn: str) -> str:
    return "::".join(urn.split("::")[2:])


def _option(value: Any) -> object:
    return value if isinstance(value, (bool, str)) else [str(one) for one in value]


def _leaves(value: Any, path: str = "", *, secret: bool = False) -> Iterator[tuple[str, object]]:
    """The places of all values that have nothing below them, an empty mapping or list being such a value."""
    if isinstance(value, dict):
        held = cast("dict[str, Any]", value)
        if held.get(rpc._special_sig_key) == rpc._special_secret_sig:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - see above
            yield from _leaves(held.get("value"), path, secret=True)
        elif held:
            for key, inner in held.items():
                yield from _leaves(inner, f"{path}.{key}" if path else key, secret=secret)
        else:
            yield path, {}
    elif isinstance(value, list) and value:
        for index, inner in enumerate(cast("list[Any]", value)):
            yield from _leaves(inner, f"{path}[{index}]", secret=secret)
    else:
        plain = int(value) if isinstance(value, float) and value.is_integer() else cast("object", value)
        yield path, Secret(plain) if secret else plain
