"""Roles of Vault's engines and auth methods: things that are one API path with plain fields below it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Final

from sandbox.plugins.bridged.schema import Property, ResourceType, Schema, Values
from sandbox.plugins.vault.addresses import in_full
from sandbox.plugins.vault.client import Vault, VaultError
from sandbox.plugins.vault.fields import UNSERVED, changed, present, snake, some, trimmed

_LIST_KINDS: Final = ("list", "set")


class Role(ResourceType[Vault]):
    """What the roles have in common.

    Attributes:
        prefix: What stands before the mount in the role's path.
        folder: What stands between the mount and the role's name.
        name_property: The property that has the role's name.
        always: Properties that are sent with every write; the others only where they changed.
    """

    prefix: ClassVar[str] = ""
    folder: ClassVar[str]
    name_property: ClassVar[str] = "name"
    always: ClassVar[tuple[str, ...]]

    def create(self, server: Vault, inputs: Values) -> tuple[str, Values]:
        """Writes the role with all that the program says."""
        backend, name = trimmed(inputs["backend"]), trimmed(inputs[self.name_property])
        resource_id = f"{self.prefix}{backend}/{self.folder}/{name}"
        given = [key for key in self._fields() if inputs.get(key) is not None]
        return resource_id, self._write(server, resource_id, inputs, given)

    def read(self, server: Vault, resource_id: str, state: Values) -> Values | None:
        """The role as it stands."""
        backend, found, name = resource_id.removeprefix(self.prefix).rpartition(f"/{self.folder}/")
        if not (resource_id.startswith(self.prefix) and backend and found and name):
            shape = f"{self.prefix}mount/{self.folder}/name"
            raise VaultError(f'The id of this kind of role looks like "{shape}", not "{resource_id}"')
        live = server.read(resource_id)
        if live is None:
            return None
        outputs: Values = {key: self._shown(key, live.get(snake(key)), state) for key in self._fields()}
        return {**outputs, "backend": backend, "id": resource_id, self.name_property: name}

    def update(self, server: Vault, resource_id: str, old: Values, new: Values) -> Values:
        """Writes what changed; what the program no longer says goes back to nothing."""
        return self._write(server, resource_id, new, changed(old, new, self._fields()))

    def delete(self, server: Vault, resource_id: str, state: Values) -> None:
        """Takes the role away."""
        del state
        server.delete(resource_id)

    def _fields(self) -> list[str]:
        """The properties that are fields of the API."""
        apart = {"backend", self.name_property}
        return [key for key, prop in self.properties.items() if key not in apart and not prop.output]

    def _write(self, server: Vault, resource_id: str, plan: Values, names: list[str]) -> Values:
        payload = {snake(key): self._sent(key, plan.get(key)) for key in {*self.always, *names}}
        server.write(resource_id, payload)
        return present(self.read(server, resource_id, plan), resource_id)

    def _sent(self, key: str, value: Any) -> Any:
        """A value for the API; nothing is written as the kind's own nothing, as null would keep the old value."""
        if value is not None:
            return value
        nothing: dict[str, Any] = {"bool": False, "int": 0, "list": [], "map": {}, "set": []}
        return nothing.get(self.properties[key].type, "")

    @abstractmethod
    def _shown(self, key: str, live: Any, state: Values) -> Any:
        """A live value as the official plugin shows it."""


class SecretBackendRole(Role):
    """A role of a database engine: which logins Vault makes, and for how long."""

    token: ClassVar[str] = "vault:database/secretBackendRole:SecretBackendRole"  # noqa: S105 - a type token
    folder: ClassVar[str] = "roles"
    always: ClassVar[tuple[str, ...]] = ("dbName", "creationStatements")
    properties: ClassVar[Schema] = {
        "backend": Property(type="str", required=True, force_new=True),
        "creationStatements": Property(type="list", required=True),
        "credentialConfig": Property(type="map"),
        "credentialType": Property(type="str", computed=True),
        "dbName": Property(type="str", required=True, force_new=True),
        "defaultTtl": Property(type="int"),
        "maxTtl": Property(type="int"),
        "name": Property(type="str", required=True, force_new=True, autoname=True),
        "namespace": UNSERVED,
        "renewStatements": Property(type="list"),
        "revocationStatements": Property(type="list"),
        "rollbackStatements": Property(type="list"),
    }

    def _shown(self, key: str, live: Any, state: Values) -> Any:
        del state
        return live or None if self.properties[key].type in (*_LIST_KINDS, "map") else live


class SecretBackendStaticRole(Role):
    """A static role of a database engine: a login that exists, whose password Vault changes."""

    token: ClassVar[str] = "vault:database/secretBackendStaticRole:SecretBackendStaticRole"  # noqa: S105 - a type token
    folder: ClassVar[str] = "static-roles"
    always: ClassVar[tuple[str, ...]] = ("dbName", "username", "rotationStatements")
    properties: ClassVar[Schema] = {
        "backend": Property(type="str", required=True, force_new=True),
        "credentialConfig": Property(type="map"),
        "credentialType": Property(type="str", computed=True),
        "dbName": Property(type="str", required=True, force_new=True),
        "name": Property(type="str", required=True, force_new=True, autoname=True),
        "namespace": UNSERVED,
        "passwordWo": Property(output=True, secret=True),
        "passwordWoVersion": UNSERVED,
        "rotationPeriod": Property(type="int", minimum=5),
        "rotationSchedule": Property(type="str"),
        "rotationStatements": Property(type="list"),
        "rotationWindow": Property(type="int"),
        "selfManagedPassword": Property(output=True, secret=True),
        "skipImportRotation": UNSERVED,
        "username": Property(type="str", required=True, force_new=True),
    }

    def update(self, server: Vault, resource_id: str, old: Values, new: Values) -> Values:
        """Writes the whole role: Vault wants the rotation again with every write."""
        del old
        return self._write(server, resource_id, new, [key for key in self._fields() if new.get(key)])

    def _shown(self, key: str, live: Any, state: Values) -> Any:
        del state
        return live or None if self.properties[key].type in (*_LIST_KINDS, "map") else live


class AuthBackendRole(Role):
    """A role of Kubernetes authentication: which service accounts get a token, and with which policies."""

    token: ClassVar[str] = "vault:kubernetes/authBackendRole:AuthBackendRole"  # noqa: S105 - a type token
    prefix: ClassVar[str] = "auth/"
    folder: ClassVar[str] = "role"
    name_property: ClassVar[str] = "roleName"
    always: ClassVar[tuple[str, ...]] = (
        "boundServiceAccountNames",
        "boundServiceAccountNamespaces",
        "boundServiceAccountNamespaceSelector",
    )
    properties: ClassVar[Schema] = {
        "aliasMetadata": Property(type="map"),
        "aliasNameSource": Property(type="str", computed=True),
        "audience": Property(type="str"),
        "backend": Property(type="str", default="kubernetes", force_new=True),
        "boundServiceAccountNamespaceSelector": Property(type="str"),
        "boundServiceAccountNamespaces": Property(type="set"),
        "boundServiceAccountNames": Property(type="set", required=True),
        "namespace": UNSERVED,
        "roleName": Property(type="str", required=True, force_new=True),
        "tokenBoundCidrs": Property(type="set"),
        "tokenExplicitMaxTtl": Property(type="int"),
        "tokenMaxTtl": Property(type="int"),
        "tokenNoDefaultPolicy": Property(type="bool"),
        "tokenNumUses": Property(type="int"),
        "tokenPeriod": Property(type="int"),
        "tokenPolicies": Property(type="set"),
        "tokenTtl": Property(type="int"),
        "tokenType": Property(type="str", default="default"),
    }

    def _shown(self, key: str, live: Any, state: Values) -> Any:
        if key == "tokenBoundCidrs":
            return some(in_full(str(address), state.get(key) or ()) for address in live or ())
        kind = self.properties[key].type
        if kind in (*_LIST_KINDS, "map"):
            return live or None
        return {"int": 0, "bool": False, "str": ""}.get(kind) if live is None else live
