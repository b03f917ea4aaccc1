"""The arithmetic of leases, and the statements that make and end a leased login."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import InputError, lease
from components.values import Credentials


def leased(**times: Any) -> Credentials:
    return Credentials.model_validate({"mode": "dynamic", **times})


def test_a_lease_that_outlasts_refresh_and_roll_out_is_taken() -> None:
    lease.check(leased(ttl="1h", refresh="15m"), replicas=6, key="api")


def test_a_lease_that_ends_during_the_roll_out_is_refused_with_the_sum() -> None:
    with pytest.raises(InputError) as refused:
        lease.check(leased(ttl="30m", refresh="15m"), replicas=20, key="Secret keybuzz-api-postgres")
    message = str(refused.value)
    assert "credentials.ttl is '30m' for Secret keybuzz-api-postgres" in message
    assert "use at least 2160s" in message
    assert "refresh 900 s + 20 replicas × 60 s" in message


def test_a_static_credential_has_no_lease_to_outlast() -> None:
    lease.check(
        Credentials.model_validate({"mode": "static", "ttl": "1m", "refresh": "1m"}), replicas=50, key="api"
    )


@given(ttl=st.integers(1, 10_000), share=st.integers(2, 50), replicas=st.integers(1, 100))
def test_what_is_taken_keeps_every_pods_credential_alive_until_it_is_replaced(
    ttl: int, share: int, replicas: int
) -> None:
    refresh = max(1, ttl // share)
    if refresh * 2 > ttl:
        return
    try:
        lease.check(leased(ttl=f"{ttl}s", maxTtl=f"{ttl}s", refresh=f"{refresh}s"), replicas=replicas, key="api")
    except InputError:
        assert ttl < refresh + replicas * 60 + 60
    else:
        started_before_refresh = refresh
        rolled_out = replicas * lease.READY_SECONDS
        assert started_before_refresh + rolled_out < ttl


def test_a_leased_login_is_a_member_of_the_group_and_holds_nothing_itself() -> None:
    create, let_vault_end_it = lease.creation_statements("keybuzz_api_prod", "keybuzz_api_vault_prod")
    assert 'IN ROLE "keybuzz_api_prod"' in create
    assert "VALID UNTIL '{{expiration}}'" in create
    assert let_vault_end_it == 'GRANT "{{name}}" TO "keybuzz_api_vault_prod"'
    assert not re.search(r"GRANT .* ON |SUPERUSER|CREATEROLE|CREATEDB|OWNER", f"{create} {let_vault_end_it}")


def test_a_login_that_changes_the_schema_is_the_owner_from_its_first_statement() -> None:
    *_, becomes = lease.creation_statements("keybuzz_api_owner_prod", "keybuzz_api_vault_prod", becomes_group=True)
    assert becomes == "ALTER ROLE \"{{name}}\" SET role = 'keybuzz_api_owner_prod'"


def test_a_lease_that_ends_before_its_job_does_is_refused_with_the_sum() -> None:
    lease.check_job(leased(ttl="11m", refresh="1m"), deadline=600, key="migration api")
    with pytest.raises(InputError, match=r"credentials\.ttl is '10m' for migration api; use at least 660s"):
        lease.check_job(leased(ttl="10m", refresh="1m"), deadline=600, key="migration api")
    static = Credentials.model_validate({"mode": "static", "ttl": "1m", "refresh": "1m"})
    lease.check_job(static, deadline=600, key="migration api")


def test_revoking_ends_sessions_before_the_login_is_dropped_and_may_run_twice() -> None:
    (block,) = lease.revocation_statements()
    steps = ["NOLOGIN", "pg_terminate_backend", "DROP OWNED BY", "DROP ROLE"]
    places = [block.index(step) for step in steps]
    assert places == sorted(places)
    assert block.index("IF EXISTS") < places[0]
