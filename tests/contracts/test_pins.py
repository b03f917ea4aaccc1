"""What a change must not replace or refuse by accident."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contracts.pins import FOLDER, PINS, keys
from tests.stacks import ROOT

UPDATE = "if this is meant: .venv/bin/python -m tests.contracts.pins, and read what it changes"


@pytest.mark.parametrize("file", PINS)
def test_what_stacks_depend_on_is_what_was_reviewed(file: str) -> None:
    pinned = json.loads((FOLDER / file).read_text(encoding="utf-8"))
    current = PINS[file]()
    assert list(current) == list(pinned)
    for part, entries in current.items():
        gone, new = set(pinned[part]) - set(entries), set(entries) - set(pinned[part])
        assert not gone, f"gone from {part}: {sorted(gone)}; {UPDATE}"
        assert not new, f"new in {part}: {sorted(new)}; {UPDATE}"


def used_keys(node: Any, path: str = "") -> set[str]:
    """The keys of a YAML file, by path."""
    if not isinstance(node, dict):
        return set()
    found: set[str] = set()
    for key, inner in node.items():
        name = f"{path}.{key}" if path else str(key)
        found |= {name} | used_keys(inner, name)
    return found


def known(key: str, pattern: str) -> bool:
    return len(key.split(".")) == len(pattern.split(".")) and all(
        allowed in ("*", given) for given, allowed in zip(key.split("."), pattern.split("."), strict=True)
    )


@pytest.mark.parametrize("file", ["Pulumi.dev.yaml", "Pulumi.prod.yaml", "platforms/keybuzz.yaml"])
def test_our_own_files_have_no_key_that_the_schema_lacks(file: str) -> None:
    kind = "Pulumi.<stack>.yaml" if file.startswith("Pulumi") else "platforms/<name>.yaml"
    used = used_keys(yaml.safe_load((ROOT / file).read_text(encoding="utf-8")))
    assert used
    assert not [key for key in used if not any(known(key, pattern) for pattern in keys()[kind])]


@pytest.mark.parametrize("file", ["Pulumi.dev.yaml", "Pulumi.prod.yaml", "platforms/keybuzz.yaml"])
def test_an_editor_finds_the_schema_of_each_file(file: str) -> None:
    first, _, _ = (ROOT / file).read_text(encoding="utf-8").partition("\n")
    place = first.removeprefix("# yaml-language-server: $schema=")
    assert place != first, f"{file} does not begin with the line that editors look for"
    schema = ((ROOT / file).parent / place).resolve()
    assert schema.is_relative_to(Path(ROOT) / "schemas")
    assert schema.is_file()
