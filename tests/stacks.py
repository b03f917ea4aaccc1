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
from components.identity import Identity
from components.platform import load_platform
from tests.recording import Recording, record

ROOT = Path(__file__).resolve().parent.parent

PREVIEW_OF_A_PULL_REQUEST = "pr-7"

FOUND = preflight.Found(
    identity=Identity(kubernetes="a-cluster", vault="a-vault", postgresql="a-system"), max_connections=200
)
"""What servers say that are ready and have nothing to adopt."""


def configuration(name: str, folder: Path = ROOT) -> dict[str, Any]:
    """What a stack file has under `config`; a pull request's is dev's with another kind."""
    source = "dev" if name == PREVIEW_OF_A_PULL_REQUEST else name
    text = (folder / f"Pulumi.{source}.yaml").read_text(encoding="utf-8")
    config: dict[str, Any] = yaml.safe_load(text)["config"]
    if name == PREVIEW_OF_A_PULL_REQUEST:
        config["bulkhead:kind"] = "ephemeral"
    return config


def engine_environment(config: Mapping[str, Any], secret: tuple[str, ...] = ()) -> dict[str, str]:
    """The environment variables by which the engine gives a program its configuration."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    texts["pulumi:disable-default-providers"] = '["*"]'
    return {"PULUMI_CONFIG": json.dumps(texts), "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(secret))}


def run_program(
    name: str, config: Mapping[str, Any] | None = None, *, preview: bool = False, folder: Path = ROOT
) -> Recording:
    """Run a project's `__main__.py` as one of its stacks, without a look at any server."""
    variables = engine_environment(configuration(name, folder) if config is None else config)
    return run_file(folder / "__main__.py", name, variables, folder=folder, preview=preview)


def run_file(
    program: Path, stack: str, variables: Mapping[str, str], *, folder: Path = ROOT, preview: bool = False
) -> Recording:
    """Run a program as a stack of the project in `folder`, without a look at any server."""
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text(encoding="utf-8"))["name"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        forget_surroundings(patch)
        for key, value in variables.items():
            patch.setenv(key, value)
        patch.setattr(preflight, "check", lambda _asked: FOUND)
        patch.setattr(preflight, "refuse_foreign_namespaces", lambda *_: None)
        return record(lambda: runpy.run_path(str(program)), project=project, stack_name=stack, preview=preview)


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
