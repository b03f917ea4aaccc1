"""A plain Pulumi program that declares what a system declares, without our components.

It is written from a stack's recorded state: each resource by the provider package's own typed class, in the order
of registration, with the same inputs, options and dependencies, as somebody would who knows Pulumi and not us.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MODULES = {
    "kubernetes": "k8s",
    "vault": "vault",
    "postgresql": "postgresql",
    "random": "random",
}
_CUSTOM = "k8s.apiextensions.CustomResource"
_HEAD = '''"""The same resources as a system's, declared plainly."""

import pulumi
import pulumi_kubernetes as k8s
import pulumi_postgresql as postgresql
import pulumi_random as random
import pulumi_vault as vault

made = {}


def options(provider, after, **more):
    return pulumi.ResourceOptions(provider=made[provider], depends_on=[made[name] for name in after], **more)

'''


def write(state: Mapping[str, Any], old: str, new: str) -> str:
    """The source of the plain program.

    Args:
        state: a stack's exported state, secrets in the clear.
        old: the environment that it is of.
        new: the environment that the plain program makes; every physical name has it in the old one's place.
    """
    resources = [one for one in state["deployment"]["resources"] if one.get("custom") and not _is_engines(one)]
    passwords = {
        resource["outputs"]["result"]["plaintext"].strip('"'): _name(resource)
        for resource in resources
        if resource["type"] == "random:index/randomPassword:RandomPassword"
    }
    names = {_name(resource) for resource in resources}
    lines = [_statement(resource, names, passwords, old, new) for resource in resources]
    return _HEAD + "\n".join(lines) + "\n"


def _is_engines(resource: Mapping[str, Any]) -> bool:
    """Whether the engine itself keeps it: the stack, and what the stack remembers."""
    kind: str = resource["type"]
    return kind == "pulumi:providers:pulumi" or (
        kind.startswith("pulumi:") and not kind.startswith("pulumi:providers:")
    )


def _statement(
    resource: Mapping[str, Any], known: set[str], passwords: Mapping[str, str], old: str, new: str
) -> str:
    kind: str = resource["type"]
    given = cast("dict[str, Any]", resource.get("inputs") or {})
    inputs = {key: value for key, value in given.items() if not key.startswith("__")}
    if kind.startswith("pulumi:providers:"):
        inputs.pop("version", None)
        arguments = _arguments({key: _decoded(value) for key, value in inputs.items()}, passwords, old, new)
        module = _MODULES[kind.rsplit(":", 1)[1]]
        return f"made[{_name(resource)!r}] = {module}.Provider({_name(resource)!r}{arguments})"
    names = {dependency.rsplit("::", 1)[1] for dependency in resource.get("dependencies", [])} & known
    provider = resource["provider"].rsplit("::", 2)[1]
    options = f"opts=options({provider!r}, {sorted(names)!r}{_more(resource)})"
    made_by = _class(kind)
    if kind.startswith("kubernetes:") and made_by != _CUSTOM:
        for implied in ("apiVersion", "kind"):  # a typed class knows its own
            inputs.pop(implied, None)
    arguments = _arguments(inputs, passwords, old, new)
    return f"made[{_name(resource)!r}] = {made_by}({_name(resource)!r}{arguments}, {options})"


def _more(resource: Mapping[str, Any]) -> str:
    """Options that a careful author gives as well."""
    ignored, with_it = resource.get("ignoreChanges"), str(resource.get("deletedWith", "")).rpartition("::")[2]
    more = f", ignore_changes={ignored!r}" if ignored else ""
    return more + (f", deleted_with=made[{with_it!r}]" if with_it else "")


def _class(kind: str) -> str:
    package, module, name = kind.split(":")
    if package == "kubernetes":
        group, version = module.split("/")
        known = {"networking.k8s.io": "networking", "rbac.authorization.k8s.io": "rbac"}
        if "." in group and group not in known:
            return _CUSTOM
        return f"k8s.{known.get(group, group)}.{version}.{name}"
    folder = module.split("/")[0]
    return f"{_MODULES[package]}.{name}" if folder == "index" else f"{_MODULES[package]}.{folder}.{name}"


def _arguments(inputs: Mapping[str, Any], passwords: Mapping[str, str], old: str, new: str) -> str:
    return "".join(f", {_snake(key)}={_value(value, passwords, old, new)}" for key, value in inputs.items())


def _value(value: Any, passwords: Mapping[str, str], old: str, new: str) -> str:
    """A value as Python source; a password as a reference to the resource that made it."""

    def inner(part: Any) -> str:
        return _value(part, passwords, old, new)

    match value:
        case {"plaintext": str(text)}:
            return _secret(json.loads(text), passwords, inner)
        case dict():
            items = cast("dict[str, Any]", value).items()
            return "{" + ", ".join(f"{key!r}: {inner(part)}" for key, part in items) + "}"
        case list():
            return "[" + ", ".join(inner(part) for part in cast("list[Any]", value)) + "]"
        case str() if value in passwords:
            return f"made[{passwords[value]!r}].result"
        case str():
            return repr(re.sub(rf"(?<![a-z0-9]){re.escape(old)}(?![a-z0-9])", new, value))
        case _:
            return repr(value)


def _secret(known: Any, passwords: Mapping[str, str], inner: Callable[[Any], str]) -> str:
    """A secret input: a password, JSON that has some in it, or what was made of one, as it is."""
    if known in passwords:
        return f"made[{passwords[known]!r}].result"
    try:
        parts = cast("dict[str, Any]", json.loads(known))
    except ValueError:
        return f"pulumi.Output.secret({known!r})"
    if not isinstance(parts, dict):  # pyright: ignore[reportUnnecessaryIsInstance] - JSON may be anything
        return f"pulumi.Output.secret({known!r})"
    pairs = ", ".join(f"{key!r}: {inner(text)}" for key, text in parts.items())
    return f"pulumi.Output.secret(pulumi.Output.json_dumps({{{pairs}}}))"


def _decoded(value: Any) -> Any:
    """A provider's input: numbers and truth are kept as JSON text."""
    if isinstance(value, str) and re.fullmatch(r"true|false|[0-9]+", value):
        return json.loads(value)
    return value


def _name(resource: Mapping[str, Any]) -> str:
    return str(resource["urn"].rsplit("::", 1)[1])


def _snake(key: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower()
