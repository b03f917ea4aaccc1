"""Redis' and Sentinel's configuration, and who may do what."""

from typing import Any

from components.redis_configuration import (
    Redis,
    render_redis,
    render_replication,
    render_sentinel,
    render_users,
)


def redis(**more: Any) -> Redis:
    given: dict[str, Any] = {
        "app": "cache",
        "namespace": "keybuzz-cache-dev",
        "cluster_domain": "cluster.local",
        "replicas": 1,
        "memory": 2 * 2**30,
        "eviction": "allkeys-lru",
        "save": ((900, 1), (300, 10), (60, 10000)),
        "append": "everysec",
        "disabled": ("FLUSHALL", "CLIENT|KILL"),
        **more,
    }
    return Redis(**given)


def users(**more: Any) -> dict[str, list[str]]:
    text = render_users(redis(**more), accepted=["aa", "bb"], internal="cc", probe="dd")
    return {line.split()[1]: line.split()[2:] for line in text.splitlines()}


def test_memory_eviction_snapshots_and_the_append_only_file_are_as_asked() -> None:
    lines = render_redis(redis()).splitlines()
    assert "maxmemory 2147483648" in lines
    assert "maxmemory-policy allkeys-lru" in lines
    assert [line for line in lines if line.startswith("save")] == ["save 900 1", "save 300 10", "save 60 10000"]
    assert {"appendonly yes", "appendfsync everysec"} <= set(lines)


def test_nothing_is_written_where_nothing_is_asked_for() -> None:
    lines = render_redis(redis(save=(), append=None)).splitlines()
    assert {'save ""', "appendonly no"} <= set(lines)
    assert not [line for line in lines if line.startswith("appendfsync")]


def test_a_primary_without_a_replica_refuses_writes() -> None:
    assert "min-replicas-to-write" not in render_redis(redis())
    lines = render_redis(redis(replicas=3)).splitlines()
    assert {"min-replicas-to-write 1", "min-replicas-max-lag 10"} <= set(lines)


def test_no_configuration_has_a_password() -> None:
    for text in (render_redis(redis(replicas=3)), render_sentinel()):
        assert "requirepass" not in text
        assert "masterauth" not in text
        assert "auth-pass" not in text
    assert render_replication("xyz").splitlines() == ["masteruser replica", "masterauth xyz"]


def test_sentinels_know_each_other_by_name() -> None:
    lines = render_sentinel().splitlines()
    assert {"sentinel resolve-hostnames yes", "sentinel announce-hostnames yes"} <= set(lines)


def test_applications_may_do_everything_but_what_is_disabled() -> None:
    assert users()["default"] == ["on", "#aa", "#bb", "~*", "&*", "+@all", "-flushall", "-client|kill"]
    assert users(disabled=())["default"][-1] == "+@all"


def test_every_other_user_may_do_its_one_thing_and_see_no_key() -> None:
    for name, rules in users(replicas=3).items():
        if name != "default":
            assert rules[2:5] == ["resetkeys", "resetchannels", "-@all"]
            assert not [rule for rule in rules if rule.startswith(("~", "+@"))]
    assert users()["probe"][1] == "#dd"


def test_one_server_has_no_users_for_others() -> None:
    assert set(users()) == {"default", "keeper", "probe"}
    assert set(users(replicas=3)) == {"default", "keeper", "probe", "replica", "sentinel"}


def test_names_stay_through_restarts_and_forms() -> None:
    one, three = redis(), redis(replicas=3)
    assert one.host == three.host == "cache.keybuzz-cache-dev.svc.cluster.local"
    assert one.pods == ("cache-redis-0",)
    assert three.host_of(three.pods[2]) == "cache-redis-2.cache-redis.keybuzz-cache-dev.svc.cluster.local"
