"""The sandbox's servers: order, commands, and the supervisor's configuration made of them."""

import configparser
import shlex
from pathlib import Path

import pytest

from sandbox.errors import SandboxError
from sandbox.layout import Layout
from sandbox.services import NAMES, SERVERS, Setting, server, stop_order
from sandbox.supervisor import configuration, environment


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    ports = {port: 20_000 + number for number, port in enumerate(p for entry in SERVERS for p in entry.ports)}
    layout = Layout(home=tmp_path / "a home, 100% odd", runtime=tmp_path / "run")
    return Setting(layout=layout, ports=ports, binary=lambda name: Path("/tools") / name)


def read(text: str) -> configparser.RawConfigParser:
    """Read it as supervisord does."""
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    parser.read_string(text)
    return parser


def test_every_server_stops_before_what_it_needs() -> None:
    groups = stop_order()
    position = {name: number for number, group in enumerate(groups) for name in group}
    assert sorted(position) == sorted(NAMES)
    for entry in SERVERS:
        for need in entry.needs:
            assert position[entry.name] < position[need]


def test_servers_that_need_nothing_of_each_other_stop_together() -> None:
    assert stop_order()[-2:] == [["kube-apiserver"], ["etcd"]]


def test_every_server_listens_on_its_own_loopback_ports(setting: Setting) -> None:
    names = [port for entry in SERVERS for port in entry.ports]
    assert len(set(names)) == len(names)
    for entry in SERVERS:
        command = " ".join(entry.command(setting))
        assert "0.0.0.0" not in command  # noqa: S104 - looked for
        if entry.name != "vault":  # its address is in its configuration file
            assert str(setting.ports[entry.name]) in command


def test_commands_start_installed_programs(setting: Setting) -> None:
    programs = {entry.name: entry.command(setting)[0] for entry in SERVERS}
    assert programs["kube-apiserver"] == "/tools/kube-apiserver"
    assert programs["postgresql"] == "/tools/postgres"


def test_configuration_gives_every_command_back_unchanged(setting: Setting) -> None:
    servers = [(entry, entry.command(setting)) for entry in SERVERS]
    parsed = read(configuration(setting.layout, servers, root=False))
    for entry, command in servers:
        written = parsed[f"program:{entry.name}"]["command"]
        assert shlex.split(written % {}) == command


def test_supervisor_starts_and_restarts_nothing_by_itself(setting: Setting) -> None:
    parsed = read(configuration(setting.layout, [(server("vault"), ["vault"])], root=False))
    assert parsed["program:vault"]["autostart"] == "false"
    assert parsed["program:vault"]["autorestart"] == "false"


@pytest.mark.parametrize(("root", "user"), [(True, "nobody"), (False, None)])
def test_only_postgresql_gives_up_root(setting: Setting, root: bool, user: str | None) -> None:  # noqa: FBT001
    parsed = read(configuration(setting.layout, [(entry, ["x"]) for entry in SERVERS], root=root))
    assert parsed["program:postgresql"].get("user") == user
    assert parsed["program:vault"].get("user") is None


def test_postgresql_is_not_stopped_by_waiting_for_its_clients(setting: Setting) -> None:
    parsed = read(configuration(setting.layout, [(server("postgresql"), ["x"])], root=False))
    assert parsed["program:postgresql"]["stopsignal"] == "INT"


@pytest.mark.parametrize("name", ["a ;b", "a #b", "a\nb"])
def test_a_path_that_the_configuration_cannot_hold_is_refused(name: str) -> None:
    layout = Layout(home=Path("/tmp") / name, runtime=Path("/run"))  # noqa: S108 - nothing is written
    with pytest.raises(SandboxError, match="can't live under a path"):
        configuration(layout, [], root=False)


def test_servers_see_none_of_the_persons_credentials(setting: Setting) -> None:
    outer = {"PATH": "/bin", "VAULT_TOKEN": "planted", "PGPASSWORD": "planted", "AWS_SECRET_ACCESS_KEY": "planted"}
    seen = environment(setting.layout, outer)
    assert seen["PATH"] == "/bin"
    assert "planted" not in seen.values()
    assert not {name for name in seen if name.startswith(("VAULT_", "PG"))}
