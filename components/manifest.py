"""Kubernetes objects, declared in Kubernetes' own words.

A manifest is a plain mapping, made by a pure function and checked without an engine; `Manifest` registers it.
Importing the typed classes of pulumi_kubernetes costs more processor time than the rest of a program (see
docs/adr/0004-manifests.md); type tokens, state and behaviour are the same.
"""

from collections.abc import Mapping
from typing import Any

import pulumi

from components.environment import Environment

Object = dict[str, Any]
"""A Kubernetes object: apiVersion, kind, metadata and what its kind has."""


class Manifest(pulumi.CustomResource):
    """One Kubernetes object, as its manifest says; `metadata.name` is fixed, so it is replaced delete-first."""

    def __init__(self, name: str, manifest: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(token(manifest["apiVersion"], manifest["kind"]), name, dict(manifest), opts)


def token(api_version: str, kind: str) -> str:
    """The provider's type token: `kubernetes:apps/v1:Deployment`, `kubernetes:core/v1:Secret`."""
    group = api_version if "/" in api_version else f"core/{api_version}"
    return f"kubernetes:{group}:{kind}"


def manifest(
    environment: Environment,
    api_version: str,
    kind: str,
    name: str,
    *,
    namespace: str | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **content: Any,
) -> Object:
    """An object that bears its environment's owner labels; `content` is what its kind has: spec, data, rules."""
    metadata: Object = {"name": name, "labels": {**environment.labels, **(labels or {})}}
    if namespace:
        metadata["namespace"] = namespace
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}
