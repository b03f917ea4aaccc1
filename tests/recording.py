"""Recording: what a Pulumi program registers, as plain data, without an engine or a server.

Pulumi's own mocks keep their state in the process: the settings, the root stack and the event loop of one test
reach the next one, and `run_in_stack` after `set_mocks` waits for ever for a second root stack. Here every run
has a context, an event loop and a monitor of its own, and ends within `PATIENCE` seconds.
"""

import asyncio
import contextvars
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format
from pulumi.runtime import mocks, rpc, settings, stack
from pulumi.runtime.proto import resource_pb2

PATIENCE = 20
"""Seconds that one program may take."""

STACK_TYPE = "pulumi:pulumi:Stack"

OPTIONS = (
    "protect",
    "deletedWith",
    "ignoreChanges",
    "importId",
    "deleteBeforeReplace",
    "retainOnDelete",
    "aliases",
)
"""The resource options that are recorded where they are set."""

GENERATED = {
    "random:index/randomBytes:RandomBytes": {
        "base64": "generated-base64-of-{name}",
        "hex": "generated-hex-of-{name}",
    },
    "random:index/randomPassword:RandomPassword": {"result": "generated-password-of-{name}"},
}
"""Secret outputs that a provider makes up, by type."""

Program = Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One resource, as it was registered.

    Args:
        type: the type token.
        name: the logical name.
        urn: as the engine would make it.
        parent: the URN of the parent.
        inputs: plain data; secrets are unwrapped, an unknown is `UNKNOWN`.
        secrets: the inputs, or places within them (`data.password`), that are marked as secret.
        options: the resource options that were set, by the engine's names.
        provider: the URN of the explicit provider; empty where a default one would be taken.
        after: URNs of everything that must be there first.
    """

    type: str
    name: str
    urn: str
    parent: str
    inputs: Mapping[str, Any]
    secrets: frozenset[str]
    options: Mapping[str, Any]
    provider: str
    after: frozenset[str]

    @property
    def kind(self) -> str:
        """The last word of the type token: `Deployment`, `Role`."""
        return self.type.rpartition(":")[2]

    @property
    def is_component(self) -> bool:
        """Whether it is one of ours, which no provider manages."""
        return self.type.startswith("bulkhead:")

    @property
    def is_provider(self) -> bool:
        """Whether it is an explicit provider."""
        return self.type.startswith("pulumi:providers:")

    @property
    def is_engines(self) -> bool:
        """Whether the engine itself keeps it, without a provider."""
        return self.type.startswith("pulumi:index:")

    @property
    def is_kubernetes(self) -> bool:
        """Whether it is an object on the cluster."""
        return self.type.startswith("kubernetes:")


UNKNOWN = object()
"""An input that is known after the update alone."""


@dataclass(frozen=True)
class Recording:
    """Everything that one program registered, in order."""

    resources: list[Registration] = field(default_factory=list[Registration])
    outputs: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])

    def __iter__(self) -> Iterator[Registration]:
        return iter(self.resources)

    def of(self, kind: str) -> list[Registration]:
        """All resources of one kind, such as `Deployment`."""
        return [resource for resource in self.resources if resource.kind == kind]

    def one(self, kind: str, name: str) -> Registration:
        """The only resource of this kind and logical name."""
        found = [resource for resource in self.of(kind) if resource.name == name]
        assert len(found) == 1, f"{len(found)} of {kind} {name!r}; there are {[r.name for r in self.of(kind)]}"
        return found[0]

    def has(self, kind: str, name: str) -> bool:
        """Whether there is a resource of this kind and logical name."""
        return any(resource.name == name for resource in self.of(kind))

    def objects(self) -> list[Registration]:
        """All objects on the cluster."""
        return [resource for resource in self.resources if resource.is_kubernetes]

    def exports(self) -> Mapping[str, Any]:
        """What the stack exports."""
        return next(outputs for urn, outputs in self.outputs.items() if f"::{STACK_TYPE}::" in urn)

    def require_after(self, later: Registration, *earlier: Registration) -> None:
        """Assert that `later` waits for each of `earlier`, directly or by what stands between."""
        by_urn = {resource.urn: resource for resource in self.resources}
        seen: set[str] = set()
        todo = [later.urn]
        while todo:
            resource = by_urn.get(todo.pop())
            if resource is None:
                continue
            todo += [urn for urn in resource.after if urn not in seen]
            seen |= resource.after
        missing = [resource.name for resource in earlier if resource.urn not in seen]
        assert not missing, f"{later.name} does not wait for {missing}"


class _Monitor(mocks.MockMonitor):
    """Answers as the engine would at a first update: every input comes back as an output."""

    def __init__(self, project: str, name: str) -> None:
        self.recording = Recording()
        self._origin = f"urn:pulumi:{name}::{project}::"

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        urn = self._urn(request.parent, request.type, request.name)
        outputs = json_format.MessageToDict(request.object)
        if request.type != STACK_TYPE:
            self.recording.resources.append(_registration(request, urn))
        if request.type == "pulumi:index:Stash":
            outputs["output"] = outputs["input"]
        for output, text in GENERATED.get(request.type, {}).items():
            outputs[output] = {
                rpc._special_sig_key: rpc._special_secret_sig,
                "value": text.format(name=request.name),
            }
        answer = resource_pb2.RegisterResourceResponse(urn=urn, id=f"{request.name}-id" if request.custom else "")
        answer.object.update(outputs)
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        self.recording.outputs[request.urn] = _plain(json_format.MessageToDict(request.outputs))
        return super().RegisterResourceOutputs(request)

    def Invoke(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        raise AssertionError(f"the program asks a provider for {request.tok}; a preview must need no answer")

    def _urn(self, parent: str, kind: str, name: str) -> str:
        above = parent.split("::")[2] if parent else STACK_TYPE
        chain = kind if above == STACK_TYPE else f"{above}${kind}"
        return f"{self._origin}{chain}::{name}"


def record(
    program: Program, *, project: str = "keybuzz", stack_name: str = "dev", preview: bool = False
) -> Recording:
    """Run a program to its end and return what it registered; what it raises is raised."""
    return contextvars.Context().run(_record, program, project, stack_name, preview)


def _record(program: Program, project: str, stack_name: str, preview: bool) -> Recording:  # noqa: FBT001
    monitor = _Monitor(project, stack_name)
    features = set(monitor.GetDeploymentInfo(None).supportedFeatures)
    settings.configure(
        mocks.MockSettings(
            monitor=monitor,
            monitor_features=features,
            engine=mocks.MockEngine(None),
            project=project,
            stack=stack_name,
            dry_run=preview,
            organization="organization",
        )
    )
    settings.ROOT.set(None)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(asyncio.wait_for(stack.run_in_stack(lambda: _ignore(program())), PATIENCE))
    finally:
        loop.run_until_complete(_cancel_rest())
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        loop.close()
    return monitor.recording


def _ignore(_: object) -> None:
    """A program's value is no awaitable to wait for."""


async def _cancel_rest() -> None:
    """End what a program that failed has left running, so that nothing of it reaches the next test."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


def _registration(request: Any, urn: str) -> Registration:
    raw = json_format.MessageToDict(request.object)
    properties = (urn for listed in request.propertyDependencies.values() for urn in listed.urns)
    options = {name: _option(getattr(request, name)) for name in OPTIONS if getattr(request, name)}
    return Registration(
        type=request.type,
        name=request.name,
        urn=urn,
        parent=request.parent,
        inputs=_plain(raw),
        secrets=frozenset(_secrets(raw)),
        options=options,
        provider=request.provider.rpartition("::")[0],
        after=frozenset({*request.dependencies, *properties, *filter(None, [request.deletedWith])}),
    )


def _option(value: Any) -> Any:
    return value if isinstance(value, (bool, str)) else list(value)


def _is_secret(value: object) -> bool:
    return isinstance(value, dict) and value.get(rpc._special_sig_key) == rpc._special_secret_sig


def _plain(value: Any) -> Any:
    if value == rpc.UNKNOWN:
        return UNKNOWN
    if _is_secret(value):
        return _plain(value["value"])
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _secrets(value: Any, path: str = "") -> Iterator[str]:
    if _is_secret(value):
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _secrets(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _secrets(inner, f"{path}[{index}]")


def within_stack(function: Callable[[], Any], *, project: str = "keybuzz", stack_name: str = "dev") -> Any:
    """Call what asks for the stack's name but registers nothing."""

    def call() -> Any:
        settings.configure(mocks.MockSettings(monitor=None, engine=None, project=project, stack=stack_name))
        return function()

    return contextvars.Context().run(call)
