"""Policies: vault:index/policy:Policy."""

from __future__ import annotations

from typing import ClassVar

from sandbox.plugins.bridged.schema import Property, ResourceType, Schema, Values
from sandbox.plugins.vault.client import Vault, VaultError
from sandbox.plugins.vault.fields import UNSERVED, present


class Policy(ResourceType[Vault]):
    """An ACL policy."""

    token: ClassVar[str] = "vault:index/policy:Policy"  # noqa: S105 - a type token
    properties: ClassVar[Schema] = {
        "allowOverwrite": Property(type="bool", computed=True),
        "name": Property(type="str", required=True, force_new=True, autoname=True),
        "namespace": UNSERVED,
        "policy": Property(type="str", required=True),
    }

    def create(self, server: Vault, inputs: Values) -> tuple[str, Values]:
        """Writes the policy, over another of that name unless the program forbids it."""
        name = str(inputs["name"])
        if inputs.get("allowOverwrite") is False and server.read(f"sys/policies/acl/{name}") is not None:
            raise VaultError(
                f'Vault at {server.address} has a policy "{name}" already; import it, or allow to overwrite it'
            )
        return name, self._write(server, name, inputs)

    def read(self, server: Vault, resource_id: str, state: Values) -> Values | None:
        """The policy as it stands.

        One that is gone is an empty one to the official plugin: its return is an update, not a creation.
        """
        found = server.read(f"sys/policies/acl/{resource_id}")
        if found is None:
            return {"policy": ""} if state else None
        return {
            "allowOverwrite": state.get("allowOverwrite"),
            "id": resource_id,
            "name": resource_id,
            "policy": found.get("policy"),
        }

    def update(self, server: Vault, resource_id: str, old: Values, new: Values) -> Values:
        """Writes the policy anew."""
        del old
        return self._write(server, resource_id, new)

    def delete(self, server: Vault, resource_id: str, state: Values) -> None:
        """Takes the policy away."""
        del state
        server.delete(f"sys/policies/acl/{resource_id}")

    def _write(self, server: Vault, name: str, plan: Values) -> Values:
        server.write(f"sys/policies/acl/{name}", {"policy": plan["policy"]})
        return present(self.read(server, name, plan), f"sys/policies/acl/{name}")
