"""Who reaches what at Vault, computed from auth roles and policies, by Vault's own order of precedence."""

from typing import Any

import pytest

from bulkhead.isolation.territory import Edge, Territory
from bulkhead.isolation.vault_access import Access, decide, edges, joined, policies_of, rules_of
from bulkhead.state import Resource, State
from tests.unit.test_isolation_network import environment

KV = {"mount": "secret", "name": "shop/prod/db_api"}
AUTH = {"backend": "kubernetes", "roleName": "shop-prod"}


def prod() -> Territory:
    """An environment with a KV secret and an auth role."""
    urn = "urn:pulumi:prod::shop::{}::own"
    types = {"vault:kv/secretV2:SecretV2": KV, "vault:kubernetes/authBackendRole:AuthBackendRole": AUTH}
    own = [
        Resource(urn=urn.format(kind), type=kind, name="own", inputs=inputs, outputs=inputs)
        for kind, inputs in types.items()
    ]
    return Territory(
        "shop/prod", State(project="shop", stack="prod", resources=(*environment("prod").state.resources, *own))
    )


def auth_role(**changes: Any) -> dict[str, Any]:
    bound = {"bound_service_account_names": ["api"], "bound_service_account_namespaces": ["dev"]}
    return {**bound, "token_policies": ["mine"], "token_no_default_policy": True, **changes}


def found(policy: str | None, name: str = "shop-dev", **changes: Any) -> list[Edge]:
    access = Access(
        auth_roles={f"auth/kubernetes/role/{name}": auth_role(**changes)},
        policies={"mine": policy},
        namespaces={"dev": {"stage": "dev"}, "prod": {}},
    )
    return list(edges(access, environment("dev"), prod()))


def rule(path: str, *may: str) -> str:
    listed = ", ".join(f'"{one}"' for one in may or ("read",))
    return f'path "{path}" {{\n  capabilities = [{listed}]\n}}\n'


def test_a_policy_of_ones_own_paths_is_no_way() -> None:
    assert found(rule("secret/data/shop/dev/db_api")) == []
    assert found(None) == []


@pytest.mark.parametrize(
    "path",
    [
        "secret/data/shop/prod/db_api",
        "secret/data/shop/*",
        "secret/data/shop/+/db_api",
        "secret/data/shop/prod/db*",
        "+/data/+/+/+",
        "*",
    ],
)
def test_a_path_of_the_others_is_a_way_however_it_is_written(path: str) -> None:
    edge = found(rule(path))[0]
    assert edge.who == "service account dev/api"
    assert edge.what == "secret/data/shop/prod/db_api (read)"
    assert edge.why == f'auth/kubernetes/role/shop-dev gives policy mine, whose path "{path}" matches'


def test_a_path_that_only_begins_alike_is_none() -> None:
    assert found(rule("secret/data/shop/prod/db")) == []
    assert found(rule("secret/data/shop/+")) == []
    assert found(rule("secret/data/shop/prod/db_api/more")) == []


def test_an_auth_role_of_the_others_is_a_way_for_whom_it_lets_in() -> None:
    (edge,) = found("", name="shop-prod")
    assert (edge.what, edge.why) == (
        "auth/kubernetes/role/shop-prod",
        "auth/kubernetes/role/shop-prod lets it log in",
    )
    assert found("", name="shop-prod", bound_service_account_namespaces=["prod"]) == []


@pytest.mark.parametrize(
    ("changes", "who"),
    [
        ({"bound_service_account_names": ["*"]}, "every service account of dev"),
        ({"bound_service_account_namespaces": ["*"]}, "service account dev/api"),
        ({"bound_service_account_namespaces": ["d*"]}, "service account dev/api"),
        (
            {
                "bound_service_account_namespaces": [],
                "bound_service_account_namespace_selector": '{"matchLabels": {"stage": "dev"}}',
            },
            "service account dev/api",
        ),
    ],
)
def test_who_may_log_in_may_be_written_with_wildcards_and_labels(changes: dict[str, Any], who: str) -> None:
    assert [edge.who for edge in found("", name="shop-prod", **changes)] == [who]


def test_the_policy_root_is_everything() -> None:
    (edge,) = found("", token_policies=["root"])
    assert edge.what == "everything at Vault"


def test_the_default_policy_is_there_unless_it_is_refused() -> None:
    assert policies_of(auth_role()) == ["mine"]
    assert policies_of(auth_role(token_no_default_policy=False)) == ["mine", "default"]


def test_what_depends_on_who_asks_is_undecided() -> None:
    edge = found(rule("secret/data/shop/{{identity.entity.name}}/db_api"))[0]
    assert not edge.decided


def test_a_rule_that_cannot_be_read_is_undecided() -> None:
    edge = found('path "secret/data/shop/prod/db_api" {\n  unheard_of = true\n}')[0]
    assert not edge.decided
    assert "what cannot be told" in edge.what


@pytest.mark.parametrize(
    ("policy", "path", "may"),
    [
        (rule("a/*") + rule("a/b", "deny"), "a/b", set()),
        (rule("a/*", "deny") + rule("a/b"), "a/b", {"read"}),
        (rule("a/b*") + rule("a/*", "list"), "a/bc", {"read"}),
        (rule("a/+/c", "deny") + rule("a/b/*"), "a/b/c", {"read"}),
        (rule("a/+/c") + rule("a/*", "deny"), "a/b/c", {"read"}),
        (rule("+/b/c", "list") + rule("a/+/c"), "a/b/c", {"read"}),
        (rule("a") + rule("a", "deny"), "a", set()),
        (rule("a", "read", "deny"), "a", set()),
    ],
)
def test_of_several_rules_the_one_with_priority_decides(policy: str, path: str, may: set[str]) -> None:
    assert decide(rules_of(policy), path)[1] == may


def test_policies_of_one_token_are_joined_before_they_are_ranked() -> None:
    rules = joined([rules_of(rule("a/b", "read")), rules_of(rule("a/b", "list"))])
    assert decide(rules, "a/b")[1] == {"read", "list"}


def test_policies_are_read_in_every_spelling() -> None:
    text = '# path "no" { }\npath "a" { policy = "write" }\n/* path "b" {} */\npath "c" {\n'
    text += '  allowed_parameters = { "x" = [] }\n  capabilities = ["create",\n "sudo"]\n}\n'
    assert rules_of(text) == {
        "a": {"create", "read", "update", "delete", "list"},
        "c": {"create", "sudo"},
    }
    assert rules_of('{"path": {"a": {"capabilities": ["read"]}}}') == {"a": {"read"}}
