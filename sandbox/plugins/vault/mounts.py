"""Secret engines: vault:index/mount:Mount."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from sandbox.plugins.bridged.schema import Property, ResourceType, Schema, Values
from sandbox.plugins.vault.client import BAD_REQUEST, FORBIDDEN, Vault, VaultError
from sandbox.plugins.vault.fields import UNSERVED, block, changed, present, snake, some

# Vault says this of a path without a mount, with status 400.
_NO_MOUNT = ("No secret engine mount at", "No auth engine at")
_UPGRADING = "pgrading from non-versioned to versioned"
_UPGRADE_SECONDS = 30.0
_GONE_SECONDS = 60.0
_TUNE_TRIES = 10
_REMOUNT_SECONDS = 60.0
_POLL_SECONDS = 0.2

_LISTS = (
    "allowedManagedKeys",
    "allowedResponseHeaders",
    "auditNonHmacRequestKeys",
    "auditNonHmacResponseKeys",
    "delegatedAuthAccessors",
    "passthroughRequestHeaders",
)
_TUNED_WHEN_CHANGED = (*_LISTS, "description", "listingVisibility", "pluginVersion")


def find_mount(server: Vault, path: str) -> Values | None:
    """What Vault has mounted at a path below sys/; None where nothing is."""
    try:
        return server.read(path)
    except VaultError as error:
        if error.status == BAD_REQUEST and any(said in reason for said in _NO_MOUNT for reason in error.reasons):
            return None
        raise


def remount(server: Vault, old: str, new: str) -> None:
    """Moves a mount with all that is in it, and waits until Vault is done."""
    migration = str(server.write("sys/remount", {"from": old, "to": new})["data"]["migration_id"])
    give_up = time.monotonic() + _REMOUNT_SECONDS
    while True:
        found = server.read(f"sys/remount/status/{migration}") or {}
        status = block(found, "migration_info").get("status")
        if status == "success":
            return
        if status == "failure" or time.monotonic() > give_up:
            raise VaultError(f"Vault at {server.address} could not move {old} to {new}: {status}")
        time.sleep(_POLL_SECONDS)


def upgrading(error: VaultError) -> bool:
    """Whether a KV engine refused a request because it is still becoming a versioned one."""
    return error.status == BAD_REQUEST and any(_UPGRADING in reason for reason in error.reasons)


class Mount(ResourceType[Vault]):
    """A secret engine: mounted, tuned, moved and taken away together with its leases."""

    token: ClassVar[str] = "vault:index/mount:Mount"  # noqa: S105 - a type token
    properties: ClassVar[Schema] = {
        "accessor": Property(type="str", output=True),
        "allowedManagedKeys": Property(type="set"),
        "allowedResponseHeaders": Property(type="list"),
        "auditNonHmacRequestKeys": Property(type="list", computed=True),
        "auditNonHmacResponseKeys": Property(type="list", computed=True),
        "defaultLeaseTtlSeconds": Property(type="int", computed=True),
        "delegatedAuthAccessors": Property(type="list"),
        "description": Property(type="str"),
        "externalEntropyAccess": Property(type="bool", force_new=True),
        "forceNoCache": Property(type="bool", computed=True),
        "identityTokenKey": Property(type="str"),
        "listingVisibility": Property(type="str"),
        "local": Property(type="bool", force_new=True),
        "maxLeaseTtlSeconds": Property(type="int", computed=True),
        "namespace": UNSERVED,
        "options": Property(type="map"),
        "passthroughRequestHeaders": Property(type="list"),
        "path": Property(type="str", required=True),
        "pluginVersion": Property(type="str"),
        "sealWrap": Property(type="bool", computed=True, force_new=True),
        "type": Property(type="str", required=True, force_new=True),
    }

    def create(self, server: Vault, inputs: Values) -> tuple[str, Values]:
        """Mounts the engine; a versioned KV engine is waited for until it takes secrets."""
        path = str(inputs["path"])
        config: Values = {
            "default_lease_ttl": f"{inputs.get('defaultLeaseTtlSeconds') or 0}s",
            "max_lease_ttl": f"{inputs.get('maxLeaseTtlSeconds') or 0}s",
            "force_no_cache": bool(inputs.get("forceNoCache")),
        }
        for name in (*_LISTS, "listingVisibility", "pluginVersion"):
            if inputs.get(name):
                config[snake(name)] = inputs[name]
        server.write(
            f"sys/mounts/{path}",
            {
                "type": inputs["type"],
                "description": inputs.get("description") or "",
                "config": config,
                "local": bool(inputs.get("local")),
                "options": inputs.get("options") or {},
                "seal_wrap": bool(inputs.get("sealWrap")),
                "external_entropy_access": bool(inputs.get("externalEntropyAccess")),
            },
        )
        if inputs["type"] == "kv-v2" or block(inputs, "options").get("version") == "2":
            self._wait_until_versioned(server, path)
        return path, present(self.read(server, path, inputs), path)

    def read(self, server: Vault, resource_id: str, state: Values) -> Values | None:
        """The engine as it is mounted now."""
        found = find_mount(server, f"sys/mounts/{resource_id}")
        if found is None:
            return None
        config: Values = found.get("config") or {}
        options: dict[str, str] = dict(found.get("options") or {})
        kind = str(found["type"])
        if state.get("type") == "kv-v2" and kind == "kv" and options.get("version") == "2":
            # kv-v2 is another name for version 2 of kv, which Vault forgets.
            kind = "kv-v2"
            if not block(state, "options").get("version"):
                del options["version"]
        return {
            "accessor": found.get("accessor"),
            "allowedManagedKeys": some(config.get("allowed_managed_keys")),
            "allowedResponseHeaders": some(config.get("allowed_response_headers")),
            "auditNonHmacRequestKeys": list(config.get("audit_non_hmac_request_keys") or ()),
            "auditNonHmacResponseKeys": list(config.get("audit_non_hmac_response_keys") or ()),
            "defaultLeaseTtlSeconds": config.get("default_lease_ttl"),
            "delegatedAuthAccessors": some(config.get("delegated_auth_accessors")),
            "description": found.get("description"),
            "externalEntropyAccess": bool(found.get("external_entropy_access")),
            "forceNoCache": bool(config.get("force_no_cache")),
            "id": resource_id,
            "identityTokenKey": config.get("identity_token_key") or "",
            "listingVisibility": config.get("listing_visibility") or "",
            "local": bool(found.get("local")),
            "maxLeaseTtlSeconds": config.get("max_lease_ttl"),
            "options": options or None,
            "passthroughRequestHeaders": some(config.get("passthrough_request_headers")),
            "path": resource_id,
            "pluginVersion": state.get("pluginVersion"),
            "sealWrap": bool(found.get("seal_wrap")),
            "type": kind,
        }

    def update(self, server: Vault, resource_id: str, old: Values, new: Values) -> Values:
        """Moves the engine where its path changed, then tunes it."""
        path = str(new["path"])
        if resource_id != path:
            remount(server, resource_id, path)
        config: Values = {
            "default_lease_ttl": f"{new['defaultLeaseTtlSeconds'] or 0}s",
            "max_lease_ttl": f"{new['maxLeaseTtlSeconds'] or 0}s",
            "options": new["options"] or {},
        }
        for name in changed(old, new, _TUNED_WHEN_CHANGED):
            config[snake(name)] = new[name] or ([] if name in _LISTS else "")
        self._tune(server, path, config, tries=_TUNE_TRIES if resource_id != path else 1)
        return present(self.read(server, path, new), path)

    def delete(self, server: Vault, resource_id: str, state: Values) -> None:
        """Takes the engine away, and returns only when it and its leases are gone.

        Vault revokes the leases first. Where that fails it keeps the mount, and its own words are the error.
        """
        del state
        server.delete(f"sys/mounts/{resource_id}")
        give_up = time.monotonic() + _GONE_SECONDS
        while find_mount(server, f"sys/mounts/{resource_id}") is not None or _leases(server, resource_id):
            if time.monotonic() > give_up:
                raise VaultError(
                    f"Vault at {server.address} still has {resource_id} or leases of it after unmounting"
                )
            time.sleep(_POLL_SECONDS)

    def _wait_until_versioned(self, server: Vault, path: str) -> None:
        """A new versioned KV engine refuses everything for a moment; whoever comes next shall not notice."""
        give_up = time.monotonic() + _UPGRADE_SECONDS
        while True:
            try:
                server.read(f"{path}/config")
            except VaultError as error:
                if error.status == FORBIDDEN:
                    return  # the mount exists; that we may not look into it is nobody's fault
                if not upgrading(error) or time.monotonic() > give_up:
                    raise
                time.sleep(_POLL_SECONDS)
            else:
                return

    def _tune(self, server: Vault, path: str, config: Values, *, tries: int) -> None:
        """Tunes a mount; one that has just moved may refuse that for a moment."""
        for left in range(tries - 1, -1, -1):
            try:
                server.write(f"sys/mounts/{path}/tune", config)
            except VaultError as error:
                if not left or error.status != BAD_REQUEST:
                    raise
                time.sleep(_POLL_SECONDS)
            else:
                return


def _leases(server: Vault, path: str) -> list[Any]:
    """What is left of leases under a mount; nothing where the token may not look."""
    try:
        return server.names(f"sys/leases/lookup/{path}/")
    except VaultError as error:
        if error.status == FORBIDDEN:
            return []
        raise
