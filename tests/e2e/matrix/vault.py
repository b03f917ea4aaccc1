"""Changes by hand in Vault, as `vault write` makes them."""

from typing import Any

from tests.e2e.matrix.hands import Change, Hands

CONNECTION, ROLE = "database-conf/config/main", "database-conf/roles/api"
AUTH_ROLE, MOUNT = "auth/kubernetes-conf/role/api", "sys/mounts/database-conf"


def written(name: str, resource: str, path: str, field: str, value: Any, *words: str, at: str = "") -> Change:
    """A field of a path in Vault."""

    def look(hands: Hands) -> Any:
        found = hands.vault(path)
        return found[field] if field in found else found["connection_details"][field]

    return Change(name, resource, words, lambda hands: hands.write(at or path, **{field: value}), look)


def widen_connection(hands: Hands) -> None:
    """Vault's connection moved to another host, as somebody does who does not wait for it to answer."""
    url = "postgresql://{{username}}:{{password}}@10.9.9.9:5432/postgres?sslmode=disable"
    hands.write(CONNECTION, connection_url=url, verify_connection=False)


CHANGES = (
    written(
        "vault policy: widened",
        "policy",
        "sys/policies/acl/conf",
        "policy",
        'path "*" { capabilities = ["read", "list"] }',
        "policy",
        'path "*"',
    ),
    Change(
        "vault kv: value changed",
        "kv-secret",
        ("data.PGHOST", "[hidden]"),
        lambda hands: hands.write("kv-conf/data/db_api", data={"PGHOST": "10.6.6.6"}),
        lambda hands: hands.vault("kv-conf/data/db_api")["data"],
    ),
    written("vault database role: ttl raised", "database-role", ROLE, "default_ttl", 80000, "default_ttl: 80000"),
    written(
        "vault database role: statements changed",
        "database-role",
        ROLE,
        "creation_statements",
        ["CREATE ROLE \"{{name}}\" SUPERUSER LOGIN PASSWORD '{{password}}'"],
        "creation_statements",
        "SUPERUSER",
    ),
    Change(
        "vault connection: another host",
        "connection",
        ("connection_url", "10.9.9.9"),
        widen_connection,
        lambda hands: hands.vault(CONNECTION)["connection_details"]["connection_url"],
    ),
    Change(
        "vault connection: allowed roles widened",
        "connection",
        ("allowed_roles", "*"),
        lambda hands: hands.write(CONNECTION, allowed_roles=["*"], verify_connection=False),
        lambda hands: hands.vault(CONNECTION)["allowed_roles"],
    ),
    written(
        "vault auth role: namespaces widened",
        "auth-role",
        AUTH_ROLE,
        "bound_service_account_namespaces",
        ["conf-dev", "default"],
        "bound_service_account_namespaces",
        "default",
    ),
    written(
        "vault auth role: policy added",
        "auth-role",
        AUTH_ROLE,
        "token_policies",
        ["conf", "root-ish"],
        "token_policies",
        "root-ish",
    ),
    Change(
        "vault mount: ttl raised",
        "mount-database",
        ("default_lease_ttl: 90000",),
        lambda hands: hands.write(f"{MOUNT}/tune", default_lease_ttl="90000s"),
        lambda hands: hands.vault(f"{MOUNT}/tune")["default_lease_ttl"],
    ),
)
