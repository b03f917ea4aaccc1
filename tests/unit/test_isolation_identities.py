"""What a resource is on its server: its identities, whatever the package, the controller and the spelling."""

from typing import Any

import pytest

from bulkhead.isolation.identities import of_resource, owned
from bulkhead.isolation.mentions import canonical, selector
from bulkhead.isolation.routes import routes
from bulkhead.state import Resource, State


def identities(kind: str, inputs: dict[str, Any], id_: str = "an-id") -> list[str]:
    one = Resource(urn=f"urn::{kind}::x", type=kind, name="x", id=id_, inputs=inputs)
    return [str(found.identity) for found in of_resource(one)]


META = {"metadata": {"name": "a", "namespace": "dev"}}


@pytest.mark.parametrize(
    ("kind", "inputs", "found"),
    [
        ("kubernetes:core/v1:ConfigMap", {"apiVersion": "v1", **META}, ["ConfigMap dev/a"]),
        ("kubernetes:apps/v1:Deployment", {"apiVersion": "apps/v1", **META}, ["Deployment.apps dev/a"]),
        ("kubernetes:core/v1:Namespace", {"metadata": {"name": "dev"}}, ["Namespace dev"]),
        (
            "kubernetes:external-secrets.io/v1:ExternalSecret",
            {"apiVersion": "external-secrets.io/v1", **META, "spec": {"target": {"name": "db"}}},
            ["ExternalSecret.external-secrets.io dev/a", "Secret dev/db"],
        ),
        (
            "kubernetes:cert-manager.io/v1:Certificate",
            {"apiVersion": "cert-manager.io/v1", **META, "spec": {"secretName": "tls"}},
            ["Certificate.cert-manager.io dev/a", "Secret dev/tls"],
        ),
        ("kubernetes:apps/v1:DeploymentPatch", {"apiVersion": "apps/v1", "kind": "Deployment", **META}, []),
        ("vault:index/mount:Mount", {"path": "shop/dev/"}, ["Vault path shop/dev"]),
        ("vault:index/authBackend:AuthBackend", {"type": "kubernetes"}, ["Vault path auth/kubernetes"]),
        ("vault:index/policy:Policy", {"name": "shop"}, ["Vault policy shop"]),
        ("vault:kv/secretV2:SecretV2", {"mount": "secret", "name": "shop/a"}, ["Vault path secret/shop/a"]),
        ("vault:something/new:New", {}, ["Vault path an-id"]),
        ("postgresql:index/database:Database", {"name": "shop"}, ["PostgreSQL database shop"]),
        ("postgresql:index/role:Role", {"name": "shop"}, ["PostgreSQL role shop"]),
        ("postgresql:index/schema:Schema", {"name": "app", "database": "shop"}, ["PostgreSQL schema shop/app"]),
        (
            "postgresql:index/grantRole:GrantRole",
            {"role": "a", "grantRole": "b"},
            ["PostgreSQL membership a in b"],
        ),
        (
            "postgresql:index/grant:Grant",
            {"role": "a", "database": "shop", "objectType": "table", "schema": "app", "objects": ["t"]},
            ["PostgreSQL grant shop/to a on app table t"],
        ),
        (
            "postgresql:index/publication:Publication",
            {"name": "p", "database": "shop"},
            ["PostgreSQL publication shop/p"],
        ),
        ("aws:s3/bucket:Bucket", {}, ["aws:s3/bucket:Bucket an-id"]),
    ],
)
def test_a_resource_is_what_its_server_calls_it(kind: str, inputs: dict[str, Any], found: list[str]) -> None:
    assert identities(kind, inputs) == found


def test_a_generated_name_is_the_one_that_the_server_gave() -> None:
    one = Resource(
        urn="urn::x",
        type="kubernetes:core/v1:ConfigMap",
        name="x",
        id="dev/x-1a2b",
        inputs={"apiVersion": "v1", "metadata": {"namespace": "dev"}},
        outputs={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "dev", "name": "x-1a2b"}},
    )
    assert [str(found.identity) for found in of_resource(one)] == ["ConfigMap dev/x-1a2b"]


def test_what_is_in_the_state_alone_or_was_only_read_is_not_owned() -> None:
    resources = (
        Resource(urn="a", type="random:index/randomPassword:RandomPassword", name="a", id="none"),
        Resource(urn="b", type="pulumi:providers:vault", name="b"),
        Resource(urn="c", type="bulkhead:index:Namespace", name="c", custom=False),
        Resource(urn="d", type="kubernetes:core/v1:ConfigMap", name="d", inputs=META, external=True),
    )
    assert list(owned(State(project="shop", stack="dev", resources=resources))) == []


@pytest.mark.parametrize(
    ("kind", "spec", "hosts"),
    [
        (
            "Ingress",
            {"rules": [{"host": "a.io", "http": {"paths": [{"path": "/x"}, {"path": "/y"}]}}]},
            [("a.io", "/x"), ("a.io", "/y")],
        ),
        ("Ingress", {"rules": [{"http": {"paths": [{"path": "/"}]}}]}, [("*", "/")]),
        (
            "IngressRoute",
            {"routes": [{"match": "Host(`a.io`, `b.io`) && PathPrefix(`/api`)"}]},
            [("a.io", "/api"), ("b.io", "/api")],
        ),
        ("IngressRoute", {"routes": [{"match": "Host(`a.io`)"}]}, [("a.io", "")]),
        (
            "HTTPRoute",
            {"hostnames": ["a.io"], "rules": [{"matches": [{"path": {"value": "/api"}}]}]},
            [("a.io", "/api")],
        ),
        ("VirtualServer", {"host": "a.io", "routes": [{"path": "/api"}]}, [("a.io", "/api")]),
        ("Deployment", {"host": "a.io"}, []),
    ],
)
def test_hosts_and_paths_are_read_whatever_the_controller(
    kind: str, spec: dict[str, Any], hosts: list[tuple[str, str]]
) -> None:
    assert [(host, path) for host, path, _ in routes(kind, spec)] == hosts


@pytest.mark.parametrize(
    ("path", "known_as"),
    [
        ("v1/secret/data/shop/dev/db", "secret/shop/dev/db"),
        ("secret/metadata/shop/dev/db", "secret/shop/dev/db"),
        ("shop/dev/db/creds/api", "shop/dev/db/roles/api"),
        ("secret/shop/data", "secret/shop/data"),
        ("/auth/kubernetes/role/a/", "auth/kubernetes/role/a"),
    ],
)
def test_a_path_at_vault_has_one_name_in_every_form_of_its_api(path: str, known_as: str) -> None:
    assert canonical(path) == known_as


def test_an_operator_that_is_not_known_may_choose_anything() -> None:
    assert selector({"matchExpressions": [{"key": "a", "operator": "New"}]}).matches({})
