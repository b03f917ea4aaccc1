"""Stacks: the stack and platform files of this repository, handed to a program as the engine hands them over."""

import json
import runpy
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import Platform, preflight
from components.platform import load_platform
from tests.recording import Recording, record

ROOT = Path(__file__).resolve().parent.parent

PREVIEW_OF_A_PULL_REQUEST = "pr-7"


def configuration(name: str) -> dict[str, Any]:
    """What a stack file has under `config`; a pull request's is dev's with another kind."""
    source = "dev" if name == PREVIEW_OF_A_PULL_REQUEST else name
    config: dict[str, Any] = yaml.safe_load((ROOT / f"Pulumi.{source}.yaml").read_text(encoding="utf-8"))["config"]
    if name == PREVIEW_OF_A_PULL_REQUEST:
        config["bulkhead:kind"] = "ephemeral"
    return config


def engine_environment(config: Mapping[str, Any], secret: tuple[str, ...] = ()) -> dict[str, str]:
    """The environment variables by which the engine gives a program its configuration."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    texts["pulumi:disable-default-providers"] = '["*"]'
    return {"PULUMI_CONFIG": json.dumps(texts), "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(secret))}


def run_program(name: str, config: Mapping[str, Any] | None = None, *, preview: bool = False) -> Recording:
    """Run `__main__.py` as one of its stacks, without a look at any server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        forget_surroundings(patch)
        for key, value in engine_environment(configuration(name) if config is None else config).items():
            patch.setenv(key, value)
        patch.setattr(preflight, "check", lambda _platform: None)
        patch.setattr(preflight, "refuse_foreign_namespaces", lambda *_: None)
        return record(lambda: runpy.run_path("__main__.py"), stack_name=name, preview=preview)


def forget_surroundings(patch: pytest.MonkeyPatch) -> None:
    """Take away what a developer's shell may have set and a program would heed."""
    for key in ("BULKHEAD_PLATFORM", "BULKHEAD_SANDBOX", "PULUMI_BACKEND_URL"):
        patch.delenv(key, raising=False)


@cache
def keybuzz(name: str) -> Recording:
    """KeyBuzz's program as one stack; run once a session, since nobody changes a recording."""
    return run_program(name)


@cache
def platform() -> Platform:
    """The platform of KeyBuzz, as its file says."""
    with pytest.MonkeyPatch.context() as patch:
        forget_surroundings(patch)
        return load_platform("keybuzz", ROOT / "platforms")
