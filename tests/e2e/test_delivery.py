"""What the External Secrets Operator delivered: the right keys, in the right place, opening the right database."""

from dataclasses import dataclass

import psycopg
import pytest

from tests.e2e.engine import Project
from tests.e2e.servers import Servers

FIVE = {"PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD"}


@dataclass(frozen=True)
class Expected:
    """One Secret as the systems' table has it."""

    stack: str
    part: str
    secret: str
    keys: frozenset[str]
    database: str
    group: str

    @property
    def namespace(self) -> str:
        """Where the Secret belongs."""
        return f"keybuzz-{self.part}-{self.stack}"

    @property
    def path(self) -> str:
        """Its KV secret below the mount."""
        return f"keybuzz/{self.stack}/db_{self.part}"

    def __str__(self) -> str:
        return f"{self.stack}-{self.part}"


def _expected() -> list[Expected]:
    five, six = frozenset(FIVE), frozenset(FIVE | {"DATABASE_URL"})
    rows = (
        ("api", "keybuzz-api-postgres", five, {"dev": "keybuzz", "prod": "keybuzz_prod"}, "keybuzz_api"),
        *(
            (part, secret, six, {"dev": "keybuzz_backend", "prod": "keybuzz_backend_prod"}, "keybuzz_backend")
            for part, secret in (("backend", "keybuzz-backend-db"), ("worker", "keybuzz-worker-db"))
        ),
    )
    return [
        Expected(stack, part, secret, keys, databases[stack], f"{group}_{stack}")
        for stack in ("dev", "prod")
        for part, secret, keys, databases, group in rows
    ]


ALL = pytest.mark.parametrize("expected", _expected(), ids=str)


@ALL
def test_a_secret_has_its_keys_and_points_at_its_database(
    applied: Project, servers: Servers, expected: Expected
) -> None:
    """Five keys, and DATABASE_URL where it is asked for; host and port are the write end point's."""
    values = servers.secret(expected.namespace, expected.secret)
    assert set(values) == expected.keys
    assert values["PGDATABASE"] == expected.database
    assert (values["PGHOST"], values["PGPORT"]) == (servers.environment["PGHOST"], servers.environment["PGPORT"])


@ALL
def test_a_delivered_credential_logs_in(applied: Project, servers: Servers, expected: Expected) -> None:
    """The login opens its database, and its rights are its group role's."""
    values = servers.secret(expected.namespace, expected.secret)
    with servers.database(expected.database, user=values["PGUSER"], password=values["PGPASSWORD"]) as session:
        who = session.execute(
            "SELECT current_user, current_database(), pg_has_role(%s, 'USAGE')", (expected.group,)
        ).fetchone()
    assert who == (values["PGUSER"], expected.database, True)


@pytest.mark.parametrize("expected", [row for row in _expected() if "DATABASE_URL" in row.keys], ids=str)
def test_database_url_is_the_same_credential(applied: Project, servers: Servers, expected: Expected) -> None:
    """A client that takes nothing but DATABASE_URL logs in as the same user to the same database."""
    values = servers.secret(expected.namespace, expected.secret)
    with psycopg.connect(values["DATABASE_URL"], connect_timeout=5) as session:
        found = session.execute("SELECT current_user, current_database()").fetchone()
    assert found == (values["PGUSER"], values["PGDATABASE"])
    assert f"sslmode={servers.environment['PGSSLMODE']}" in values["DATABASE_URL"]


@ALL
def test_secrets_are_delivered_to_their_own_namespace_alone(
    applied: Project, servers: Servers, expected: Expected
) -> None:
    """No other namespace of any environment but the part's own has a Secret of this name."""
    everywhere = servers.core.list_secret_for_all_namespaces(field_selector=f"metadata.name={expected.secret}")
    holders = {found.metadata.namespace for found in everywhere.items}
    here = {namespace for namespace in holders if namespace.endswith(f"-{expected.stack}")}
    assert here == {expected.namespace}


@ALL
def test_the_kv_path_holds_what_the_credential_mode_allows(
    applied: Project, servers: Servers, expected: Expected
) -> None:
    """DEV's path has all five keys; PROD's has no login and no password, since Vault leases those."""
    read = servers.vault.secrets.kv.v2.read_secret_version(expected.path, raise_on_deleted_version=True)
    kept = read["data"]["data"]
    leased = {"PGUSER", "PGPASSWORD"} if expected.stack == "prod" else set[str]()
    assert set(kept) == FIVE - leased
    delivered = servers.secret(expected.namespace, expected.secret)
    assert kept == {key: delivered[key] for key in kept}
