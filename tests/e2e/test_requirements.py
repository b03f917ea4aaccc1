"""What a platform asks of its servers, and a program of its people, compared with what is there at preview."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from tests.e2e.engine import CHECKOUT, Project
from tests.e2e.servers import Servers

PROGRAM = Path(__file__).parent / "programs" / "veteran"
STACKS = {"pr-12": "ephemeral", "prod-12": "production"}
DEV, PROD = STACKS
SECRET = "veteran/pr-12/app_api"
CANARY = "a-key-that-nobody-may-see"


@pytest.fixture(scope="module")
def program(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A program that is never applied, with two stacks."""
    folder = tmp_path_factory.mktemp("requirements")
    shutil.copytree(PROGRAM, folder, dirs_exist_ok=True)
    for name in ("components", ".venv"):
        (folder / name).symlink_to(CHECKOUT / name)
    project = Project(folder, {**os.environ, **servers.environment})
    try:
        for stack, kind in STACKS.items():
            config = {"bulkhead:kind": kind, "bulkhead:platform": "veteran", "bulkhead:images": {}}
            (folder / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": config}), encoding="utf-8")
            project.init(stack)
        yield project
    finally:
        for stack in STACKS:
            project.remove(stack)


def require(project: Project, settings: Mapping[str, str]) -> None:
    file = project.folder / "platforms" / "veteran.yaml"
    platform = yaml.safe_load(file.read_text(encoding="utf-8"))
    platform["postgresql"]["requires"] = dict(settings)
    file.write_text(yaml.safe_dump(platform), encoding="utf-8")


@pytest.mark.parametrize("stack", STACKS)
def test_the_sandbox_is_what_twinme_asks_for(program: Project, stack: str) -> None:
    text = (CHECKOUT / "examples/twinme/platforms/twinme.yaml").read_text(encoding="utf-8")
    wanted = yaml.safe_load(text)["postgresql"]["requires"]
    assert len(wanted) >= 7
    require(program, wanted)
    outcome = program.pulumi("preview", "--stack", stack)
    assert "required is" not in outcome.output
    assert "audit device" not in outcome.output


def test_what_does_not_hold_is_a_warning_in_development_and_an_error_in_production(program: Project) -> None:
    require(program, {"max_connections": ">= 500", "shared_buffers": "1GB", "log_connections": "on"})
    words = ("max_connections is '200', required is '>= 500'", "shared_buffers is '256MB', required is '1GB'")
    for stack in STACKS:
        outcome = program.pulumi("preview", "--stack", stack, check=False)
        for word in words:
            assert f"PostgreSQL 127.0.0.1:{program.environment['PGPORT']}: {word}" in outcome.output
        assert "log_connections" not in outcome.output
        assert "Traceback" not in outcome.output
        assert (outcome.status != 0) == (stack == PROD)


@pytest.mark.parametrize("stack", STACKS)
def test_a_setting_that_the_server_does_not_have_is_an_error_everywhere(program: Project, stack: str) -> None:
    require(program, {"max_conections": ">= 100"})
    outcome = program.pulumi("preview", "--stack", stack, check=False)
    assert outcome.status != 0
    assert "postgresql.requires.max_conections is no setting" in outcome.output
    assert "did you mean 'max_connections'?" in outcome.output


def test_a_token_that_may_not_see_audit_devices_leaves_it_undecided(program: Project, servers: Servers) -> None:
    require(program, {})
    policies = servers.vault.sys
    policies.create_or_update_policy("veteran-reader", 'path "secret/*" { capabilities = ["read", "list"] }')
    try:
        token = servers.vault.auth.token.create(policies=["veteran-reader"], ttl="5m")["auth"]["client_token"]
        outcome = program.pulumi("preview", "--stack", PROD, VAULT_TOKEN=token)
    finally:
        policies.delete_policy("veteran-reader")
    assert "undecided: /v1/sys/audit answers 403; the token needs read and sudo on sys/audit" in outcome.output
    assert token not in outcome.output


def test_a_secret_that_people_must_put_is_asked_for_with_the_command_that_does_it(
    program: Project, servers: Servers
) -> None:
    require(program, {})
    main = program.folder / "__main__.py"
    text = main.read_text(encoding="utf-8")
    expecting = 'connect(settings, expects={"api": ("openai-api-key", "jwt-secret")})'
    assert "connect(settings)" in text
    main.write_text(text.replace("connect(settings)", expecting), encoding="utf-8")
    kv = servers.vault.secrets.kv.v2
    try:
        for command in (("preview",), ("up", "--yes", "--skip-preview")):
            outcome = program.pulumi(*command, "--stack", DEV, check=False)
            assert outcome.status != 0
            assert f"Vault lacks openai-api-key, jwt-secret of secret/{SECRET}" in outcome.output
            assert f"vault kv put -mount=secret {SECRET} openai-api-key=-" in outcome.output
            assert "Traceback" not in outcome.output
        kv.create_or_update_secret(SECRET, {"openai-api-key": CANARY})
        outcome = program.pulumi("preview", "--stack", DEV, check=False)
        assert f"Vault lacks jwt-secret of secret/{SECRET}" in outcome.output
        assert f"vault kv patch -mount=secret {SECRET} jwt-secret=-" in outcome.output
        kv.create_or_update_secret(SECRET, {"openai-api-key": CANARY, "jwt-secret": CANARY})
        program.pulumi("preview", "--stack", DEV)
    finally:
        kv.delete_metadata_and_all_versions(SECRET)
        main.write_text(text, encoding="utf-8")
    assert CANARY not in "".join(program.said)
