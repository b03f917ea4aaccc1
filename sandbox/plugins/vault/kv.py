"""Versioned secrets: vault:kv/secretV2:SecretV2."""

from __future__ import annotations

import json
import time
from typing import Any, ClassVar, cast

from sandbox.plugins.bridged.schema import Property, ResourceType, Schema, Values
from sandbox.plugins.vault.client import Vault, VaultError
from sandbox.plugins.vault.durations import seconds
from sandbox.plugins.vault.fields import SECRET_UNSERVED, UNSERVED, present, secret_texts, snake
from sandbox.plugins.vault.mounts import upgrading

_TRIES = 60
_PAUSE_SECONDS = 0.5


class SecretV2(ResourceType[Vault]):
    """A secret in a KV engine, version 2.

    Its data is written, never read back: as with the official plugin a value that somebody changed by hand is not
    seen, and the next change of the program writes over it.
    """

    token: ClassVar[str] = "vault:kv/secretV2:SecretV2"  # noqa: S105 - a type token
    properties: ClassVar[Schema] = {
        "cas": Property(type="int"),
        "customMetadata": Property(
            type="object",
            computed=True,
            fields={
                "casRequired": Property(type="bool"),
                "data": Property(type="map"),
                "deleteVersionAfter": Property(type="int"),
                "maxVersions": Property(type="int"),
            },
        ),
        "data": Property(type="map", output=True, secret=True),
        "dataJson": Property(type="str", secret=True),
        "dataJsonWo": SECRET_UNSERVED,
        "dataJsonWoVersion": UNSERVED,
        "deleteAllVersions": Property(type="bool", default=False),
        "disableRead": Property(type="bool", default=False),
        "metadata": Property(type="map", output=True),
        "mount": Property(type="str", required=True, force_new=True),
        "name": Property(type="str", required=True, force_new=True, autoname=True),
        "namespace": UNSERVED,
        "options": Property(type="map"),
        "path": Property(type="str", output=True),
    }

    def create(self, server: Vault, inputs: Values) -> tuple[str, Values]:
        """Writes the secret's first version."""
        resource_id = f"{inputs['mount']}/data/{inputs['name']}"
        return resource_id, self._write(server, resource_id, inputs)

    def read(self, server: Vault, resource_id: str, state: Values) -> Values | None:
        """The secret's metadata; its data is what the state says."""
        mount, name = _parts(resource_id)
        outputs: Values = {
            "data": {},
            "deleteAllVersions": bool(state.get("deleteAllVersions")),
            "disableRead": bool(state.get("disableRead")),
            "id": resource_id,
            "mount": mount,
            "name": name,
            "path": resource_id,
        }
        if outputs["disableRead"]:
            return outputs
        found = server.read(resource_id)
        if found is None:
            return None
        metadata = cast("Values", found.get("metadata") or {})
        outputs["metadata"] = {key: _text(value) for key, value in metadata.items()}
        if "custom_metadata" in metadata:
            outputs["customMetadata"] = _custom(server.read(f"{mount}/metadata/{name}") or {})
        return outputs

    def update(self, server: Vault, resource_id: str, old: Values, new: Values) -> Values:
        """Writes another version."""
        del old
        return self._write(server, resource_id, new)

    def delete(self, server: Vault, resource_id: str, state: Values) -> None:
        """Deletes the newest version, or the secret with its history where the program asks for that."""
        mount, name = _parts(resource_id)
        server.delete(f"{mount}/metadata/{name}" if state.get("deleteAllVersions") else resource_id)

    def _write(self, server: Vault, resource_id: str, plan: Values) -> Values:
        """Writes data, then what metadata the program declares."""
        data = _parsed(resource_id, plan.get("dataJson") or "")
        payload = {"data": data, "options": plan.get("options") or {}}
        _write_when_ready(server, resource_id, payload, secret_texts(data))
        if plan.get("customMetadata"):
            mount, name = _parts(resource_id)
            custom = cast("Values", plan["customMetadata"])
            fields: Values = {snake(key): value for key, value in custom.items() if key != "data" and value}
            fields["custom_metadata"] = custom.get("data") or {}
            server.write(f"{mount}/metadata/{name}", fields)
        return present(self.read(server, resource_id, plan), resource_id)


def _write_when_ready(server: Vault, path: str, payload: Values, secrets: list[str]) -> None:
    """Writes to an engine that may still be becoming a versioned one."""
    for left in range(_TRIES, -1, -1):
        try:
            server.write(path, payload, secrets=secrets)
        except VaultError as error:
            if not left or not upgrading(error):
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _parts(resource_id: str) -> tuple[str, str]:
    """Mount and name of a secret, out of its id."""
    mount, found, name = resource_id.partition("/data/")
    if not (mount and found and name):
        raise VaultError(f'A secret\'s id looks like "mount/data/name", not "{resource_id}"')
    return mount, name


def _parsed(resource_id: str, text: str) -> Values:
    """The data of a secret; its text is secret and must not reach the message."""
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise VaultError(f"The data of {resource_id} is not a JSON object")
    return cast("Values", data)


def _text(value: Any) -> str:
    """A piece of metadata as text, as the official plugin shows it."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _custom(metadata: Values) -> Values:
    """The metadata that people may set."""
    return {
        "casRequired": bool(metadata.get("cas_required")),
        "data": metadata.get("custom_metadata") or {},
        "deleteVersionAfter": seconds(metadata.get("delete_version_after") or 0),
        "maxVersions": metadata.get("max_versions") or 0,
    }
