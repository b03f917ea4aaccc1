"""Residue: what is left of an environment on the three servers, found by its name and not by its state."""

from collections.abc import Iterator

from tests.e2e.servers import Servers

SYSTEM = "keybuzz"


def residue(servers: Servers, environment: str) -> dict[str, list[str]]:
    """Everything of an environment that a server has, by kind; empty where nothing is left.

    Args:
        servers: administrators' access.
        environment: its name, such as `pr-7`.
    """
    found = {
        **dict(_on_postgresql(servers, environment)),
        **dict(_on_vault(servers, environment)),
        "namespaces": [
            item.metadata.name
            for item in servers.core.list_namespace().items
            if item.metadata.name.endswith(f"-{environment}")
            or (item.metadata.labels or {}).get("bulkhead.dev/environment") == environment
        ],
    }
    return {kind: names for kind, names in found.items() if names}


def _on_postgresql(servers: Servers, environment: str) -> Iterator[tuple[str, list[str]]]:
    ending = "_" + environment.replace("-", "__")
    with servers.database() as session:
        databases = session.execute("SELECT datname FROM pg_database").fetchall()
        roles = session.execute("SELECT rolname FROM pg_roles").fetchall()
        memberships = session.execute(
            "SELECT rolname, roleid::regrole::text FROM pg_roles r LEFT JOIN pg_auth_members ON member = r.oid"
        ).fetchall()
    yield "databases", [name for (name,) in databases if name.endswith(ending)]
    yield "roles", [name for (name,) in roles if name.endswith(ending)]
    # A leased login has no environment in its name: it is a member of a group, or of none any more.
    yield (
        "logins",
        [name for name, group in memberships if name.startswith("v-") and (group or ending).endswith(ending)],
    )


def _on_vault(servers: Servers, environment: str) -> Iterator[tuple[str, list[str]]]:
    vault, folder = servers.vault, f"{SYSTEM}/{environment}"

    def names(path: str) -> list[str]:
        listed = vault.list(path)
        return listed["data"]["keys"] if listed else []

    def below(path: str) -> Iterator[str]:
        for name in names(path):
            yield from below(f"{path}/{name.rstrip('/')}") if name.endswith("/") else (f"{path}/{name}",)

    mounts = vault.sys.list_mounted_secrets_engines()["data"]
    yield "mounts", [path for path in mounts if path.startswith(f"{folder}/")]
    yield "policies", [name for name in names("sys/policies/acl") if name.endswith(f"-{environment}")]
    yield "auth roles", [name for name in names("auth/kubernetes/role") if name.endswith(f"-{environment}")]
    yield "secrets", list(below(f"secret/metadata/{folder}"))
    yield "leases", list(below(f"sys/leases/lookup/{folder}"))
