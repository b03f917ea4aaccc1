"""`bulkhead drift` on KeyBuzz DEV and PROD: clean as applied; what widens access is found and put right.

Everything is changed in PROD, by the administrators that programs act as.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from tests.e2e.drifts import DRIFTS, Drift
from tests.e2e.engine import Project, Step
from tests.e2e.matrix.hands import drift, reports, told
from tests.e2e.servers import Servers

NAMESPACE, OTHER = "keybuzz-api-prod", "keybuzz_api_login_dev"
"""PROD's namespace that is opened, and DEV's login, which gets in."""

TABLE = "opened_by_hand"

KINDS = [drift for drift in DRIFTS if drift.type != "postgresql:index/grantRole:GrantRole"]
"""A declared value of each kind of resource; a membership is among the widenings, and Vault's has its leases."""


@dataclass(frozen=True)
class Widening:
    """A change by hand that widens access to PROD.

    Args:
        name: what it is.
        resource: the resource that the report names; empty where any of several may be named.
        words: what the report says.
        act: makes it.
        look: whether it holds.
    """

    name: str
    resource: str
    words: tuple[str, ...]
    act: Callable[[Servers], object]
    look: Callable[[Servers], bool]

    def __str__(self) -> str:
        return self.name


def sql(servers: Servers, statement: str, database: str = "keybuzz_prod") -> Any:
    with servers.database(database) as session:
        done = session.execute(statement.encode())
        return done.fetchone()[0] if done.description else None


def in_sql(name: str, resource: str, statement: str, query: str, *words: str) -> Widening:
    """A statement of the administrator's, and a question whose answer is yes once it is executed."""
    return Widening(
        name,
        resource,
        words,
        lambda servers: sql(servers, statement),
        lambda servers: bool(sql(servers, query)),
    )


def bind(servers: Servers) -> None:
    binding = {
        "metadata": {"name": "keybuzz-by-hand"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "api", "namespace": NAMESPACE}],
    }
    client.RbacAuthorizationV1Api(servers.kubernetes).create_cluster_role_binding(binding)


def bound(servers: Servers) -> bool:
    listed = client.RbacAuthorizationV1Api(servers.kubernetes).list_cluster_role_binding().items
    return "keybuzz-by-hand" in [one.metadata.name for one in listed]


def open_policy(servers: Servers) -> None:
    policy = {"metadata": {"name": "by-hand"}, "spec": {"podSelector": {}, "ingress": [{}], "egress": [{}]}}
    client.NetworkingV1Api(servers.kubernetes).create_namespaced_network_policy(NAMESPACE, policy)


def opened(servers: Servers) -> bool:
    listed = client.NetworkingV1Api(servers.kubernetes).list_namespaced_network_policy(NAMESPACE).items
    return "by-hand" in [one.metadata.name for one in listed]


def backdoor(servers: Servers) -> None:
    servers.vault.write_data(
        "auth/kubernetes/role/by-hand",
        data={
            "bound_service_account_names": ["*"],
            "bound_service_account_namespaces": [NAMESPACE],
            "token_policies": ["default"],
        },
    )


def listed(servers: Servers, path: str, name: str) -> bool:
    found = servers.vault.list(path)
    return name in (found["data"]["keys"] if found else [])


WIDENINGS = (
    Widening("a second network policy", "api-namespace", ("added", "by-hand"), open_policy, opened),
    Widening(
        "a cluster role binding",
        "api-namespace",
        ("ClusterRoleBinding keybuzz-by-hand", "cluster-admin"),
        bind,
        bound,
    ),
    Widening(
        "a role of Vault's Kubernetes login",
        "",
        ("added", "auth/kubernetes/role/by-hand"),
        backdoor,
        lambda servers: listed(servers, "auth/kubernetes/role", "by-hand"),
    ),
    Widening(
        "a role of a database engine",
        "api-engine",
        ("added", "keybuzz/prod/db_api/roles/by-hand", "SUPERUSER"),
        lambda servers: servers.vault.write_data(
            "keybuzz/prod/db_api/roles/by-hand",
            data={"db_name": "keybuzz_prod", "creation_statements": ['CREATE ROLE "{{name}}" SUPERUSER']},
        ),
        lambda servers: listed(servers, "keybuzz/prod/db_api/roles", "by-hand"),
    ),
    in_sql(
        "DEV's login may connect",
        "api-database",
        f"GRANT CONNECT ON DATABASE keybuzz_prod TO {OTHER}",
        f"SELECT has_database_privilege('{OTHER}', 'keybuzz_prod', 'CONNECT')",
        f"CONNECT of {OTHER} on database keybuzz_prod",
    ),
    in_sql(
        "DEV's login may read a table",
        "api-database",
        f"GRANT SELECT ON {TABLE} TO {OTHER}",
        f"SELECT has_table_privilege('{OTHER}', '{TABLE}', 'SELECT')",
        f"SELECT of {OTHER} on table public.{TABLE}",
    ),
    in_sql(
        "who only reads may delete",
        "api-database",
        f"GRANT DELETE ON {TABLE} TO keybuzz_api_readonly_prod",
        f"SELECT has_table_privilege('keybuzz_api_readonly_prod', '{TABLE}', 'DELETE')",
        f"DELETE of keybuzz_api_readonly_prod on table public.{TABLE}",
    ),
    in_sql(
        "everybody may read a column",
        "api-database",
        f"GRANT SELECT (note) ON {TABLE} TO PUBLIC",
        f"SELECT has_column_privilege('{OTHER}', '{TABLE}', 'note', 'SELECT')",
        f"SELECT of public on column public.{TABLE}(note)",
    ),
    in_sql(
        "DEV's login is a member of PROD's group",
        "api-read-write",
        f"GRANT keybuzz_api_prod TO {OTHER}",
        f"SELECT pg_has_role('{OTHER}', 'keybuzz_api_prod', 'MEMBER')",
        f"membership of {OTHER} in keybuzz_api_prod",
    ),
    in_sql(
        "an extension",
        "api-database",
        "CREATE EXTENSION IF NOT EXISTS pg_trgm",
        "SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'",
        "extension pg_trgm",
    ),
)


@dataclass(frozen=True)
class Account:
    """What was seen: at first, of the changes, while they were repaired, and afterwards."""

    first: tuple[int, dict[str, Any]]
    before: dict[str, Any]
    held: dict[str, bool]
    shown: tuple[int, dict[str, Any]]
    repaired: tuple[int, dict[str, Any]]
    holds: dict[str, bool]
    after: dict[str, Any]
    last: tuple[int, dict[str, Any]]
    previewed: list[Step]


@pytest.fixture(scope="module")
def table(applied: Project, servers: Servers) -> Iterator[None]:
    """A table in PROD's database, made as its owner makes one."""
    with servers.database("keybuzz_prod") as session:
        session.execute("SET ROLE keybuzz_api_owner_prod")
        session.execute(f"CREATE TABLE {TABLE} (id int, note text)".encode())
    yield
    sql(servers, f"DROP TABLE {TABLE}")


@pytest.fixture(scope="module")
def account(applied: Project, servers: Servers, table: None, tmp_path_factory: pytest.TempPathFactory) -> Account:
    """Everything changed at once, shown by one run and repaired by another."""
    keep = str(tmp_path_factory.mktemp("kept"))

    def look() -> dict[str, Any]:
        return {drift.type: drift.look(servers) for drift in KINDS}

    first, before = reports(applied), look()
    try:
        for change in (*WIDENINGS, *KINDS):
            (change.act if isinstance(change, Widening) else change.change)(servers)
        held = {widening.name: widening.look(servers) for widening in WIDENINGS}
        shown = reports(applied)
    finally:
        repaired = reports(applied, "--repair", "--keep", keep)
    holds = {widening.name: widening.look(servers) for widening in WIDENINGS}
    after, last = look(), reports(applied)
    previewed = applied.changes("prod", "--refresh")
    return Account(first, before, held, shown, repaired, holds, after, last, previewed)


def test_dev_and_prod_are_clean_as_they_are_applied(account: Account) -> None:
    code, stacks = account.first
    assert stacks.keys() == {"dev", "prod"}
    for report in stacks.values():
        assert (report["drifts"], report["undecided"], report["failed"]) == ([], [], "")
    assert code == 0


def test_every_resource_that_has_a_server_is_compared(account: Account, applied: Project) -> None:
    for stack, report in account.first[1].items():
        custom = [one for one in applied.state(stack)["deployment"]["resources"] if one["custom"]]
        on_servers = [one for one in custom if not one["type"].startswith(("pulumi:", "random:"))]
        assert report["resources"] == len(on_servers)


@pytest.mark.parametrize("widening", WIDENINGS, ids=str)
def test_what_widens_access_is_shown(account: Account, widening: Widening) -> None:
    assert account.held[widening.name], "the change by hand did not come about"
    code, stacks = account.shown
    texts = told(stacks["prod"], widening.resource)
    assert any(all(word in text for word in widening.words) for text in texts), texts
    assert code == 3


@pytest.mark.parametrize("widening", WIDENINGS, ids=str)
def test_what_widens_access_is_taken_away(account: Account, widening: Widening) -> None:
    assert not account.holds[widening.name]


@pytest.mark.parametrize("drift", KINDS, ids=str)
def test_a_declared_value_of_every_kind_is_shown_and_put_right(account: Account, drift: Drift) -> None:
    found = [
        one for one in account.shown[1]["prod"]["drifts"] if (one["name"], one["type"]) == (drift.name, drift.type)
    ]
    assert found
    assert account.after[drift.type] == account.before[drift.type]


def test_after_the_repair_pulumi_has_nothing_to_do_either(account: Account) -> None:
    assert account.previewed == []


def test_the_other_stack_is_told_what_concerns_it_alone(account: Account) -> None:
    """DEV's login has become a member of PROD's group, which is a drift of both."""
    [only] = account.shown[1]["dev"]["drifts"]
    assert only["object"] == f"role {OTHER}"
    assert [one["path"] for one in only["differences"]] == [f"membership of {OTHER} in keybuzz_api_prod"]


def test_after_the_repair_both_are_clean_again(account: Account) -> None:
    for code, stacks in (account.repaired, account.last):
        assert [report["drifts"] + report["undecided"] for report in stacks.values()] == [[], []]
        assert code == 0
    repaired = account.repaired[1]["prod"]["repaired"]
    assert repaired
    assert not [one for one in repaired if one["failed"]]


def test_what_was_taken_away_is_kept(account: Account) -> None:
    [kept] = [one["kept"] for one in account.repaired[1]["prod"]["repaired"] if "keybuzz-by-hand" in one["object"]]
    was = json.loads(Path(kept).read_text(encoding="utf-8"))["was"]
    assert was["roleRef"]["name"] == "cluster-admin"


def test_reports_are_written_for_people_and_for_prometheus(applied: Project, tmp_path: Path) -> None:
    page, metrics = tmp_path / "drift.md", tmp_path / "bulkhead.prom"
    code, said = drift(applied, "--markdown", str(page), "--prometheus", str(metrics), "dev")
    assert code == 0
    assert said.startswith("dev: no drift")
    assert "| dev | 0 | 0 |" in page.read_text(encoding="utf-8")
    lines = metrics.read_text(encoding="utf-8").splitlines()
    assert 'bulkhead_drift{stack="dev",kind="added"} 0' in lines
    assert 'bulkhead_drift_success{stack="dev"} 1' in lines
    assert not list(tmp_path.glob("*.new"))


def test_a_server_that_does_not_answer_is_no_clean_stack(applied: Project, tmp_path: Path) -> None:
    metrics = tmp_path / "bulkhead.prom"
    code, said = drift(applied, "--json", "--prometheus", str(metrics), "dev", VAULT_TOKEN="expired")
    [report] = json.loads(said)["stacks"]
    assert code == 1
    assert "refuses the token" in report["failed"]
    assert 'bulkhead_drift_success{stack="dev"} 0' in metrics.read_text(encoding="utf-8")
    assert 'bulkhead_drift{stack="dev"' not in metrics.read_text(encoding="utf-8")
