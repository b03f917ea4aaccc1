"""Random bytes: random:index/randomBytes:RandomBytes."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, ClassVar, Final

from sandbox.plugins.bridged.schema import Property, ResourceType, Schema, Values
from sandbox.plugins.process import PluginError
from sandbox.plugins.values import has_unknown

if TYPE_CHECKING:
    from secrets import SystemRandom

_ID: Final = "none"


class RandomBytes(ResourceType["SystemRandom"]):
    """Bytes that are drawn once and live in the state alone, in two spellings; every change draws others."""

    token: ClassVar[str] = "random:index/randomBytes:RandomBytes"  # noqa: S105 - a type token
    properties: ClassVar[Schema] = {
        "base64": Property(type="str", output=True, secret=True),
        "hex": Property(type="str", output=True, secret=True),
        "keepers": Property(type="map", force_new=True),
        "length": Property(type="int", required=True, force_new=True),
    }

    def problems(self, inputs: Values) -> list[tuple[str, str]]:
        """What is wrong with the length, as far as it is known."""
        length = inputs.get("length")
        if has_unknown(inputs) or not isinstance(length, int | float) or length >= 1:
            return []
        return [("length", f"length must be at least 1, not {length:g}")]

    def create(self, server: SystemRandom, inputs: Values) -> tuple[str, Values]:
        """Draws the bytes."""
        return _ID, _spelled(server.randbytes(int(inputs["length"])))

    def read(self, server: SystemRandom, resource_id: str, state: Values) -> Values | None:
        """What the state says; an import brings the bytes themselves, in base64, in place of an id."""
        del server
        if state:
            return {}
        try:
            drawn = base64.b64decode(resource_id, validate=True)
        except ValueError:
            raise PluginError("Random bytes are imported as base64 in place of an id") from None
        return {"id": _ID, "length": len(drawn), **_spelled(drawn)}

    def update(self, server: SystemRandom, resource_id: str, old: Values, new: Values) -> Values:
        """Nothing to do: what matters is replaced."""
        del server, resource_id, old, new
        return {}

    def delete(self, server: SystemRandom, resource_id: str, state: Values) -> None:
        """Bytes end with the state that had them."""


def _spelled(drawn: bytes) -> Values:
    return {"base64": base64.b64encode(drawn).decode(), "hex": drawn.hex()}
