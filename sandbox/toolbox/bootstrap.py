"""The first step of `make setup`: the virtual environment, from a bare Python and nothing else.

Run by the system's Python, so it uses the standard library alone, and no syntax that an older Python would
refuse before it could say that it is too old. Gets the pinned uv (checked by its sum) into the cache, then
installs exactly what uv.lock says, with byte code compiled, because start-up counts.

Exit codes: 0 the environment is as the lock file says, 1 it could not be made.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent
PINNED_UV = Path(__file__).resolve().parent / "pinned" / "uv.txt"
PYTHON_NEEDED = (3, 11)
_FURTHER_NAMES = tuple(f"python3.{minor}" for minor in (14, 13, 12, 11))


class SetupFailed(Exception):  # noqa: N818 - read as a sentence
    """The environment can't be made; the text says why and what to do."""


def find_python() -> str:
    """A Python that is new enough: this one, or another one on PATH.

    Raises:
        SetupFailed: if there is none.
    """
    if sys.version_info[:2] >= PYTHON_NEEDED:
        return sys.executable
    for name in _FURTHER_NAMES:
        found = shutil.which(name)
        if found:
            return found
    wanted, have = (".".join(map(str, version)) for version in (PYTHON_NEEDED, sys.version_info[:3]))
    raise SetupFailed(
        f"Python {wanted} or newer is needed; {sys.executable} is {have}. Install a newer one, "
        "or name it: make setup PYTHON=/path/to/python3"
    )


def fingerprint(python: str) -> str:
    """What the environment depends on, as one word: the lock file, the project file, Python and the place."""
    digest = hashlib.sha256()
    for part in (CHECKOUT / "uv.lock", CHECKOUT / "pyproject.toml"):
        digest.update(part.read_bytes())
    digest.update(f"{CHECKOUT}\n{Path(python).resolve()}".encode())
    return digest.hexdigest()


def is_current(environment: Path, wanted: str) -> bool:
    """Whether the environment was made from the same things and still starts."""
    stamp = environment / ".bulkhead"
    if not stamp.is_file() or stamp.read_text() != wanted:
        return False
    try:
        answer = subprocess.run(
            [environment / "bin" / "python", "-c", "import bulkhead"], check=False, capture_output=True
        )
    except OSError:
        return False
    return answer.returncode == 0


def cache() -> Path:
    """Our cache, as `sandbox.toolbox.catalogue` has it; nothing of ours can be imported here yet."""
    chosen = os.environ.get("BULKHEAD_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "bulkhead"


def get_uv(python: str, work: Path) -> Path:
    """The pinned uv, from the cache or, the first time, from the package index.

    Raises:
        SetupFailed: if it can't be had.
    """
    version = PINNED_UV.read_text().split("==")[1].split()[0]
    folder = cache() / "tools" / f"uv-{version}"
    if os.access(folder / "bin" / "uv", os.X_OK):
        return folder / "bin" / "uv"
    _tell(f"getting uv {version}")
    installer = _pip(python, work)
    target = work / "uv"
    options = ["--target", str(target), "--no-deps", "--only-binary", ":all:", "--require-hashes", "--quiet"]
    _run([*installer, "install", "--no-cache-dir", *options, "-r", str(PINNED_UV)], work)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-uv-", dir=folder.parent) as staging:
        (Path(staging) / "uv" / "bin").mkdir(parents=True)
        shutil.copy2(target / "bin" / "uv", Path(staging) / "uv" / "bin" / "uv")
        try:
            (Path(staging) / "uv").rename(folder)
        except OSError:
            if not os.access(folder / "bin" / "uv", os.X_OK):  # else another set-up was faster
                raise
    return folder / "bin" / "uv"


def _pip(python: str, work: Path) -> list[str]:
    """A command that starts pip: Python's own, or that of an environment made for this moment."""
    if subprocess.run([python, "-m", "pip", "--version"], check=False, capture_output=True).returncode == 0:
        return [python, "-m", "pip"]
    try:
        _run([python, "-m", "venv", str(work / "pip")], work)
    except SetupFailed as error:
        raise SetupFailed(
            f"{python} has neither pip nor venv (on Debian and Ubuntu: apt install python3-venv).\n{error}"
        ) from error
    return [str(work / "pip" / "bin" / "python"), "-m", "pip"]


def make_environment(python: str, environment: Path, work: Path) -> None:
    """Installs what the lock file says, downloads kept in the temporary folder only."""
    uv = get_uv(python, work)
    _tell("installing the Python packages of uv.lock, about 1 min")
    same_disk = work.stat().st_dev == CHECKOUT.stat().st_dev
    settings = {
        "UV_CACHE_DIR": str(work / "packages"),
        "UV_PROJECT_ENVIRONMENT": str(environment),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_LINK_MODE": "hardlink" if same_disk else "copy",
        "VIRTUAL_ENV": "",
    }
    _run([str(uv), "sync", "--locked", "--compile-bytecode", "--python", python], work, settings)


def _run(command: list[str], work: Path, settings: dict[str, str] | None = None) -> None:
    defaults = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_SYSTEM_CERTS": "1"}
    environment = {**defaults, **os.environ, "TMPDIR": str(work), **(settings or {})}
    result = subprocess.run(
        command,
        cwd=CHECKOUT,
        env=environment,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode != 0:
        end = "\n".join(result.stdout.strip().splitlines()[-12:])
        raise SetupFailed(f"`{' '.join(command[:4])} …` ended with status {result.returncode}:\n{end}")


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


@contextmanager
def _alone():  # noqa: ANN202 - its type would have to be imported
    """Holds a lock on the checkout: two set-ups at once would write into one environment."""
    with (CHECKOUT / "uv.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Makes the environment unless it is as it should be."""
    environment = CHECKOUT / ".venv"
    try:
        python = find_python()
        if python != sys.executable:
            os.execv(python, [python, str(Path(__file__).resolve())])  # noqa: S606 - there is no shell to want
        with _alone():
            wanted = fingerprint(python)
            if is_current(environment, wanted):
                return 0
            with tempfile.TemporaryDirectory(prefix="bulkhead-setup-") as work:
                make_environment(python, environment, Path(work))
            (environment / ".bulkhead").write_text(wanted)
    except SetupFailed as error:
        _tell(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        _tell("interrupted; run `make setup` again to go on")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
