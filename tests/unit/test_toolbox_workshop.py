"""The workshop: commands that fail say why, an interruption leaves no process, and nothing is left behind."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sandbox.toolbox import workshop
from sandbox.toolbox.workshop import WorkFailed, Workshop, choose_folder, open_workshop, size
from tests.processes import runs

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    (tmp_path / "tmp").mkdir()
    return Workshop(tmp_path, lambda: None)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The machine's temporary folder and our cache, both inside the test's."""
    monkeypatch.setenv("BULKHEAD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def run(shop: Workshop, script: str) -> str:
    return shop.run(["/bin/sh", "-c", script], cwd=shop.folder, env=ENVIRONMENT)


def test_output_of_a_command(shop: Workshop) -> None:
    assert run(shop, "echo one; echo two >&2") == "one\ntwo\n"


def test_failure_shows_the_end_of_the_output(shop: Workshop) -> None:
    with pytest.raises(WorkFailed, match="status 3") as raised:
        run(shop, "for i in $(seq 1 40); do echo line $i; done; exit 3")
    assert "line 40" in str(raised.value)
    assert "line 28\n" not in str(raised.value)


def test_a_command_that_is_not_there(shop: Workshop) -> None:
    with pytest.raises(WorkFailed, match="could not be started"):
        shop.run(["/no/such/program"], cwd=shop.folder, env=ENVIRONMENT)


def test_network_failure_is_tried_again(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workshop, "_PAUSES", (0.0, 0.0))
    count = 'echo x >> count; [ "$(wc -l < count)" -ge 3 ]'
    assert run(shop, f"if {count}; then echo fine; else echo dial tcp: i/o timeout; exit 1; fi") == "fine\n"


def test_other_failure_is_not_tried_again(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workshop, "_PAUSES", (0.0, 0.0))
    with pytest.raises(WorkFailed):
        run(shop, "echo x >> count; echo undefined: foo; exit 1")
    assert (shop.folder / "count").read_text() == "x\n"


def test_interruption_ends_the_command_and_what_it_started(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    pids = tmp_path / "pids"

    def interrupt() -> None:
        if pids.exists() and len(pids.read_text().split()) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Workshop(tmp_path, interrupt), "sleep 60 & echo $$ $! > pids; wait")
    deadline = time.monotonic() + 5
    alive = [int(pid) for pid in pids.read_text().split()]
    while alive and time.monotonic() < deadline:
        alive = [pid for pid in alive if runs(pid)]
        time.sleep(0.02)
    assert alive == []


def test_go_keeps_everything_in_the_workshop(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    monkeypatch.setenv("GOOS", "plan9")
    monkeypatch.setenv("GOPROXY", "off")
    environment = shop.go_environment()
    for name in ("GOPATH", "GOMODCACHE", "GOCACHE", "GOTMPDIR", "TMPDIR", "XDG_CONFIG_HOME"):
        assert Path(environment[name]).is_relative_to(shop.folder)
    assert "-mod=readonly" in environment["GOFLAGS"]
    assert "GOOS" not in environment
    assert environment["GOPROXY"] == "off"


def test_the_users_certificates_win(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_USE_SYSTEM_CA", "0")
    assert shop.package_environment()["NODE_USE_SYSTEM_CA"] == "0"
    assert shop.package_environment()["UV_SYSTEM_CERTS"] == "1"


def test_intermediate_results_are_removed_once_they_are_large(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop.folder / "modules").mkdir()
    (shop.folder / "modules" / "zip").write_bytes(b"x" * 100_000)
    shop.make_room()
    assert (shop.folder / "modules").exists()
    monkeypatch.setattr(workshop, "KEEP_AT_MOST", 50_000)
    shop.make_room()
    assert not (shop.folder / "modules").exists()
    assert (shop.folder / "tmp").exists()


def test_size_counts_a_file_with_two_names_once(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x" * 40_960)
    alone = size(tmp_path)
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    assert size(tmp_path) == alone >= 40_960


def test_workshop_is_removed_after_success_and_kept_after_failure(temporary: Path) -> None:
    def fail() -> None:
        with open_workshop(1, lambda: None) as shop:
            (shop.folder / "modules").mkdir()
            raise WorkFailed("network")

    with pytest.raises(WorkFailed, match="network"):
        fail()
    assert len(list(temporary.glob("bulkhead-tools-*/modules"))) == 1
    with open_workshop(1, lambda: None) as shop:
        assert (shop.folder / "modules").exists()
    assert list(temporary.iterdir()) == []


def test_a_folder_that_others_may_write_is_refused(temporary: Path) -> None:
    folder = choose_folder(1)
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(WorkFailed, match="not ours alone"), open_workshop(1, lambda: None):
        pass


def test_a_link_in_the_workshops_place_is_refused(temporary: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    choose_folder(1).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkFailed, match="not ours alone"), open_workshop(1, lambda: None):
        pass


def test_too_little_disk_is_said_before_the_work(temporary: Path) -> None:
    with pytest.raises(WorkFailed, match=r"not enough free disk.*TMPDIR"):
        choose_folder(10**18)


def test_two_caches_have_two_workshops(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = choose_folder(1)
    monkeypatch.setenv("BULKHEAD_CACHE", str(temporary / "another"))
    assert choose_folder(1) != one
