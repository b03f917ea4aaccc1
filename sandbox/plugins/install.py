"""Which provider plugins a sandbox uses, and putting them where its Pulumi looks for them.

Official plugins are used wherever they can be had. Where they cannot, the stand-ins of this package are installed,
as small programs that start this checkout's Python, into the sandbox's own PULUMI_HOME: a person's own ~/.pulumi
never sees them.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from sandbox.errors import SandboxError
from sandbox.layout import checkout, write_private

#: The packages that programs use; the plugin's version is that of the Python package.
PACKAGES: Final = ("kubernetes", "vault", "postgresql", "random")
#: Whether anything can be downloaded shows with the smallest plugin, and within this time.
PROBE: Final = "random"
PROBE_SECONDS: Final = 25.0
DOWNLOAD_SECONDS: Final = 900.0
INSTALL_SECONDS: Final = 60.0
VARIABLE: Final = "BULKHEAD_PLUGINS"
REMEMBERED: Final = "plugins.json"


class Plugins(StrEnum):
    """Whose plugins are in use."""

    OFFICIAL = "official"
    SANDBOX = "sandbox"


@dataclass(frozen=True)
class Choice:
    """Whose plugins are in use, and why; the reason is printed."""

    plugins: Plugins
    reason: str


def version(package: str) -> str:
    """The plugin version that programs ask for: that of the installed Python package."""
    return importlib.metadata.version(f"pulumi-{package}")


def choose(home: Path, wanted: str = "", pulumi: str = "pulumi") -> Choice:
    """Decide whose plugins the sandbox in `home` uses, and install them.

    Args:
        home: the sandbox's home; its PULUMI_HOME is `pulumi` in it.
        wanted: official or sandbox forces the choice; empty takes official ones where they can be had.
        pulumi: the command.

    Raises:
        SandboxError: if the choice is forced and cannot be had, or is neither.
    """
    if wanted not in ("", *Plugins):
        raise SandboxError(f"{VARIABLE} is {wanted!r}; it can be official or sandbox, or not set")
    if wanted == Plugins.SANDBOX:
        choice = Choice(Plugins.SANDBOX, f"{VARIABLE}=sandbox")
    else:
        choice = _installed(home) or _remembered(home, wanted) or _downloaded(home, pulumi)
    if wanted == Plugins.OFFICIAL and choice.plugins != Plugins.OFFICIAL:
        raise SandboxError(
            f"{VARIABLE}=official, but {choice.reason}. "
            f"Install them where the network allows (`pulumi plugin install`), or unset {VARIABLE}."
        )
    if choice.plugins == Plugins.SANDBOX:
        install(home / "pulumi", pulumi)
    return choice


def _installed(home: Path) -> Choice | None:
    """Official plugins that are there already: in the sandbox, or where the person's own Pulumi has them."""
    own = home / "pulumi"
    for place in (own, Path(os.environ.get("PULUMI_HOME") or own), Path.home() / ".pulumi"):
        if not all(_is_official(place, package) for package in PACKAGES):
            continue
        if place == own:
            return Choice(Plugins.OFFICIAL, "they are installed")
        for package in PACKAGES:
            _adopt(place, own, package)
        return Choice(Plugins.OFFICIAL, f"they are installed in {place}")
    return None


def _remembered(home: Path, wanted: str) -> Choice | None:
    """That a download failed before; `bulkhead sandbox reset` forgets it, and a forced choice tries again."""
    try:
        known = json.loads((home / REMEMBERED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return (
        None if wanted or known.get("versions") != _versions() else Choice(Plugins.SANDBOX, str(known["reason"]))
    )


def _downloaded(home: Path, pulumi: str) -> Choice:
    """Official plugins from where Pulumi publishes them, or the memory that this is not possible here."""
    trouble = _download(home / "pulumi", pulumi)
    if not trouble:
        return Choice(Plugins.OFFICIAL, "they were downloaded")
    reason = f"the official plugins could not be downloaded ({trouble})"
    write_private(home / REMEMBERED, json.dumps({"versions": _versions(), "reason": reason}, indent=2) + "\n")
    return Choice(Plugins.SANDBOX, reason)


def _versions() -> dict[str, str]:
    return {package: version(package) for package in PACKAGES}


def _download(pulumi_home: Path, pulumi: str) -> str:
    """Download the official plugins; what went wrong, or nothing."""
    for package in sorted(PACKAGES, key=lambda one: one != PROBE):
        if _is_official(pulumi_home, package):
            continue
        _remove(pulumi_home, package)
        seconds = PROBE_SECONDS if package == PROBE else DOWNLOAD_SECONDS
        command = [pulumi, "plugin", "install", "resource", package, f"v{version(package)}"]
        try:
            _run(command, pulumi_home, seconds)
        except SandboxError as error:
            _remove(pulumi_home, package)
            return str(error)
    return ""


def install(pulumi_home: Path, pulumi: str = "pulumi") -> list[str]:
    """Put the stand-ins into a PULUMI_HOME, those whose start has changed; their packages are returned."""
    changed = [package for package in PACKAGES if _installed_launcher(pulumi_home, package) != launcher(package)]
    for package in changed:
        _remove(pulumi_home, package)
        with tempfile.TemporaryDirectory() as folder:
            archive = pack(package, Path(folder))
            place = [f"v{version(package)}", "--file", str(archive), "--reinstall"]
            _run([pulumi, "plugin", "install", "resource", package, *place], pulumi_home, INSTALL_SECONDS)
    return changed


def launcher(package: str) -> str:
    """The program that Pulumi starts for a package.

    It names Python by its path, and does not look at PYTHON* variables or at the folder that it is started in,
    which is the user's project. The shell gives way to Python: the engine's signals reach it.
    """
    start = (
        f"import sys; sys.path.insert(0, {str(checkout())!r}); "
        f"from sandbox.plugins.{package}.provider import main; main()"
    )
    return f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -c {shlex.quote(start)} "$@"\n'


def pack(package: str, folder: Path) -> Path:
    """A plugin's archive, as Pulumi installs it."""
    name = f"pulumi-resource-{package}"
    archive = folder / f"{name}.tar.gz"
    content = launcher(package).encode()
    with tarfile.open(archive, "w:gz") as stream:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), 0o755
        stream.addfile(entry, io.BytesIO(content))
    return archive


def _place(pulumi_home: Path, package: str) -> Path:
    return pulumi_home / "plugins" / f"resource-{package}-v{version(package)}"


def _program(pulumi_home: Path, package: str) -> Path:
    return _place(pulumi_home, package) / f"pulumi-resource-{package}"


def _installed_launcher(pulumi_home: Path, package: str) -> str | None:
    program = _program(pulumi_home, package)
    if _is_official(pulumi_home, package) or not program.is_file() or _partial(pulumi_home, package).exists():
        return None
    return program.read_text(encoding="utf-8")


def _partial(pulumi_home: Path, package: str) -> Path:
    """Pulumi's own mark of an installation that was broken off."""
    place = _place(pulumi_home, package)
    return place.with_name(f"{place.name}.partial")


def _is_official(pulumi_home: Path, package: str) -> bool:
    """Whether an official plugin is installed: they are compiled, stand-ins begin as scripts do."""
    try:
        with _program(pulumi_home, package).open("rb") as stream:
            return stream.read(2) != b"#!" and not _partial(pulumi_home, package).exists()
    except OSError:
        return False


def _adopt(source: Path, target: Path, package: str) -> None:
    """Bring an installed plugin over, as links where the file system has them: one is up to 200 MB."""
    _remove(target, package)

    def link(one: str, other: str) -> str:
        try:
            Path(other).hardlink_to(one)
        except OSError:
            shutil.copy2(one, other)
        return other

    shutil.copytree(_place(source, package), _place(target, package), copy_function=link)


def _remove(pulumi_home: Path, package: str) -> None:
    shutil.rmtree(_place(pulumi_home, package), ignore_errors=True)
    _partial(pulumi_home, package).unlink(missing_ok=True)


def _run(command: list[str], pulumi_home: Path, seconds: float) -> None:
    """Run Pulumi for a PULUMI_HOME; its last words are the error."""
    pulumi_home.mkdir(parents=True, exist_ok=True)
    variables = {**os.environ, "PULUMI_HOME": str(pulumi_home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        done = subprocess.run(
            [*command, "--non-interactive"],
            env=variables,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise SandboxError(f"`{shlex.join(command)}` had no answer within {seconds:g} s") from error
    except OSError as error:
        raise SandboxError(f"{command[0]} cannot be started: {error.strerror}") from error
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()
        # Pulumi tells the whole way down to the cause; the cause is what a person wants to know.
        raise SandboxError(words[-1].rsplit(": ", 1)[-1].strip() if words else f"`{shlex.join(command)}` failed")
