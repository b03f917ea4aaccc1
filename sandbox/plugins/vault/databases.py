"""Database connections of Vault: vault:database/secretBackendConnection:SecretBackendConnection."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from sandbox.plugins.bridged.schema import Property, ResourceType, Schema, Values
from sandbox.plugins.vault.client import Vault, VaultError
from sandbox.plugins.vault.durations import seconds
from sandbox.plugins.vault.fields import UNSERVED, block, present, secret_texts, snake, some, trimmed

_PLUGIN: Final = "postgresql-database-plugin"

# What the official plugin can connect to besides PostgreSQL.
_OTHERS: Final = (
    "cassandra",
    "couchbase",
    "elasticsearch",
    "hana",
    "influxdb",
    "mongodb",
    "mongodbatlas",
    "mssql",
    "mysql",
    "mysqlAurora",
    "mysqlLegacy",
    "mysqlRds",
    "oracle",
    "redis",
    "redisElasticache",
    "redshift",
    "snowflake",
)

# Always sent, because absence would keep the old value; and what is sent only where there is something to say.
_ALWAYS: Final = ("username", "disableEscaping")
_WHERE_SET: Final = (
    "authType",
    "connectionUrl",
    "maxIdleConnections",
    "maxOpenConnections",
    "passwordAuthentication",
    "privateKey",
    "serviceAccountJson",
    "tlsCa",
    "tlsCertificate",
    "usernameTemplate",
)
# What Vault never tells; the state keeps what was declared. So it is with the connection URL, whose host would
# be a welcome piece of drift to see, but the official plugin does not show it either.
_KEPT: Final = ("connectionUrl", "password", "privateKey", "serviceAccountJson")
_TEXTS: Final = (
    "authType",
    "passwordAuthentication",
    "tlsCa",
    "tlsCertificate",
    "username",
    "usernameTemplate",
)
_NUMBERS: Final = ("maxIdleConnections", "maxOpenConnections")


class SecretBackendConnection(ResourceType[Vault]):
    """A connection of a database engine to PostgreSQL."""

    token: ClassVar[str] = "vault:database/secretBackendConnection:SecretBackendConnection"  # noqa: S105 - a type token
    properties: ClassVar[Schema] = {
        **dict.fromkeys(_OTHERS, UNSERVED),
        "allowedRoles": Property(type="list"),
        "backend": Property(type="str", required=True, force_new=True),
        "data": Property(type="map"),
        "disableAutomatedRotation": UNSERVED,
        "name": Property(type="str", required=True, force_new=True, autoname=True),
        "namespace": UNSERVED,
        "passwordPolicy": Property(type="str"),
        "pluginName": Property(type="str", computed=True),
        "pluginVersion": Property(type="str"),
        "postgresql": Property(
            type="object",
            required=True,
            fields={
                "authType": Property(type="str"),
                "connectionUrl": Property(type="str"),
                "disableEscaping": Property(type="bool"),
                "maxConnectionLifetime": Property(type="int"),
                "maxIdleConnections": Property(type="int"),
                "maxOpenConnections": Property(type="int", default=2),
                "password": Property(type="str", secret=True),
                "passwordAuthentication": Property(type="str", default="password"),
                "passwordWo": UNSERVED,
                "passwordWoVersion": Property(type="int", output=True),
                "privateKey": Property(type="str", secret=True),
                "selfManaged": Property(type="bool", output=True),
                "serviceAccountJson": Property(type="str", secret=True),
                "tlsCa": Property(type="str"),
                "tlsCertificate": Property(type="str"),
                "username": Property(type="str"),
                "usernameTemplate": Property(type="str"),
            },
        ),
        "rootRotationStatements": Property(type="list"),
        "rotationPeriod": UNSERVED,
        "rotationSchedule": UNSERVED,
        "rotationWindow": UNSERVED,
        "skipStaticRoleImportRotation": UNSERVED,
        "verifyConnection": Property(type="bool", default=True),
    }

    def create(self, server: Vault, inputs: Values) -> tuple[str, Values]:
        """Writes the connection; Vault tries it, unless the program says otherwise."""
        resource_id = f"{trimmed(inputs['backend'])}/config/{trimmed(inputs['name'])}"
        password = block(inputs, "postgresql").get("password")
        return resource_id, self._write(server, resource_id, inputs, password)

    def read(self, server: Vault, resource_id: str, state: Values) -> Values | None:
        """The connection as far as Vault tells, and as far as the official plugin asks."""
        backend, found, name = resource_id.rpartition("/config/")
        if not (backend and found and name):
            raise VaultError(f'A connection\'s id looks like "mount/config/name", not "{resource_id}"')
        live = server.read(resource_id)
        if live is None:
            return None
        if not str(live.get("plugin_name", "")).startswith("postgresql"):
            raise VaultError(
                f"{resource_id} is a connection of {live.get('plugin_name')}; PostgreSQL is served here"
            )
        details = block(live, "connection_details")
        return {
            "allowedRoles": some(live.get("allowed_roles")),
            "backend": backend,
            "id": resource_id,
            "name": name,
            "passwordPolicy": live.get("password_policy") or "",
            "pluginName": live.get("plugin_name"),
            "pluginVersion": live.get("plugin_version") or "",
            "postgresql": _shown(details, block(state, "postgresql")),
            "rootRotationStatements": some(live.get("root_credentials_rotate_statements")),
        }

    def update(self, server: Vault, resource_id: str, old: Values, new: Values) -> Values:
        """Writes the connection anew; the password only where the program changed it.

        Vault may have rotated the password since: sending the old one would undo that and break the connection.
        """
        was = block(old, "postgresql").get("password")
        password = block(new, "postgresql").get("password")
        return self._write(server, resource_id, new, password if password != was else None)

    def delete(self, server: Vault, resource_id: str, state: Values) -> None:
        """Takes the connection away."""
        del state
        server.delete(resource_id)

    def _write(self, server: Vault, resource_id: str, plan: Values, password: str | None) -> Values:
        details = block(plan, "postgresql")
        payload: Values = {snake(name): details.get(name) for name in _ALWAYS}
        payload.update({snake(name): details[name] for name in _WHERE_SET if details.get(name) is not None})
        payload["disable_escaping"] = bool(details.get("disableEscaping"))
        payload["max_connection_lifetime"] = f"{details.get('maxConnectionLifetime') or 0}s"
        payload["plugin_name"] = plan.get("pluginName") or _PLUGIN
        payload["allowed_roles"] = plan["allowedRoles"] or []
        payload["verify_connection"] = bool(plan["verifyConnection"])
        for name in ("passwordPolicy", "pluginVersion", "rootRotationStatements"):
            if plan.get(name):
                payload[snake(name)] = plan[name]
        if password:
            payload["password"] = password
        secrets = secret_texts(*(details.get(name) for name in ("password", "privateKey", "serviceAccountJson")))
        server.write(resource_id, payload, secrets=secrets)
        return present(self.read(server, resource_id, plan), resource_id)


def _shown(details: Values, before: Values) -> Values:
    """The postgresql shown of a connection's outputs."""
    shown: dict[str, Any] = {name: details.get(snake(name)) or "" for name in _TEXTS}
    shown.update({name: details.get(snake(name)) or 0 for name in _NUMBERS})
    shown.update({name: before.get(name) or "" for name in _KEPT})
    shown["connectionUrl"] = shown["connectionUrl"] or details.get("connection_url") or ""
    shown["disableEscaping"] = bool(details.get("disable_escaping"))
    shown["maxConnectionLifetime"] = seconds(details.get("max_connection_lifetime") or 0)
    shown["passwordWo"] = None
    shown["passwordWoVersion"] = 0
    shown["selfManaged"] = False
    return shown
