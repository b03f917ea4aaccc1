"""What a workload may do at the API server."""

from typing import Any

import pytest

from components import InputError
from components.permissions import VERBS, Permission, render_account, render_binding, render_role
from tests.making import environment

CONFIG = Permission(resources=("configmaps",), verbs=("get", "list", "watch"))
ONE = Permission(api_group="apps", resources=("deployments",), verbs=("get", "patch"), names=("api",))


def test_an_account_mounts_no_token_by_itself() -> None:
    made = render_account(environment(), "keybuzz-api-dev", "api", {"a": "b"})
    assert made["automountServiceAccountToken"] is False
    assert made["metadata"]["labels"] == {**environment().labels, "a": "b"}


def test_a_role_has_exactly_what_is_declared() -> None:
    made = render_role(environment(), "keybuzz-api-dev", "api", (CONFIG, ONE))
    assert made["rules"] == [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"], "resourceNames": ["api"]},
    ]
    assert made["kind"] == "Role"


def test_it_is_the_workloads_own_account_that_may() -> None:
    made = render_binding(environment(), "keybuzz-api-dev", "api")
    assert made["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "api"}
    assert made["subjects"] == [{"kind": "ServiceAccount", "name": "api", "namespace": "keybuzz-api-dev"}]


def test_a_secret_may_be_read_by_its_name() -> None:
    assert Permission(resources=("secrets",), verbs=("get",), names=("tls",)).names == ("tls",)


@pytest.mark.parametrize("verb", ["*", "escalate", "bind", "impersonate", "GET", "use", ""])
def test_a_verb_that_gives_more_than_it_says_is_refused(verb: str) -> None:
    with pytest.raises(InputError, match=r"permissions\.verbs has"):
        Permission(resources=("configmaps",), verbs=(verb,))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"resources": ("*",)}, "no wildcard"),
        ({"resources": ("pods/*",)}, "no wildcard"),
        ({"api_group": "*"}, "api_group is '\\*'; use a group such as batch, no wildcard"),
        ({"names": ("*",)}, "names has '\\*'"),
        ({"resources": ("nodes",)}, "'nodes', which is the cluster's"),
        ({"resources": ("namespaces/finalize",)}, "which is the cluster's"),
        ({"resources": ("clusterroles",), "api_group": "rbac.authorization.k8s.io"}, "which is the cluster's"),
        ({"resources": ("secrets",)}, "without names; name the secrets"),
        ({"resources": ("configmaps", "secrets")}, "without names"),
        ({"resources": ("rolebindings",)}, "which gives the rights of others"),
        ({"resources": ("serviceaccounts/token",), "verbs": ("create",)}, "which gives the rights of others"),
        ({"resources": ("secrets",), "verbs": ("list",), "names": ("tls",)}, "which do not narrow it"),
        ({"resources": ()}, r"resources is \(\); use a tuple of texts"),
        ({"verbs": ()}, r"verbs is \(\)"),
        ({"verbs": "get"}, "verbs is 'get'; use a tuple"),
    ],
)
def test_more_than_one_namespaces_own_things_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        Permission(**{"resources": ("configmaps",), "verbs": ("get",), **given})


def test_every_verb_that_is_left_can_be_declared() -> None:
    assert Permission(resources=("jobs",), api_group="batch", verbs=VERBS).verbs == VERBS
