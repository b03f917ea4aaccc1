"""Which plugins a sandbox uses, and how the stand-ins are installed; Pulumi itself is a script here."""

import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from sandbox.errors import SandboxError
from sandbox.plugins import install
from sandbox.plugins.install import PACKAGES, Plugins, choose, launcher, pack, version

INSTALLS = """#!/bin/sh
echo "$@" >> "$0.log"
case "$*" in *--file*) ;; *) {download} ;; esac
place="$PULUMI_HOME/plugins/resource-$4-$5"
mkdir -p "$place"
case "$*" in
  *--file*) tar -xzf "$7" -C "$place" ;;
  *) printf '\\177ELF' > "$place/pulumi-resource-$4" ;;
esac
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sandbox's home; the person has no plugins."""
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.delenv("PULUMI_HOME", raising=False)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def pulumi(folder: Path, download: str) -> Path:
    """A Pulumi that installs what it is given, and downloads as told."""
    script = folder / "pulumi-stand-in"
    script.write_text(INSTALLS.format(download=download))
    script.chmod(0o755)
    return script


def said(script: Path) -> list[str]:
    """The commands so far."""
    log = script.with_name(f"{script.name}.log")
    return log.read_text().splitlines() if log.exists() else []


def compiled(pulumi_home: Path) -> None:
    """Official plugins in a PULUMI_HOME: programs, not scripts."""
    for package in PACKAGES:
        place = pulumi_home / "plugins" / f"resource-{package}-v{version(package)}"
        place.mkdir(parents=True)
        (place / f"pulumi-resource-{package}").write_bytes(b"\x7fELF official")


def test_stand_ins_take_the_place_of_what_cannot_be_had(home: Path, tmp_path: Path) -> None:
    """A failed download is tried once, its reason is kept, and the stand-ins are installed once."""
    script = pulumi(tmp_path, 'echo "error: no route" >&2; exit 1')
    choice = choose(home, "", str(script))
    assert choice.plugins == Plugins.SANDBOX
    assert "no route" in choice.reason
    assert len(said(script)) == 1 + len(PACKAGES)
    assert choose(home, "", str(script)) == choice
    assert len(said(script)) == 1 + len(PACKAGES)


def test_official_plugins_are_downloaded_where_that_works(home: Path, tmp_path: Path) -> None:
    """The smallest first; the next choice finds them installed."""
    script = pulumi(tmp_path, ":")
    assert choose(home, "", str(script)).plugins == Plugins.OFFICIAL
    assert said(script)[0].startswith("plugin install resource random v")
    assert len(said(script)) == len(PACKAGES)
    assert choose(home, "", "there-is-no-pulumi") == install.Choice(Plugins.OFFICIAL, "they are installed")


@pytest.mark.parametrize("variable", [True, False])
def test_a_persons_own_plugins_are_used(home: Path, monkeypatch: pytest.MonkeyPatch, *, variable: bool) -> None:
    """From PULUMI_HOME or ~/.pulumi; they are brought over, and nothing is downloaded."""
    own = home.parent / "elsewhere" if variable else home.parent / "person" / ".pulumi"
    compiled(own)
    if variable:
        monkeypatch.setenv("PULUMI_HOME", str(own))
    assert choose(home, "", "there-is-no-pulumi").plugins == Plugins.OFFICIAL
    for package in PACKAGES:
        name = f"resource-{package}-v{version(package)}/pulumi-resource-{package}"
        assert (home / "pulumi" / "plugins" / name).read_bytes() == b"\x7fELF official"


def test_a_forced_choice_is_kept_or_refused(home: Path, tmp_path: Path) -> None:
    """Stand-ins although official ones are there, official ones although they are not, and nonsense."""
    script = pulumi(tmp_path, 'echo "error: no route" >&2; exit 1')
    with pytest.raises(SandboxError, match="no route"):
        choose(home, "official", str(script))
    compiled(home / "pulumi")
    assert choose(home, "sandbox", str(script)).plugins == Plugins.SANDBOX
    with pytest.raises(SandboxError, match="offical"):
        choose(home, "offical", str(script))


def test_a_download_that_hangs_is_given_up(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a bounded time."""
    monkeypatch.setattr(install, "PROBE_SECONDS", 0.2)
    script = pulumi(tmp_path, "exec sleep 60")
    assert "no answer within 0.2 s" in choose(home, "", str(script)).reason


def test_a_changed_start_is_installed_again(home: Path, tmp_path: Path) -> None:
    """A checkout that moved, another Python, an installation that was broken off."""
    script, place = pulumi(tmp_path, ":"), home / "pulumi"
    assert install.install(place, str(script)) == list(PACKAGES)
    assert install.install(place, str(script)) == []
    program = place / "plugins" / f"resource-vault-v{version('vault')}" / "pulumi-resource-vault"
    program.write_text("#!/bin/sh\nexec /moved/python\n")
    broken = place / "plugins" / f"resource-random-v{version('random')}.partial"
    broken.touch()
    assert install.install(place, str(script)) == ["vault", "random"]
    assert not broken.exists()
    assert program.read_text() == launcher("vault")


@pytest.mark.parametrize("package", PACKAGES)
def test_the_launcher_starts_the_plugin(package: str, tmp_path: Path) -> None:
    """Anywhere, whatever stands in the folder or in PYTHON* variables; without an engine it says what it is."""
    with tarfile.open(pack(package, tmp_path)) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.3 and older have none
        archive.extractall(tmp_path)  # noqa: S202 - an archive that the test's own code has just written
    (tmp_path / "sandbox.py").write_text("raise SystemExit('the wrong sandbox')")
    program = tmp_path / f"pulumi-resource-{package}"
    done = subprocess.run(
        [str(program)],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert f"pulumi-resource-{package} {version(package)}" in done.stderr
    assert done.returncode == 1


def test_what_is_remembered_belongs_to_its_versions(home: Path, tmp_path: Path) -> None:
    """New versions are looked for again."""
    script = pulumi(tmp_path, 'echo "error: no route" >&2; exit 1')
    choose(home, "", str(script))
    remembered = home / install.REMEMBERED
    known = json.loads(remembered.read_text())
    remembered.write_text(json.dumps({**known, "versions": {}}))
    downloads = [line for line in said(script) if "--file" not in line]
    choose(home, "", str(script))
    assert len([line for line in said(script) if "--file" not in line]) == len(downloads) + 1
