"""A rotated credential reaches the pods without anybody's hand, without a failed log-in, and is not drift."""

from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from kubernetes import client

from tests.e2e.engine import Project
from tests.e2e.servers import Servers
from tests.e2e.waiting import eventually

SECRET = "keybuzz-api-postgres"
PASSWORDS = "urn:pulumi:dev::keybuzz::**RandomPassword::api-password"


@dataclass(frozen=True)
class Api:
    """The api's Deployment of one environment, as the cluster has it."""

    namespace: str
    servers: Servers

    @property
    def credential(self) -> dict[str, str]:
        """What the Secret holds now."""
        return self.servers.secret(self.namespace, SECRET)

    @property
    def template(self) -> dict[str, Any]:
        """The annotations of the pod template."""
        return self._deployment().spec.template.metadata.annotations or {}

    def pods(self) -> set[str]:
        """The pods that are there to stay."""
        pods = self.servers.core.list_namespaced_pod(
            self.namespace, label_selector="app.kubernetes.io/name=api"
        ).items
        return {pod.metadata.uid for pod in pods if not pod.metadata.deletion_timestamp}

    def rolled_out(self) -> bool:
        """Whether all pods are of the newest template and available."""
        found = self._deployment()
        status = found.status
        return (
            status.observed_generation == found.metadata.generation
            and status.replicas == status.updated_replicas == status.available_replicas == found.spec.replicas
        )

    def lets_in(self, credential: dict[str, str]) -> bool:
        """Whether the database takes this credential; any other failure than a wrong password is one."""
        name, user, password = (credential[key] for key in ("PGDATABASE", "PGUSER", "PGPASSWORD"))
        try:
            with self.servers.database(name, user=user, password=password) as session:
                session.execute("SELECT 1")
        except psycopg.OperationalError as error:
            if "password authentication failed" not in str(error):
                raise
            return False
        return True

    def _deployment(self) -> Any:
        return client.AppsV1Api(self.servers.kubernetes).read_namespaced_deployment("api", self.namespace)


def await_new_pods(api: Api, before: dict[str, str], template: dict[str, Any], pods: set[str]) -> dict[str, str]:
    """The new credential, once it is in the Secret and every pod is one that started with it."""
    eventually(lambda: api.credential["PGPASSWORD"] != before["PGPASSWORD"], "the Secret changes")
    after = api.credential
    eventually(lambda: api.template != template, "the pod template changes")
    eventually(lambda: api.rolled_out() and not api.pods() & pods, "all pods are new")
    assert api.pods()
    note = str(api.template)
    assert SECRET in note
    assert not [key for key in ("PGUSER", "PGPASSWORD") if after[key] in note]
    return after


def test_a_new_lease_reaches_the_pods(applied: Project, servers: Servers) -> None:
    """PROD: the operator leases anew, pods roll, the old login lives on until they have; no preview minds."""
    api = Api("keybuzz-api-prod", servers)
    eventually(api.rolled_out, "the roll-out before is over")
    before, template, pods = api.credential, api.template, api.pods()
    force_sync(servers, api.namespace, "now")
    try:
        after = await_new_pods(api, before, template, pods)
    finally:
        force_sync(servers, api.namespace, None)
    assert after["PGUSER"] != before["PGUSER"]
    assert api.lets_in(after)
    assert api.lets_in(before)
    assert applied.changes("prod", "--refresh") == []


def test_a_new_password_reaches_the_pods(applied: Project, servers: Servers) -> None:
    """DEV: the program makes a new password; the Secret and the pods follow, the old one is of no use."""
    api = Api("keybuzz-api-dev", servers)
    eventually(api.rolled_out, "the roll-out before is over")
    before, template, pods = api.credential, api.template, api.pods()
    applied.up("dev", "--replace", PASSWORDS)
    after = await_new_pods(api, before, template, pods)
    assert after["PGUSER"] == before["PGUSER"]
    assert api.lets_in(after)
    assert not api.lets_in(before)
    assert applied.changes("dev", "--refresh") == []


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_an_unchanged_credential_leaves_pods_alone(applied: Project, servers: Servers, stack: str) -> None:
    """Proof that pods roll for the credential: a touched Secret with the same data does not move them."""
    api = Api(f"keybuzz-api-{stack}", servers)
    eventually(api.rolled_out, "the roll-out before is over")
    template, pods = api.template, api.pods()
    mark = {"metadata": {"labels": {"touched": "yes"}}}
    servers.core.patch_namespaced_secret(SECRET, api.namespace, mark)
    servers.core.patch_namespaced_secret(SECRET, api.namespace, {"metadata": {"labels": {"touched": None}}})
    with pytest.raises(AssertionError, match="not within"):
        eventually(lambda: api.template != template or api.pods() != pods, "pods move", 1)


def force_sync(servers: Servers, namespace: str, value: str | None) -> None:
    """Tell the operator to look now instead of at its next turn, as a person does; None removes the word."""
    client.CustomObjectsApi(servers.kubernetes).patch_namespaced_custom_object(
        "external-secrets.io",
        "v1",
        namespace,
        "externalsecrets",
        SECRET,
        {"metadata": {"annotations": {"force-sync": value}}},
    )
