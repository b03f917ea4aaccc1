"""Empty state: where a stack can be previewed that has a file and was never initialised.

A pull request that adds an environment adds its stack file; `pulumi preview` refuses such a stack. Here it is
initialised in a back end of its own, in a temporary folder, with a copy of its file: neither the checkout nor the
back end that people use is touched, and all that the stack would be is there to be reviewed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bulkhead.engine import Workspace
from bulkhead.stacks import PROJECT

if TYPE_CHECKING:
    from collections.abc import Generator

    from pulumi.automation import PulumiCommand

WARNING = "it was never initialised: previewed is all that it would be, against an empty state"
_SECRETS = "PULUMI_CONFIG_PASSPHRASE"


@dataclass(frozen=True)
class Place:
    """Where a stack stands for its preview.

    Args:
        variables: by which the engine finds the back end.
        config_file: the stack's file there.
    """

    variables: dict[str, str]
    config_file: str


@contextmanager
def empty(folder: Path, stack: str, command: PulumiCommand) -> Generator[Place]:
    """Initialise a stack in a back end that is gone afterwards.

    Args:
        folder: where `Pulumi.yaml` is.
        stack: the stack's name.
        command: the engine's command.

    Raises:
        automation.CommandError: the engine refuses, as where the file's secrets need another passphrase.
    """
    with tempfile.TemporaryDirectory(prefix="bulkhead-empty-") as temporary:
        copy, state = Path(temporary) / "program", Path(temporary) / "state"
        copy.mkdir()
        state.mkdir()
        file = f"Pulumi.{stack}.yaml"
        for name in (PROJECT, file):
            shutil.copyfile(folder / name, copy / name)
        said: dict[str, Any] = yaml.safe_load((copy / file).read_text(encoding="utf-8")) or {}
        variables = {"PULUMI_BACKEND_URL": state.as_uri()}
        if not {_SECRETS, f"{_SECRETS}_FILE"} & os.environ.keys():
            variables[_SECRETS] = ""  # a service keeps the secrets of the others; here is nothing to be kept
        workspace = Workspace(
            pulumi_command=command,
            work_dir=str(copy),
            env_vars=variables,
            secrets_provider=said.get("secretsprovider"),
        )
        workspace.create_stack(stack)
        yield Place(variables, str(copy / file))
