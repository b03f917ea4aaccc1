"""Ways to log in and the audit trail: vault:index/authBackend:AuthBackend and vault:index/audit:Audit."""

from __future__ import annotations

from typing import ClassVar

from sandbox.plugins.bridged.schema import Property, ResourceType, Schema, Values
from sandbox.plugins.vault.client import Vault
from sandbox.plugins.vault.durations import short
from sandbox.plugins.vault.fields import UNSERVED, changed, present, snake, trimmed
from sandbox.plugins.vault.mounts import find_mount, remount

_TUNE_TEXTS = ("defaultLeaseTtl", "listingVisibility", "maxLeaseTtl", "tokenType")
_TUNE_LISTS = (
    "allowedResponseHeaders",
    "auditNonHmacRequestKeys",
    "auditNonHmacResponseKeys",
    "passthroughRequestHeaders",
)


class AuthBackend(ResourceType[Vault]):
    """An auth method: enabled, tuned, moved and disabled."""

    token: ClassVar[str] = "vault:index/authBackend:AuthBackend"  # noqa: S105 - a type token
    properties: ClassVar[Schema] = {
        "accessor": Property(type="str", output=True),
        "description": Property(type="str"),
        "disableRemount": Property(type="bool", output=True),
        "identityTokenKey": UNSERVED,
        "local": Property(type="bool", force_new=True),
        "namespace": UNSERVED,
        "path": Property(type="str", computed=True),
        "tune": Property(
            type="object",
            computed=True,
            fields={
                **{name: Property(type="str") for name in _TUNE_TEXTS},
                **{name: Property(type="list") for name in _TUNE_LISTS},
            },
        ),
        "type": Property(type="str", required=True, force_new=True),
    }

    def create(self, server: Vault, inputs: Values) -> tuple[str, Values]:
        """Enables the method, and tunes it as far as the program says."""
        path = str(inputs.get("path") or inputs["type"])
        server.write(
            f"sys/auth/{path}",
            {
                "type": inputs["type"],
                "description": inputs.get("description") or "",
                "local": bool(inputs.get("local")),
            },
        )
        if inputs.get("tune"):
            server.write(f"sys/auth/{path}/tune", _tuning(inputs["tune"]))
        return path, present(self.read(server, path, inputs), f"auth/{path}")

    def read(self, server: Vault, resource_id: str, state: Values) -> Values | None:
        """The method as it is enabled now; what it is tuned to is read as far as the official plugin does."""
        found = find_mount(server, f"sys/auth/{resource_id}")
        if found is None:
            return None
        return {
            "accessor": found.get("accessor"),
            "description": found.get("description"),
            "disableRemount": False,
            "id": resource_id,
            "local": bool(found.get("local")),
            "path": resource_id,
            "tune": _tuned(server.read(f"sys/auth/{resource_id}/tune") or {}, state.get("tune")),
            "type": found.get("type"),
        }

    def update(self, server: Vault, resource_id: str, old: Values, new: Values) -> Values:
        """Moves the method where its path changed, then tunes it."""
        path = str(new["path"])
        if resource_id != path:
            remount(server, f"auth/{resource_id}", f"auth/{path}")
        config: Values = {}
        if changed(old, new, ["tune"]):
            config.update(_tuning(new["tune"] or {}))
        if changed(old, new, ["description"]):
            config["description"] = new["description"] or ""
        if config:
            server.write(f"sys/auth/{path}/tune", config)
        return present(self.read(server, path, new), f"auth/{path}")

    def delete(self, server: Vault, resource_id: str, state: Values) -> None:
        """Disables the method; tokens that it gave end with it."""
        del state
        server.delete(f"sys/auth/{resource_id}")


def _tuning(tune: Values) -> Values:
    """The API's form of a tune block; an empty list is sent as Vault wants it, as one empty text."""
    config: Values = {snake(name): tune[name] for name in _TUNE_TEXTS if tune.get(name)}
    config.update({snake(name): tune[name] or [""] for name in _TUNE_LISTS if tune.get(name) is not None})
    return config


def _tuned(config: Values, before: Values | None) -> Values:
    """The tune block as the official plugin shows it: what was declared stays as it was written."""
    tune: Values = {name: [text for text in config.get(snake(name)) or () if text] for name in _TUNE_LISTS}
    tune["defaultLeaseTtl"] = short(config.get("default_lease_ttl", 0))
    tune["maxLeaseTtl"] = short(config.get("max_lease_ttl", 0))
    tune["listingVisibility"] = config.get("listing_visibility") or ""
    tune["tokenType"] = config.get("token_type") or ""
    if before:
        for name in ("defaultLeaseTtl", "maxLeaseTtl"):
            tune[name] = before.get(name) or ""
        for name in ("tokenType", "listingVisibility"):
            tune[name] = tune[name] if before.get(name) else ""
    return tune


class Audit(ResourceType[Vault]):
    """An audit device; every change of it is a new one."""

    token: ClassVar[str] = "vault:index/audit:Audit"  # noqa: S105 - a type token
    properties: ClassVar[Schema] = {
        "description": Property(type="str", force_new=True),
        "local": Property(type="bool", force_new=True),
        "namespace": UNSERVED,
        "options": Property(type="map", required=True, force_new=True),
        "path": Property(type="str", computed=True, force_new=True),
        "type": Property(type="str", required=True, force_new=True),
    }

    def create(self, server: Vault, inputs: Values) -> tuple[str, Values]:
        """Enables the device."""
        path = str(inputs.get("path") or inputs["type"])
        server.write(
            f"sys/audit/{path}",
            {
                "type": inputs["type"],
                "description": inputs.get("description") or "",
                "local": bool(inputs.get("local")),
                "options": inputs["options"],
            },
        )
        return path, {"path": path}

    def read(self, server: Vault, resource_id: str, state: Values) -> Values | None:
        """The device as it is enabled now; Vault does not tell whether it is local."""
        found = (server.read("sys/audit") or {}).get(f"{trimmed(resource_id)}/")
        if found is None:
            return None
        return {
            "description": found.get("description") or state.get("description"),
            "id": resource_id,
            "local": state.get("local"),
            "options": found.get("options"),
            "path": resource_id,
            "type": found.get("type"),
        }

    def update(self, server: Vault, resource_id: str, old: Values, new: Values) -> Values:
        """Only called where nothing that Vault knows of changed."""
        del old
        return present(self.read(server, resource_id, new), f"sys/audit/{resource_id}")

    def delete(self, server: Vault, resource_id: str, state: Values) -> None:
        """Disables the device."""
        del state
        server.delete(f"sys/audit/{resource_id}")
