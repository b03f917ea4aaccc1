"""What the official plugins were seen to do, and the form in which a run of today can be compared with it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SECRET = {"<secret>": True}
SECRET_SIGNATURE = ("4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270")
"""How Pulumi's state marks an encrypted value."""
VOLATILE = frozenset(
    {"creationTimestamp", "managedFields", "resourceVersion", "uid", "used"}
    | {"lastTransitionTime", "lastUpdateTime", "created_time", "clusterIP", "clusterIPs"}
)
"""Keys whose values differ from one run to the next, with the official plugins too."""
AWAITED = frozenset({"Deployment", "Namespace", "ResourceQuota"})
"""Kinds whose status is complete when they count as created; others hold what controllers got round to."""


def official_state() -> dict[str, Any]:
    """Each resource after `up`, by name."""
    records = json.loads((HERE / "official-state.json").read_text(encoding="utf-8"))
    return {record["name"]: record for record in records}


def official_changes() -> dict[str, list[dict[str, Any]]]:
    """The steps of the preview of each variant."""
    return json.loads((HERE / "change-matrix.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Difference:
    """A known difference between what the tests see and what was recorded."""

    path: str
    reason: str
    since: str
    cause: str = "plugin"
    """Whose doing it is: the sandbox's plugin, or a server that is set up otherwise than the recorded one."""


def known_differences() -> list[Difference]:
    """What differs on purpose: where (a pattern of paths), why, since when."""
    return [Difference(**one) for one in json.loads((HERE / "differences.json").read_text(encoding="utf-8"))]


def resource(exported: Mapping[str, Any], replacements: Mapping[str, str]) -> dict[str, Any]:
    """A resource of an exported state, in the form of official-state.json."""
    kind = exported.get("outputs", {}).get("kind")
    outputs = dict(exported.get("outputs", {}))
    if kind is not None and kind not in AWAITED:
        outputs.pop("status", None)
    return {
        "type": exported["type"],
        "id": _value(exported["id"], replacements),
        "inputs": _value(exported.get("inputs", {}), replacements),
        "outputs": _value(outputs, replacements),
        "additionalSecretOutputs": sorted(exported.get("additionalSecretOutputs") or []),
    }


def _value(value: Any, replacements: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        if SECRET_SIGNATURE[0] in value:
            return SECRET
        return {
            key: _value(item, replacements)
            for key, item in value.items()
            if key not in VOLATILE and (key == "__inputs" or not key.startswith("__"))
        }
    if isinstance(value, list):
        return [_value(item, replacements) for item in value]
    if isinstance(value, str):
        return _text(value, replacements)
    return value


def _text(text: str, replacements: Mapping[str, str]) -> str:
    for found, mark in replacements.items():
        text = text.replace(found, mark)
    if text.startswith("-----BEGIN"):
        return "<pem>"
    # Generated parts: accessors of mounts, names, ReplicaSets, providers' ids.
    text = re.sub(r"^([a-z_]+)_[0-9a-f]{8}$", r"\1_<generated>", text)
    text = re.sub(r"(config-map-auto)-[0-9a-f]{8}", r"\1-<generated>", text)
    text = re.sub(r'"api-[0-9a-z]{8,10}"', '"api-<generated>"', text)
    return re.sub(r"^[0-9a-f]{8}-[0-9a-f-]{27}$", "<uuid>", text)


def differences(path: str, found: Any, recorded: Any) -> list[str]:
    """Where two values differ, and how."""
    if isinstance(found, dict) and isinstance(recorded, dict):
        lists = [
            differences(f"{path}.{key}", found.get(key, "(absent)"), recorded.get(key, "(absent)"))
            for key in sorted(found.keys() | recorded.keys())
        ]
        return [one for several in lists for one in several]
    if isinstance(found, list) and isinstance(recorded, list) and len(found) == len(recorded):
        lists = [differences(f"{path}[{i}]", *pair) for i, pair in enumerate(zip(found, recorded, strict=True))]
        return [one for several in lists for one in several]
    if found == recorded:
        return []
    return [f"{path}: {json.dumps(found)}, officially {json.dumps(recorded)}"]


def steps(preview: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A preview's steps that change something, in the form of change-matrix.json, in an order of their own."""
    result: list[dict[str, Any]] = []
    for step in preview["steps"]:
        if step["op"] in ("same", "refresh", "read"):
            continue
        *_, token, name = step["urn"].split("::")
        entry: dict[str, Any] = {"name": name, "op": step["op"], "type": token.rsplit("$", 1)[-1]}
        for key in ("diffReasons", "replaceReasons"):
            if step.get(key):
                entry[key] = sorted(step[key])
        if step.get("detailedDiff"):
            entry["detailedDiff"] = {path: one["kind"] for path, one in step["detailedDiff"].items()}
        result.append(entry)
    return in_order(result)


def in_order(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Steps by name: the engine's own order depends on which answer came first."""
    return sorted(entries, key=lambda entry: (entry["name"], entry["op"]))
