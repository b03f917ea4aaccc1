"""PROD's database credential is a lease: what it may do, and that nothing is left of it once it is revoked."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
import pytest
from psycopg import errors, sql

from tests.e2e.engine import Project
from tests.e2e.servers import Servers
from tests.e2e.waiting import eventually

DATABASE, GROUP, OWNER = "keybuzz_prod", "keybuzz_api_prod", "keybuzz_api_owner_prod"
VAULT_ADMINISTRATOR = "keybuzz_api_vault_prod"
NAMESPACE, SERVICE_ACCOUNT, AUTH_ROLE = "keybuzz-api-prod", "api-secrets", "keybuzz-api-prod"
CREDENTIALS = "keybuzz/prod/db_api/creds/api"
TTL = 3600
"""Seconds of `ttl: 1h` in PROD's stack file."""


@dataclass(frozen=True)
class Lease:
    """One leased login, beside those that the applications hold."""

    id: str
    user: str
    password: str
    servers: Servers

    def session(self) -> Any:
        """A session on PROD's database with this login."""
        return self.servers.database(DATABASE, user=self.user, password=self.password)

    def revoke(self) -> None:
        """Revoke it and return once Vault has ended the login, or failed to."""
        self.servers.vault.adapter.put("/v1/sys/leases/revoke", json={"lease_id": self.id, "sync": True})

    @property
    def role_exists(self) -> bool:
        """Whether the database server still knows the login."""
        with self.servers.database() as session:
            found = session.execute("SELECT FROM pg_roles WHERE rolname = %s", (self.user,)).fetchone()
        return found is not None


@contextmanager
def leased(servers: Servers) -> Iterator[Lease]:
    """A login as the External Secrets Operator gets one; it is revoked in the end."""
    vault = servers.vault_as(NAMESPACE, SERVICE_ACCOUNT, AUTH_ROLE)
    answer = vault.read(CREDENTIALS)
    lease = Lease(answer["lease_id"], answer["data"]["username"], answer["data"]["password"], servers)
    try:
        yield lease
    finally:
        lease.revoke()
        vault.auth.token.revoke_self()


@pytest.fixture
def lease(applied: Project, servers: Servers) -> Iterator[Lease]:
    """A leased login of PROD's api."""
    with leased(servers) as one:
        yield one


@pytest.fixture
def table(applied: Project, servers: Servers) -> Iterator[None]:
    """`lease_probe`, a table with a serial number that PROD's owner role made, as a schema migration does."""
    with servers.database(DATABASE) as session:
        session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(OWNER)))
        session.execute("CREATE TABLE lease_probe (number serial PRIMARY KEY, word text)")
        try:
            yield
        finally:
            session.execute("DROP TABLE lease_probe")


def test_vault_knows_the_lease_and_its_end(lease: Lease) -> None:
    """`sys/leases/lookup` has it, with the stack's time to live, and it may be renewed."""
    known = lease.servers.vault.sys.read_lease(lease.id)["data"]
    assert lease.id.startswith(f"{CREDENTIALS}/")
    assert TTL - 60 < known["ttl"] <= TTL
    assert known["renewable"]


def test_the_token_that_leases_lives_as_long_as_the_lease(applied: Project, servers: Servers) -> None:
    """A lease ends with the token that asked for it, so that one must not end sooner."""
    vault = servers.vault_as(NAMESPACE, SERVICE_ACCOUNT, AUTH_ROLE)
    try:
        assert vault.auth.token.lookup_self()["data"]["ttl"] >= TTL
    finally:
        vault.auth.token.revoke_self()


def test_the_login_is_a_member_of_the_group_and_holds_nothing_itself(lease: Lease) -> None:
    """One membership, no attribute, no right of its own, no limit of time beyond the lease's."""
    with lease.servers.database(DATABASE) as session:
        groups = session.execute(
            "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = %s::regrole", (quoted(lease.user),)
        ).fetchall()
        attributes = session.execute(
            "SELECT rolcanlogin, rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls "
            "FROM pg_roles WHERE rolname = %s",
            (lease.user,),
        ).fetchone()
        held = session.execute(
            "SELECT count(*) FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = %s::regrole "
            "AND classid <> 'pg_auth_members'::regclass",
            (quoted(lease.user),),
        ).fetchone()
    assert groups == [(GROUP,)]
    assert attributes == (True, False)
    assert held == (0,)


def test_the_login_reads_and_writes_its_tables(lease: Lease, table: None) -> None:
    """What the owner role makes is open to the group without any further grant, numbers included."""
    with lease.session() as session:
        session.execute("INSERT INTO lease_probe (word) VALUES ('one'), ('two')")
        session.execute("UPDATE lease_probe SET word = 'three' WHERE word = 'two'")
        session.execute("DELETE FROM lease_probe WHERE word = 'one'")
        assert session.execute("SELECT number, word FROM lease_probe").fetchall() == [(2, "three")]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (number int)",
        "CREATE TEMPORARY TABLE mine (number int)",
        "CREATE SCHEMA mine",
        "DROP TABLE lease_probe",
        "ALTER TABLE lease_probe ADD COLUMN more int",
        "TRUNCATE lease_probe",
        f"SET ROLE {OWNER}",
        f"DROP DATABASE {DATABASE}",
        "CREATE DATABASE mine",
        "CREATE ROLE mine",
        f"GRANT {GROUP} TO CURRENT_USER",
    ],
)
def test_the_login_owns_makes_and_drops_nothing(lease: Lease, table: None, statement: str) -> None:
    """Each is refused as a lack of rights."""
    with lease.session() as session, pytest.raises(errors.InsufficientPrivilege):
        session.execute(statement)


def test_revoking_ends_the_login_its_session_and_its_role(lease: Lease, table: None) -> None:
    """A session that is in the middle of a transaction is ended, none can be opened, and no role is left."""
    with lease.session() as session:
        session.autocommit = False
        session.execute("INSERT INTO lease_probe (word) VALUES ('not committed')")
        lease.revoke()
        with pytest.raises(errors.AdminShutdown):
            session.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"), lease.session():
        pass
    assert not lease.role_exists
    with lease.servers.database(DATABASE) as session:
        session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(OWNER)))
        assert session.execute("SELECT count(*) FROM lease_probe").fetchone() == (0,)


def test_revoking_an_idle_login_leaves_no_role(lease: Lease) -> None:
    """It never logged in, owns nothing and holds nothing."""
    assert lease.role_exists
    lease.revoke()
    assert not lease.role_exists


def test_revoking_drops_what_the_login_owns(lease: Lease) -> None:
    """A large object is the one thing that any login can own; it does not keep the role."""
    with lease.session() as session:
        made = session.execute("SELECT lo_create(0)").fetchone()
    lease.revoke()
    assert not lease.role_exists
    with lease.servers.database(DATABASE) as session:
        assert not session.execute("SELECT FROM pg_largeobject_metadata WHERE oid = %s", made).fetchall()


def test_revoking_twice_is_fine(lease: Lease) -> None:
    """The second time there is nothing to do, and Vault says no error."""
    lease.revoke()
    lease.revoke()
    assert not lease.role_exists


def test_revoking_works_after_somebody_dropped_the_role(lease: Lease) -> None:
    """Otherwise Vault would try six times and keep an irrevocable lease."""
    with lease.servers.database(DATABASE) as session:
        session.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(lease.user)))
    lease.revoke()
    vault = lease.servers.vault
    kept = vault.adapter.get("/v1/sys/leases", params={"type": "irrevocable"})
    assert kept["data"]["lease_count"] == 0


def test_revoking_ends_nobody_elses_session(lease: Lease) -> None:
    """A second lease of the same role goes on."""
    with leased(lease.servers) as other, other.session() as session:
        lease.revoke()
        assert session.execute("SELECT current_user").fetchone() == (other.user,)


def test_the_login_ends_with_the_token_that_leased_it(applied: Project, servers: Servers) -> None:
    """Taking the operator's token back takes back what it leased."""
    vault = servers.vault_as(NAMESPACE, SERVICE_ACCOUNT, AUTH_ROLE)
    answer = vault.read(CREDENTIALS)
    lease = Lease(answer["lease_id"], answer["data"]["username"], answer["data"]["password"], servers)
    vault.auth.token.revoke_self()
    eventually(lambda: not lease.role_exists, "the role is gone after its token")


@pytest.mark.parametrize("part", ["api", "backend", "worker"])
def test_a_delivered_secret_holds_a_lease(applied: Project, servers: Servers, part: str) -> None:
    """The login in PROD's Secret was made by Vault, and ends when one of Vault's leases does."""
    secret = "keybuzz-api-postgres" if part == "api" else f"keybuzz-{part}-db"
    user = servers.secret(f"keybuzz-{part}-prod", secret)["PGUSER"]
    prefix = f"keybuzz/prod/db_{part}/creds/{part}/"
    ends = [
        datetime.fromisoformat(servers.vault.sys.read_lease(prefix + key)["data"]["expire_time"])
        for key in servers.vault.sys.list_leases(prefix)["data"]["keys"]
    ]
    with servers.database() as session:
        found = session.execute("SELECT rolvaliduntil FROM pg_roles WHERE rolname = %s", (user,)).fetchone()
    assert user.startswith("v-")
    assert found is not None
    assert min(abs((found[0] - end).total_seconds()) for end in ends) < 10


def test_vaults_administrator_is_no_superuser(applied: Project, servers: Servers) -> None:
    """It logs in and makes roles; that is all."""
    with servers.database() as session:
        attributes = session.execute(
            "SELECT rolcanlogin, rolcreaterole, rolsuper, rolcreatedb, rolreplication, rolbypassrls "
            "FROM pg_roles WHERE rolname = %s",
            (VAULT_ADMINISTRATOR,),
        ).fetchone()
    assert attributes == (True, True, False, False, False, False)


@pytest.mark.parametrize(
    "statement",
    [
        "GRANT keybuzz_api_dev TO keybuzz_api_vault_prod",
        "CREATE ROLE intruder LOGIN IN ROLE keybuzz_api_dev",
        "CREATE ROLE intruder LOGIN IN ROLE keybuzz_api_owner_prod",
        "GRANT keybuzz_backend_prod TO keybuzz_api_vault_prod",
        "ALTER ROLE keybuzz_api_login_dev PASSWORD 'known'",
        "DROP ROLE keybuzz_api_login_dev",
        "CREATE ROLE intruder SUPERUSER",
        "GRANT pg_read_all_data TO keybuzz_api_vault_prod",
    ],
)
def test_vaults_administrator_cannot_reach_beyond_its_group(
    applied: Project, servers: Servers, statement: str
) -> None:
    """It makes members of its own group role, and of no other part's, environment's or the server's."""
    with servers.database() as session:
        session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(VAULT_ADMINISTRATOR)))
        with pytest.raises(errors.InsufficientPrivilege):
            session.execute(statement)


def test_vaults_administrator_does_make_members_of_its_group(applied: Project, servers: Servers) -> None:
    """The same session as in the refusals: it is the statement that is refused there, not the session."""
    with servers.database() as session:
        session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(VAULT_ADMINISTRATOR)))
        session.execute(f"CREATE ROLE lease_probe_member LOGIN IN ROLE {GROUP}")
        session.execute("DROP ROLE lease_probe_member")


def quoted(name: str) -> str:
    """A name as `regrole` reads it: what is not lower case needs quotes."""
    return f'"{name}"'
