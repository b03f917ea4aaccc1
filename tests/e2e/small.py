"""A project of one small program of its own, beside KeyBuzz, for what needs a stack to itself."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.engine import CHECKOUT, Project
from tests.e2e.servers import Servers

OPENING = """\
from components.app_deployment import AppDeployment, AppDeploymentArgs
from components.environment_database import EnvironmentDatabase, EnvironmentDatabaseArgs
from components.namespace import Namespace, NamespaceArgs
from components.providers import connect
from components.settings import Settings
from components.vault_db_secret import VaultDbSecret, VaultDbSecretArgs

settings = Settings.load(apps=("api",), databases=("api",))
env, platform, how = settings.environment, connect(settings), settings.credentials
runs, here = settings.workload("api"), Namespace(env.system, NamespaceArgs(environment=env), platform)
opens = EnvironmentDatabaseArgs(environment=env, values=settings.database("api"))
database = EnvironmentDatabase("api", opens, platform)


def login(secret):
    args = VaultDbSecretArgs(
        environment=env, database=database, namespace=here, secret=secret, credentials=how, used_by=runs
    )
    return VaultDbSecret("api", args, platform)


def application(secret):
    args = AppDeploymentArgs(
        environment=env, namespace=here, workload=runs, secrets=(secret,), reaches=(database,)
    )
    return AppDeployment("api", args, platform)


"""
"""How a small program may begin: a database, and what makes a login for it and a workload that uses one."""


def small_project(
    folder: Path, servers: Servers, name: str, program: str, stacks: Mapping[str, Mapping[str, Any]]
) -> Project:
    """A project whose stacks are not made yet.

    Args:
        folder: where it is written.
        servers: the sandbox.
        name: the project's name, which is the system's.
        program: its `__main__.py`.
        stacks: what each stack's file has under `bulkhead:`, besides platform and the image of `api`.
    """
    (folder / "__main__.py").write_text(program, encoding="utf-8")
    project = {
        "name": name,
        "runtime": {"name": "python", "options": {"virtualenv": ".venv"}},
        "config": {"pulumi:disable-default-providers": {"value": ["*"]}},
    }
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project), encoding="utf-8")
    (folder / ".venv").symlink_to(CHECKOUT / ".venv")
    shutil.copytree(CHECKOUT / "components", folder / "components")
    shutil.copytree(CHECKOUT / "examples" / "minimal" / "platforms", folder / "platforms")
    for stack, values in stacks.items():
        given = {"platform": "minimal", "images": {"api": f"registry.example.com/{name}/api:v1"}, **values}
        text = yaml.safe_dump({"config": {f"bulkhead:{key}": value for key, value in given.items()}})
        (folder / f"Pulumi.{stack}.yaml").write_text(text, encoding="utf-8")
    return Project(folder, {**os.environ, **servers.environment})
