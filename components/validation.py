"""Typed, frozen input: the model that settings and platform files share, and its errors in words."""

import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, TypeVar, cast, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    TypeAdapter,
    ValidationError,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_after_validator_function

from components.errors import InputError, nearest

_SHOWN = 80
"""Characters of a refused value that an error repeats."""

_PASSWORD_IN_URL = re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)")


class Model(BaseModel):
    """A frozen mapping: keys in camelCase, unknown ones refused, nothing coerced."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )


_Model = TypeVar("_Model", bound=Model)


def parse(model: type[_Model], data: object, *, key: str) -> _Model:
    """`data` as a `model`.

    Args:
        model: the type to make.
        data: plain mappings, lists and scalars, as YAML or JSON gives them.
        key: what the data is called where the user wrote it; errors begin with it.

    Raises:
        InputError: every fault, a line each: the key, the value unless it may be secret, what is allowed.
    """
    try:
        return model.model_validate(data, by_alias=True, by_name=False)
    except ValidationError as error:
        lines = [_line(cast("dict[str, Any]", fault), model, key) for fault in error.errors()]
        raise InputError("\n".join(dict.fromkeys(lines))) from None


def _line(fault: dict[str, Any], model: type[Model], key: str) -> str:
    path: tuple[str | int, ...] = tuple(part for part in fault["loc"] if not str(part).startswith("["))
    where = _where(key, path)
    given = _kind(fault["input"]) if _is_hidden(model, path) else _shown(fault["input"])
    context: dict[str, Any] = fault.get("ctx", {})
    match fault["type"]:
        case "missing":
            return f"{where} is missing; {_purpose(model, path)}"
        case "extra_forbidden":
            known = _known_keys(model, path[:-1])
            return f"{where} is not a known key{nearest(str(path[-1]), known)}; known are {', '.join(known)}"
        case "literal_error":
            allowed = str(context["expected"]).replace(" or ", ", ")
            return f"{where} is {given}; use one of {allowed}"
        case "value_error":
            return f"{where} is {given}; {context['error']}"
        case "model_type" | "dict_type":
            return f"{where} is {given}; use a mapping of keys to values"
        case kind:
            return f"{where} is {given}; {_allowed(kind, context, fault['msg'])}"


def _allowed(kind: str, context: Mapping[str, Any], message: str) -> str:
    words = {
        "int_type": "use a whole number, without quotes",
        "bool_type": "use true or false, without quotes",
        "string_type": "use text",
        "list_type": "use a list",
        "tuple_type": "use a list",
        "greater_than_equal": f"use at least {context.get('ge')}",
        "less_than_equal": f"use at most {context.get('le')}",
    }
    return words.get(kind, message[:1].lower() + message[1:])


def _where(key: str, path: Sequence[str | int]) -> str:
    text = key
    for part in path:
        joint = "" if text.endswith(":") or not text else "."
        text += f"[{part}]" if isinstance(part, int) else f"{joint}{part}"
    return text


def _shown(value: object) -> str:
    """A refused value as an error may repeat it: short, on one line, no inside of a collection, no password."""
    kind = _kind(value)
    if kind not in ("a text", "a number"):
        return kind
    text = _PASSWORD_IN_URL.sub(r"\1…", ascii(value))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


def _kind(value: object) -> str:
    """What a value is, where what it says may be a secret."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "a text" if isinstance(value, str) else "a number"


def _is_hidden(model: type[Model], path: Sequence[str | int]) -> bool:
    """Whether a value is in a field with `repr=False`, which errors must not repeat."""
    return any(
        not field.repr
        for length, part in enumerate(path)
        for name, field in _model_at(model, path[:length]).model_fields.items()
        if part in (name, field.alias)
    )


def _known_keys(model: type[Model], path: Sequence[str | int]) -> list[str]:
    found = _model_at(model, path)
    return sorted(field.alias or name for name, field in found.model_fields.items())


def _purpose(model: type[Model], path: Sequence[str | int]) -> str:
    for name, field in _model_at(model, path[:-1]).model_fields.items():
        if (field.alias or name) == path[-1] and field.description:
            return f"it gives {field.description}"
    return "it must be given"


def _model_at(model: type[Model], path: Sequence[str | int]) -> type[Model]:
    """The model that the mapping at `path` is validated by."""
    found = model
    for part in path:
        for name, field in found.model_fields.items():
            if part in (name, field.alias):
                found = _model_in(field.annotation) or found
    return found


def _model_in(annotation: Any) -> type[Model] | None:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    return next((inner for argument in get_args(annotation) if (inner := _model_in(argument))), None)


@dataclass(frozen=True)
class Matching:
    """Text that matches a pattern from end to end; editors get the same pattern from the JSON Schema."""

    pattern: str
    allowed: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^({self.pattern})$"}

    def _check(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f"use {self.allowed}")
        return value


def _host(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        pass
    if not re.fullmatch(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", value):
        raise ValueError("use a DNS name in lower case or an IP address, without scheme or port")
    return value


_CPU = r"(?!0+m?$)[0-9]{1,6}m?"
_MEMORY = r"(?!0)[0-9]{1,9}(Ki|Mi|Gi|Ti)"

Word = Annotated[str, Matching(r"[a-z][a-z0-9]*", "lower-case letters and digits, beginning with a letter")]
EnvironmentName = Annotated[
    str, Matching(r"[a-z][a-z0-9]*(-[0-9]+)?", "a lower-case word, or one with a number: dev, pr-7")
]
DNS_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
Name = Annotated[str, Matching(DNS_LABEL, "a DNS label: letters, digits and hyphens")]
Host = Annotated[str, AfterValidator(_host)]
LAST_PORT = 65535
Port = Annotated[int, Field(ge=1, le=LAST_PORT)]
Cpu = Annotated[str, Matching(_CPU, 'processor time such as "500m" or "2"')]
Memory = Annotated[str, Matching(_MEMORY, 'bytes such as "256Mi" or "1Gi"')]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


Duration = Annotated[
    str,
    Matching(r"(?=.*[1-9])([0-9]{1,6}[smhd])+", 'a time longer than zero such as "90s", "15m", "1h30m" or "2d"'),
]


def checked(kind: Any, value: object, what: str, otherwise: str = "") -> str:
    """`value` as one of the kinds of text that stack files know as well, such as a `Duration`.

    Args:
        kind: the type, `str` with what it must be.
        value: what was given.
        what: what the error calls it.
        otherwise: what else would do, for the error.

    Raises:
        InputError: it is none; the value, and what is allowed.
    """
    try:
        return _adapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        fault = error.errors()[0]
        context: dict[str, Any] = fault.get("ctx", {})
        form = next((one for one in get_args(kind) if isinstance(one, Matching)), None)
        said = context.get("error") or _allowed(fault["type"], context, fault["msg"])
        allowed = f"use {form.allowed}" if form else said
        raise InputError(f"{what} is {value!r}; {allowed}{otherwise}") from None


@cache
def _adapter(kind: Any) -> TypeAdapter[str]:
    return TypeAdapter(kind)


def parse_seconds(what: str, duration: object, otherwise: str = "") -> int:
    """A time such as `90s` or `1h30m`, in seconds.

    Raises:
        InputError: it is none, or as long as nothing.
    """
    return seconds(checked(Duration, duration, what, otherwise))


def refuse_port(port: object, otherwise: str = "") -> None:
    """Refuse what is no TCP port.

    Args:
        port: what was given.
        otherwise: what else would do, for the error.
    """
    if type(port) is not int or not 1 <= port <= LAST_PORT:
        raise InputError(f"port is {port!r}; use 1 to {LAST_PORT}{otherwise}")


def require_label(what: str, value: object) -> None:
    """Refuse what can be no name of a Kubernetes object."""
    if not isinstance(value, str) or not re.fullmatch(DNS_LABEL, value):
        raise InputError(f"{what} is {value!r}; use a DNS label: lower-case letters, digits and hyphens")


def seconds(duration: str) -> int:
    """The length of a `Duration` in seconds."""
    return sum(int(count) * _SECONDS[unit] for count, unit in re.findall(r"([0-9]+)([smhd])", duration))


def quantity(value: str) -> float:
    """A `Cpu` or `Memory` as a number, in cores or bytes."""
    units = {"m": 0.001, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
    number, unit = cast("re.Match[str]", re.fullmatch(r"([0-9]+)([A-Za-z]*)", value)).groups()
    return int(number) * units.get(unit, 1)
