"""What nobody manages: by whose name it is found, and what is somebody's after all."""

from typing import Any

import pytest

from bulkhead.isolation.postgresql import Database, Grants, Role
from bulkhead.isolation.strays import Managed, _at_vault, _databases, unmanaged
from tests.recorded import recorded

MANAGED = Managed.by([recorded("dev"), recorded("prod")], ["keybuzz"])


@pytest.mark.parametrize(
    ("name", "separators", "system"),
    [
        ("keybuzz", "_", "keybuzz"),
        ("keybuzz_x", "_", "keybuzz"),
        ("keybuzz-x", "-", "keybuzz"),
        ("keybuzz_x", "-", ""),
        ("keybuzzer_x", "_", ""),
        ("my_keybuzz", "_", ""),
    ],
)
def test_a_name_begins_with_a_system_up_to_a_separator(name: str, separators: str, system: str) -> None:
    assert MANAGED.bears(name, separators) == system


def test_a_system_with_a_hyphen_is_known_by_its_spelling_at_postgresql() -> None:
    known = Managed(("ansible-builder",), frozenset())
    assert known.bears("ansible__builder_dev", "_") == "ansible-builder"
    assert known.bears("ansible_builder_dev", "_") == "ansible-builder"


def grants(
    *roles: str, databases: tuple[str, ...] = (), members: dict[str, frozenset[str]] | None = None
) -> Grants:
    return Grants(
        version=160000,
        administrator="admin",
        roles={name: Role() for name in roles},
        members=members or {},
        databases={name: Database(owner="", connect=frozenset()) for name in databases},
        inside={},
    )


def test_databases_and_roles_of_no_stack_are_strays() -> None:
    found = _databases(
        MANAGED, grants("keybuzz_old", "keybuzz_api_dev", "other", databases=("keybuzz", "keybuzz_old"))
    )
    assert [str(one.identity) for one in found] == [
        "PostgreSQL database keybuzz_old",
        "PostgreSQL role keybuzz_old",
    ]


def test_a_leased_login_is_a_stray_once_it_is_a_member_of_nothing() -> None:
    login = "v-keybuzz_api_prod-a1B2c3D4-1700000000"
    alive = {login: frozenset({"keybuzz_api_prod"})}
    assert list(_databases(MANAGED, grants(login, "keybuzz_api_prod", members=alive))) == []
    (stray,) = _databases(MANAGED, grants(login))
    assert "a member of nothing any more" in stray.why


class Vault:
    """As much of Vault as is asked."""

    def __init__(self, tree: dict[str, list[str]]) -> None:
        self.tree, self.sys = tree, self

    def list(self, path: str) -> dict[str, Any] | None:
        return {"data": {"keys": self.tree[path]}} if path in self.tree else None

    def list_mounted_secrets_engines(self) -> dict[str, Any]:
        kv = {"type": "kv", "options": {"version": "2"}}
        return {"data": {"secret/": kv, "keybuzz/old/": {"type": "database"}, "other/": {"type": "kv"}}}

    def list_auth_methods(self) -> dict[str, Any]:
        return {"data": {"kubernetes/": {"type": "kubernetes"}, "token/": {"type": "token"}}}


def test_at_vault_secrets_mounts_policies_and_auth_roles_of_no_stack_are_strays() -> None:
    tree = {
        "secret/metadata/keybuzz": ["dev/", "old/"],
        "secret/metadata/keybuzz/dev": ["db_api", "forgotten"],
        "secret/metadata/keybuzz/old": ["db_api"],
        "sys/policies/acl": ["default", "keybuzz-api-dev", "keybuzz-api-old"],
        "auth/kubernetes/role": ["keybuzz-api-dev", "keybuzz-api-old", "other"],
    }
    assert {str(one.identity) for one in _at_vault(Vault(tree), MANAGED)} == {
        "Vault path keybuzz/old",
        "Vault path secret/keybuzz/dev/forgotten",
        "Vault path secret/keybuzz/old/db_api",
        "Vault policy keybuzz-api-old",
        "Vault path auth/kubernetes/role/keybuzz-api-old",
    }


def item(name: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **metadata}}


@pytest.mark.parametrize(
    ("kind", "found", "stray"),
    [
        ("ConfigMap", item("forgotten"), True),
        ("Secret", item("by-hand"), True),
        ("RoleBinding.rbac.authorization.k8s.io", item("opened"), True),
        ("ConfigMap", item("known"), False),
        ("ConfigMap", item("kube-root-ca.crt"), False),
        ("ServiceAccount", item("default"), False),
        ("Secret", item("delivered", ownerReferences=[{"kind": "ExternalSecret"}]), False),
        ("Secret", item("tls", annotations={"cert-manager.io/certificate-name": "tls"}), False),
        ("EndpointSlice.discovery.k8s.io", item("api-x"), False),
    ],
)
def test_an_object_is_a_stray_if_nobody_made_it(kind: str, found: dict[str, Any], stray: bool) -> None:  # noqa: FBT001
    assert bool(unmanaged(found, kind, "keybuzz-api-dev", {("ConfigMap", "keybuzz-api-dev", "known")})) == stray
