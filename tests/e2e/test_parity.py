"""`bulkhead parity` on the real programs, and what it compares against what the engine has recorded."""

import json
import subprocess
import sys
from typing import Any

import pytest

from bulkhead.parity import running, values
from bulkhead.stacks import StackReference
from tests.e2e.engine import CHECKOUT, Project


def parity(*words: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "bulkhead.cli", "parity", *words, "--json"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("folder", ["", "examples/twinme:", "examples/ansible-builder:"])
def test_between_dev_and_prod_nothing_is_unexplained(folder: str) -> None:
    status, said = parity(f"{folder}dev", f"{folder}prod")
    assert said["unexplained"] == []
    assert status == 0
    assert said["explained"], "DEV and PROD are not the same"
    assert all(one["keys"] for one in said["explained"])


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_what_is_compared_is_what_the_engine_has_recorded(applied: Project, stack: str) -> None:
    one = values.read(StackReference(CHECKOUT, stack))
    ran = running.run(
        running.Run(folder=one.folder, project=one.project, name=stack, values=one.given(stack, one.values))
    )
    assert ran.graph is not None
    engines = {"::".join(urn.split("::")[2:]) for urn in applied.resources(stack)}
    of_the_engine = {"pulumi:providers:pulumi::default", f"pulumi:pulumi:Stack::{one.project}-{stack}"}
    assert ran.graph.resources == engines - of_the_engine
