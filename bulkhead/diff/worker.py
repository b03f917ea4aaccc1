"""Worker: one stack's preview, in a process of its own that was forked once everything was imported.

The interpreter, Pulumi's package, the providers' packages and the components are loaded once, by the process that
forks; each stack's program finds them there, and has the current folder, the environment and the modules to itself
(docs/adr/0019-one-process-previews.md).
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pulumi
import yaml
from pulumi import automation
from pulumi.runtime import config as given

from bulkhead.diff import steps
from bulkhead.diff.empty_state import WARNING, empty
from bulkhead.diff.judge import served
from bulkhead.engine import Workspace

if TYPE_CHECKING:
    from pulumi.automation import EngineEvent, PulumiCommand

    from bulkhead.diff.model import Preview
    from bulkhead.stacks import StackReference

_LIBRARY = "components"
_VARIABLES = {"PULUMI_SKIP_UPDATE_CHECK": "1", "GOGC": os.environ.get("GOGC", "400")}
"""The engine lives for seconds too: it may leave four times as much behind before it looks for what is garbage."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked of a worker.

    Args:
        stack: which stack.
        root: the folder that the stack's own is relative to.
        packs: the policy packs that judge it.
        plan: the file that an update can be held to; None where none is wanted.
        inline: whether the program may run in this process.
        refresh: whether the servers are asked first what they have.
    """

    stack: StackReference
    root: Path
    packs: tuple[str, ...] = ()
    plan: Path | None = None
    inline: bool = True
    refresh: bool = False


def fits(stack: StackReference, root: Path) -> bool:
    """Whether a program may run in this interpreter: a program in Python whose environment is this one."""
    folder = root / stack.folder
    project: dict[str, Any] = yaml.safe_load((folder / "Pulumi.yaml").read_text(encoding="utf-8")) or {}
    runtime: Any = project.get("runtime")
    if not isinstance(runtime, dict) or project.get("main"):
        return False
    said = cast("dict[str, Any]", runtime)
    options: dict[str, str] = said.get("options") or {}
    environment = options.get("virtualenv")
    return (
        said.get("name") == "python"
        and bool(environment)
        and (folder / str(environment)).resolve() == Path(sys.prefix).resolve()
    )


def preview(request: Request, command: PulumiCommand) -> Preview:
    """Preview one stack. What goes wrong is the preview's `failure`, never an exception.

    Args:
        request: what is asked.
        command: the engine's command, whose version is known already.
    """
    began = time.monotonic()
    # A program leaves cycles by the ten thousand, and looking for them takes a third of its time; the process that
    # leaves them lives for seconds.
    gc.disable()
    folder = (request.root / request.stack.folder).resolve()
    _become(folder)
    events: list[EngineEvent] = []
    failure, is_there = "", True
    try:
        # A pack that is a program asks the one that is loaded here; a folder is its language host's matter.
        with served() if any(map(os.path.isfile, request.packs)) else nullcontext[dict[str, str]]({}) as pack:
            try:
                _engine(request, command, events, pack)
            except automation.StackNotFoundError:
                is_there = False
                events.clear()
                with empty(folder, request.stack.name, command) as place:
                    _engine(request, command, events, pack | place.variables, place.config_file)
    except automation.CommandError as error:
        failure = _said(str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, the stack is not previewed, and the reviewer is told
        failure = f"{type(error).__name__}: {error}"
    found = steps.preview(request.stack, events)
    # The engine's own words are the better ones; what it ends with is said where it has none.
    broken = any(one.mandatory for one in found.violations)
    return replace(
        found,
        warnings=found.warnings if is_there else (WARNING, *found.warnings),
        failure=found.failure or ("" if broken else steps.plain(failure)),
        seconds=time.monotonic() - began,
        plan=str(request.plan) if request.plan and request.plan.is_file() else "",
    )


def _engine(
    request: Request,
    command: PulumiCommand,
    events: list[EngineEvent],
    variables: dict[str, str],
    config_file: str | None = None,
) -> None:
    """Have the engine preview the stack of this folder; what it tells is added to the events."""
    folder = Path.cwd()
    workspace = Workspace(pulumi_command=command, work_dir=str(folder), env_vars=_VARIABLES | variables)
    automation.Stack.select(request.stack.name, workspace).preview(
        program=_program(folder) if request.inline else None,
        on_event=events.append,
        policy_packs=list(request.packs),
        plan=str(request.plan) if request.plan else None,
        refresh=request.refresh or None,
        config_file=config_file,
        color="never",
        suppress_progress=True,
        suppress_outputs=True,
    )


def _become(folder: Path) -> None:
    """Make this process what a program finds when the language host has started it."""
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    own, loaded = folder / _LIBRARY / "__init__.py", sys.modules.get(_LIBRARY)
    if own.is_file() and loaded and not (loaded.__file__ and own.samefile(loaded.__file__)):
        # The program brings a library of its own of that name: it must not be given ours.
        for name in [name for name in sys.modules if name.partition(".")[0] == _LIBRARY]:
            del sys.modules[name]
    # What programs print is theirs, may hold anything, and would end up in the report's standard output.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _program(folder: Path) -> automation.PulumiFn:
    def run() -> None:
        # The SDK tells the engine of each of its steps and waits for the answer, though nobody asked to debug it.
        pulumi.log.debug = _unheard
        # An inline program is given its configuration in the SDK's memory alone; programs read the variables too.
        os.environ["PULUMI_CONFIG"] = json.dumps(given.CONFIG.get())
        secret = [key for key in given.CONFIG.get() if given.is_config_secret(key)]
        os.environ["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(secret)
        settings: Any = pulumi.runtime.settings.SETTINGS
        settings.root_directory = str(folder)
        runpy.run_path(str(folder / "__main__.py"), run_name="__main__")

    return run


def _unheard(*_: object, **__: object) -> None:
    """What the SDK says while it works: four messages a resource, which no report has."""


def _said(text: str) -> str:
    """What the engine reported, without the frame of the Automation API."""
    start = text.find("error:")
    return text[max(start, 0) :].strip()
