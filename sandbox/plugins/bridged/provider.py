"""The provider that a bridged plugin serves: the engine's requests, led to the plugin's resource types."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, Generic

from pulumi.provider.experimental.provider import (
    CheckFailure,
    CheckRequest,
    CheckResponse,
    ConfigureRequest,
    ConfigureResponse,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    PropertyDiff,
    Provider,
    ReadRequest,
    ReadResponse,
    UpdateRequest,
    UpdateResponse,
)

from sandbox.plugins.bridged.difference import difference, is_replacing, top_level, without_ignored
from sandbox.plugins.bridged.inputs import DEFAULTS, Failures, checked, imported, marked, refreshed
from sandbox.plugins.bridged.schema import ResourceType, ServerT, Values
from sandbox.plugins.bridged.state import completed, defaults, planned
from sandbox.plugins.process import PluginError
from sandbox.plugins.values import Properties, Unknown, plain_map, property_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.plugins.bridged.schema import Schema

#: What autonamed resources get behind their own name.
RANDOM_DIGITS: Final = 7


class BridgedProvider(Provider, Generic[ServerT]):
    """Answers the engine as a plugin made from a Terraform provider does.

    Like those it asks the engine to keep secrets from it: the engine takes the marks off what it sends, and
    puts them back on what has the same name. What the schema calls secret is marked in any case.
    """

    def __init__(self, types: Iterable[ResourceType[ServerT]], connect: Callable[[Values], ServerT]) -> None:
        self._types = {resource_type.token: resource_type for resource_type in types}
        self._connect = connect
        self._server: ServerT | None = None

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        """Take the provider's own inputs, which come as strings or JSON."""
        self._server = self._connect(plain_map(request.args))
        return ConfigureResponse(supports_preview=True)

    async def check(self, request: CheckRequest) -> CheckResponse:
        """Refuse what cannot be, fill in the defaults."""
        kind = self._type(request.type)
        failures = Failures()
        old, new = plain_map(request.old_inputs), plain_map(request.new_inputs)
        inputs = checked(kind.properties, old, new, failures)
        for key, definition in kind.properties.items():
            if definition.autoname and key not in inputs:
                inputs[key] = _autoname(request, key, old)
                inputs[DEFAULTS] = sorted([*inputs[DEFAULTS], key])
        if not failures:
            failures.extend(kind.problems(inputs))
        return CheckResponse(
            inputs=property_map(marked(kind.properties, inputs)),
            failures=[CheckFailure(path, reason) for path, reason in failures],
        )

    async def diff(self, request: DiffRequest) -> DiffResponse:
        """Compare the state with what the new inputs lead to."""
        kind = self._type(request.type)
        old, inputs = plain_map(request.old_state), plain_map(request.new_inputs)
        new = kind.plan(old, planned(kind.properties, old, inputs))
        found = without_ignored(difference(kind.properties, old, new, inputs), request.ignore_changes)
        replaces = sorted({top_level(path) for path, how in found.items() if is_replacing(how)})
        forced = {key for key, definition in kind.properties.items() if definition.force_new}
        return DiffResponse(
            changes=bool(found),
            replaces=replaces,
            stables=sorted(forced - set(replaces)),
            delete_before_replace=bool(replaces)
            and (kind.delete_before_replace or _has_own_name(kind.properties, inputs)),
            diffs=sorted({top_level(path) for path in found}),
            detailed_diff={path: PropertyDiff(how, input_diff=False) for path, how in found.items()},
        )

    async def create(self, request: CreateRequest) -> CreateResponse:
        """Make the resource, or say at preview what is known of it."""
        kind = self._type(request.type)
        new = kind.plan(None, planned(kind.properties, None, plain_map(request.properties)))
        if request.preview:
            return CreateResponse("", self._outputs(kind, {**new, "id": Unknown}))
        resource_id, answer = kind.create(self._connected(), _known(new))
        state = completed(kind.properties, answer, new)
        return CreateResponse(resource_id, self._outputs(kind, {**state, "id": resource_id}))

    async def read(self, request: ReadRequest) -> ReadResponse:
        """Look at the live resource, for a refresh (there is a state) or an import (there is none)."""
        kind = self._type(request.type)
        state = plain_map(request.properties)
        resource_id = str(state.get("id") or request.resource_id)
        answer = kind.read(self._connected(), resource_id, state)
        if answer is None:
            return ReadResponse()
        live = completed(kind.properties, answer, state or defaults(kind.properties))
        resource_id = str(answer.get("id", resource_id))
        inputs = (
            refreshed(kind.properties, plain_map(request.inputs), live)
            if state
            else imported(kind.properties, live)
        )
        return ReadResponse(
            resource_id,
            self._outputs(kind, {**live, "id": resource_id}),
            property_map(marked(kind.properties, inputs)),
        )

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        """Change the resource in place, or say at preview what is known of the result."""
        kind = self._type(request.type)
        old = plain_map(request.olds)
        resource_id = str(old.get("id") or request.resource_id)
        new = kind.plan(old, planned(kind.properties, old, plain_map(request.news)))
        if request.preview:
            return UpdateResponse(self._outputs(kind, {**new, "id": resource_id}))
        answer = kind.update(self._connected(), resource_id, old, _known(new))
        state = completed(kind.properties, answer, new)
        return UpdateResponse(self._outputs(kind, {**state, "id": str(answer.get("id", resource_id))}))

    async def delete(self, request: DeleteRequest) -> None:
        """Remove the resource."""
        kind = self._type(request.type)
        state = plain_map(request.properties)
        kind.delete(self._connected(), str(state.get("id") or request.resource_id), state)

    def _type(self, token: str) -> ResourceType[ServerT]:
        """The resource type of a request; a component's type stands before it, behind a `$`."""
        token = token.rsplit("$", 1)[-1]
        if token not in self._types:
            raise PluginError(
                f"The sandbox's plugin does not serve {token}; it serves {', '.join(sorted(self._types))}."
            )
        return self._types[token]

    def _connected(self) -> ServerT:
        if self._server is None:
            raise PluginError("The provider was asked to act before it was configured.")
        return self._server

    def _outputs(self, kind: ResourceType[ServerT], state: Values) -> Properties:
        return property_map(marked(kind.properties, state))


def _known(values: Values) -> Values:
    """Planned values for the server; what it will decide itself is left to it."""
    return {key: None if value is Unknown else value for key, value in values.items()}


def _autoname(request: CheckRequest, key: str, old: Values) -> Any:
    """The name of a resource whose program gives none; an earlier one is kept."""
    if key in old and key in (old.get(DEFAULTS) or []):
        return old[key]
    digest = hashlib.sha256(bytes(request.random_seed) + request.urn.encode()).hexdigest()
    return f"{request.name}-{digest[:RANDOM_DIGITS]}"


def _has_own_name(schema: Schema, inputs: Values) -> bool:
    """Whether the program itself gave the name, so that the old and the new one cannot exist together."""
    named = [key for key, definition in schema.items() if definition.autoname and key in inputs]
    return any(key not in inputs.get(DEFAULTS, []) for key in named)
