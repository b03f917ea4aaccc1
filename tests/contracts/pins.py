"""Pins: what somebody's databases and stack files depend on, written down to be reviewed.

After a change that is meant: `.venv/bin/python -m tests.contracts.pins`, and read the difference. A URN that goes
away is a resource that the next update deletes; a key that goes away is a stack file that is refused.
"""

import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bulkhead.settings import platform_schema, stack_schema
from tests.stacks import keybuzz

FOLDER = Path(__file__).resolve().parent


def urns() -> dict[str, list[str]]:
    """KeyBuzz's resources by URN without stack and project: those of both stacks, then those of one alone."""
    dev, prod = (
        {made.urn.split("::", 2)[2] for made in keybuzz(stack) if not made.is_provider}
        for stack in ("dev", "prod")
    )
    return {"dev and prod": sorted(dev & prod), "dev": sorted(dev - prod), "prod": sorted(prod - dev)}


def keys() -> dict[str, list[str]]:
    """Every key that stack files and platform files may have; `*` stands for a name that the user chooses."""
    return {
        "Pulumi.<stack>.yaml": sorted(set(_keys(stack_schema()))),
        "platforms/<name>.yaml": sorted(set(_keys(platform_schema()))),
    }


def _keys(schema: Mapping[str, Any]) -> Iterator[str]:
    def walk(node: Mapping[str, Any], path: str) -> Iterator[str]:
        if "$ref" in node:
            yield from walk(schema["$defs"][node["$ref"].rpartition("/")[2]], path)
        for alternative in (*node.get("anyOf", ()), *node.get("oneOf", ())):
            yield from walk(alternative, path)
        children = dict(node.get("properties", {}))
        for pattern, inner in node.get("patternProperties", {}).items():
            if pattern != "^pulumi:":
                children["*"] = inner
        if isinstance(node.get("additionalProperties"), dict):
            children["*"] = node["additionalProperties"]
        for key, inner in children.items():
            name = f"{path}.{key}" if path else key
            yield name
            yield from walk(inner, name)

    return walk(schema, "")


PINS = {"urns.json": urns, "keys.json": keys}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for file, current in PINS.items():
        (FOLDER / file).write_text(json.dumps(current(), indent=1) + "\n", encoding="utf-8")
