"""Caches: on the cluster as declared, and as real servers with what is rendered and delivered there."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import hvac
import pytest

from components.redis_commands import DANGEROUS
from components.redis_configuration import LAG_SECONDS, Redis, render_redis
from tests.e2e.cache_pods import Pod, cleared
from tests.e2e.cache_project import REPLICAS, Pantry, namespace, pantry
from tests.e2e.cache_traffic import Application, Replicated, Writer
from tests.e2e.resp import Redis as Client
from tests.e2e.resp import Refused
from tests.e2e.servers import Servers
from tests.e2e.waiting import eventually

ROTATIONS = 3
LATE_SECONDS = 3
"""Seconds by which the pod's files are behind the Secret, as a kubelet's are; a real one may take two minutes."""


@pytest.fixture(scope="module")
def caches(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pantry]:
    with pantry(tmp_path_factory.mktemp("pantry"), servers) as made:
        yield made


@pytest.fixture(scope="module")
def single(caches: Pantry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """DEV's one server, running; its users have one more, that may ask what is configured."""
    folder = tmp_path_factory.mktemp("single")
    (pod,) = caches.pods("dev", folder)
    with cleared(folder, [pod]):
        pod.give("credentials", _given(caches))
        pod.start()
        eventually(lambda: pod.probe("redis", "readinessProbe"), "Redis is ready")
        yield pod


def _given(caches: Pantry) -> dict[str, str]:
    """DEV's Secret, and in it one user more, who asks what is configured: nobody may, outside of this test."""
    files = caches.files("dev")
    return {**files, "users.acl": files["users.acl"] + "user asking on >asking -@all +config|get\n"}


@pytest.mark.parametrize("stack", list(REPLICAS))
def test_a_second_look_finds_nothing(caches: Pantry, stack: str) -> None:
    assert caches.project.changes(stack) == []
    assert caches.project.changes(stack, "--refresh") == []


@pytest.mark.parametrize("stack", list(REPLICAS))
def test_the_cluster_runs_the_declared_form(caches: Pantry, stack: str) -> None:
    servers = caches.object(stack, "apps/v1/statefulsets", "cache-redis")
    assert servers["status"]["readyReplicas"] == REPLICAS[stack]
    assert servers["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Retain"
    claim = caches.object(stack, "v1/persistentvolumeclaims", "data-cache-redis-0")
    assert claim["status"]["phase"] == "Bound"
    points = caches.object(stack, "v1/endpoints", "cache")["subsets"][0]["addresses"]
    front = "cache-redis-" if stack == "dev" else "cache-proxy-"
    assert [point["targetRef"]["name"].startswith(front) for point in points] == [True] * len(points)
    assert len(points) == (1 if stack == "dev" else 2)


@pytest.mark.parametrize("stack", list(REPLICAS))
def test_the_servers_get_hashes_of_the_applications_password_and_not_the_password(
    caches: Pantry, stack: str
) -> None:
    values, files = caches.values(stack), caches.files(stack)
    host = f"cache.{namespace(stack)}.svc.cluster.local"
    password = values["REDIS_PASSWORD"]
    assert values == {
        "REDIS_HOST": host,
        "REDIS_PORT": "6379",
        "REDIS_PASSWORD": password,
        "REDIS_URL": f"redis://:{password}@{host}:6379/0",
    }
    assert set(files) == {"users.acl", "auth.conf", "internal", "probe"}
    assert not any(password in text for text in files.values())


def test_the_servers_account_reads_its_own_path_and_no_other(caches: Pantry) -> None:
    vault = caches.servers.vault_as(namespace("dev"), "cache-redis-secrets", "pantry-cache_cache-dev")
    read = vault.secrets.kv.v2.read_secret_version
    assert read("pantry/dev/cache_cache_server", raise_on_deleted_version=True)["data"]["data"]
    for path in ("pantry/dev/cache_cache", "pantry/prod/cache_cache_server", "pantry/dev/other"):
        with pytest.raises(hvac.exceptions.Forbidden):
            read(path, raise_on_deleted_version=True)


def test_the_password_opens_redis_and_nothing_else_does(caches: Pantry, single: Pod) -> None:
    with Client(single.address, caches.values("dev")["REDIS_PASSWORD"]) as session:
        assert session.call("SET", "greeting", "hello") == "OK"
        assert session.call("GET", "greeting") == "hello"
    for wrong in ("wrong", caches.values("prod")["REDIS_PASSWORD"], caches.files("dev")["internal"]):
        with pytest.raises(Refused, match="WRONGPASS"):
            Client(single.address, wrong)
    with Client(single.address) as stranger, pytest.raises(Refused, match="NOAUTH"):
        stranger.call("GET", "greeting")


def test_redis_runs_with_what_was_asked_for(caches: Pantry, single: Pod) -> None:
    """T5: 2 GB, allkeys-lru, RDB 900/1 300/10 60/10000, AOF everysec."""
    with Client(single.address, "asking", user="asking") as session:
        expected = {
            "maxmemory": str(2 * 2**30),
            "maxmemory-policy": "allkeys-lru",
            "save": "900 1 300 10 60 10000",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "protected-mode": "yes",
        }
        assert {key: session.call("CONFIG", "GET", key)[1] for key in expected} == expected


def test_every_disabled_command_is_refused(caches: Pantry, single: Pod) -> None:
    with Client(single.address, caches.values("dev")["REDIS_PASSWORD"]) as session:
        allowed = [
            command
            for command in DANGEROUS
            if not re.search("NOPERM|command not allowed", _answer(session, command))
        ]
        assert allowed == []
        assert session.call("PING") == "PONG"
        assert session.info("server")["tcp_port"] == "6379"


PARTS = {"CONFIG": "GET", "MODULE": "LIST", "ACL": "LIST", "CLUSTER": "INFO"}
"""Of commands that are nothing without a second word, one that exists."""


def _answer(session: Client, command: str) -> str:
    """What Redis says to a command with as many words as it wants, which it counts before it looks who asks."""
    words = [*command.split("|"), *([PARTS[command]] if command in PARTS else [])]
    said = ""
    for more in range(6):
        try:
            said = str(session.call(*words, *["1"] * more))
        except Refused as error:
            said = str(error)
        if "wrong number of arguments" not in said:
            break
    return said


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_data_survives_a_restart(caches: Pantry, single: Pod, how: str) -> None:
    password = caches.values("dev")["REDIS_PASSWORD"]
    with Client(single.address, password) as session:
        session.call("SET", how, "kept")
    time.sleep(1.5)  # appendfsync everysec: a second is what a lost machine may cost
    assert single.probe("redis", "livenessProbe")
    if how == "stopped":
        single.stop()
    else:
        single.kill()
    assert not single.probe("redis", "livenessProbe")
    assert not single.probe("redis", "readinessProbe")
    single.start()
    eventually(lambda: single.probe("redis", "readinessProbe"), "Redis is ready again", 20)
    with Client(single.address, password) as session:
        assert session.call("GET", how) == "kept"


def test_the_snapshot_alone_brings_data_back(caches: Pantry, single: Pod) -> None:
    password = caches.values("dev")["REDIS_PASSWORD"]
    with Client(single.address, password) as session:
        session.call("SET", "snapshot", "kept")
    single.stop()  # a server that is stopped saves first
    log = single.folder / "data" / "appendonlydir"
    log.rename(log.with_name("aside"))
    configuration = _configuration(caches, "redis.conf")
    single.give("configuration", {"redis.conf": configuration.replace("appendonly yes", "appendonly no")})
    single.start()
    try:
        eventually(lambda: single.probe("redis", "readinessProbe"), "Redis is ready again", 20)
        with Client(single.address, password) as session:
            assert session.call("GET", "snapshot") == "kept"
    finally:
        single.stop()
        log.with_name("aside").rename(log)
        single.give("configuration", {"redis.conf": configuration})
        single.start()
        eventually(lambda: single.probe("redis", "readinessProbe"), "Redis is ready again", 20)


def test_a_full_cache_gives_up_the_least_used_keys_and_goes_on(
    caches: Pantry, single: Pod, tmp_path: Path
) -> None:
    """The same configuration with 32 MiB, so that it is full at once."""
    small = Redis(
        app="cache",
        namespace=namespace("dev"),
        cluster_domain="cluster.local",
        replicas=1,
        memory=32 * 2**20,
        eviction="allkeys-lru",
        save=((900, 1),),
        append="everysec",
        disabled=DANGEROUS,
    )
    (pod,) = caches.pods("dev", tmp_path)
    pod.address = pod.address.rpartition(".")[0] + ".77"
    with cleared(tmp_path, [pod]):
        pod.give(
            "configuration", {"redis.conf": render_redis(small), "ready.sh": _configuration(caches, "ready.sh")}
        )
        pod.start("redis")
        eventually(lambda: pod.probe("redis", "readinessProbe"), "Redis is ready")
        with Client(pod.address, caches.values("dev")["REDIS_PASSWORD"]) as session:
            for index in range(200):
                session.call("SET", f"old{index}", "x" * 100_000)
            time.sleep(2.5)  # Redis' clock of uses ticks once a second
            used = [f"old{index}" for index in range(20) if session.call("GET", f"old{index}")]
            for index in range(200):
                session.call("SET", f"new{index}", "x" * 100_000)
            assert len(used) == 20
            assert int(session.info("stats")["evicted_keys"]) > 50
            assert int(session.info("memory")["used_memory"]) < 40 * 2**20
            assert len([key for key in used if session.call("GET", key)]) > 15


def _configuration(caches: Pantry, name: str) -> str:
    return str(caches.object("dev", "v1/configmaps", "cache-redis")["data"][name])


def test_three_rotations_fail_no_login(caches: Pantry, single: Pod) -> None:
    """One application takes the new password before Redis has heard of it, one keeps the old one to the last."""
    held = {"late": caches.values("dev")["REDIS_PASSWORD"]}
    first, over = held["late"], threading.Event()
    early = Application(single.address, lambda: caches.values("dev")["REDIS_PASSWORD"])
    late = Application(single.address, lambda: held["late"])

    def renew() -> None:
        while not over.wait(LATE_SECONDS):
            single.give("credentials", _given(caches))

    kubelet = threading.Thread(target=renew, daemon=True)
    threads = [early, late, kubelet]
    for thread in threads:
        thread.start()
    try:
        for rotation in range(1, ROTATIONS + 1):
            before, reread = caches.files("dev")["users.acl"], single.said("users").count("OK")
            caches.write("dev", credentials={"mode": "static", "rotation": rotation})
            caches.project.up("dev")
            assert caches.values("dev")["REDIS_PASSWORD"] != held["late"]
            eventually(lambda old=before: caches.files("dev")["users.acl"] != old, "the Secret is renewed")
            eventually(lambda read=reread: single.said("users").count("OK") > read, "Redis has read its users")
            held["late"] = caches.values("dev")["REDIS_PASSWORD"]
    finally:
        for event in (early.over, late.over, over):
            event.set()
        for thread in threads:
            thread.join(30)
    assert (early.failures, late.failures) == ([], [])
    assert min(early.logins, late.logins) > 100
    with pytest.raises(Refused, match="WRONGPASS"):
        Client(single.address, first)


OUTAGE_SECONDS = 50
"""Seconds after which writes go on when the primary is lost: 5 until it is missed, then a vote, then the proxy.

About seven; but two Sentinels may call for votes at the same moment, and then nobody wins for half a minute.
"""

HAND_OVER_SECONDS = 20
"""The same for a planned stop, of which nobody must be missed first."""


@pytest.fixture(scope="module")
def replicated(caches: Pantry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicated]:
    folder = tmp_path_factory.mktemp("replicated")
    pods, proxy = caches.pods("prod", folder), caches.proxy("prod", folder)
    made = Replicated(pods, proxy, caches.values("prod")["REDIS_PASSWORD"])
    with cleared(folder, [*pods, proxy]):
        for pod in pods:
            pod.start()
        proxy.start()
        eventually(made.complete, "three servers and three Sentinels know each other", 60)
        yield made


def _writes_again(writer: Writer) -> bool:
    return time.monotonic() - [*writer.acknowledged.values()][-1] < 0.5


def test_the_first_pod_begins_as_the_primary(replicated: Replicated) -> None:
    assert replicated.roles() == {"cache-redis-0": "master", "cache-redis-1": "slave", "cache-redis-2": "slave"}


def test_a_lost_primary_is_replaced_and_comes_back_as_a_replica(replicated: Replicated) -> None:
    """Nothing that was acknowledged is lost but, at most, of the last seconds before the loss."""
    lost_pod = replicated.primary()
    with replicated.written() as writer:
        lost_pod.kill()
        killed = time.monotonic()
        time.sleep(1)
        eventually(lambda: _writes_again(writer), "writes go on", OUTAGE_SECONDS)
    late = [writer.acknowledged[key] for key in replicated.lost(writer)]
    assert writer.longest_gap() < OUTAGE_SECONDS
    assert all(killed - LAG_SECONDS <= moment <= killed for moment in late)
    lost_pod.start()
    eventually(replicated.complete, "the old primary is a replica", 60)
    assert replicated.roles()[lost_pod.name] == "slave"


@pytest.mark.parametrize("away", [4.25, 4.75, 5.5])
def test_a_primary_that_comes_back_around_the_vote_starts_no_second_one(
    replicated: Replicated, away: float
) -> None:
    """After 5 seconds a Sentinel takes it for lost: just before, it must wait for what has not begun yet."""
    lost_pod = replicated.primary()
    lost_pod.kill()
    time.sleep(away)
    lost_pod.start()
    seen: list[dict[str, str]] = []

    def is_over() -> bool:
        seen.append(replicated.roles())
        return replicated.complete()

    eventually(is_over, "one primary and two replicas", 60)
    assert not [roles for roles in seen if [*roles.values()].count("master") > 1]


def test_a_planned_stop_of_the_primary_loses_nothing(replicated: Replicated) -> None:
    stopped = replicated.primary()
    with replicated.written() as writer:
        stopped.stop()
        eventually(lambda: _writes_again(writer), "writes go on", OUTAGE_SECONDS)
    assert replicated.lost(writer) == []
    stopped.start()
    eventually(replicated.complete, "the stopped one is a replica", 60)
    assert writer.longest_gap() < HAND_OVER_SECONDS


def test_after_a_loss_of_all_pods_the_last_primary_is_primary_again(replicated: Replicated) -> None:
    last = replicated.primary()
    with replicated.written() as writer:
        pass
    for pod in replicated.pods:
        pod.kill()
    for pod in replicated.pods:
        pod.start()
    eventually(replicated.complete, "all are back", 60)
    assert replicated.primary() is last
    lost = [writer.acknowledged[key] for key in replicated.lost(writer)]
    assert all(moment > max(writer.acknowledged.values()) - 2 for moment in lost)  # appendfsync everysec


def test_the_proxy_does_not_know_applications_passwords_nor_may_it_read(
    caches: Pantry, replicated: Replicated
) -> None:
    with Client(replicated.primary().address, caches.files("prod")["probe"], user="probe") as session:
        with pytest.raises(Refused, match="NOPERM"):
            session.call("GET", "written1")
        assert session.info("replication")["role"] == "master"
