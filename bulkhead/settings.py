"""`bulkhead settings`: what stack files and platform files may say.

The JSON Schemas come from the types that read the files, so an editor completes and refuses what the program
would.
"""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - typer reads it from the annotation
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from components.validation import Model

app = typer.Typer(no_args_is_help=True, help="What stack files and platform files may say.")

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@app.callback()
def settings() -> None:
    """What stack files and platform files may say."""


@app.command()
def schema(
    output: Annotated[Path | None, typer.Option(help="Write to this file instead of printing.")] = None,
    platform: Annotated[
        bool, typer.Option("--platform", help="Of platforms/<name>.yaml instead of Pulumi.<stack>.yaml.")
    ] = False,
) -> None:
    """Print the JSON Schema of a stack file, or of a platform file.

    Exit codes: 0 printed or written, 2 wrong usage.
    """
    text = json.dumps(platform_schema() if platform else stack_schema(), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        print(text, end="")
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{output} cannot be written: {error.strerror}", param_hint="--output") from error


def stack_schema() -> dict[str, Any]:
    """The JSON Schema of `Pulumi.<stack>.yaml`: our keys by their full names, and Pulumi's own."""
    from components.settings import NAMESPACE, Stack  # noqa: PLC0415 - help must not wait for it

    generated = _generated(Stack)
    config = {
        "type": "object",
        "description": generated["description"],
        "properties": {f"{NAMESPACE}:{key}": value for key, value in generated["properties"].items()},
        "patternProperties": {"^pulumi:": {"description": "Pulumi's own settings"}},
        "required": [f"{NAMESPACE}:{key}" for key in generated["required"]],
        "additionalProperties": False,
    }
    return {
        "$schema": _DIALECT,
        "title": "Pulumi.<stack>.yaml",
        "type": "object",
        "properties": {
            "config": config,
            "encryptionsalt": {"type": "string", "description": "what a passphrase's key is made with"},
            "encryptedkey": {"type": "string", "description": "the key of a cloud's secrets provider"},
            "secretsprovider": {"type": "string", "description": "what encrypts this stack's secrets"},
        },
        "required": ["config"],
        "additionalProperties": False,
        "$defs": generated["$defs"],
    }


def platform_schema() -> dict[str, Any]:
    """The JSON Schema of `platforms/<name>.yaml`."""
    from components.platform import Platform  # noqa: PLC0415 - help must not wait for it

    return {"$schema": _DIALECT, **_generated(Platform), "title": "platforms/<name>.yaml"}


def _generated(model: type[Model]) -> dict[str, Any]:
    """A model's schema without pydantic's titles, which repeat the keys, and with every mapping closed."""
    return cast("dict[str, Any]", _tidy(model.model_json_schema(by_alias=True)))


def _tidy(node: object, *, names: bool = False) -> object:
    """A tidy schema; `names`: the keys of this node are a user's own, of which one may be called title."""
    if isinstance(node, list):
        return [_tidy(inner) for inner in cast("list[object]", node)]
    if not isinstance(node, dict):
        return node
    tidy = {
        key: _tidy(value, names=not names and key in ("properties", "$defs", "patternProperties"))
        for key, value in cast("dict[str, object]", node).items()
        if names or key != "title"
    }
    return {**tidy, "additionalProperties": False} if "patternProperties" in tidy and not names else tidy
