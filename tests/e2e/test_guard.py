"""`bulkhead guard --live` on the sandbox: clean, found once something is planted on each server, clean again."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.engine import Project
from tests.e2e.servers import Servers

NODE = "10.0.0.121"


def guard(project: Project, *words: str) -> tuple[int, dict[str, Any]]:
    """Run the command on both stacks' live objects; its exit code, and what it says as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "bulkhead.cli", "guard", "Pulumi.dev.yaml", "--json", *words],
        cwd=project.folder,
        env=dict(project.environment),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@contextmanager
def planted(servers: Servers) -> Iterator[set[str]]:
    """A node on each server; the places where it is found."""
    core, vault = servers.core, servers.vault
    engine = next(
        name for name in vault.sys.list_mounted_secrets_engines()["data"] if name.startswith("keybuzz/prod/")
    )
    put = {"metadata": {"name": "planted"}}
    hidden = base64.b64encode(f"postgresql://app:hunter2@{NODE}:5432/keybuzz_prod".encode()).decode()
    try:
        core.create_namespaced_config_map("keybuzz-api-dev", {**put, "data": {"url": f"postgresql://{NODE}/x"}})
        core.create_namespaced_secret("keybuzz-api-prod", {**put, "data": {"url": hidden}})
        vault.secrets.kv.v2.create_or_update_secret(
            "keybuzz/dev/planted", {"PGHOST": NODE, "PGPASSWORD": "hunter2"}
        )
        vault.write_data(
            f"{engine}config/planted",
            data={
                "plugin_name": "postgresql-database-plugin",
                "connection_url": f"postgresql://{{{{username}}}}:{{{{password}}}}@{NODE}:5432/postgres",
                "username": "nobody",
                "password": "hunter2",
                "verify_connection": False,
                "allowed_roles": "",
            },
        )
        with servers.database() as session:
            session.execute(f"ALTER DATABASE keybuzz_prod SET application_name = 'host={NODE}'")
        yield {
            "live/dev/kubernetes/keybuzz-api-dev/ConfigMap/planted/data.url",
            "live/prod/kubernetes/keybuzz-api-prod/Secret/planted/data.url",
            "live/dev/vault/secret/data/keybuzz/dev/planted#data.PGHOST",
            f"live/prod/vault/{engine}config/planted#connection_details.connection_url",
            "live/prod/postgresql/keybuzz_prod/setting keybuzz_prod",
        }
    finally:
        with servers.database() as session:
            session.execute("ALTER DATABASE keybuzz_prod RESET application_name")
        vault.delete(f"{engine}config/planted")
        vault.secrets.kv.v2.delete_metadata_and_all_versions("keybuzz/dev/planted")
        for delete, namespace in (
            (core.delete_namespaced_config_map, "keybuzz-api-dev"),
            (core.delete_namespaced_secret, "keybuzz-api-prod"),
        ):
            delete("planted", namespace)


def test_live_objects_are_clean_a_planted_node_is_found_on_each_server_and_then_they_are_clean_again(
    applied: Project, servers: Servers
) -> None:
    both = ("--live", "dev", "--live", "prod")
    status, said = guard(applied, *both)
    assert said["findings"] == []
    assert status == 0
    assert said["live"] > 1000
    with planted(servers) as places:
        status, said = guard(applied, *both)
    assert status == 1
    assert places == {one["path"] for one in said["findings"]}
    assert {one["rule"] for one in said["findings"]} == {"node-address"}
    assert "hunter2" not in json.dumps(said)
    assert guard(applied, *both)[0] == 0


def test_another_environments_name_in_a_live_object_is_found(applied: Project, servers: Servers) -> None:
    data = {"metadata": {"name": "planted"}, "data": {"path": "secret/data/keybuzz/prod/db_api"}}
    servers.core.create_namespaced_config_map("keybuzz-api-dev", data)
    try:
        status, said = guard(applied, "--live", "dev")
    finally:
        servers.core.delete_namespaced_config_map("planted", "keybuzz-api-dev")
    assert status == 1
    (found,) = said["findings"]
    assert found["rule"] == "foreign-identity"
    assert found["path"] == "live/dev/kubernetes/keybuzz-api-dev/ConfigMap/planted/data.path"
