"""Kubernetes objects as drift compares them: what counts, what a report may show, what a server accepts; pure."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final, cast

from bulkhead.drift.compare import ABSENT, Delta, Item, Path, fields, spelled
from bulkhead.drift.report import HIDDEN, Difference, say
from bulkhead.state import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Object = dict[str, Any]

_SERVERS_OWN: Final = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
_FREE: Final = frozenset({"data", "stringData", "binaryData"})
"""Fields of free values that a report never shows: what stands there may be a secret."""


def comparable(document: Mapping[str, Any]) -> Object:
    """An object without what the API server keeps of it for itself, and without its status."""
    found = copy.deepcopy(dict(document))
    found.pop("status", None)
    about = cast("Object", found.get("metadata") or {})
    for key in _SERVERS_OWN:
        about.pop(key, None)
    for key in ("labels", "annotations", "finalizers"):
        if not about.get(key):
            about.pop(key, None)  # nothing in it is the same as its not being there
    if found.get("kind") in {"Secret", "ConfigMap"}:
        for key in _FREE:
            if not found.get(key):
                found.pop(key, None)
    return found


def called(document: Mapping[str, Any]) -> str:
    """An object as a report names it: `Deployment conf-dev/api`."""
    about: Mapping[str, Any] = document.get("metadata") or {}
    namespace = f"{about['namespace']}/" if about.get("namespace") else ""
    return f"{document.get('kind')} {namespace}{about.get('name')}"


def shown(delta: Delta, inputs: Mapping[str, Any]) -> Difference:
    """A difference as a report shows it.

    Args:
        delta: the difference.
        inputs: what was declared, a mark in each secret's place.
    """
    hidden = _is_free(delta.path) or _is_secret(inputs, delta.path)
    return Difference(
        path=spelled(delta.path),
        declared=_text(delta.declared, hidden=hidden),
        live=_text(delta.live, hidden=hidden),
    )


def _text(value: Any, *, hidden: bool) -> str | None:
    if value is ABSENT:
        return None
    return HIDDEN if hidden else say(scrubbed(value))


def _is_free(path: Path) -> bool:
    """Whether a path is a free value's: of a Secret, of a ConfigMap, of a variable."""
    return (path[:1] and path[0] in _FREE) or (len(path) > 1 and path[-1] == "value" and "env" in path)  # pyright: ignore[reportReturnType]


def _is_secret(inputs: Mapping[str, Any], path: Path) -> bool:
    """Whether what was declared at a path is a secret, has one in it, or is a part of one."""
    found: Any = inputs
    for step in path:
        if found == SECRET:
            return True
        found = fields(found).get(step) if isinstance(step, str) else _element(found, step)
    return found == SECRET or SECRET in str(found)


def _element(found: Any, step: int | Item) -> Any:
    listed = cast("list[Any]", found) if isinstance(found, list) else []
    if isinstance(step, Item):
        return next((one for one in listed if fields(one).get("name") == step.name), None)
    return listed[step] if step < len(listed) else None


def scrubbed(value: Any, *, within: str = "") -> Any:
    """A value in whose depth no free value can be seen."""
    if isinstance(value, list):
        return [scrubbed(one, within=within) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    mapping = cast("Mapping[str, Any]", value)
    return {
        key: HIDDEN
        if key in _FREE or (key == "value" and within == "env")
        else scrubbed(inner, within=key if key == "env" else within if within == "env" else "")
        for key, inner in mapping.items()
    }


def without_free_values(document: Mapping[str, Any]) -> Object:
    """An object as it may be kept in a file: a Secret without its values."""
    found = copy.deepcopy(dict(document))
    about = cast("Object", found.get("metadata") or {})
    about.pop("managedFields", None)
    if found.get("kind") == "Secret":
        for key in _FREE & found.keys():
            found[key] = dict.fromkeys(cast("Mapping[str, Any]", found[key] or {}), HIDDEN)
        annotations = cast("Object", about.get("annotations") or {})
        annotations.pop("kubectl.kubernetes.io/last-applied-configuration", None)
    return found


def body(inputs: Mapping[str, Any]) -> Object:
    """Inputs as the API server takes them: a Secret's text as data, dashed names with their dashes."""
    found = cast("Object", _dashed(copy.deepcopy(dict(inputs))))
    found.pop("status", None)
    if found.get("kind") == "Secret" and found.get("stringData"):
        import base64  # noqa: PLC0415 - Secrets alone need it

        texts: Mapping[str, str] = found.pop("stringData")
        encoded = {key: base64.b64encode(str(text).encode()).decode() for key, text in texts.items()}
        found["data"] = {**(found.get("data") or {}), **encoded}
    return found


def _dashed(value: Any) -> Any:
    if isinstance(value, list):
        return [_dashed(one) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    mapping = cast("Mapping[str, Any]", value)
    return {
        f"x-kubernetes-{key[13:].replace('_', '-')}" if key.startswith("x_kubernetes_") else key: _dashed(inner)
        for key, inner in mapping.items()
    }


def overlaid(live: Any, declared: Any) -> Any:
    """A live value with what was declared of it in place; what was not declared stays as it is.

    For objects that the API server does not take as they were declared, because it has filled in what can never
    be changed. A list is the declared one; its elements keep what they have besides.
    """
    if isinstance(declared, dict) and isinstance(live, dict):
        one, other = cast("Mapping[str, Any]", live), cast("Mapping[str, Any]", declared)
        return {**one, **{key: overlaid(one.get(key), value) for key, value in other.items()}}
    if isinstance(declared, list) and isinstance(live, list):
        wanted, found = cast("list[Any]", declared), cast("list[Any]", live)
        return [overlaid(_counterpart(found, one, place), one) for place, one in enumerate(wanted)]
    return cast("Any", declared)


def _counterpart(found: list[Any], wanted: Any, place: int) -> Any:
    if (name := fields(wanted).get("name")) is not None:
        return next((one for one in found if fields(one).get("name") == name), None)
    return found[place] if place < len(found) else None


def foreign(live: Mapping[str, Any], declared: Mapping[str, Any], is_ours: frozenset[str]) -> Iterator[Path]:
    """What others wrote into an object's labels, annotations and specification, and nobody declared.

    Args:
        live: the object as it is.
        declared: the object as it was declared.
        is_ours: the field managers that are not others.
    """
    about: Mapping[str, Any] = live.get("metadata") or {}
    listed: list[Mapping[str, Any]] = about.get("managedFields") or []
    for written in listed:
        if written.get("manager") in is_ours or written.get("subresource"):
            continue
        for path in _leaves(written.get("fieldsV1") or {}, ()):
            if _at(declared, path) is ABSENT and _at(live, path) is not ABSENT:
                yield path


def _leaves(fields: Mapping[str, Any], path: Path) -> Iterator[Path]:
    for key, inner in fields.items():
        if not key.startswith("f:"):
            continue  # elements of lists are compared as parts of the declared list
        here = (*path, key[2:])
        if inner and any(one.startswith("f:") for one in inner):
            yield from _leaves(inner, here)
        elif here[0] == "spec" or here[:2] in {("metadata", "labels"), ("metadata", "annotations")}:
            yield here


def _at(document: Any, path: Path) -> Any:
    found = document
    for step in path:
        if not isinstance(found, dict) or step not in found:
            return ABSENT
        found = cast("Mapping[Any, Any]", found)[step]
    return found
