"""The annotation pulumi.com/waitFor: what a program wants to see in an object before it counts as ready."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from sandbox.plugins.kubernetes.objects import Object, metadata
from sandbox.plugins.process import PluginError

#: Says what is missing; nothing when the object is ready.
Check: TypeAlias = Callable[[Object], list[str]]

_BRACES: Final = re.compile(r"\{\s*\$?(?P<path>.*?)\s*\}")
_STEP: Final = re.compile(
    r"""\.(?P<name>(?:[^.\[\]\\]|\\.)+)
      | \[\s*(?P<quote>['"])(?P<key>.*?)(?P=quote)\s*\]
      | \[\s*(?P<index>-?\d+)\s*\]
      | \[\s*(?P<all>\*)\s*\]
      | \[\s*\?\s*\(?\s*@\.(?P<field>[\w.-]+)\s*==\s*(?P<mark>['"])(?P<wanted>.*?)(?P=mark)\s*\)?\s*\]""",
    re.VERBOSE,
)


def wait_for(annotation: str) -> Check:
    """What the annotation asks for: one expression, or a JSON list of which all must hold."""
    try:
        parsed = json.loads(annotation)
    except ValueError:
        parsed = annotation
    expressions = cast("list[str]", parsed) if isinstance(parsed, list) else [annotation]
    if not expressions:
        raise PluginError("pulumi.com/waitFor names no condition.")
    checks = [_check(expression) for expression in expressions]
    return lambda item: [reason for check in checks for reason in check(item)]


def condition(item: Object, name: str) -> Object | None:
    """A condition of an object's status by its type, as kubectl finds it: whatever the letters' case."""
    conditions = cast("list[Object]", _status(item).get("conditions") or [])
    return next((one for one in conditions if str(one.get("type", "")).lower() == name.lower()), None)


def is_stale(item: Object, of: Object | None = None) -> bool:
    """Whether a status (or one condition of it) speaks of an earlier generation of the object."""
    generation = metadata(item).get("generation")
    observed = (of or {}).get("observedGeneration", _status(item).get("observedGeneration"))
    return generation is not None and observed is not None and int(observed) < int(generation)


def _status(item: Object) -> Object:
    return cast("Object", item.get("status") or {})


def _check(expression: str) -> Check:
    if expression.startswith("condition="):
        name, _, wanted = expression.removeprefix("condition=").partition("=")
        return lambda item: _condition_missing(item, name, wanted or "True")
    if expression.startswith("jsonpath="):
        return JsonPath.parse(expression.removeprefix("jsonpath=")).missing
    raise PluginError(f'pulumi.com/waitFor must begin with "jsonpath=" or "condition=": {expression!r}')


def _condition_missing(item: Object, name: str, wanted: str) -> list[str]:
    found = condition(item, name)
    if found is None:
        return [f"waiting for condition {name}={wanted}, which is not reported yet"]
    if is_stale(item, found):
        return [f"condition {name} speaks of an earlier generation of the object"]
    if str(found.get("status", "")).lower() == wanted.lower():
        return []
    because = ": ".join(str(found[key]) for key in ("reason", "message") if found.get(key))
    return [f"condition {name} is {found.get('status')}, not {wanted}" + (f" ({because})" if because else "")]


@dataclass(frozen=True)
class JsonPath:
    """A path in braces, and the value that must stand there (any, if none is given)."""

    text: str
    steps: tuple[re.Match[str], ...]
    wanted: str

    @staticmethod
    def parse(expression: str) -> JsonPath:
        """Read `{.path}` or `{.path}=value`."""
        match = _BRACES.match(expression)
        rest = expression[match.end() :] if match else ""
        if match is None or (rest and (not rest.startswith("=") or len(rest) == 1)):
            raise PluginError(f"pulumi.com/waitFor: write {{.path}} or {{.path}}=value, not {expression!r}")
        path = match["path"]
        steps, position = list[re.Match[str]](), 0
        while position < len(path):
            step = _STEP.match(path, position)
            if step is None:
                raise PluginError(f"pulumi.com/waitFor: {path[position:]!r} in {expression!r} is not understood")
            steps.append(step)
            position = step.end()
        return JsonPath(match.group(), tuple(steps), rest[1:])

    def missing(self, item: Object) -> list[str]:
        """What keeps the object from matching."""
        if is_stale(item):
            return ["its status speaks of an earlier generation of the object"]
        found: list[Any] = [item]
        for step in self.steps:
            found = [value for one in found for value in _step(one, step)]
        if not found:
            return [f"waiting for {self.text}, where there is nothing yet"]
        if not self.wanted:
            return []
        value = found[0]
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        return [] if shown == self.wanted else [f"{self.text} is {shown!r}, not {self.wanted!r}"]


def _step(value: Any, step: re.Match[str]) -> list[Any]:
    if isinstance(value, dict):
        fields = cast("Object", value)
        if step["all"]:
            return list(fields.values())
        key = re.sub(r"\\(.)", r"\1", step["name"]) if step["name"] else step["key"]
        return [fields[key]] if key in fields else []
    if isinstance(value, list):
        items = cast("list[Any]", value)
        if step["all"]:
            return items
        if step["index"]:
            index = int(step["index"])
            return items[index:][:1] if -len(items) <= index < len(items) else []
        if step["field"]:
            return [item for item in items if str(_inner(item, step["field"])) == step["wanted"]]
    return []


def _inner(value: Any, path: str) -> Any:
    for key in path.split("."):
        value = cast("Object", value).get(key) if isinstance(value, dict) else None
    return value
