"""A KV secret at Vault: what it holds, sorted as Vault's provider stores it, and which rotation it is of."""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pulumi
import pulumi_vault as vault

from components.rotation import KEY

if TYPE_CHECKING:
    from pulumi_vault.kv import SecretV2CustomMetadataArgsDict


def keep(
    name: str,
    mount: str,
    path: str,
    values: Mapping[str, pulumi.Input[str]],
    opts: pulumi.ResourceOptions,
    *,
    rotation: int = 0,
) -> tuple[pulumi.Resource, pulumi.Output[str]]:
    """Keep values at Vault.

    Args:
        name: the secret's logical name.
        mount: the mount of the KV version 2 engine.
        path: where it is kept below the mount.
        values: what it holds.
        opts: its options.
        rotation: which rotation the values are of; see `components.rotation`.

    Returns:
        The KV secret, and a text that changes with its values and tells none of them.
    """
    data, revision = kept_json(values)
    kept = vault.kv.SecretV2(
        name,
        mount=mount,
        name=path,
        data_json=data,
        delete_all_versions=True,
        custom_metadata=remembered(rotation),
        opts=opts,
    )
    return kept, revision


def kept_json(values: Mapping[str, pulumi.Input[str]]) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
    """What a KV secret holds, sorted and compact as Vault's provider stores it, and a digest of it."""
    data = pulumi.Output.secret(
        pulumi.Output.all(**values).apply(lambda known: json.dumps(known, sort_keys=True, separators=(",", ":")))
    )
    # What was generated cannot be guessed from a digest, so it may be seen.
    revision = data.apply(lambda text: hashlib.sha256(text.encode()).hexdigest()[:16])
    return data, pulumi.Output.unsecret(revision)


def remembered(rotation: int) -> "SecretV2CustomMetadataArgsDict | None":
    """The custom metadata of a KV secret by which Vault remembers a rotation; none before the first."""
    return {"data": {KEY: str(rotation)}} if rotation else None
