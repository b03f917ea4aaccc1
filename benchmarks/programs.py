"""The programs that are measured, each in a folder of its own, on the sandbox's state."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks import plain
from benchmarks.measuring import CommandFailed
from sandbox.layout import checkout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROJECT = """\
name: {name}
runtime: {{name: python, options: {{virtualenv: .venv}}}}
config:
  pulumi:disable-default-providers: {{value: ["*"]}}
"""
EMPTY = '"""An empty Pulumi program."""\n\nimport pulumi  # noqa: F401\n'
STACK = """\
config:
  bulkhead:kind: ephemeral
  bulkhead:platform: keybuzz
  bulkhead:images: {images}
  bulkhead:quota: {{cpu: "999", memory: 999Gi, pods: 1000}}
"""
GROWING = '''"""A growing number of applications in one namespace."""

from components import (
    AppDeployment, AppDeploymentArgs, Namespace, NamespaceArgs, Probes, Settings, connect,
)

APPS = tuple(f"app{{number}}" for number in range({count}))
settings = Settings.load(apps=APPS)
platform = connect(settings)
shared = NamespaceArgs(environment=settings.environment, quota=settings.quota)
namespace = Namespace("all", shared, platform)
for name in APPS:
    args = AppDeploymentArgs(
        environment=settings.environment, namespace=namespace, workload=settings.workload(name),
        port=3000, probes=Probes(),
    )
    AppDeployment(name, args, platform)
'''


class Program:
    """A Pulumi project with one stack."""

    def __init__(self, folder: Path, name: str, stack: str, source: str, variables: Mapping[str, str]) -> None:
        self.folder, self.name, self.stack, self.variables = folder / name, name, stack, variables
        self.folder.mkdir(parents=True)
        (self.folder / "Pulumi.yaml").write_text(PROJECT.format(name=name))
        (self.folder / "__main__.py").write_text(source)
        for linked in (".venv", "components", "platforms"):
            (self.folder / linked).symlink_to(checkout() / linked)

    @classmethod
    def of(cls, program: Program, stack: str) -> Program:
        """Another stack of the same project."""
        other = cls.__new__(cls)
        other.folder, other.name, other.stack = program.folder, program.name, stack
        other.variables = program.variables
        return other

    def configure(self, text: str) -> None:
        """Write the stack's file and make the stack."""
        file = self.folder / f"Pulumi.{self.stack}.yaml"
        file.write_text(text)
        self.pulumi("stack", "init", self.stack)

    def words(self, *words: str) -> tuple[str, ...]:
        """The command line of `pulumi WORDS` for this stack."""
        return ("pulumi", "--non-interactive", *words, "--stack", self.stack)

    def pulumi(self, *words: str) -> str:
        """Run `pulumi WORDS` in the program's folder; what it printed."""
        done = subprocess.run(
            ("pulumi", "--non-interactive", *words),
            cwd=self.folder,
            env=dict(self.variables),
            check=False,
            text=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            raise CommandFailed(f"pulumi {' '.join(words)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout

    def exported(self, *words: str) -> dict[str, Any]:
        """What `pulumi stack export` prints."""
        return json.loads(self.pulumi("stack", "export", "--stack", self.stack, *words))

    def configuration(self) -> str:
        """The configuration as the engine hands it to the program, in PULUMI_CONFIG."""
        listed: dict[str, dict[str, Any]] = json.loads(self.pulumi("config", "--json", "--stack", self.stack))
        return json.dumps({key: entry.get("value", "") for key, entry in listed.items()})


def system(folder: Path, name: str, stacks: tuple[str, ...], variables: Mapping[str, str]) -> list[Program]:
    """One of the systems of this repository, a program for each stack: `dev` and `prod`, or an ephemeral one.

    Args:
        folder: where the project's copy goes.
        name: the project's.
        stacks: a name that has no stack file gets DEV's values.
        variables: the sandbox's.
    """
    home = checkout() if name == "keybuzz" else checkout() / "examples" / name
    program = Program(folder, name, stacks[0], (home / "__main__.py").read_text(), variables)
    (program.folder / "platforms").unlink()
    for linked in ("platforms", "database"):
        if (home / linked).is_dir():
            (program.folder / linked).symlink_to(home / linked)
    made = [Program.of(program, stack) for stack in stacks]
    for one in made:
        file = home / f"Pulumi.{one.stack}.yaml"
        dev = (home / "Pulumi.dev.yaml").read_text()
        kind = dev.replace("bulkhead:kind: development", "bulkhead:kind: ephemeral")
        one.configure(file.read_text() if file.is_file() else kind)
        _expected(name, one.stack, variables)
    return made


def _expected(name: str, stack: str, variables: Mapping[str, str]) -> None:
    """What a person puts into Vault before TwinMe's first update."""
    if name != "twinme":
        return
    hvac: Any = import_module("hvac")  # it has no types
    vault = hvac.Client(url=variables["VAULT_ADDR"], token=variables["VAULT_TOKEN"])
    keys = {"openai-api-key": "measured", "anthropic-api-key": "measured"}
    vault.secrets.kv.v2.create_or_update_secret(f"twinme/{stack}/app_app", keys)


def plainly(folder: Path, stack: str, source: Program) -> Program:
    """The plain program of the same resources, in an environment of its own."""
    text = plain.write(source.exported("--show-secrets"), source.stack, stack)
    program = Program(folder, f"plain-{source.name}", stack, text, source.variables)
    _expected(source.name, stack, source.variables)
    program.configure("config: {}\n")
    return program


def empty(folder: Path, variables: Mapping[str, str]) -> Program:
    """The empty program."""
    program = Program(folder, "empty", "empty", EMPTY, variables)
    program.configure("config: {}\n")
    return program


def growing(folder: Path, count: int, variables: Mapping[str, str]) -> Program:
    """A program with `count` applications."""
    program = Program(folder, f"growing{count}", "grow", GROWING.format(count=count), variables)
    images = {f"app{number}": "ghcr.io/keybuzzio/keybuzz-api:v1" for number in range(count)}
    program.configure(STACK.format(images=json.dumps(images)))
    return program


def remove(program: Program) -> None:
    """Destroy what the program made, and forget it."""
    program.pulumi("destroy", "--yes", "--skip-preview", "--stack", program.stack)
    program.pulumi("stack", "rm", "--yes", program.stack)
    shutil.rmtree(program.folder)
