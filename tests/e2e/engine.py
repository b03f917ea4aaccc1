"""The real Pulumi command on a copy of the project, as a user runs it."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAM = (
    "Pulumi.yaml",
    "Pulumi.dev.yaml",
    "Pulumi.prod.yaml",
    "__main__.py",
    "platforms",
    "components",
    "database",
)
SECONDS = 300
"""The longest that one command may take before the test fails."""


@dataclass(frozen=True)
class Step:
    """What a preview would do with one resource."""

    name: str
    type: str
    operation: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and all that it said."""

    status: int
    output: str


@dataclass
class Project:
    """A copy of the KeyBuzz program in a folder of its own, on the sandbox's state."""

    folder: Path
    environment: Mapping[str, str]
    said: list[str] = field(default_factory=list)

    @classmethod
    def copy(cls, folder: Path, environment: Mapping[str, str]) -> "Project":
        for name in PROGRAM:
            source = CHECKOUT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / name)
        (folder / ".venv").symlink_to(CHECKOUT / ".venv")
        return cls(folder, {**os.environ, **environment})

    def pulumi(self, *words: str, check: bool = True, **variables: str) -> Outcome:
        """Run `pulumi WORDS`; its output, both streams together, is remembered in `said`."""
        done = self._run(words, variables, stderr=subprocess.STDOUT)
        self.said.append(done.stdout)
        assert not check or done.returncode == 0, f"pulumi {' '.join(words)}\n{done.stdout[-6000:]}"
        return Outcome(done.returncode, done.stdout)

    def init(self, stack: str) -> None:
        """`pulumi stack init`; the stack's file keeps what it said before."""
        if stack not in self.stacks():
            self.pulumi("stack", "init", stack, "--no-select")

    def branch(self, stack: str, **settings: Any) -> None:
        """Make an ephemeral environment as a person does: DEV's file with other names, and `pulumi stack init`."""
        file = self.folder / "Pulumi.dev.yaml"
        text = file.read_text(encoding="utf-8").replace("bulkhead:kind: development", "bulkhead:kind: ephemeral")
        more = "".join(f"  bulkhead:{key}: {json.dumps(value)}\n" for key, value in settings.items())
        text = text.replace("config:\n", f"config:\n{more}", 1)
        file.with_name(f"Pulumi.{stack}.yaml").write_text(text, encoding="utf-8")
        self.init(stack)

    def remove(self, stack: str) -> None:
        """Destroy what a stack still has, and forget it."""
        if stack in self.stacks():
            self.destroy(stack, check=False)
            self.pulumi("stack", "rm", "--yes", "--stack", stack)

    def stacks(self) -> set[str]:
        listed = self._json("stack", "ls", "--json")
        return {entry["name"] for entry in listed}

    def up(self, stack: str, *words: str, check: bool = True) -> Outcome:
        return self.pulumi("up", "--yes", "--skip-preview", "--stack", stack, *words, check=check)

    def destroy(self, stack: str, *words: str, check: bool = True) -> Outcome:
        return self.pulumi("destroy", "--yes", "--skip-preview", "--stack", stack, *words, check=check)

    def changes(self, stack: str, *words: str) -> list[Step]:
        """What `pulumi preview` would do, without the resources that stay the same."""
        preview = self._json("preview", "--json", "--stack", stack, *words)
        return [
            Step(
                name=step["urn"].rsplit("::", 1)[1],
                type=step["urn"].rsplit("::", 2)[1].rsplit("$", 1)[-1],
                operation=step["op"],
                fields=tuple(sorted(step.get("detailedDiff") or {})),
            )
            for step in preview["steps"]
            if step["op"] not in ("same", "refresh", "read")
        ]

    def state(self, stack: str) -> dict[str, Any]:
        """The stack's state as it is stored, secrets encrypted."""
        return self._json("stack", "export", "--stack", stack)

    def resources(self, stack: str) -> dict[str, str]:
        """The ids of all that the stack's state has, by URN."""
        found = self.state(stack)["deployment"].get("resources") or []
        return {entry["urn"]: entry.get("id", "") for entry in found}

    def _json(self, *words: str) -> Any:
        done = self._run(words, {}, stderr=subprocess.PIPE)
        self.said.extend((done.stdout, done.stderr))
        assert done.returncode == 0, f"pulumi {' '.join(words)}\n{done.stderr[-3000:]}\n{done.stdout[-3000:]}"
        return json.loads(done.stdout)

    def _run(
        self, words: tuple[str, ...], variables: Mapping[str, str], *, stderr: int
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pulumi", "--non-interactive", *words],
            cwd=self.folder,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            timeout=SECONDS,
            check=False,
        )
