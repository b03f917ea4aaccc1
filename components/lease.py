"""Leases: the statements that make and end a leased login, and the arithmetic that keeps pods alive."""

from components.errors import InputError
from components.validation import seconds
from components.values import Credentials

READY_SECONDS = 60
"""Seconds that one replica may take until it is ready, at a roll-out."""

GRACE_SECONDS = 60
"""Seconds beyond the roll-out in which an old credential must still work: the pods' time to stop twice."""


def check(credentials: Credentials, *, replicas: int, key: str) -> None:
    """Refuse a lease that ends while a pod still uses it.

    A pod that started just before a refresh holds its credential until the roll-out that follows has
    replaced it, one replica after the other. Workloads that share a credential roll side by side, so the
    largest of them counts.

    Args:
        credentials: the lease's times.
        replicas: the largest number of pods that one workload uses it with.
        key: what the user called the credential, for the error.

    Raises:
        InputError: the sum, and what would do.
    """
    ttl, refresh = seconds(credentials.ttl), seconds(credentials.refresh)
    needed = refresh + replicas * READY_SECONDS + GRACE_SECONDS
    if credentials.mode == "dynamic" and ttl < needed:
        raise InputError(
            f"credentials.ttl is {credentials.ttl!r} for {key}; use at least {needed}s: refresh {refresh} s + "
            f"{replicas} replicas × {READY_SECONDS} s until ready + {GRACE_SECONDS} s to stop"
        )


def check_job(credentials: Credentials, *, deadline: int, key: str) -> None:
    """Refuse a lease that ends while a job that got it at its start still runs.

    Args:
        credentials: the lease's times.
        deadline: seconds that the job may take, its retries together.
        key: what the user called the credential, for the error.

    Raises:
        InputError: the sum, and what would do.
    """
    needed = deadline + GRACE_SECONDS
    if credentials.mode == "dynamic" and seconds(credentials.ttl) < needed:
        raise InputError(
            f"credentials.ttl is {credentials.ttl!r} for {key}; use at least {needed}s: a job of {deadline} s + "
            f"{GRACE_SECONDS} s to stop"
        )


def username_template(group: str) -> str:
    """How Vault names a leased login, so that PostgreSQL's logs tell whose it is: `v-keybuzz_api_prod-…`.

    Args:
        group: the group role; 36 of its characters leave room for eight at random and the time.
    """
    return f'{{{{ printf "v-%s-%s-%s" ("{group}" | truncate 36) (random 8) (unix_time) }}}}'


def creation_statements(group: str, administrator: str, *, becomes_group: bool = False) -> list[str]:
    """Make a login that holds nothing itself: it is a member of the group role.

    Vault's own role becomes a member of the login, so that it may end its sessions and drop what it owns
    without being a superuser.

    Args:
        group: the group role.
        administrator: Vault's own role.
        becomes_group: each session of the login is the group role's, so that what it makes belongs to that.
    """
    create = (
        "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' "
        f'IN ROLE "{group}"'
    )
    statements = [create, f'GRANT "{{{{name}}}}" TO "{administrator}"']
    if becomes_group:
        statements.append(f"ALTER ROLE \"{{{{name}}}}\" SET role = '{group}'")
    return statements


def revocation_statements() -> list[str]:
    """End a login, its sessions and all that it owns; twice is fine.

    Sessions outlive a revoked credential unless they are ended; DROP ROLE fails while the role owns
    anything. One block, since Vault gives a revocation up after six failures.
    """
    block = (
        "DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{{name}}') THEN "
        'ALTER ROLE "{{name}}" NOLOGIN; '
        "PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{{name}}'; "
        'DROP OWNED BY "{{name}}"; '
        'DROP ROLE "{{name}}"; '
        "END IF; END $$"
    )
    return [block]
