"""What every plugin of the sandbox shares: its start, its errors and its refusal of other people's servers.

The SDK's experimental provider server is the base. What it leaves out is added here, each with its reason:
old inputs of diff, update and delete; errors that a person can read; resources that exist although their
creation did not finish; and handlers that block, each in a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

import grpc
import grpc.aio
import yaml
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from sandbox.plugins.values import (
    Properties,
    PropertyPath,
    Secret,
    Unknown,
    has_unknown,
    plain,
    plain_map,
    property_map,
    property_value,
    secret_paths,
    with_secrets,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from pulumi.provider.experimental.provider import Provider

__all__ = [
    "InitFailedError",
    "PluginError",
    "Properties",
    "PropertyPath",
    "Secret",
    "Unknown",
    "has_unknown",
    "old_inputs",
    "plain",
    "plain_map",
    "plugin_version",
    "property_map",
    "property_value",
    "refuse_unless_sandbox",
    "sandbox_server",
    "secret_paths",
    "serve",
    "with_secrets",
]

#: As many resources as the engine may have in work at once without waiting for each other.
HANDLERS: Final = 64
#: The engine's messages may be larger than gRPC's default of 4 MB (a CRD with its schemas, a big ConfigMap).
MESSAGE_BYTES: Final = 400 * 1024 * 1024
#: How often a plugin looks whether the engine that started it is still there.
PARENT_CHECK_SECONDS: Final = 2.0

_old_inputs: ContextVar[Properties] = ContextVar("old_inputs")


class PluginError(Exception):
    """Something that the person who runs Pulumi has to know; the text is shown as it is."""


@dataclass
class InitFailedError(Exception):
    """The resource exists, but did not become ready: it is kept in state together with the reasons."""

    resource_id: str
    properties: Properties
    reasons: list[str]
    inputs: Properties = field(default_factory=dict[str, PropertyValue])

    def __str__(self) -> str:
        return "\n".join(self.reasons)


def old_inputs() -> Properties:
    """The inputs of the last update, inside a provider's diff, update or delete.

    The engine sends them; the SDK's request types have no place for them.
    """
    return _old_inputs.get({})


class Interceptor(grpc.aio.ServerInterceptor):
    """Puts each request of the engine into a thread of its own, and makes errors readable."""

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Wrap the SDK's handler of one kind of request."""
        handler = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler

        async def answer(request: Any, context: Any) -> Any:
            if "old_inputs" in request.DESCRIPTOR.fields_by_name:
                _old_inputs.set(PropertyValue.unmarshal_map(request.old_inputs))
            try:
                response = await asyncio.to_thread(_finish, handler.unary_unary(request, context))
            except NotImplementedError:
                # The engine asks for more than the SDK knows, and goes on without when it hears this code.
                return await context.abort(
                    grpc.StatusCode.UNIMPLEMENTED, f"{request.DESCRIPTOR.name} is not served"
                )
            except Exception as error:  # noqa: BLE001 - whatever happens, the engine must hear of it
                return await _abort(context, error)
            if isinstance(response, provider_pb2.ConfigureResponse):
                # The SDK fails on output values without dependencies, so it must not be sent any.
                response.acceptOutputs = response.acceptResources = False
            if isinstance(response, provider_pb2.ReadResponse) and not response.id:
                # Empty properties would say that it exists: the import of something missing would succeed.
                response.ClearField("properties")
                response.ClearField("inputs")
            return response

        return grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


def _finish(handling: Coroutine[Any, Any, Any]) -> Any:
    """Run a handler to its end without an event loop: it is a coroutine, but what it does blocks."""
    try:
        handling.send(None)
    except StopIteration as end:
        return end.value
    handling.close()
    raise RuntimeError("a provider of the sandbox has to block, and awaited something")


async def _abort(context: Any, error: Exception) -> NoReturn:
    """Answer with an error that the engine shows as it is."""
    metadata: tuple[tuple[str, bytes], ...] = ()
    text = str(error)
    if isinstance(error, InitFailedError):
        details = provider_pb2.ErrorResourceInitFailed(
            id=error.resource_id,
            properties=PropertyValue.marshal_map(error.properties),
            reasons=error.reasons,
            inputs=PropertyValue.marshal_map(error.inputs),
        )
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=text)
        status.details.add().Pack(details)
        metadata = (("grpc-status-details-bin", status.SerializeToString()),)
    elif not isinstance(error, PluginError):
        # The place goes to the engine's log; values, which may be secret, do not.
        sys.stderr.write("".join(traceback.format_tb(error.__traceback__)))
        text = f"{type(error).__name__}: {error}"
    await context.abort(grpc.StatusCode.UNKNOWN, text, metadata)
    raise AssertionError("abort raises")


def plugin_version(package: str) -> str:
    """The version that the installed Python package asks its plugin to have.

    Read from the package's own note for the engine: importlib.metadata takes 40 ms to import.
    """
    found = importlib.util.find_spec(f"pulumi_{package}")
    places = (found.submodule_search_locations if found else None) or []
    note = json.loads(Path(next(iter(places)), "pulumi-plugin.json").read_text(encoding="utf-8"))
    return str(note["version"])


def serve(package: str, version: str, provider: Provider) -> None:
    """Answer the engine that started this process until it ends us or goes away."""
    if len(sys.argv) < 2:  # noqa: PLR2004 - the program and the engine's address
        sys.exit(f"pulumi-resource-{package} {version} is started by Pulumi's engine, with the engine's address.")
    engine = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(ProviderServicer(sys.argv[1:], version, provider, engine)))
    # The engine interrupts its plugins when it is done with them; there is nothing to be wound up.
    os._exit(0)


async def _serve(servicer: ProviderServicer) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=HANDLERS))
    options = [
        ("grpc.max_receive_message_length", MESSAGE_BYTES),
        ("grpc.max_send_message_length", MESSAGE_BYTES),
    ]
    server = grpc.aio.server(interceptors=[Interceptor()], options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    engine = os.getppid()
    # An engine that is killed cannot end its plugins; they would stay for ever.
    while os.getppid() == engine:  # noqa: ASYNC110 - no event tells of a parent's end
        await asyncio.sleep(PARENT_CHECK_SECONDS)
    os._exit(0)


def sandbox_server(package: str) -> str:
    """The address of the sandbox's own server that this package talks to.

    For postgresql this is `host:port`, for vault and kubernetes an URL.
    """
    home = os.environ.get("BULKHEAD_SANDBOX", "")
    if not home:
        raise PluginError(
            f"The {package} plugin in use serves Bulkhead's sandbox alone, and BULKHEAD_SANDBOX does not say "
            'where that is. Run `eval "$(bulkhead sandbox env)"` first, or use the official plugin '
            "(BULKHEAD_PLUGINS=official)."
        )
    try:
        if package == "kubernetes":
            configuration = _yaml(Path(home, "kubeconfig"))
            return str(configuration["clusters"][0]["cluster"]["server"])
        platform = _yaml(Path(home, "platform.yaml"))
        if package == "vault":
            return str(platform["vault"]["address"])
        write = platform["postgresql"]["write"]
        return f"{write['host']}:{write['port']}"
    except (OSError, KeyError, IndexError, TypeError, yaml.YAMLError) as error:
        raise PluginError(
            f"The sandbox in {home} cannot be read ({type(error).__name__}: {error}). Is it up? "
            "`bulkhead sandbox status` tells."
        ) from error


def refuse_unless_sandbox(package: str, address: str) -> None:
    """Raise unless the address is the sandbox's own: stand-ins must never touch a real platform."""
    own = sandbox_server(package)
    if address.rstrip("/") != own.rstrip("/"):
        raise PluginError(
            f"The {package} plugin in use serves Bulkhead's sandbox alone ({own}), not {address}. "
            "Other platforms need the official plugin: BULKHEAD_PLUGINS=official."
        )


def _yaml(path: Path) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", yaml.safe_load(path.read_text(encoding="utf-8")))
