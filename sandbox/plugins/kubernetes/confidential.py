"""Where secrets stand in an object: everything that came from one is marked again on its way into state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from sandbox.plugins.process import Secret

if TYPE_CHECKING:
    from pulumi.provider.experimental.property_value import PropertyValue

    from sandbox.plugins.kubernetes.objects import Object


def marked(item: Object, source: Mapping[str, PropertyValue]) -> Object:
    """An object with secrets marked wherever its source has them, and a Secret's data in any case.

    A list is marked as a whole when anything in it is secret: its order may change on the server, and a mark at
    a position would then protect the wrong element. Other objects are marked field by field, so that a preview
    goes on showing the rest.
    """
    result = _marked(item, source)
    if item.get("kind") == "Secret" and item.get("apiVersion") == "v1":
        for field in ("data", "stringData"):
            if field in result and not isinstance(result[field], Secret):
                result[field] = Secret(item[field])
    return result


def _marked(item: Object, source: Mapping[str, PropertyValue]) -> Object:
    return {key: _value(value, source[key]) if key in source else value for key, value in item.items()}


def _value(value: object, source: PropertyValue) -> object:
    fields = source.value
    if isinstance(value, dict) and isinstance(fields, Mapping) and not source.is_secret:
        return _marked(cast("Object", value), fields)
    return Secret(cast("object", value)) if source.contains_secret() else cast("object", value)
