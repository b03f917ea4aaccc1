"""Kubernetes objects as plain manifests."""

import pulumi
import pytest

from components.manifest import Manifest, manifest, token
from tests.making import build, environment


@pytest.mark.parametrize(
    ("api_version", "kind", "expected"),
    [
        ("v1", "Secret", "kubernetes:core/v1:Secret"),
        ("apps/v1", "Deployment", "kubernetes:apps/v1:Deployment"),
        ("external-secrets.io/v1", "ExternalSecret", "kubernetes:external-secrets.io/v1:ExternalSecret"),
    ],
)
def test_a_type_token_is_the_official_providers(api_version: str, kind: str, expected: str) -> None:
    assert token(api_version, kind) == expected


def test_an_object_bears_its_environments_labels_and_its_own() -> None:
    made = manifest(environment(), "v1", "Secret", "name", namespace="ns", labels={"a": "b"}, data={})
    assert made == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "name", "namespace": "ns", "labels": {**environment().labels, "a": "b"}},
        "data": {},
    }


def test_an_object_of_the_cluster_has_no_namespace_and_no_empty_annotations() -> None:
    assert set(manifest(environment(), "v1", "Namespace", "n")["metadata"]) == {"name", "labels"}
    assert manifest(environment(), "v1", "Secret", "n", annotations={"a": "b"})["metadata"]["annotations"] == {
        "a": "b"
    }


def test_a_manifest_is_registered_as_it_is_by_the_kubernetes_provider() -> None:
    made = manifest(environment(), "apps/v1", "Deployment", "api", namespace="ns", spec={"replicas": 2})
    recording = build(
        lambda connected: Manifest("api", made, pulumi.ResourceOptions(provider=connected.kubernetes))
    )
    registered = recording.one("Deployment", "api")
    assert registered.inputs == made
    assert registered.provider.endswith("pulumi:providers:kubernetes::kubernetes")
