"""How Vault asks Kubernetes who somebody is: vault:kubernetes/authBackendConfig:AuthBackendConfig."""

from __future__ import annotations

from typing import ClassVar, Final

from sandbox.plugins.bridged.schema import Property, ResourceType, Schema, Values
from sandbox.plugins.vault.client import Vault, VaultError
from sandbox.plugins.vault.fields import SECRET_UNSERVED, UNSERVED, present, secret_texts, snake, some, trimmed

_TEXTS: Final = ("issuer", "kubernetesCaCert", "kubernetesHost")
_SWITCHES: Final = ("disableIssValidation", "disableLocalCaJwt", "useAnnotationsAsAliasMetadata")


class AuthBackendConfig(ResourceType[Vault]):
    """The configuration of a Kubernetes auth method; the reviewer's token is written, never read back."""

    token: ClassVar[str] = "vault:kubernetes/authBackendConfig:AuthBackendConfig"  # noqa: S105 - a type token
    properties: ClassVar[Schema] = {
        "backend": Property(type="str", default="kubernetes", force_new=True),
        "disableIssValidation": Property(type="bool", computed=True),
        "disableLocalCaJwt": Property(type="bool", computed=True),
        "issuer": Property(type="str"),
        "kubernetesCaCert": Property(type="str"),
        "kubernetesHost": Property(type="str", required=True),
        "namespace": UNSERVED,
        "pemKeys": Property(type="list"),
        "tokenReviewerJwt": Property(type="str", secret=True),
        "tokenReviewerJwtWo": SECRET_UNSERVED,
        "tokenReviewerJwtWoVersion": UNSERVED,
        "useAnnotationsAsAliasMetadata": Property(type="bool", computed=True),
    }

    def create(self, server: Vault, inputs: Values) -> tuple[str, Values]:
        """Writes the configuration; Vault does not try it."""
        resource_id = f"auth/{trimmed(inputs['backend'])}/config"
        return resource_id, self._write(server, resource_id, inputs)

    def read(self, server: Vault, resource_id: str, state: Values) -> Values | None:
        """The configuration as it stands."""
        del state
        backend = resource_id.removeprefix("auth/").removesuffix("/config")
        if resource_id != f"auth/{backend}/config":
            raise VaultError(f'The id of this configuration looks like "auth/mount/config", not "{resource_id}"')
        live = server.read(resource_id)
        if live is None:
            return None
        return {
            **{name: live.get(snake(name)) or "" for name in _TEXTS},
            **{name: bool(live.get(snake(name))) for name in _SWITCHES},
            "backend": backend,
            "id": resource_id,
            "pemKeys": some(live.get("pem_keys")),
        }

    def update(self, server: Vault, resource_id: str, old: Values, new: Values) -> Values:
        """Writes the configuration anew."""
        del old
        return self._write(server, resource_id, new)

    def delete(self, server: Vault, resource_id: str, state: Values) -> None:
        """Vault has no way to take a configuration away: it goes with its auth method."""

    def _write(self, server: Vault, resource_id: str, plan: Values) -> Values:
        payload: Values = {snake(name): plan.get(name) or "" for name in _TEXTS}
        payload.update({snake(name): bool(plan.get(name)) for name in _SWITCHES})
        payload["pem_keys"] = plan.get("pemKeys") or []
        if plan.get("tokenReviewerJwt"):
            payload["token_reviewer_jwt"] = plan["tokenReviewerJwt"]
        server.write(resource_id, payload, secrets=secret_texts(plan.get("tokenReviewerJwt")))
        return present(self.read(server, resource_id, plan), resource_id)
