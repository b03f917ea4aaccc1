"""Running: one program under one name with one set of values, in a process of its own that is forked for it.

What a program would ask of servers is answered here: they are ready, and there was nothing before. What it makes
of its name is watched: the names that `Environment` makes, and what is hashed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import runpy
import sys
import traceback
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from bulkhead.parity.graph import Graph, Names
from bulkhead.preloading import preload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from multiprocessing.connection import Connection

_SURROUNDINGS: Final = ("BULKHEAD_PLATFORM", "BULKHEAD_SANDBOX", "PULUMI_BACKEND_URL")
"""Variables that would put other servers in the platform's place."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is run.

    Args:
        folder: where the program is.
        project: the project's name.
        name: the environment's.
        values: the configuration, by key.
        instead_of: the environment whose exceptions on the platform are taken, where it is not `name`.
        mark: what stands in every name of `name` and nowhere else.
    """

    folder: Path
    project: str
    name: str
    values: Mapping[str, Any]
    instead_of: str = ""
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How it ended.

    Args:
        graph: what the program declares; None where it could not be run.
        names: what it made of its name.
        refused: why the library refuses the values; empty where it does not.
        failure: what else went wrong.
    """

    graph: Graph | None = None
    names: Names = field(default_factory=lambda: Names(environment=""))
    refused: str = ""
    failure: str = ""


def run(wanted: Run) -> Ran:
    """Run a program; what goes wrong is told, never raised. No thread may run in this process."""
    preload("bulkhead.parity.recording")
    context = get_context("fork")
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(wanted, theirs), name=wanted.name)
    process.start()
    theirs.close()
    try:
        found: Ran = mine.recv()
    except EOFError:
        found = Ran(failure="its process ended before it had answered")
    process.join()
    return found


def _answer(wanted: Run, answer: Connection) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)  # what programs print is theirs
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    answer.send(_run(wanted))
    answer.close()
    # Tasks that a failed program has left behind have nothing to do any more.
    os._exit(0)


def _run(wanted: Run) -> Ran:
    derived: dict[str, str] = {}
    digests: dict[str, bytes] = {}
    try:
        _become(wanted)
        _watch_digests(digests)
        library = _library()
        if library:
            _stand_in(library, wanted)
            _watch_names(library, derived)
        from bulkhead.parity.recording import record  # noqa: PLC0415 - loaded before the fork

        program = str(wanted.folder / "__main__.py")
        graph = record(
            lambda: runpy.run_path(program, run_name="__main__"), project=wanted.project, name=wanted.name
        )
    except Exception as error:  # noqa: BLE001 - whatever it is, the program cannot be run, and the person is told
        is_answer = type(error).__name__ in {"InputError", "PlatformError"}
        said = str(error) or type(error).__name__
        place = "" if is_answer else f" ({_place(error, wanted.folder)})"
        text = said if is_answer else f"{type(error).__name__}: {said}{place}"
        return Ran(refused=text) if is_answer else Ran(failure=text)
    except SystemExit as error:
        return Ran(failure=f"the program ends itself with {error.code!r}")
    return Ran(graph=graph, names=Names(environment=wanted.name, derived=derived, digests=digests))


def _place(error: Exception, folder: Path) -> str:
    found = [one for one in traceback.extract_tb(error.__traceback__) if Path(one.filename).is_relative_to(folder)]
    if not found:
        return "outside the program"
    return f"{Path(found[-1].filename).relative_to(folder)}:{found[-1].lineno}"


def _become(wanted: Run) -> None:
    """Make this process what a program finds when the language host has started it."""
    os.chdir(wanted.folder)
    sys.path.insert(0, str(wanted.folder))
    for name in _SURROUNDINGS:
        os.environ.pop(name, None)
    own, loaded = wanted.folder / "components" / "__init__.py", sys.modules.get("components")
    if own.is_file() and loaded and not (loaded.__file__ and own.samefile(loaded.__file__)):
        for name in [name for name in sys.modules if name.partition(".")[0] == "components"]:
            del sys.modules[name]
    _configure(wanted.values)


def _configure(values: Mapping[str, Any]) -> None:
    """Hand the configuration over as the engine does."""
    from pulumi.runtime import config  # noqa: PLC0415 - loaded before the fork

    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    os.environ["PULUMI_CONFIG"] = json.dumps(texts)
    os.environ["PULUMI_CONFIG_SECRET_KEYS"] = "[]"  # noqa: S105 - no key is secret here
    config.set_all_config(texts, [])


def _library() -> Any:
    try:
        return import_module("components")
    except ImportError:
        return None  # a program that stands on something else; its name is all that can be watched


def _stand_in(library: Any, wanted: Run) -> None:
    """Answer what the library would ask of servers, and move one environment's exceptions to another name."""
    preflight: Any = import_module(f"{library.__name__}.preflight")
    identity: Any = import_module(f"{library.__name__}.identity")
    known = identity.Identity(kubernetes="a-cluster", vault="a-vault", postgresql="a-system")

    def ready(_: object) -> Any:
        return preflight.Found(identity=known)

    def nothing_foreign(*_: object) -> None:
        """There was nothing before."""

    preflight.check, preflight.refuse_foreign_namespaces = ready, nothing_foreign
    if not wanted.instead_of:
        return
    kept, mark = library.Platform.legacy_names, wanted.mark

    def moved(platform: Any, environment: str, databases: Any) -> Any:
        found = kept(platform, wanted.instead_of if environment == wanted.name else environment, databases)
        if environment != wanted.name:
            return found
        return dataclasses.replace(
            found,
            databases={part: f"{name}_{mark}" for part, name in found.databases.items()},
            logins={part: f"{name}_{mark}" for part, name in found.logins.items()},
        )

    library.Platform.legacy_names = moved


def _watch_digests(digests: dict[str, bytes]) -> None:
    """Remember what SHA-256 is taken of."""
    real = hashlib.sha256

    class Watched:
        def __init__(self, content: bytes = b"", **_: Any) -> None:
            self._content = bytes(content)

        def update(self, content: bytes) -> None:
            self._content += bytes(content)

        def digest(self) -> bytes:
            return bytes.fromhex(self.hexdigest())

        def hexdigest(self) -> str:
            found = real(self._content).hexdigest()
            digests[found] = self._content
            return found

    hashlib.sha256 = cast("Any", Watched)


def _watch_names(library: Any, derived: dict[str, str]) -> None:
    """Remember each name that an Environment makes, by the question that it answers."""
    environment: type = library.Environment

    def watched(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def ask(self: Any, *words: Any, **more: Any) -> Any:
            answer = method(self, *words, **more)
            said = [f"{key}={value}" for key, value in sorted(more.items()) if value]
            question = " ".join(map(str, (self.system, name, *words, *said)))
            if isinstance(answer, str):
                derived[question] = answer
            elif dataclasses.is_dataclass(answer):
                for part in dataclasses.fields(answer):
                    derived[f"{question} {part.name}"] = str(getattr(answer, part.name))
            return answer

        return ask

    for name, member in list(vars(environment).items()):
        if not name.startswith("_") and callable(member):
            setattr(environment, name, watched(name, member))
