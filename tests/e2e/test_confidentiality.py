"""No secret in plain text in state, previews, results, logs, process arguments or cluster objects."""

import base64
import json
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from kubernetes import client

from tests.e2e.engine import Project
from tests.e2e.leaks import Search, spellings, watched_arguments
from tests.e2e.servers import Servers
from tests.e2e.waiting import eventually
from tests.e2e.wall import SECRETS, Side

NEW_PASSWORDS = "urn:pulumi:dev::keybuzz::**RandomPassword::*"
PLUGINS = ("kubernetes", "postgresql", "random", "vault")
PROGRAMS = (
    *(rb"(pulumi-resource-|sandbox\.plugins\.)%s\b" % name.encode() for name in PLUGINS),
    rb"pulumi-language-python",
    rb"kube-apiserver",
    rb"external-secrets",
)
"""Those whose arguments must have been seen, or the looking would prove nothing."""
SENSITIVE = {"PGPASSWORD", "DATABASE_URL"}
"""The keys of a delivered Secret that are secret."""

KINDS = (
    ("external-secrets.io", "v1", "externalsecrets"),
    ("external-secrets.io", "v1", "secretstores"),
    ("generators.external-secrets.io", "v1alpha1", "vaultdynamicsecrets"),
    ("apps", "v1", "deployments"),
    ("apps", "v1", "replicasets"),
    ("events.k8s.io", "v1", "events"),
)
"""What a leak on the cluster could get into, besides pods and ConfigMaps."""


def known_secrets(servers: Servers) -> dict[str, str]:
    """Every secret of both environments and of their administrators, by a name that may be told."""
    layout = servers.sandbox.layout
    vault, cluster = (json.loads(file.read_text()) for file in (layout.vault_file, layout.kubeconfig))
    found = {
        "Vault's root token": vault["root_token"],
        "Vault's unseal key": vault["unseal_key"],
        "the database administrator's password": servers.environment["PGPASSWORD"],
        "the database superuser's password": json.loads(layout.postgresql_file.read_text())["superuser"],
        "the cluster administrator's token": cluster["users"][0]["user"]["token"],
    }
    for side in sides(servers):
        delivered = servers.secret(side.namespace, side.secret)
        found |= {f"{side.namespace}'s {key}": delivered[key] for key in delivered if key in SENSITIVE}
    return found


def sides(servers: Servers) -> list[Side]:
    """All parts that have a credential, in both environments."""
    return [Side(stack, part, servers) for stack in ("dev", "prod") for part in SECRETS]


def generated_passwords(project: Project, stack: str) -> dict[str, str]:
    """The passwords in a stack's state: among them those of Vault's own logins, which are delivered nowhere."""
    state = json.loads(with_secrets(project, stack))
    return {
        f"{stack}'s {resource['urn'].rsplit('::', 1)[1]}": json.loads(resource["outputs"]["result"]["plaintext"])
        for resource in state["deployment"]["resources"]
        if resource["type"] == "random:index/randomPassword:RandomPassword"
    }


def with_secrets(project: Project, stack: str) -> str:
    """What somebody sees who asks for the secrets; not through the project, which remembers what it says."""
    command = ["pulumi", "stack", "export", "--show-secrets", "--stack", stack]
    done = subprocess.run(
        command,
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


class Worked:
    """A system that has just been worked on in every way, and all its secrets, before and after."""

    def __init__(self, project: Project, servers: Servers) -> None:
        self.project, self.servers = project, servers
        before = known_secrets(servers)
        self.said: dict[str, str] = {}
        with watched_arguments() as self.arguments:
            self._say("preview", "--diff", "--stack", "prod", "--refresh")
            self._say("preview", "--diff", "--stack", "dev", "--replace", NEW_PASSWORDS)
            self._say("preview", "--json", "--stack", "dev", "--replace", NEW_PASSWORDS)
            self._say("up", "--yes", "--diff", "--stack", "dev", "--replace", NEW_PASSWORDS)
            self._say("stack", "output", "--json", "--stack", "dev")
            self._say("stack", "--stack", "dev")
        made = generated_passwords(project, "dev") | generated_passwords(project, "prod")
        for side in sides(servers):
            if side.stack == "dev":  # the tests that come next find what was delivered
                eventually(lambda side=side: side.login["password"] in made.values(), "the Secret follows")
        self.secrets = (
            {f"earlier: {name}": value for name, value in before.items()} | known_secrets(servers) | made
        )
        self.search = Search(self.secrets)

    def _say(self, *words: str) -> None:
        self.said[" ".join(words)] = self.project.pulumi(*words).output


@pytest.fixture(scope="module")
def worked(applied: Project, servers: Servers) -> Worked:
    """Both environments previewed, and DEV given new passwords, with everything looked at meanwhile."""
    return Worked(applied, servers)


def test_the_secrets_to_search_for_are_all_there(worked: Worked) -> None:
    """A search for nothing would find nothing: three static, three leased, three of Vault's, all different."""
    names = set(worked.secrets)
    assert {f"{stack}'s {part}-password" for stack in ("dev", "prod") for part in SECRETS} <= names
    assert {f"{side.namespace}'s PGPASSWORD" for side in sides(worked.servers)} <= names
    assert sum(name.endswith("DATABASE_URL") for name in names) == 8
    for part in SECRETS:  # they were rotated meanwhile
        now = worked.secrets[f"keybuzz-{part}-dev's PGPASSWORD"]
        assert now == worked.secrets[f"dev's {part}-password"]
        assert now != worked.secrets[f"earlier: keybuzz-{part}-dev's PGPASSWORD"]


def test_no_secret_in_the_state(worked: Worked) -> None:
    """Not in a checkpoint, a backup or the history of any stack."""
    assert worked.search.folder(worked.servers.sandbox.layout.state) == set()


def test_no_secret_in_the_project_folder(worked: Worked) -> None:
    """Stack files hold values in the clear or encrypted; none of them is a secret in the clear."""
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml"):
        assert worked.search.text(name, (worked.project.folder / name).read_bytes()) == set()


def test_no_secret_in_what_the_engine_says(worked: Worked) -> None:
    """Not in previews with and without --diff or --json, the course of an up, outputs, or anything said before."""
    said = {**worked.said, **{f"command {number}": text for number, text in enumerate(worked.project.said)}}
    assert set().union(*(worked.search.text(command, text) for command, text in said.items())) == set()
    assert "[secret]" in worked.said[f"up --yes --diff --stack dev --replace {NEW_PASSWORDS}"]


def test_no_secret_in_the_servers_logs(worked: Worked) -> None:
    """Vault and its audit log, PostgreSQL, the operator, the reloader, Kubernetes, the supervisor."""
    logs = worked.servers.sandbox.layout.logs
    assert {"vault-audit.log", "postgresql.log", "external-secrets.log"} <= {log.name for log in logs.iterdir()}
    assert worked.search.folder(logs) == set()


def test_the_engine_keeps_no_log_of_its_own(worked: Worked) -> None:
    """Pulumi writes all that it does into one, in plain text until it has the stack's passphrase."""
    assert worked.servers.sandbox.layout.engine_logs.read_bytes() == b""


def test_no_secret_in_process_arguments(worked: Worked) -> None:
    """Arguments are open to every user of a machine; the engine, plugins, program and servers were all seen."""
    assert [name for name in PROGRAMS if not any(re.search(name, line) for line in worked.arguments)] == []
    assert worked.search.arguments(worked.arguments) == set()


def test_no_secret_in_cluster_objects(worked: Worked) -> None:
    """Nothing but Secrets holds a secret: no annotation, template, status or event."""
    assert worked.search.text("cluster objects", cluster_objects(worked.servers)) == set()


def cluster_objects(servers: Servers) -> str:
    """All objects, other than Secrets, that a leak could get into."""
    custom = client.CustomObjectsApi(servers.kubernetes)
    listed: list[Any] = [custom.list_cluster_custom_object(*kind) for kind in KINDS]
    core = servers.core
    more = (core.list_pod_for_all_namespaces(), core.list_config_map_for_all_namespaces())
    return json.dumps([*listed, *(servers.kubernetes.sanitize_for_serialization(each) for each in more)])


@pytest.fixture
def canary() -> str:
    """A secret of no use, which no other test knows, with characters that are escaped somewhere."""
    return f'canary/{secrets.token_urlsafe(24)}?a=1&b="<>"'


@pytest.fixture
def search(canary: str) -> Search:
    """A search for the canary."""
    return Search({"canary": canary})


@pytest.mark.parametrize(
    ("how", "spell"),
    [
        ("raw", str),
        ("JSON", json.dumps),
        ("JSON in JSON", lambda text: json.dumps(json.dumps({"password": text}))),
        ("JSON as Go writes it", lambda text: json.dumps(text).replace("&", "\\u0026").replace("<", "\\u003c")),
        ("URL", lambda text: quote(text, safe="")),
        ("hexadecimal", lambda text: text.encode().hex()),
        ("base64 at 0", lambda text: base64.b64encode(text.encode()).decode()),
        ("base64 at 1", lambda text: base64.b64encode(f"x{text}yz".encode()).decode()),
        ("base64 at 2", lambda text: base64.b64encode(f"xx{text}y".encode()).decode()),
        ("base64 for URLs at 0", lambda text: base64.urlsafe_b64encode(text.encode()).decode()),
    ],
)
def test_a_planted_secret_is_found_in_every_spelling(canary: str, search: Search, how: str, spell: Any) -> None:
    """Each spelling is found, within something longer."""
    spelled = spell(canary).replace("\\u003c>", "\\u003c\\u003e")
    assert f"here: canary ({how})" in search.text("here", f"before{spelled}after")
    assert search.text("here", f"before{spell(canary[::-1])}after") == set()


@pytest.mark.parametrize("how", ["raw", "base64 at 0"])
def test_a_planted_secret_is_found_in_the_state(applied: Project, servers: Servers, canary: str, how: str) -> None:
    """In a file of the history, as the engine would have left it."""
    history = servers.sandbox.layout.state / ".pulumi" / "history" / "keybuzz" / "planted"
    history.mkdir()
    leak = history / "planted-1.checkpoint.json"
    try:
        leak.write_bytes(b'{"inputs":{"password":"' + spellings(canary)[how] + b'"}}')
        found = Search({"canary": canary}).folder(servers.sandbox.layout.state)
    finally:
        leak.unlink()
        history.rmdir()
    assert any(find.startswith("state/.pulumi/history") and f"({how})" in find for find in found)


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_secrets_are_found_in_what_the_engine_says(applied: Project, stack: str) -> None:
    """The engine told to show secrets does, and the search sees each of them."""
    passwords = generated_passwords(applied, stack)
    found = Search(passwords).text("export", with_secrets(applied, stack))
    assert {find for find in found if find.endswith("(raw)")} == {f"export: {name} (raw)" for name in passwords}


def test_a_planted_secret_is_found_in_a_servers_log(servers: Servers, canary: str, search: Search) -> None:
    """PostgreSQL writes a warning to its log, and the search sees it there."""
    with servers.database() as session:
        text = canary.replace("'", "''")
        session.execute(f"DO $$ BEGIN RAISE WARNING USING MESSAGE = '{text}'; END $$")
    eventually(lambda: search.folder(servers.sandbox.layout.logs), "the log has it")
    found = search.folder(servers.sandbox.layout.logs)
    assert "logs/postgresql.log: canary (raw)" in found


def test_a_planted_secret_is_found_in_process_arguments(canary: str, search: Search) -> None:
    """A process of any program is seen while it lives."""
    with watched_arguments() as seen, planted_process(canary):
        found = eventually(lambda: search.arguments(frozenset(seen)), "the process is seen")
    assert f"arguments of {Path(sys.executable).name}: canary (raw)" in found


@contextmanager
def planted_process(secret: str) -> Iterator[None]:
    """A process that has a secret among its arguments."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", secret]) as process:
        try:
            yield
        finally:
            process.kill()


def test_a_planted_secret_is_found_in_a_cluster_object(servers: Servers, canary: str, search: Search) -> None:
    """A person who puts a secret into a ConfigMap is found out."""
    planted = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="planted"), data={"password": canary})
    servers.core.create_namespaced_config_map("default", planted)
    try:
        assert "cluster: canary (JSON)" in search.text("cluster", cluster_objects(servers))
    finally:
        servers.core.delete_namespaced_config_map("planted", "default")
