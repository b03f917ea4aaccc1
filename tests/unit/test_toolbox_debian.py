"""Debian packages: only of the right series, with every library, off the machine's own lists, and started once."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from sandbox.toolbox import debian
from sandbox.toolbox.catalogue import tool
from sandbox.toolbox.workshop import WorkFailed, Workshop

if TYPE_CHECKING:
    from pathlib import Path

REDIS = tool("redis")
VERSIONS = """\
redis-server | 5:7.0.15-1~deb12u10 | http://example.org bookworm-security/main amd64 Packages
redis-server | 5:7.0.15-1~deb12u7 | http://example.org bookworm/main amd64 Packages
"""
APT_GET = """\
#!/bin/sh
echo "$*" >> {folder}/calls
cat "$2" > {folder}/settings
shift 2
case $1 in
update) [ ! -e {folder}/broken ] || {{ echo "E: a source is broken"; exit 100; }} ;;
download)
    shift
    for wanted; do
        [ -d "{folder}/${{wanted%%=*}}" ] || {{ echo "E: Unable to locate package $wanted"; exit 100; }}
        echo "${{wanted%%=*}}" > "${{wanted%%=*}}.deb"
    done ;;
esac
"""
APT_CACHE = '#!/bin/sh\ncat "{folder}/versions"\n'
DPKG_DEB = """\
#!/bin/sh
name=$(cat "$2")
case $1 in
-x) cp -a "{folder}/$name/content/." "$3" ;;
-f) cat "{folder}/$name/depends" ;;
esac
"""


class Archive:
    """A stand-in for Debian: package tools as scripts, and the packages that they know."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir(parents=True)
        for name, text in (("apt-get", APT_GET), ("apt-cache", APT_CACHE), ("dpkg-deb", DPKG_DEB)):
            self._script(folder / "bin" / name, text.format(folder=folder))
        self.offer(VERSIONS)
        self.add("redis-server", depends="lsb-base, redis-tools (= 5:7.0.15-1~deb12u10)")
        self.add("redis-sentinel", depends="redis-tools")
        self.add("redis-tools", depends="adduser, libc6 (>= 2.34), libone1 (>= 1.5) | libother1")
        self.add("libone1", depends="libc6, libtwo2:any, libgone0 | x", library="libone.so.1")
        self.add("libtwo2", depends="libone1", library="libtwo.so.2")
        self.add("libgone0", library="libgone.so.0")
        self.program("redis-tools", "usr/bin/redis-cli", "redis-cli 7.0.15")
        self.program("redis-tools", "usr/bin/redis-check-rdb", "Redis server v=7.0.15 $0 $LD_LIBRARY_PATH")
        for package in ("redis-server", "redis-sentinel"):
            link = folder / package / "content" / "usr" / "bin" / package
            link.parent.mkdir(parents=True)
            link.symlink_to("redis-check-rdb")

    def offer(self, versions: str) -> None:
        (self.folder / "versions").write_text(versions)

    def add(self, name: str, *, depends: str = "", library: str = "") -> None:
        content = self.folder / name / "content"
        content.mkdir(parents=True)
        (self.folder / name / "depends").write_text(depends)
        if library:
            place = content / "usr" / "lib" / "some-linux"
            place.mkdir(parents=True)
            (place / f"{library}.0.1").write_text(library)
            (place / library).symlink_to(f"{library}.0.1")

    def program(self, package: str, path: str, says: str) -> None:
        file = self.folder / package / "content" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        self._script(file, f'#!/bin/sh\necho "{says}"\n')

    def calls(self) -> list[list[str]]:
        return [line.split()[2:] for line in (self.folder / "calls").read_text().splitlines()]

    @staticmethod
    def _script(path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    made = Archive(tmp_path / "debian")
    monkeypatch.setenv("PATH", f"{made.folder / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    return made


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    (tmp_path / "shop" / "tmp").mkdir(parents=True)
    return Workshop(tmp_path / "shop", lambda: None)


def assemble(shop: Workshop) -> Path:
    into = shop.folder / "tool"
    into.mkdir()
    debian.assemble(REDIS, into, shop, lambda _text: None)
    return into


def said(program: Path, **environment: str) -> str:
    return subprocess.run(
        [program],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    ).stdout.strip()


def test_programs_start_with_the_libraries_beside_them(archive: Archive, shop: Workshop, tmp_path: Path) -> None:
    into = assemble(shop)
    moved = into.rename(tmp_path / "elsewhere")
    start = f"Redis server v=7.0.15 {moved}/libexec/redis-sentinel {moved}/lib"
    assert said(moved / "bin" / "redis-sentinel") == start
    assert said(moved / "bin" / "redis-sentinel", LD_LIBRARY_PATH="/mine") == f"{start}:/mine"
    (tmp_path / "link").symlink_to(moved / "bin" / "redis-server")
    assert f"{moved}/libexec/redis-server" in said(tmp_path / "link")
    assert said(moved / "bin" / "redis-cli") == "redis-cli 7.0.15"
    assert archive.calls()[0] == ["update"]


def test_libraries_and_their_libraries_are_taken_but_the_c_library(archive: Archive, shop: Workshop) -> None:
    into = assemble(shop)
    names = sorted(path.name for path in (into / "lib").iterdir())
    assert names == [
        f"{name}{end}" for name in ("libgone.so.0", "libone.so.1", "libtwo.so.2") for end in ("", ".0.1")
    ]
    assert (into / "lib" / "libone.so.1").is_symlink()
    assert (into / "lib" / "libone.so.1").read_text() == "libone.so.1"
    downloads = [call[1:] for call in archive.calls() if call[0] == "download"]
    version = "5:7.0.15-1~deb12u10"
    assert downloads == [
        [f"{name}={version}" for name in REDIS.debian],
        ["libone1"],
        ["libgone0", "libtwo2"],
    ]


def test_apt_writes_into_the_workshop_alone(archive: Archive, shop: Workshop) -> None:
    assemble(shop)
    settings = (archive.folder / "settings").read_text()
    for name in ("Dir::State", "Dir::State::status", "Dir::Cache"):
        assert f'{name} "{shop.folder}/' in settings
    assert "#clear APT::Update::Post-Invoke;" in settings
    assert "Dir::Etc" not in settings, "sources, keys and proxies are the machine's"
    assert not (shop.folder / "debian" / "root").exists()


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        (["5:7.0.15-1~deb12u7"], "5:7.0.15-1~deb12u7"),
        (["5:8.0.2-1", "5:7.0.15-1"], "5:7.0.15-1"),
        (["7.0-3"], "7.0-3"),
        (["7.0.4"], "7.0.4"),
        (["5:7.2.4-1", "5:17.0.1-1", "5:7.01-1"], None),
        ([], None),
    ],
)
def test_only_the_series_fits(versions: list[str], expected: str | None) -> None:
    assert debian.fitting(versions, "7.0") == expected


def test_a_machine_with_another_series_is_told_what_to_do(archive: Archive, shop: Workshop) -> None:
    archive.offer("redis-server | 5:8.0.2-3 | http://example.org trixie/main amd64 Packages\n")
    with pytest.raises(
        WorkFailed, match=r"sources have 5:8\.0\.2-3\. Install redis 7\.0 .* redis-sentinel on PATH"
    ):
        assemble(shop)


def test_lists_that_cannot_be_read_are_the_reason_given(archive: Archive, shop: Workshop) -> None:
    (archive.folder / "broken").touch()
    archive.offer("")
    with pytest.raises(WorkFailed, match=r"do not have it(.|\n)*lists were read(.|\n)*a source is broken"):
        assemble(shop)


def test_a_broken_source_that_is_not_needed_does_no_harm(archive: Archive, shop: Workshop) -> None:
    (archive.folder / "broken").touch()
    assert (assemble(shop) / "bin" / "redis-server").exists()


def test_a_library_that_cannot_be_had_is_named(archive: Archive, shop: Workshop) -> None:
    (archive.folder / "libone1").rename(archive.folder / "moved")
    with pytest.raises(WorkFailed, match="Unable to locate package libone1"):
        assemble(shop)


def test_packages_without_the_program_are_an_error(archive: Archive, shop: Workshop) -> None:
    (archive.folder / "redis-tools" / "content" / "usr" / "bin" / "redis-cli").unlink()
    with pytest.raises(WorkFailed, match="no program redis-cli is in the Debian packages redis-server,"):
        assemble(shop)


def test_a_program_that_leads_out_of_the_packages_is_not_taken(archive: Archive, shop: Workshop) -> None:
    link = archive.folder / "redis-server" / "content" / "usr" / "bin" / "redis-server"
    link.unlink()
    link.symlink_to("/bin/sh")
    with pytest.raises(WorkFailed, match="no program redis-server"):
        assemble(shop)


def test_a_program_that_does_not_start_is_an_error(archive: Archive, shop: Workshop) -> None:
    file = archive.folder / "redis-tools" / "content" / "usr" / "bin" / "redis-cli"
    file.write_text("#!/bin/sh\necho libmissing.so.1: cannot open shared object file\nexit 127\n")
    with pytest.raises(WorkFailed, match=r"status 127(.|\n)*libmissing\.so\.1"):
        assemble(shop)


def test_a_program_of_another_version_is_an_error(archive: Archive, shop: Workshop) -> None:
    archive.program("redis-tools", "usr/bin/redis-cli", "redis-cli 7.2.0")
    with pytest.raises(
        WorkFailed, match=r"redis-cli of the Debian packages is not 7\.0; it says: redis-cli 7\.2\.0"
    ):
        assemble(shop)


@pytest.mark.parametrize(
    ("there", "text"),
    [
        ((), "no apt-get and no apt-cache and no dpkg-deb on PATH"),
        (("apt-get", "apt-cache"), "there is no dpkg-deb on PATH"),
    ],
)
def test_another_kind_of_machine_is_told_what_is_missing_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], text: str
) -> None:
    for name in there:
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WorkFailed, match=text) as raised:
        debian.check_clients(REDIS)
    assert "install redis 7.0 its own way and have redis-server, redis-cli, redis-sentinel on PATH" in str(
        raised.value
    )
