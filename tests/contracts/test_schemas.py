"""The JSON Schemas by which editors complete stack files and platform files."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from bulkhead import settings
from bulkhead.cli import app
from tests.stacks import ROOT

FILES = {"stack.schema.json": settings.stack_schema, "platform.schema.json": settings.platform_schema}


@pytest.mark.parametrize("file", FILES)
def test_the_committed_schema_is_what_the_types_say(file: str) -> None:
    committed = json.loads((ROOT / "schemas" / file).read_text(encoding="utf-8"))
    option = " --platform" if file.startswith("platform") else ""
    assert committed == FILES[file](), f"run: bulkhead settings schema{option} --output schemas/{file}"


@pytest.mark.parametrize(
    ("arguments", "file"), [([], "stack.schema.json"), (["--platform"], "platform.schema.json")]
)
def test_the_command_prints_and_writes_the_same_schema(arguments: list[str], file: str, tmp_path: Any) -> None:
    committed = (ROOT / "schemas" / file).read_text(encoding="utf-8")
    printed = CliRunner().invoke(app, ["settings", "schema", *arguments])
    assert (printed.exit_code, printed.output) == (0, committed)
    written = CliRunner().invoke(
        app, ["settings", "schema", *arguments, "--output", str(tmp_path / "schema.json")]
    )
    assert (written.exit_code, written.output) == (0, "")
    assert (tmp_path / "schema.json").read_text(encoding="utf-8") == committed


def test_a_place_that_cannot_be_written_is_wrong_usage(tmp_path: Any) -> None:
    refused = CliRunner().invoke(
        app, ["settings", "schema", "--output", str(tmp_path / "missing" / "schema.json")]
    )
    assert refused.exit_code == 2
    assert "cannot be written" in refused.output.replace("\n", " ")


def mappings(node: Any) -> list[dict[str, Any]]:
    """Every schema of an object within a schema."""
    if isinstance(node, list):
        return [found for inner in node for found in mappings(inner)]
    if not isinstance(node, dict):
        return []
    own = [node] if node.get("type") == "object" else []
    return own + [found for inner in node.values() for found in mappings(inner)]


@pytest.mark.parametrize("file", FILES)
def test_every_mapping_says_which_keys_it_takes(file: str) -> None:
    found = mappings(FILES[file]())
    assert len(found) > 5
    for mapping in found:
        assert mapping.get("additionalProperties") is not None, mapping


@pytest.mark.parametrize("file", FILES)
def test_every_key_is_described(file: str) -> None:
    for mapping in mappings(FILES[file]()):
        for key, value in mapping.get("properties", {}).items():
            assert key == "config" or value.get("description"), key
