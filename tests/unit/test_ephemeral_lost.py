"""What a killed engine had begun to create: what of it outlives its surroundings, and how it is taken away."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import hvac
import psycopg
import pytest

from bulkhead.ephemeral.lost import LostError, begun, take_away
from bulkhead.residue import Left
from tests.recording import Registration
from tests.stacks import keybuzz


def pending(kind: str, inputs: dict[str, Any], operation: str = "creating") -> dict[str, Any]:
    return {"type": operation, "resource": {"urn": "urn", "type": kind, "inputs": inputs}}


def exported(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"deployment": {"resources": [], "pending_operations": list(operations)}}


KINDS = {
    "postgresql:index/database:Database": ("PostgreSQL", "database"),
    "postgresql:index/role:Role": ("PostgreSQL", "role"),
    "vault:index/mount:Mount": ("Vault", "mount"),
    "vault:index/policy:Policy": ("Vault", "policy"),
    "vault:kubernetes/authBackendRole:AuthBackendRole": ("Vault", "auth role"),
    "vault:kv/secretV2:SecretV2": ("Vault", "secret"),
    "kubernetes:core/v1:Namespace": ("Kubernetes", "Namespace"),
}


def registered(kind: str) -> Registration:
    return next(one for stack in ("pr-7", "prod") for one in keybuzz(stack) if one.type == kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_begun_creation_is_named_as_the_search_for_residue_names_it(kind: str) -> None:
    """With the inputs that our components really give."""
    [found] = begun(exported(pending(kind, dict(registered(kind).inputs))))
    assert (found.server, found.kind) == KINDS[kind]
    assert "keybuzz" in found.name


def test_what_goes_with_its_surroundings_is_not_named() -> None:
    schema = pending("postgresql:index/schema:Schema", {"name": "a", "database": "a"})
    assert begun(exported(schema, pending("postgresql:index/grant:Grant", {"database": "a"}))) == set()


def test_an_object_of_a_namespace_is_named_since_its_next_creation_would_meet_it() -> None:
    deployment = pending("kubernetes:apps/v1:Deployment", {"metadata": {"name": "api", "namespace": "a"}})
    assert begun(exported(deployment)) == {Left("Kubernetes", "Deployment", "a/api")}


@pytest.mark.parametrize("operation", ["deleting", "updating", "reading"])
def test_other_operations_are_the_engines_own_to_repeat(operation: str) -> None:
    assert begun(exported(pending("postgresql:index/role:Role", {"name": "a"}, operation))) == set()


def test_what_a_later_command_has_made_all_the_same_is_not_lost() -> None:
    """The engine remembers the first try even so; taking that away would take a living thing."""
    state = exported(pending("postgresql:index/role:Role", {"name": "a"}))
    state["deployment"]["resources"] = [{"urn": "urn"}]
    assert begun(state) == set()


def test_a_state_without_anything_pending_names_nothing() -> None:
    assert begun({"deployment": {"resources": []}}) == set()
    assert begun({"deployment": None}) == set()


class Servers:
    """Three servers that write down what they are told."""

    def __init__(self, refusal: Exception | None = None, status: int = 200) -> None:
        self.said, self._refusal, self._status = list[str](), refusal, status
        self.vault = self.kubernetes = self

    @contextmanager
    def database(self) -> Iterator[Any]:
        yield self

    def execute(self, statement: Any) -> None:
        if self._refusal:
            raise self._refusal
        self.said.append(statement.as_string(None))

    @property
    def sys(self) -> Any:
        return self

    def disable_secrets_engine(self, path: str) -> None:
        self.said.append(f"unmount {path}")

    def delete_policy(self, name: str) -> None:
        if self._refusal:
            raise self._refusal
        self.said.append(f"policy {name}")

    def delete(self, path: str) -> None:
        self.said.append(f"delete {path}")

    @property
    def secrets(self) -> Any:
        return self

    kv = v2 = property(lambda self: self)

    def delete_metadata_and_all_versions(self, path: str, mount_point: str) -> None:
        self.said.append(f"metadata {mount_point} {path}")

    host = "https://cluster"

    def get(self, path: str) -> dict[str, Any]:
        verbs = ["list", "delete"]
        core = [{"name": "namespaces", "kind": "Namespace", "verbs": verbs}]
        apps = [{"name": "deployments", "kind": "Deployment", "verbs": verbs}]
        return {
            "/apis": {"groups": [{"preferredVersion": {"groupVersion": "apps/v1"}}]},
            "/api/v1": {"resources": core},
            "/apis/apps/v1": {"resources": apps},
        }[path]

    def send(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        self.said.append(f"{method} {path}")
        return self._status, {"message": "forbidden"}


THINGS = [
    Left("Kubernetes", "Namespace", "keybuzz-api-pr-7"),
    Left("Kubernetes", "Deployment", "keybuzz-api-pr-7/api"),
    Left("PostgreSQL", "role", 'keybuzz"_pr__7'),
    Left("PostgreSQL", "database", "keybuzz_pr__7"),
    Left("Vault", "auth role", "kubernetes/keybuzz-api-pr-7"),
    Left("Vault", "mount", "keybuzz/pr-7/db_api"),
    Left("Vault", "policy", "keybuzz-api-pr-7"),
    Left("Vault", "secret", "secret/keybuzz/pr-7/db_api"),
]


def test_all_are_taken_away_databases_before_roles_and_names_are_quoted() -> None:
    servers: Any = Servers()
    take_away(servers, THINGS)
    assert servers.said == [
        "DELETE /apis/apps/v1/namespaces/keybuzz-api-pr-7/deployments/api",
        "metadata secret keybuzz/pr-7/db_api",
        "unmount keybuzz/pr-7/db_api",
        "delete auth/kubernetes/role/keybuzz-api-pr-7",
        "policy keybuzz-api-pr-7",
        'DROP DATABASE IF EXISTS "keybuzz_pr__7" WITH (FORCE)',
        'DROP ROLE IF EXISTS "keybuzz""_pr__7"',
        "DELETE /api/v1/namespaces/keybuzz-api-pr-7",
    ]


@pytest.mark.parametrize(
    ("thing", "refusal"),
    [
        (THINGS[2], psycopg.OperationalError("must be able to SET ROLE")),
        (THINGS[6], hvac.exceptions.Forbidden("denied")),
        (THINGS[6], ConnectionError("gone")),
    ],
)
def test_a_server_that_refuses_is_an_error_that_names_the_thing(thing: Left, refusal: Exception) -> None:
    servers: Any = Servers(refusal)
    with pytest.raises(LostError, match="was half made, and cannot be taken away"):
        take_away(servers, [thing])


def test_a_namespace_that_may_not_be_deleted_is_an_error_and_one_that_is_gone_is_not() -> None:
    gone: Any = Servers(status=404)
    take_away(gone, [THINGS[0]])
    forbidden: Any = Servers(status=403)
    with pytest.raises(LostError, match="403 forbidden"):
        take_away(forbidden, [THINGS[0]])
