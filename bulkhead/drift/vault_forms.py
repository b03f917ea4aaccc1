"""How Vault spells what is declared of it: for each resource type its path, its fields, and what is written; pure.

Both sides are flat mappings in Vault's own words. What is nothing ("", 0, false, an empty list) is left out of
both, so a field that is not declared counts as declared empty, and one that Vault has besides is a difference.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Fields = dict[str, Any]

_TOKEN_TYPE: Final = "default"  # noqa: S105 - a kind of token
POSTGRESQL: Final = "postgresql-database-plugin"
_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?[hms])+")
_UNITS: Final = {"h": 3600, "m": 60, "s": 1}
_SETS: Final = frozenset(
    {"allowed_roles", "bound_service_account_names", "bound_service_account_namespaces", "pem_keys"}
    | {"token_bound_cidrs", "token_policies"}
)
"""Lists whose order says nothing."""

_MOUNT_LISTS: Final = {
    "allowedManagedKeys": "allowed_managed_keys",
    "allowedResponseHeaders": "allowed_response_headers",
    "auditNonHmacRequestKeys": "audit_non_hmac_request_keys",
    "auditNonHmacResponseKeys": "audit_non_hmac_response_keys",
    "delegatedAuthAccessors": "delegated_auth_accessors",
    "passthroughRequestHeaders": "passthrough_request_headers",
}
_OF_SERVER: Final = frozenset(
    {
        "accessor",
        "deprecation_status",
        "external_entropy_access_version",
        "plugin_version",
        "running_plugin_version",
    }
    | {"running_sha256", "uuid", "token_reviewer_jwt_set"}
)
"""What Vault says of itself; nobody declares it, and it grants nothing."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """How one resource type stands in Vault.

    Args:
        path: where it is read, of its inputs.
        declared: its inputs in Vault's words.
        live: what Vault answers, in the same words.
        writes: where it is written, if not where it is read.
        fixed: fields that Vault does not change once they are set.
        written: what is written to put it right: of the declared fields, the differing ones, and the inputs.
    """

    path: Callable[[Mapping[str, Any]], str]
    declared: Callable[[Mapping[str, Any]], Fields]
    live: Callable[[Mapping[str, Any]], Fields]
    writes: Callable[[Mapping[str, Any]], str] | None = None
    fixed: frozenset[str] = frozenset()
    written: Callable[[Fields, Fields, Mapping[str, Any]], Fields] | None = None

    def payload(self, declared: Fields, live: Fields, inputs: Mapping[str, Any]) -> Fields:
        """What is written: all that is declared, and nothing in place of what is there besides."""
        if self.written is not None:
            return self.written(declared, live, inputs)
        return {**{key: _nothing(value) for key, value in live.items()}, **declared}


def snake(key: str) -> str:
    """A key of Pulumi's in Vault's spelling."""
    return re.sub(r"([A-Z])", lambda found: f"_{found.group(1).lower()}", key)


def essential(fields: Mapping[str, Any]) -> Fields:
    """Fields without those that are nothing, sets in one order, times in seconds."""
    found: Fields = {}
    for key, value in fields.items():
        kept = sorted(cast("list[str]", value)) if key in _SETS and isinstance(value, list) else value
        if kept not in (None, "", 0, [], {}, "0s") and key not in _OF_SERVER:
            found[key] = kept
    return found


def seconds(value: Any) -> Any:
    """A time in seconds, where it is one: 3600, `1h`, `1h0m0s`."""
    if isinstance(value, str) and value.isdigit():
        return int(value)
    if isinstance(value, str) and _DURATION.fullmatch(value):
        parts = re.findall(r"(\d+(?:\.\d+)?)([hms])", value)
        return int(sum(float(number) * _UNITS[unit] for number, unit in parts))
    return value


def _nothing(value: Any) -> Any:
    """The nothing of a value's kind: Vault keeps what is not written at all."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return 0
    if isinstance(value, list):
        return list[Any]()
    return dict[str, Any]() if isinstance(value, dict) else ""


def _plain(inputs: Mapping[str, Any], *apart: str, **defaults: Any) -> Fields:
    given = {snake(key): value for key, value in inputs.items() if key not in {*apart, "namespace"}}
    return {**defaults, **{key: value for key, value in given.items() if value is not None}}


def _mount(inputs: Mapping[str, Any]) -> Fields:
    lists = {spelled: inputs.get(key) for key, spelled in _MOUNT_LISTS.items()}
    plain = ("type", "description", "options", "local", "listingVisibility", "identityTokenKey", "sealWrap")
    return {
        **{snake(key): inputs.get(key) for key in (*plain, "externalEntropyAccess", "forceNoCache")},
        **lists,
        "default_lease_ttl": seconds(inputs.get("defaultLeaseTtlSeconds")),
        "max_lease_ttl": seconds(inputs.get("maxLeaseTtlSeconds")),
    }


def _mounted(answer: Mapping[str, Any]) -> Fields:
    config: Mapping[str, Any] = answer.get("config") or {}
    return {**{key: value for key, value in answer.items() if key != "config"}, **config}


def _tuned(declared: Fields, live: Fields, inputs: Mapping[str, Any]) -> Fields:
    del inputs
    apart = {"type", "local", "seal_wrap", "external_entropy_access", "force_no_cache"}
    empty = {key: _nothing(value) for key, value in live.items()}
    return {key: value for key, value in {**empty, **declared}.items() if key not in apart}


def _auth(inputs: Mapping[str, Any]) -> Fields:
    tune: Mapping[str, Any] = inputs.get("tune") or {}
    fields = {snake(key): seconds(value) for key, value in tune.items()}
    own = {key: inputs.get(key) for key in ("type", "description", "local")}
    return {"token_type": "default-service", **own, **fields}


def _connection(inputs: Mapping[str, Any]) -> Fields:
    inner: Mapping[str, Any] = inputs.get("postgresql") or {}
    apart = {"password", "passwordWo", "passwordWoVersion", "privateKey", "serviceAccountJson"}
    details = {snake(key): value for key, value in inner.items() if key not in apart and value is not None}
    details["max_connection_lifetime"] = seconds(details.get("max_connection_lifetime"))
    return {
        "allowed_roles": inputs.get("allowedRoles"),
        "password_policy": inputs.get("passwordPolicy"),
        "plugin_name": inputs.get("pluginName") or POSTGRESQL,
        "root_credentials_rotate_statements": inputs.get("rootRotationStatements"),
        "verify_connection": inputs.get("verifyConnection", True),
        **details,
    }


def _connected(answer: Mapping[str, Any]) -> Fields:
    details: Fields = dict(answer.get("connection_details") or {})
    details.pop("backend", None)
    details["max_connection_lifetime"] = seconds(details.get("max_connection_lifetime"))
    return {**{key: value for key, value in answer.items() if key != "connection_details"}, **details}


def _reconnected(declared: Fields, live: Fields, inputs: Mapping[str, Any]) -> Fields:
    """A connection's fields; the password only with a user name that changes, or that is not there yet."""
    payload = {**{key: _nothing(value) for key, value in live.items()}, **declared}
    payload["root_rotation_statements"] = payload.pop("root_credentials_rotate_statements", [])
    inner: Mapping[str, Any] = inputs.get("postgresql") or {}
    if live.get("username") != declared.get("username") and inner.get("password"):
        payload["password"] = inner["password"]
    return payload


def _identity(answer: Mapping[str, Any]) -> Fields:
    return dict(answer)


def _config_written(declared: Fields, live: Fields, inputs: Mapping[str, Any]) -> Fields:
    del live  # every write replaces the whole
    jwt = inputs.get("tokenReviewerJwt")
    return {**declared, **({"token_reviewer_jwt": jwt} if jwt else {})}


def _policy_written(declared: Fields, live: Fields, inputs: Mapping[str, Any]) -> Fields:
    del declared, live
    return {"policy": inputs["policy"]}


def _policy(fields: Mapping[str, Any]) -> Fields:
    return {"policy": str(fields.get("policy", "")).strip()}


FORMS: Final[Mapping[str, Form]] = {
    "vault:index/mount:Mount": Form(
        path=lambda inputs: f"sys/mounts/{inputs['path']}",
        writes=lambda inputs: f"sys/mounts/{inputs['path']}/tune",
        declared=_mount,
        live=_mounted,
        fixed=frozenset({"type", "local", "seal_wrap", "external_entropy_access", "force_no_cache"}),
        written=_tuned,
    ),
    "vault:index/authBackend:AuthBackend": Form(
        path=lambda inputs: f"sys/auth/{inputs.get('path') or inputs['type']}",
        writes=lambda inputs: f"sys/auth/{inputs.get('path') or inputs['type']}/tune",
        declared=_auth,
        live=_mounted,
        fixed=frozenset({"type", "local", "seal_wrap", "external_entropy_access", "force_no_cache"}),
        written=_tuned,
    ),
    "vault:index/policy:Policy": Form(
        path=lambda inputs: f"sys/policies/acl/{inputs['name']}",
        declared=_policy,
        live=_policy,
        written=_policy_written,
    ),
    "vault:kubernetes/authBackendConfig:AuthBackendConfig": Form(
        path=lambda inputs: f"auth/{inputs.get('backend') or 'kubernetes'}/config",
        declared=lambda inputs: _plain(inputs, "backend", "tokenReviewerJwt"),
        live=_identity,
        written=_config_written,
    ),
    "vault:kubernetes/authBackendRole:AuthBackendRole": Form(
        path=lambda inputs: f"auth/{inputs.get('backend') or 'kubernetes'}/role/{inputs['roleName']}",
        declared=lambda inputs: _plain(
            inputs, "backend", "roleName", alias_name_source="serviceaccount_uid", token_type=_TOKEN_TYPE
        ),
        live=_identity,
    ),
    "vault:database/secretBackendConnection:SecretBackendConnection": Form(
        path=lambda inputs: f"{inputs['backend']}/config/{inputs['name']}",
        declared=_connection,
        live=_connected,
        written=_reconnected,
    ),
    "vault:database/secretBackendRole:SecretBackendRole": Form(
        path=lambda inputs: f"{inputs['backend']}/roles/{inputs['name']}",
        declared=lambda inputs: _plain(inputs, "backend", "name", credential_type="password"),
        live=_identity,
    ),
}


def kv_data(inputs: Mapping[str, Any]) -> Fields:
    """What a KV secret was declared to hold."""
    text = inputs.get("dataJson")
    return cast("Fields", json.loads(text)) if isinstance(text, str) else {}


def kv_metadata(inputs: Mapping[str, Any]) -> Fields:
    """What was declared about a KV secret, in Vault's words."""
    about: Mapping[str, Any] = inputs.get("customMetadata") or {}
    return {
        "custom_metadata": about.get("data"),
        "cas_required": about.get("casRequired"),
        "max_versions": about.get("maxVersions"),
        "delete_version_after": seconds(about.get("deleteVersionAfter")),
    }


def kv_metadata_live(answer: Mapping[str, Any]) -> Fields:
    """The same, as Vault answers it."""
    kept = ("custom_metadata", "cas_required", "max_versions")
    found = {key: answer.get(key) for key in kept}
    return {**found, "delete_version_after": seconds(answer.get("delete_version_after"))}
