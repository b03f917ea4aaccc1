"""A small system with a cache and nothing else: DEV has one server, PROD three. Its own name, its own stacks."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.cache_pods import Pod, free_network
from tests.e2e.engine import CHECKOUT, Project
from tests.e2e.servers import Servers

SYSTEM = "pantry"
REPLICAS = {"dev": 1, "prod": 3}
STACKS: dict[str, dict[str, Any]] = {
    "dev": {"kind": "development", "caches": {"cache": {"memory": "2Gi", "storage": "10Gi"}}},
    "prod": {"kind": "production", "caches": {"cache": {"memory": "64Mi", "replicas": 3}}},
}
PROGRAM = """\
import pulumi

from components import Namespace, NamespaceArgs, Settings, connect
from components.cache import Cache, CacheArgs

settings = Settings.load(apps=(), caches=("cache",))
env, platform = settings.environment, connect(settings)
here = Namespace("cache", NamespaceArgs(environment=env, part="cache"), platform)
cache = Cache(
    "cache",
    CacheArgs(
        environment=env, namespace=here, values=settings.cache("cache"), credentials=settings.credentials
    ),
    platform,
)
pulumi.export("cache", cache.host)
"""


@dataclass
class Pantry:
    """The project, and what it has on the servers."""

    project: Project
    servers: Servers

    def write(self, stack: str, **more: Any) -> None:
        """The stack's file, with settings beside those that it has anyway."""
        settings = {"platform": "keybuzz", "images": {}, **STACKS[stack], **more}
        lines = [f"  bulkhead:{key}: {json.dumps(value)}\n" for key, value in settings.items()]
        text = "config:\n" + "".join(lines)
        file = self.project.folder / f"Pulumi.{stack}.yaml"
        kept = (
            []
            if not file.exists()
            else [line for line in file.read_text().splitlines() if "encryptionsalt" in line]
        )
        file.write_text("\n".join([*kept, text]), encoding="utf-8")

    def object(self, stack: str, kind: str, name: str) -> dict[str, Any]:
        """An object of the cache's namespace: `apps/v1/statefulsets`, `v1/configmaps`."""
        group, _, plural = kind.rpartition("/")
        root = "/apis" if "/" in group else "/api"
        return self.servers.object(f"{root}/{group}/namespaces/{namespace(stack)}/{plural}/{name}")

    def files(self, stack: str) -> dict[str, str]:
        """The files of the Secret, as External Secrets delivered it."""
        return self.servers.secret(namespace(stack), "cache-redis")

    def values(self, stack: str) -> dict[str, str]:
        """What applications are told, as it stands in Vault."""
        path = f"{SYSTEM}/{stack}/cache_cache"
        read = self.servers.vault.secrets.kv.v2.read_secret_version(path, raise_on_deleted_version=True)
        return read["data"]["data"]

    def pods(self, stack: str, folder: Path) -> list[Pod]:
        """The Redis pods of a stack, not yet started, with their volumes filled."""
        template = self.object(stack, "apps/v1/statefulsets", "cache-redis")["spec"]["template"]
        configuration = self.object(stack, "v1/configmaps", "cache-redis")["data"]
        network = self.network(stack)
        made = []
        for index, address in enumerate(network.values()):
            name = f"cache-redis-{index}"
            pod = Pod(name, address, template["spec"], folder / name, network)
            pod.give("configuration", configuration)
            pod.give("credentials", self.files(stack))
            made.append(pod)
        return made

    def proxy(self, stack: str, folder: Path) -> Pod:
        """One of the proxies of a stack, not yet started."""
        template = self.object(stack, "apps/v1/deployments", "cache-proxy")["spec"]["template"]
        network = self.network(stack)
        pod = Pod("proxy", f"{free_network()}.{30 + len(network)}", template["spec"], folder / "proxy", network)
        pod.give("configuration", self.object(stack, "v1/configmaps", "cache-proxy")["data"])
        pod.give("credentials", {"probe": self.files(stack)["probe"]})
        return pod

    def network(self, stack: str) -> Mapping[str, str]:
        """The address of every Redis pod, by its DNS name on the cluster."""
        first, zone = 10 * REPLICAS[stack], f"cache-redis.{namespace(stack)}.svc.cluster.local"
        return {
            f"cache-redis-{index}.{zone}": f"{free_network()}.{first + index}" for index in range(REPLICAS[stack])
        }


def namespace(stack: str) -> str:
    """Where a stack's cache is."""
    return f"{SYSTEM}-cache-{stack}"


@contextmanager
def pantry(folder: Path, servers: Servers) -> Iterator[Pantry]:
    """The project with both stacks applied; at the end everything is gone."""
    shutil.copytree(CHECKOUT / "components", folder / "components")
    shutil.copytree(CHECKOUT / "platforms", folder / "platforms")
    (folder / ".venv").symlink_to(CHECKOUT / ".venv")
    text = (CHECKOUT / "Pulumi.yaml").read_text(encoding="utf-8")
    (folder / "Pulumi.yaml").write_text(text.replace("name: keybuzz", f"name: {SYSTEM}"), encoding="utf-8")
    (folder / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    made = Pantry(Project(folder, {**os.environ, **servers.environment}), servers)
    try:
        for stack in STACKS:
            made.write(stack)
            made.project.init(stack)
            made.project.up(stack)
        yield made
    finally:
        for stack in STACKS:
            if stack in made.project.stacks():
                made.project.pulumi("state", "unprotect", "--all", "--yes", "--stack", stack, check=False)
            made.project.remove(stack)
