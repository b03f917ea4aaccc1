"""Observing: what the live servers say of rights, as plain data for the computations; reads alone."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any

from bulkhead.isolation import postgresql, rbac
from bulkhead.isolation.network import Network, grouped, pod_of
from bulkhead.isolation.plain import listed, mapping
from bulkhead.isolation.postgresql import PUBLIC, Grants
from bulkhead.isolation.territory import labels_of
from bulkhead.isolation.vault_access import Access, policies_of
from bulkhead.live import LiveError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from bulkhead.live import Kubernetes, Live

_SIDE_BY_SIDE = 8
_RUNNING = (
    "/api/v1/namespaces/{}/pods",
    "/apis/apps/v1/namespaces/{}/deployments",
    "/apis/apps/v1/namespaces/{}/statefulsets",
    "/apis/apps/v1/namespaces/{}/daemonsets",
    "/apis/batch/v1/namespaces/{}/jobs",
    "/apis/batch/v1/namespaces/{}/cronjobs",
)
_OTHER_POLICIES = (
    "/apis/policy.networking.k8s.io/v1alpha1/adminnetworkpolicies",
    "/apis/policy.networking.k8s.io/v1alpha1/baselineadminnetworkpolicies",
    "/apis/cilium.io/v2/ciliumclusterwidenetworkpolicies",
    "/apis/crd.projectcalico.org/v1/globalnetworkpolicies",
)

_ROLES = "SELECT rolname, rolsuper, rolcanlogin, rolreplication, rolcreaterole FROM pg_roles"
_MEMBERS = """
SELECT m.rolname, g.rolname FROM pg_auth_members a
  JOIN pg_roles m ON m.oid = a.member JOIN pg_roles g ON g.oid = a.roleid"""
_DATABASES = """
SELECT d.datname, pg_get_userbyid(d.datdba), coalesce(r.rolname, 'PUBLIC'), a.privilege_type
  FROM pg_database d
  LEFT JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a ON true
  LEFT JOIN pg_roles r ON r.oid = a.grantee"""
_INSIDE = """
SELECT r.rolname, d.datname, count(*) FROM pg_shdepend s
  JOIN pg_roles r ON r.oid = s.refobjid AND s.refclassid = 'pg_authid'::regclass
  JOIN pg_database d ON d.oid = s.dbid
  GROUP BY 1, 2"""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What the servers of one platform say of who may reach what."""

    network: Network
    rbac: rbac.Rbac
    access: Access
    grants: Grants


@contextmanager
def answers() -> Generator[None]:
    """Turn what a server refuses its administrator into an answer for a person.

    Raises:
        LiveError: which server, and what it says.
    """
    hvac: Any = import_module("hvac")
    psycopg: Any = import_module("psycopg")
    try:
        yield
    except hvac.exceptions.VaultError as error:
        said = "; ".join(str(error).split("\n"))
        raise LiveError(f"Vault does not let this be looked at: {said}") from None
    except psycopg.Error as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise LiveError(f"PostgreSQL does not let this be looked at: {said}") from None
    except OSError as error:
        raise LiveError(f"a server does not answer: {error}") from None


def observe(live: Live, namespaces: Iterable[str]) -> Observed:
    """Read what decides who may reach what.

    Args:
        live: the servers, as their administrator.
        namespaces: those of the environments that are compared.

    Raises:
        LiveError: a server cannot be asked.
    """
    compared = sorted(namespaces)
    cluster = live.kubernetes
    labels = {_name(one): labels_of(one) for one in cluster.list("/api/v1/namespaces")}
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as threads:
        vault, grants = threads.submit(_access, live, labels), threads.submit(_grants, live)
        network = _network(cluster, compared, labels, threads)
        rights = _rbac(cluster, compared, threads)
        return Observed(network=network, rbac=rights, access=vault.result(), grants=grants.result())


def _name(item: Mapping[str, Any]) -> str:
    return str(mapping(item.get("metadata")).get("name"))


def _listed(cluster: Kubernetes, paths: Iterable[str], threads: ThreadPoolExecutor) -> list[dict[str, Any]]:
    return list(chain.from_iterable(threads.map(cluster.list, paths)))


def _network(
    cluster: Kubernetes, compared: list[str], labels: Mapping[str, Mapping[str, str]], threads: ThreadPoolExecutor
) -> Network:
    policies = [f"/apis/networking.k8s.io/v1/namespaces/{name}/networkpolicies" for name in compared]
    cilium = [f"/apis/cilium.io/v2/namespaces/{name}/ciliumnetworkpolicies" for name in compared]
    running = [path.format(name) for name in compared for path in _RUNNING]
    pods = [pod for item in _listed(cluster, running, threads) if (pod := pod_of(item))]
    nodes = [mapping(one.get("spec")) for one in cluster.list("/api/v1/nodes")]
    ranges = {
        str(cidr) for node in nodes for cidr in listed(node.get("podCIDRs")) or [node.get("podCIDR")] if cidr
    }
    others = {path: cluster.list(path) for path in (*_OTHER_POLICIES, *cilium)}
    return Network(
        namespaces=labels,
        policies=_listed(cluster, policies, threads),
        pods=grouped(pods),
        pod_networks=tuple(sorted(ranges)),
        other_policies=tuple(
            f"{path.rpartition('/')[2]} {_name(one)}" for path, there in others.items() for one in there
        ),
    )


def _rbac(cluster: Kubernetes, compared: list[str], threads: ThreadPoolExecutor) -> rbac.Rbac:
    group = "/apis/rbac.authorization.k8s.io/v1"
    roles = [f"{group}/clusterroles", *(f"{group}/namespaces/{name}/roles" for name in compared)]
    bindings = [f"{group}/clusterrolebindings", *(f"{group}/namespaces/{name}/rolebindings" for name in compared)]
    return rbac.Rbac(
        roles=_listed(cluster, roles, threads),
        bindings=_listed(cluster, bindings, threads),
        cluster_wide=dict(_cluster_wide(cluster, threads)),
    )


def resources(cluster: Kubernetes, threads: ThreadPoolExecutor) -> list[tuple[str, dict[str, Any]]]:
    """What the API server has, one version of each: the path of its group's version, and what it says of it."""
    groups = map(mapping, (cluster.get("/apis") or {}).get("groups") or [])
    versions = [str(mapping(group.get("preferredVersion")).get("groupVersion")) for group in groups]
    paths = ["/api/v1", *(f"/apis/{version}" for version in versions)]
    answers = threads.map(cluster.get, paths)
    return [
        (path, mapping(one))
        for path, answer in zip(paths, answers, strict=True)
        for one in listed(mapping(answer).get("resources"))
    ]


def _cluster_wide(cluster: Kubernetes, threads: ThreadPoolExecutor) -> Iterable[tuple[str, str]]:
    for path, one in resources(cluster, threads):
        if not one.get("namespaced") and "/" not in str(one.get("name")):
            group = path.split("/")[2] if path.startswith("/apis/") else ""
            yield f"{one.get('name')}{f'.{group}' if group else ''}", str(one.get("kind"))


def keys(vault: Any, path: str) -> list[str]:
    """What Vault lists at a path; nothing where there is nothing."""
    answer = mapping(vault.list(path))
    return [str(name) for name in listed(mapping(answer.get("data")).get("keys"))]


def _access(live: Live, labels: Mapping[str, Mapping[str, str]]) -> Access:
    vault = live.vault
    mounts = mapping(vault.sys.list_auth_methods()["data"])
    roles: dict[str, dict[str, Any]] = {}
    for mount, about in mounts.items():
        if mapping(about).get("type") == "kubernetes":
            for name in keys(vault, f"auth/{mount}role"):
                path = f"auth/{mount}role/{name}"
                roles[path] = mapping(mapping(vault.read(path)).get("data"))
    named = {name for role in roles.values() for name in policies_of(role)}
    policies = {
        name: mapping(mapping(vault.read(f"sys/policies/acl/{name}")).get("data")) for name in sorted(named)
    }
    return Access(
        auth_roles=roles,
        policies={name: str(said["policy"]) if "policy" in said else None for name, said in policies.items()},
        namespaces=labels,
    )


def _grants(live: Live) -> Grants:
    members: dict[str, set[str]] = defaultdict(set)
    owners: dict[str, str] = {}
    connect: dict[str, set[str]] = defaultdict(set)
    with live.database() as session:
        row = session.execute("SELECT current_setting('server_version_num')::int, session_user").fetchone()
        roles = session.execute(_ROLES).fetchall()
        for member, group in session.execute(_MEMBERS).fetchall():
            members[member].add(group)
        for database, owner, grantee, privilege in session.execute(_DATABASES).fetchall():
            owners[database] = owner
            if privilege == "CONNECT":
                connect[database].add(grantee if grantee != "PUBLIC" else PUBLIC)
        inside = session.execute(_INSIDE).fetchall()
    return Grants(
        version=int(row[0]),
        administrator=str(row[1]),
        roles={
            name: postgresql.Role(superuser=superuser, login=login, replication=replication, create_role=creates)
            for name, superuser, login, replication, creates in roles
        },
        members={member: frozenset(groups) for member, groups in members.items()},
        databases={
            name: postgresql.Database(owner=owner, connect=frozenset(connect[name]))
            for name, owner in owners.items()
        },
        inside={(role, database): int(count) for role, database, count in inside},
    )
