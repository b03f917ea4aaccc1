"""The search for residue: what is an environment's by name and label, and what is somebody else's."""

from typing import Any

import pytest

from bulkhead import residue
from bulkhead.live import LiveError
from bulkhead.residue import Left, Names, collections, on_kubernetes, on_postgresql, on_vault, settled
from components.environment import Environment

PR = Names("keybuzz", "pr-7")


def environment(system: str = "keybuzz", name: str = "pr-7") -> Environment:
    return Environment(system=system, name=name, kind="ephemeral", domain="keybuzz.io")


def test_every_name_that_is_made_for_an_environment_is_found() -> None:
    """The search is at least as wide as the rule by which names are made."""
    env = environment()
    databases = (env.database("api"), env.database("api", bears_system_name=True))
    made = [
        *(
            name
            for names in databases
            for name in (names.database, names.owner, names.read_write, names.read_only)
        ),
        env.login("api"),
        env.login("api", "migration", second=True),
        env.vault_administrator("api", "migration"),
    ]
    assert [name for name in made if not PR.has_sql(name)] == []
    hyphenated = [env.namespace(), env.namespace("api"), env.principal("api"), env.principal("api", "migration")]
    assert [name for name in hyphenated if not PR.has_hyphenated(name)] == []
    assert env.vault_path("db_api").startswith(f"{PR.folder}/")


@pytest.mark.parametrize(
    ("system", "name"),
    [("keybuzz", "pr-70"), ("keybuzz", "pr"), ("keybuzz", "apr-7"), ("keybuzz", "dev"), ("keybuzz-plus", "pr-7")],
)
def test_no_name_of_another_environment_is_found(system: str, name: str) -> None:
    """Not even of one whose name begins or ends alike, or of a system whose name goes on."""
    env = environment(system, name)
    made = [
        env.database("api").database,
        env.database("api").owner,
        env.login("api"),
        env.vault_administrator("a"),
    ]
    assert [one for one in made if PR.has_sql(one)] == []
    assert [one for one in (env.namespace("api"), env.principal("api", "job")) if PR.has_hyphenated(one)] == []


@pytest.mark.parametrize("name", ["keybuzz_by_hand_pr__7", "keybuzz_old-copy_pr__7"])
def test_a_name_that_no_rule_makes_is_found_as_well(name: str) -> None:
    assert PR.has_sql(name)


LEASED = "v-keybuzz_api_pr__7-Ab3dE6gH-1763730000"
CUT = "v-keybuzz_anapplicationwithaverylongna-Ab3dE6gH-1763730000"


@pytest.mark.parametrize(
    ("login", "groups", "found"),
    [
        (LEASED, ["keybuzz_api_pr__7"], True),
        (LEASED, [], True),
        ("v-keybuzz_api_prod-Ab3dE6gH-1763730000", [], False),
        ("v-keybuzz_api_pr__70-Ab3dE6gH-1763730000", ["keybuzz_api_pr__70"], False),
        ("v-anything", ["keybuzz_api_pr__7"], True),
        (CUT, [], True),
        (CUT, ["keybuzz_anapplicationwithaverylongname_dev"], False),
        (CUT.replace("keybuzz", "another"), [], False),
        ("somebody", [], False),
    ],
)
def test_a_leased_login_is_told_by_its_group_and_without_one_by_its_name(
    login: str, groups: list[str], *, found: bool
) -> None:
    """One whose name was cut and who is in no group may have been of this environment: that counts."""
    assert PR.has_leased(login, groups) is found


def test_postgresql_is_searched_for_databases_roles_and_logins() -> None:
    roles = {
        "keybuzz_api_pr__7": [],
        "keybuzz_api_prod": [],
        LEASED: ["keybuzz_api_pr__7"],
        "v-keybuzz_api_prod-Ab3dE6gH-1763730000": ["keybuzz_api_prod"],
    }
    assert list(on_postgresql(["postgres", "keybuzz_pr__7", "keybuzz_prod"], roles, PR)) == [
        Left("PostgreSQL", "database", "keybuzz_pr__7"),
        Left("PostgreSQL", "role", "keybuzz_api_pr__7"),
        Left("PostgreSQL", "leased login", LEASED),
    ]


MOUNTS: dict[str, Any] = {
    "secret/": {"type": "kv", "options": {"version": "2"}},
    "old/": {"type": "kv", "options": None},
    "keybuzz/pr-7/db_api/": {"type": "database", "options": {}},
    "keybuzz/pr-70/db_api/": {"type": "database", "options": {}},
}
METHODS: dict[str, Any] = {"kubernetes/": {"type": "kubernetes"}, "token/": {"type": "token"}}
LISTED = {
    "sys/policies/acl": ["default", "keybuzz-api-pr-7", "keybuzz-api-pr-70"],
    "auth/kubernetes/role": ["keybuzz-api_migration-pr-7", "keybuzz-api-prod"],
    "secret/metadata/keybuzz/pr-7": ["db_api", "deep/"],
    "secret/metadata/keybuzz/pr-7/deep": ["er"],
    "secret/metadata/keybuzz/prod": ["db_api"],
    "old/keybuzz/pr-7": ["kept"],
    "sys/leases/lookup/keybuzz/pr-7": ["db_api/"],
    "sys/leases/lookup/keybuzz/pr-7/db_api": ["creds/"],
    "sys/leases/lookup/keybuzz/pr-7/db_api/creds": ["one"],
}


def test_vault_is_searched_for_mounts_policies_roles_secrets_and_leases() -> None:
    """Secrets in every KV engine, by their metadata, which a deleted version leaves."""
    stands = {"sys/mounts": MOUNTS, "sys/auth": METHODS}
    found = on_vault(stands.__getitem__, lambda path: LISTED.get(path, []), PR)
    assert [(one.kind, one.name) for one in found] == [
        ("mount", "keybuzz/pr-7/db_api"),
        ("policy", "keybuzz-api-pr-7"),
        ("auth role", "kubernetes/keybuzz-api_migration-pr-7"),
        ("secret", "secret/keybuzz/pr-7/db_api"),
        ("secret", "secret/keybuzz/pr-7/deep/er"),
        ("secret", "old/keybuzz/pr-7/kept"),
        ("lease", "keybuzz/pr-7/db_api/creds/one"),
    ]


def namespace(name: str, system: str = "", environment: str = "") -> dict[str, Any]:
    labels = {"bulkhead.dev/system": system, "bulkhead.dev/environment": environment} if system else None
    return {"metadata": {"name": name, "labels": labels}}


def test_a_namespace_is_told_by_its_labels_and_without_them_by_its_name() -> None:
    found = [
        namespace("keybuzz-api-pr-7", "keybuzz", "pr-7"),
        namespace("renamed", "keybuzz", "pr-7"),
        namespace("keybuzz-web-pr-7"),
        namespace("keybuzz-plus-pr-7", "keybuzz-plus", "pr-7"),
        namespace("keybuzz-api-pr-70"),
        namespace("default"),
    ]
    names = [one.name for one in on_kubernetes(found, [], PR)]
    assert names == ["keybuzz-api-pr-7", "renamed", "keybuzz-web-pr-7"]


def test_a_volume_that_outlives_its_namespace_is_found() -> None:
    volumes: list[dict[str, Any]] = [
        {"metadata": {"name": "a"}, "spec": {"claimRef": {"namespace": "keybuzz-api-pr-7"}}},
        {"metadata": {"name": "b"}, "spec": {"claimRef": {"namespace": "keybuzz-api-prod"}}},
        {"metadata": {"name": "c"}, "spec": {}},
    ]
    assert [one.name for one in on_kubernetes([], volumes, PR)] == ["a"]


class Cluster:
    """An API server that serves what it is given."""

    host = "https://cluster"

    def __init__(self, served: dict[str, Any]) -> None:
        self.served = served

    def get(self, path: str) -> Any:
        return self.served.get(path)


def group(version: str) -> dict[str, Any]:
    return {"preferredVersion": {"groupVersion": version}}


def test_every_collection_of_a_cluster_is_searched() -> None:
    """Of every group, whatever it is; what cannot be listed and what is part of another is not one."""
    verbs = ["get", "list"]
    served: dict[str, Any] = {
        "/api/v1": {"resources": [{"name": "pods", "kind": "Pod", "verbs": verbs}]},
        "/apis": {"groups": [group("example.com/v1")]},
        "/apis/example.com/v1": {
            "resources": [
                {"name": "things", "kind": "Thing", "verbs": verbs},
                {"name": "things/status", "kind": "Thing", "verbs": verbs},
                {"name": "reviews", "kind": "Review", "verbs": ["create"]},
            ]
        },
    }
    found: Any = Cluster(served)
    assert list(collections(found)) == [("/api/v1/pods", "Pod"), ("/apis/example.com/v1/things", "Thing")]


def test_a_group_that_is_listed_and_not_served_is_no_zero() -> None:
    """An aggregated API that is down hides what it has: the search fails."""
    found: Any = Cluster({"/api/v1": {"resources": []}, "/apis": {"groups": [group("gone.example.com/v1")]}})
    with pytest.raises(LiveError, match=r"gone\.example\.com/v1"):
        list(collections(found))


def test_what_is_on_its_way_out_is_waited_for() -> None:
    answers = [[Left("Kubernetes", "Namespace", "a")], [Left("Kubernetes", "Namespace", "a")], []]
    waited: list[float] = []
    assert settled(lambda: answers.pop(0), 60, clock=lambda: 0, sleep=waited.append) == []
    assert len(waited) == 2


def test_what_stays_is_told_once_the_time_is_over() -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    left = [Left("PostgreSQL", "role", "keybuzz_pr__7")]
    assert settled(lambda: left, 10, clock=lambda: now[0], sleep=sleep) == left
    assert now[0] == pytest.approx(10, abs=residue._PAUSE)


def test_a_thing_is_named_with_its_server_and_kind() -> None:
    assert str(Left("Vault", "auth role", "kubernetes/a")) == "Vault auth role kubernetes/a"
