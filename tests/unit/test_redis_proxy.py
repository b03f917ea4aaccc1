"""The write end point of a replicated cache."""

import re

from components.redis_proxy import render_haproxy, render_proxies, render_proxy_disruption
from tests.making import environment
from tests.unit.test_redis_configuration import redis

TEXT = render_haproxy(redis(replicas=3))
IMAGE = "docker.io/library/haproxy:3.0.12"
POD = render_proxies(redis(replicas=3), environment(), image=IMAGE, secret="s")["spec"]


def backend(name: str) -> str:
    return TEXT.partition(f"\nbackend {name}\n")[2].partition("\nbackend")[0]


def test_connections_go_to_the_primary_that_replicas_follow() -> None:
    assert re.findall(r"expect rstring (\S+)", backend("primary")) == [
        "role:master",
        "min_slaves_good_slaves:[1-9]",
    ]
    assert "default_backend primary" in TEXT


def test_a_primary_on_its_own_is_taken_only_where_there_is_no_other() -> None:
    assert re.findall(r"expect rstring (\S+)", backend("alone")) == ["role:master"]
    assert "use_backend alone if { nbsrv(primary) eq 0 }" in TEXT


def test_sessions_end_with_the_server_that_they_are_at() -> None:
    for name in ("primary", "alone"):
        assert "on-marked-down shutdown-sessions" in backend(name)
        assert "balance first" in backend(name)


def test_addresses_are_looked_up_again_and_again() -> None:
    servers = re.findall(r"^  server (\S+) (\S+)$", backend("primary"), re.MULTILINE)
    assert servers == [(pod, f"{redis().host_of(pod)}:6379") for pod in redis(replicas=3).pods]
    assert "resolvers cluster" in backend("primary")
    assert "init-addr none" in backend("primary")


def test_the_password_comes_from_the_secret_and_is_in_no_file() -> None:
    assert '"AUTH probe %[env(REDIS_PROBE_PASSWORD)]' in TEXT
    spec = POD["template"]["spec"]
    assert "env" not in spec["containers"][0]
    (volume,) = [volume["secret"] for volume in spec["volumes"] if "secret" in volume]
    assert volume["secretName"] == "s"
    assert volume["items"] == [{"key": "probe", "path": "probe"}]


def test_two_proxies_are_what_applications_take_for_redis() -> None:
    assert POD["replicas"] == 2
    assert POD["template"]["metadata"]["labels"]["app.kubernetes.io/name"] == "cache"
    assert POD["selector"]["matchLabels"].items() <= POD["template"]["metadata"]["labels"].items()
    assert POD["template"]["spec"]["automountServiceAccountToken"] is False
    assert render_proxy_disruption(redis(replicas=3), environment())["spec"]["maxUnavailable"] == 1
