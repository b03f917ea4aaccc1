"""What one command of the sandbox leaves for the next: paths, ports, private files."""

import json
import socket
import stat
from pathlib import Path

import pytest

from sandbox import record
from sandbox.errors import SandboxError
from sandbox.layout import Layout, choose_runtime, default_home, write_private


def listener() -> socket.socket:
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    return taken


def test_ports_are_distinct_and_in_the_quiet_range() -> None:
    chosen = record.choose_ports(["a", "b", "c"], {})
    assert len(set(chosen.values())) == 3
    assert all(port in record.PORTS for port in chosen.values())


def test_ports_stay_while_they_are_free() -> None:
    first = record.choose_ports(["a", "b"], {})
    assert record.choose_ports(["a", "b"], first) == first


def test_a_port_that_another_program_took_is_replaced_and_no_other() -> None:
    with listener() as taken:
        port = taken.getsockname()[1]
        kept = {"a": port, "b": record.choose_ports(["b"], {})["b"]}
        chosen = record.choose_ports(["a", "b"], kept)
    assert chosen["a"] != port
    assert chosen["b"] == kept["b"]


def test_a_new_port_is_not_one_that_is_kept_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "PORTS", range(20_000, 20_002))
    monkeypatch.setattr(record, "is_free", lambda port: port in {20_000, 20_001})
    assert record.choose_ports(["new", "old"], {"old": 20_001}) == {"new": 20_000, "old": 20_001}


def test_no_free_port_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "is_free", lambda _: False)
    with pytest.raises(SandboxError, match="no port from 20000 to 29999 is free"):
        record.choose_ports(["a"], {})


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    layout, fresh = record.load(tmp_path)
    fresh.ports = {"vault": 20_001}
    fresh.runtime = str(tmp_path / "elsewhere")
    record.save(layout, fresh)
    again, loaded = record.load(tmp_path)
    assert loaded == fresh
    assert again.runtime == tmp_path / "elsewhere"


@pytest.mark.parametrize("content", ["{", "[]", '{"runtime": "/r", "colour": "red"}', "{}"])
def test_a_damaged_record_says_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / "sandbox.json").write_text(content)
    with pytest.raises(SandboxError, match="bulkhead sandbox reset"):
        record.load(tmp_path)
    assert record.load(tmp_path, forgive=True)[1].ports == {}


def test_two_homes_have_two_runtime_folders(tmp_path: Path) -> None:
    assert choose_runtime(tmp_path / "a") != choose_runtime(tmp_path / "b")
    assert choose_runtime(tmp_path / "a") == choose_runtime(tmp_path / "a")


def test_a_temporary_folder_too_deep_for_a_socket_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = "/" + "/".join(["deep"] * 30)
    monkeypatch.setattr("tempfile.gettempdir", lambda: deep)
    assert len(str(choose_runtime(Path("/home")))) < 90


def test_the_environment_may_name_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BULKHEAD_SANDBOX_HOME", str(tmp_path))
    assert default_home() == tmp_path
    monkeypatch.delenv("BULKHEAD_SANDBOX_HOME")
    assert default_home().name == ".sandbox"


def test_a_runtime_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "target")
    with pytest.raises(SandboxError, match="belongs to somebody else"):
        Layout(home=tmp_path / "home", runtime=tmp_path / "run").prepare()


def test_folders_are_closed_to_others(tmp_path: Path) -> None:
    layout = Layout(home=tmp_path / "home", runtime=tmp_path / "run")
    layout.prepare()
    for folder in (layout.home, layout.logs, layout.secrets, layout.state):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(layout.runtime.stat().st_mode) & 0o066 == 0


def test_the_engine_finds_no_folder_for_a_log_of_each_command(tmp_path: Path) -> None:
    layout = Layout(home=tmp_path / "home", runtime=tmp_path / "run")
    layout.prepare()
    assert layout.engine_logs.read_bytes() == b""
    layout.engine_logs.unlink()
    layout.engine_logs.mkdir()
    layout.prepare()
    assert layout.engine_logs.is_dir(), "what is there already is left alone"


def test_private_files_are_private_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "secret.json"
    path.write_text("old, readable by all")
    path.chmod(0o644)
    write_private(path, json.dumps({"token": "t"}))
    assert json.loads(path.read_text()) == {"token": "t"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret.json"]
