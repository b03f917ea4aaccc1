"""Bulkhead for the other languages of Pulumi: its component provider host serves `bulkhead:index:System`."""

from importlib.metadata import version
from typing import Any

from pulumi.errors import InputPropertiesError
from pulumi.provider import server
from pulumi.provider.experimental import component_provider_host

from components.errors import InputError, nearest
from components.system import System, SystemArgs


class Servicer(server.ProviderServicer):
    """Says what is wrong with the input in one message, at once or later; the SDK's own adds a traceback.

    It refuses unknown inputs as well, which the SDK's own drops.
    """

    async def _construct(self, request: Any, context: Any) -> Any:
        try:
            refuse_unknown(request.inputs)
            return await super()._construct(request, context)  # pyright: ignore[reportUnknownMemberType]
        except server.ComponentInitError as error:
            if isinstance(error.inner, InputError):
                raise InputPropertiesError(str(error.inner), []) from None
            raise
        except InputError as error:
            raise InputPropertiesError(str(error), []) from None


def refuse_unknown(inputs: Any) -> None:
    """Refuse an input that a System does not have."""
    known = sorted(SystemArgs.__annotations__)
    for name in inputs:
        if name not in known:
            raise InputError(f"{name} is not a known key{nearest(name, known)}; known are {', '.join(known)}")


if __name__ == "__main__":
    server.ProviderServicer = Servicer  # the host makes its own, and takes no other
    component_provider_host(components=[System], name="bulkhead", version=version("bulkhead"))
