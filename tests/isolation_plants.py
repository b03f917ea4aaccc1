"""Faults in the wall, planted in the recorded states of KeyBuzz DEV and PROD, and what must be found of each."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

Exported = dict[str, Any]


@dataclass(frozen=True)
class Plant:
    """One fault.

    Args:
        name: what it is.
        plant: puts it into the exported states of DEV and PROD.
        shared: identities that both are then said to own or name.
        references: what one then names of the other: holder's stack, where, identity.
    """

    name: str
    plant: Callable[[Exported, Exported], None]
    shared: frozenset[str] = field(default_factory=frozenset)
    references: frozenset[tuple[str, str, str]] = field(default_factory=frozenset)


def resource(exported: Exported, kind: str, name: str) -> dict[str, Any]:
    """The resource of this kind (the last word of its type) and logical name."""
    (found,) = (
        one
        for one in exported["deployment"]["resources"]
        if one["type"].rpartition(":")[2] == kind and one["urn"].rpartition("::")[2] == name
    )
    return found


def change(exported: Exported, kind: str, name: str, path: str, value: Any) -> None:
    """Change a property of a resource, as it was declared and as its provider answered."""
    for properties in ("inputs", "outputs"):
        place = resource(exported, kind, name)[properties]
        *above, last = path.split(".")
        for key in above:
            place = place[int(key)] if key.isdigit() else place[key]
        if last.isdigit():
            place[int(last)] = deepcopy(value)
        else:
            place[last] = deepcopy(value)


def add(exported: Exported, kind: str, name: str, inputs: dict[str, Any]) -> None:
    """Add a resource of a type."""
    stack = exported["deployment"]["resources"][0]["urn"].split("::")[0]
    exported["deployment"]["resources"].append(
        {
            "urn": f"{stack}::keybuzz::{kind}::{name}",
            "type": kind,
            "custom": True,
            "id": name,
            "inputs": inputs,
            "outputs": deepcopy(inputs),
        }
    )


def metadata(name: str, namespace: str) -> dict[str, str]:
    return {"name": name, "namespace": namespace}


def _changed(kind: str, name: str, path: str, value: Any) -> Callable[[Exported, Exported], None]:
    return lambda _, prod: change(prod, kind, name, path, value)


def _added(kind: str, name: str, inputs: dict[str, Any]) -> Callable[[Exported, Exported], None]:
    return lambda _, prod: add(prod, kind, name, inputs)


def _owned(kind: str, name: str, path: str, value: Any, *shared: str) -> Plant:
    return Plant(f"{kind} {value}", _changed(kind, name, path, value), frozenset(shared))


def _names(name: str, plant: Callable[[Exported, Exported], None], where: str, identity: str) -> Plant:
    return Plant(name, plant, references=frozenset({("keybuzz/prod", where, identity)}))


def _config(value: str) -> Callable[[Exported, Exported], None]:
    inputs = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata("planted", "keybuzz-api-prod"),
        "data": {"text": value},
    }
    return _added("kubernetes:core/v1:ConfigMap", "planted", inputs)


def _variable(name: str, value: str) -> Callable[[Exported, Exported], None]:
    place = "spec.template.spec.containers.0.env"
    return _changed("Deployment", "client-deployment", place, [{"name": name, "value": value}])


def _policy(text: str) -> Callable[[Exported, Exported], None]:
    rule = f'path "{text}" {{\n  capabilities = ["read"]\n}}\n'
    return _changed("Policy", "api-policy", "policy", rule)


def _network(peer: dict[str, Any]) -> Callable[[Exported, Exported], None]:
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [peer]}]}
    inputs = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata("planted", "keybuzz-api-prod"),
        "spec": spec,
    }
    return _added("kubernetes:networking.k8s.io/v1:NetworkPolicy", "planted", inputs)


def _binding(subject: dict[str, str]) -> Callable[[Exported, Exported], None]:
    inputs = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": metadata("planted", "keybuzz-api-prod"),
        "roleRef": {"kind": "ClusterRole", "name": "view"},
        "subjects": [subject],
    }
    return _added("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", "planted", inputs)


def _mount_of_both(dev: Exported, prod: Exported) -> None:
    path = resource(prod, "Mount", "api-engine")["inputs"]["path"]
    add(dev, "vault:index/mount:Mount", "planted", {"path": path, "type": "database"})


def _only_devs_secret(dev: Exported, prod: Exported) -> None:
    change(dev, "ExternalSecret", "api-external-secret", "spec.target.name", "only-devs")
    place = "spec.template.spec.containers.0.envFrom"
    for exported in (dev, prod):
        change(exported, "Deployment", "api-deployment", place, [{"secretRef": {"name": "only-devs"}}])


def _database_of_neither(dev: Exported, prod: Exported) -> None:
    for exported in (dev, prod):
        grant = {"database": "reports_of_all", "role": "public", "objectType": "database", "privileges": []}
        add(exported, "postgresql:index/grant:Grant", "planted", {**grant, "schema": exported["stack"]})


def _everything_of_dev(dev: Exported, prod: Exported) -> None:
    inputs = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata("api-secrets", "keybuzz-api-dev"),
    }
    add(prod, "kubernetes:core/v1:ServiceAccount", "planted", inputs)


_POLICY = "spec.egress[0].to[0].namespaceSelector"
_NAMESPACE = "Namespace keybuzz-api-dev"
_ENV = "spec.template.spec.containers[0].env[0].value"
_KV = "Vault path secret/keybuzz/dev/db_api"

PLANTS = (
    _owned("Namespace", "worker-namespace", "metadata.name", "keybuzz-worker-dev", "Namespace keybuzz-worker-dev"),
    _owned("Database", "api-database", "name", "keybuzz", "PostgreSQL database keybuzz"),
    _owned(
        "Role", "api-read-only", "name", "keybuzz_api_readonly_dev", "PostgreSQL role keybuzz_api_readonly_dev"
    ),
    _owned("SecretV2", "api-kv", "name", "keybuzz/dev/db_api", _KV),
    _owned("Policy", "api-policy", "name", "keybuzz-api-dev", "Vault policy keybuzz-api-dev"),
    _owned(
        "AuthBackendRole",
        "api-auth-role",
        "roleName",
        "keybuzz-api-dev",
        "Vault path auth/kubernetes/role/keybuzz-api-dev",
    ),
    _owned(
        "IngressRoute",
        "public-api",
        "spec.routes.0.match",
        "Host(`api-dev.keybuzz.io`)",
        "host api-dev.keybuzz.io",
    ),
    Plant("one mount at Vault", _mount_of_both, frozenset({"Vault path keybuzz/prod/db_api"})),
    Plant(
        "a wildcard over the other's hosts",
        _added(
            "kubernetes:networking.k8s.io/v1:Ingress",
            "planted",
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "Ingress",
                "metadata": metadata("planted", "keybuzz-api-prod"),
                "spec": {"rules": [{"host": "*.keybuzz.io", "http": {"paths": [{"path": "/"}]}}]},
            },
        ),
        frozenset({f"host {part}-dev.keybuzz.io" for part in ("api", "backend", "client")}),
    ),
    Plant(
        "one service account",
        _everything_of_dev,
        frozenset({"ServiceAccount keybuzz-api-dev/api-secrets"}),
        frozenset({("keybuzz/prod", "metadata.namespace", _NAMESPACE)}),
    ),
    Plant("a database of neither", _database_of_neither, frozenset({"PostgreSQL database reports_of_all"})),
    _names("a host", _variable("API", "https://api-dev.keybuzz.io/v1"), _ENV, "host api-dev.keybuzz.io"),
    Plant(
        "a Secret's name",
        _only_devs_secret,
        references=frozenset(
            {
                (
                    "keybuzz/prod",
                    "spec.template.spec.containers[0].envFrom[0].secretRef.name",
                    "Secret keybuzz-api-dev/only-devs",
                )
            }
        ),
    ),
    _names(
        "a path of the KV engine",
        _changed("ExternalSecret", "api-external-secret", "spec.dataFrom.0.extract.key", "keybuzz/dev/db_api"),
        "spec.dataFrom[0].extract.key",
        _KV,
    ),
    _names("a path in a policy", _policy("secret/data/keybuzz/dev/db_api"), "policy", _KV),
    _names(
        "a path in a policy that matches by a wildcard",
        _policy("secret/data/keybuzz/+/db_backend"),
        "policy",
        "Vault path secret/keybuzz/dev/db_backend",
    ),
    _names("a folder of the other one", _policy("secret/data/keybuzz/dev/db_later"), "policy", ""),
    _names(
        "a database by its legacy name", _variable("PGDATABASE", "keybuzz"), _ENV, "PostgreSQL database keybuzz"
    ),
    _names(
        "a database in an address",
        _variable("URL", "postgresql://keybuzz_api_prod@10.0.0.10:5432/keybuzz?sslmode=require"),
        _ENV,
        "PostgreSQL database keybuzz",
    ),
    _names(
        "a database in SQL", _config("\\connect keybuzz\nSELECT 1;"), "data.text", "PostgreSQL database keybuzz"
    ),
    _names(
        "a database in a grant",
        _changed("Grant", "api-read-write-database", "database", "keybuzz_backend"),
        "database",
        "PostgreSQL database keybuzz_backend",
    ),
    _names(
        "a role in a membership",
        _changed("GrantRole", "api-vault-membership", "grantRole", "keybuzz_api_dev"),
        "grantRole",
        "PostgreSQL role keybuzz_api_dev",
    ),
    _names(
        "a namespace in a network policy",
        _network({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "keybuzz-api-dev"}}}),
        f"{_POLICY}.matchLabels.kubernetes.io/metadata.name",
        _NAMESPACE,
    ),
    _names(
        "a selector of labels",
        _network({"namespaceSelector": {"matchLabels": {"bulkhead.dev/environment": "dev"}}}),
        _POLICY,
        "",
    ),
    _names("a selector of all namespaces", _network({"namespaceSelector": {}}), _POLICY, ""),
    _names(
        "a service account in a binding",
        _binding({"kind": "ServiceAccount", "name": "api", "namespace": "keybuzz-api-dev"}),
        "subjects[0].namespace",
        _NAMESPACE,
    ),
    _names(
        "a service account as a user",
        _binding({"kind": "User", "name": "system:serviceaccount:keybuzz-api-dev:api"}),
        "subjects[0].name",
        "ServiceAccount keybuzz-api-dev/api",
    ),
    _names(
        "a policy of an auth role",
        _changed("AuthBackendRole", "api-auth-role", "tokenPolicies", ["keybuzz-worker-dev"]),
        "tokenPolicies[0]",
        "Vault policy keybuzz-worker-dev",
    ),
    _names(
        "a namespace that may log in at Vault",
        _changed("AuthBackendRole", "api-auth-role", "boundServiceAccountNamespaces", ["keybuzz-api-dev"]),
        "boundServiceAccountNamespaces[0]",
        _NAMESPACE,
    ),
    _names(
        "every namespace that may log in at Vault",
        _changed("AuthBackendRole", "api-auth-role", "boundServiceAccountNamespaces", ["*"]),
        "boundServiceAccountNamespaces[0]",
        "",
    ),
    _names(
        "the role of a store at Vault",
        _changed(
            "SecretStore", "api-secret-store", "spec.provider.vault.auth.kubernetes.role", "keybuzz-worker-dev"
        ),
        "spec.provider.vault.auth.kubernetes.role",
        "Vault path auth/kubernetes/role/keybuzz-worker-dev",
    ),
    _names("a service", _variable("API", "http://api.keybuzz-api-dev.svc.cluster.local:3001"), _ENV, _NAMESPACE),
    _names("one name in a list", _config("x,keybuzz-api-dev,y"), "data.text", _NAMESPACE),
)

HARMLESS = (
    "keybuzz",
    "keybuzz_prod keybuzz_backend_prod",
    "xkeybuzz-api-dev keybuzz-api-dev2 keybuzz-api-dev-x",
    "api-dev.keybuzz.io.example.com my-api-dev.keybuzz.io",
    "secret/keybuzz/deviant/db_api",
    "the database has been made by keybuzz",
)
"""Texts that are like names of DEV and are none."""
