"""`bulkhead ephemeral` on a project, as a person or a clean-up job runs it, and killed as an unlucky one is."""

import json
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bulkhead.live import Live
from bulkhead.residue import Left, find
from tests.e2e.engine import CHECKOUT, SECONDS, Outcome, Project
from tests.e2e.servers import Servers
from tests.e2e.waiting import eventually

Killed = Literal["engine", "command", "both"]


@dataclass
class Ephemerals:
    """The environments of one project.

    Args:
        project: the project.
        system: its name.
        servers: administrators' access.
    """

    project: Project
    system: str
    servers: Servers

    def run(self, *words: str, folder: Path | None = None) -> Outcome:
        """`bulkhead ephemeral WORDS`; both streams together."""
        done = subprocess.run(
            self._words(words),
            cwd=folder or self.project.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Outcome(done.returncode, done.stdout)

    def json(self, *words: str) -> tuple[int, Any]:
        """The status of `bulkhead ephemeral WORDS --json`, and what it prints."""
        done = subprocess.run(
            self._words((*words, "--json")),
            cwd=self.project.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def killed(self, *words: str, name: str, when: Any, how: Killed) -> dict[str, Any]:
        """Begin `bulkhead ephemeral WORDS`, and kill -9 it once the state is as wanted; the state then.

        Args:
            words: the command.
            name: the environment that it works on.
            when: told the state's deployment, whether this is the moment.
            how: the engine alone, the command alone, or all of their session.
        """
        command = subprocess.Popen(
            self._words(words),
            cwd=self.project.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            found = eventually(lambda: self._at(name, when), f"the moment to kill {words}", 120)
            if how in ("engine", "both") and (engine := self.engine(name)):
                os.kill(engine, signal.SIGKILL)
            if how == "both":
                os.killpg(command.pid, signal.SIGKILL)
            if how == "command":
                command.kill()
        finally:
            command.wait(timeout=SECONDS)
        assert command.returncode != 0, "it was over before it was killed"
        return found

    def _at(self, name: str, when: Any) -> dict[str, Any] | None:
        """The state's deployment if this is the moment: what it was then, not what it has become since."""
        found = self.deployment(name)
        return found if self.engine(name) and when(found) else None

    def deployment(self, name: str) -> dict[str, Any]:
        """What the back end's own file has of a stack at this moment; empty before it has any."""
        file = self._back_end / "stacks" / self.system / f"{name}.json"
        with suppress(OSError, ValueError):
            return json.loads(file.read_text(encoding="utf-8"))["checkpoint"].get("latest") or {}
        return {}

    def engine(self, name: str) -> int:
        """The process that holds a stack's lock; 0 without one."""
        for file in (self._back_end / "locks" / "organization" / self.system / name).glob("*.json"):
            with suppress(OSError, ValueError):
                return int(json.loads(file.read_text(encoding="utf-8"))["pid"])
        return 0

    def tag(self, name: str, key: str, value: str) -> None:
        """Record something with a stack, as `pulumi` does it."""
        self.run("list")  # which takes away what a killed engine has left half written
        self.project.pulumi("stack", "tag", "set", key, value, "--stack", name)

    def side_file(self, name: str) -> Path:
        """What the back end keeps of the attributes of a stack's state."""
        return self._back_end / "stacks" / self.system / f"{name}.json.attrs"

    def left(self, name: str) -> list[Left]:
        """What the command's own search finds of an environment, as a test asks for it."""
        env = self.servers.environment
        live = Live(
            context="",
            kubeconfig=env["KUBECONFIG"],
            vault=env["VAULT_ADDR"],
            token=env["VAULT_TOKEN"],
            host=env["PGHOST"],
            port=int(env["PGPORT"]),
            sslmode=env["PGSSLMODE"],
            user=env["PGUSER"],
        )
        password = os.environ.get("PGPASSWORD")
        os.environ["PGPASSWORD"] = env["PGPASSWORD"]
        try:
            return find(live, self.system, name)
        finally:
            os.environ.pop("PGPASSWORD")
            if password is not None:
                os.environ["PGPASSWORD"] = password

    def elsewhere(self, folder: Path) -> Path:
        """A checkout on another machine: the program, and no stack file of anything ephemeral."""
        for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "__main__.py"):
            shutil.copy(self.project.folder / name, folder / name)
        shutil.copytree(self.project.folder / "platforms", folder / "platforms")
        return folder

    @property
    def _environment(self) -> dict[str, str]:
        return {**self.project.environment, "COLUMNS": "200"}

    @property
    def _back_end(self) -> Path:
        return Path(self.servers.environment["PULUMI_BACKEND_URL"].removeprefix("file://")) / ".pulumi"

    @staticmethod
    def _words(words: tuple[str, ...]) -> list[str]:
        return [str(CHECKOUT / ".venv" / "bin" / "bulkhead"), "ephemeral", *words]
