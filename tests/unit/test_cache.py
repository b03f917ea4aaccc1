"""A cache: one server or three, a password from Vault, and nothing let in that does not say so."""

import hashlib
import json
import re
from functools import cache
from typing import Any

import pytest

from components import InputError
from components.cache import Cache, CacheArgs
from components.values import CacheValues, Credentials, Quota
from tests.making import application, build, environment, namespace
from tests.recording import Recording

HOST = "cache.keybuzz-cache-dev.svc.cluster.local"


def args(connected: Any, name: str = "dev", **more: Any) -> CacheArgs:
    of = environment(name)
    given: dict[str, Any] = {
        "environment": of,
        "values": CacheValues(memory="2Gi", storage="10Gi"),
        "credentials": Credentials(mode="static"),
        **more,
    }
    given["namespace"] = given.get("namespace") or namespace(connected, of, "cache")
    return CacheArgs(**given)


def build_cache(name: str = "dev", **more: Any) -> Recording:
    return build(lambda connected: Cache("cache", args(connected, name, **more), connected))


@cache
def single() -> Recording:
    return build_cache()


@cache
def replicated() -> Recording:
    return build_cache("prod", values=CacheValues(memory="512Mi", storage="5Gi", replicas=3))


def test_applications_find_their_values_at_a_path_of_their_own() -> None:
    kept = single().one("SecretV2", "cache-kv")
    password = "generated-password-of-cache-password0"
    assert kept.inputs["name"] == "keybuzz/dev/cache_cache"
    assert kept.secrets == {"dataJson"}
    assert json.loads(kept.inputs["dataJson"]) == {
        "REDIS_HOST": HOST,
        "REDIS_PORT": "6379",
        "REDIS_PASSWORD": password,
        "REDIS_URL": f"redis://:{password}@{HOST}:6379/0",
    }


def test_the_servers_learn_hashes_alone_at_another_path() -> None:
    kept = single().one("SecretV2", "cache-server-kv")
    assert kept.inputs["name"] == "keybuzz/dev/cache_cache_server"
    text = kept.inputs["dataJson"]
    for place in range(3):
        password = f"generated-password-of-cache-password{place}"
        assert password not in text
        assert hashlib.sha256(password.encode()).hexdigest() in json.loads(text)["USERS_ACL"]


@pytest.mark.parametrize("rotation", range(7))
def test_a_rotation_takes_the_password_that_was_accepted_already(rotation: int) -> None:
    def accepted(of: int) -> dict[str, str]:
        made = build_cache(credentials=Credentials(mode="static", rotation=of))
        return {
            f"cache-password{place}": made.one("RandomPassword", f"cache-password{place}").inputs["keepers"][
                "generation"
            ]
            for place in range(3)
        }

    def current(of: int) -> str:
        data = build_cache(credentials=Credentials(mode="static", rotation=of)).one("SecretV2", "cache-kv")
        return json.loads(data.inputs["dataJson"])["REDIS_PASSWORD"].removeprefix("generated-password-of-")

    now, then = accepted(rotation), accepted(rotation + 1)
    assert now[current(rotation + 1)] == then[current(rotation + 1)] == str(rotation + 1)
    assert now[current(rotation)] == then[current(rotation)] == str(rotation)
    assert len(set(now.items()) & set(then.items())) == 2


def test_the_secret_is_made_of_files_before_the_servers_start() -> None:
    made = single()
    data = made.one("ExternalSecret", "cache-external-secret").inputs["spec"]["target"]["template"]["data"]
    assert set(data) == {"users.acl", "auth.conf", "internal", "probe"}
    servers = made.one("StatefulSet", "cache-servers")
    made.require_after(
        servers, made.one("ExternalSecret", "cache-external-secret"), made.one("ConfigMap", "cache-configuration")
    )


def test_who_delivers_the_servers_secret_reads_that_path_alone() -> None:
    policy = single().one("Policy", "cache-policy").inputs["policy"]
    paths = re.findall(r'path "([^"]*)"', policy)
    own_token = ["auth/token/lookup-self", "auth/token/revoke-self"]
    assert paths == ["secret/data/keybuzz/dev/cache_cache_server", *own_token]


def test_one_server_needs_no_way_out_and_no_proxy() -> None:
    policies = [policy.name for policy in single().of("NetworkPolicy")]
    assert policies == ["cache-default-deny"]
    assert not single().of("Deployment")
    assert not single().of("PodDisruptionBudget")


def test_three_servers_reach_each_other_and_the_proxies_reach_them() -> None:
    policies = {policy.name: policy.inputs["spec"] for policy in replicated().of("NetworkPolicy")}
    assert set(policies) == {
        "cache-default-deny",
        "cache-egress",
        "cache-proxy-egress",
        "cache-from-replicas",
        "cache-from-sentinels",
        "cache-from-proxies",
    }
    proxy_ways = [port["port"] for rule in policies["cache-proxy-egress"]["egress"] for port in rule["ports"]]
    assert proxy_ways == [53, 53, 6379]
    for name in ("cache-from-replicas", "cache-from-sentinels", "cache-from-proxies"):
        assert policies[name]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "cache-redis"}


@pytest.mark.parametrize("make", [single, replicated])
def test_who_reaches_a_cache_meets_the_same_name_and_port_in_both_forms(make: Any) -> None:
    end_point = make().one("Service", "cache-end-point").inputs
    assert end_point["metadata"]["name"] == "cache"
    assert end_point["spec"]["selector"] == {"app.kubernetes.io/name": "cache"}
    front = make().of("Deployment") or make().of("StatefulSet")
    assert front[0].inputs["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] == "cache"


@pytest.mark.parametrize("replicas", [1, 3])
def test_an_application_that_declares_it_reaches_it_and_no_other_does(replicas: int) -> None:
    def make(connected: Any) -> None:
        values = CacheValues(memory="512Mi", storage="5Gi", replicas=replicas)
        made = Cache("cache", args(connected, values=values), connected)
        application(connected, environment(), "api", port=3000, reaches=(made,))

    recording = build(make)
    way_in = recording.one("NetworkPolicy", "api-to-cache").inputs
    assert way_in["metadata"]["namespace"] == "keybuzz-cache-dev"
    assert way_in["spec"]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "cache"}
    (rule,) = way_in["spec"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 6379}]
    assert rule["from"][0]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "api"}
    way_out = recording.one("NetworkPolicy", "api-egress").inputs["spec"]["egress"]
    assert [rule["ports"][0]["port"] for rule in way_out] == [53, 6379]


@pytest.mark.parametrize("make", [single, replicated])
def test_no_password_is_in_a_config_map_a_command_or_a_variable(make: Any) -> None:
    for made in make():
        if made.kind in {"ConfigMap", "StatefulSet", "Deployment"}:
            assert not made.secrets
            assert "generated-password" not in json.dumps(made.inputs)


def test_production_is_protected_and_others_are_not() -> None:
    assert replicated().one("StatefulSet", "cache-servers").options["protect"] is True
    assert "protect" not in single().one("StatefulSet", "cache-servers").options
    kept = build_cache(protect=True).one("StatefulSet", "cache-servers")
    assert kept.options["protect"] is True


def test_a_shared_namespace_gives_the_systems_name_to_all_objects() -> None:
    from components.namespace import Namespace, NamespaceArgs  # noqa: PLC0415 - this test's alone

    def make(connected: Any) -> None:
        of = environment()
        shared = Namespace("keybuzz", NamespaceArgs(environment=of), connected)
        Cache("cache", args(connected, namespace=shared), connected)

    names = {made.inputs["metadata"]["name"] for made in build(make).objects()}
    assert {"keybuzz-cache", "keybuzz-cache-redis"} <= names
    assert "cache" not in names


def test_a_cache_that_its_namespaces_quota_does_not_hold_is_refused() -> None:
    from components.namespace import Namespace, NamespaceArgs  # noqa: PLC0415 - this test's alone

    def make(connected: Any) -> None:
        of = environment()
        small = NamespaceArgs(environment=of, part="cache", quota=Quota(memory="4Gi"))
        Cache("cache", args(connected, namespace=Namespace("cache", small, connected)), connected)

    with pytest.raises(InputError, match=r"quota\.memory is '4Gi'"):
        build(make)


def test_what_is_refused_registers_nothing() -> None:
    registered: list[str] = []

    def make(connected: Any) -> None:
        try:
            Cache("cache", args(connected, eviction="lru"), connected)
        except InputError as error:
            registered.append(str(error))

    recording = build(make)
    assert registered
    assert not [made for made in recording if "Cache" in made.type]
