"""The write end point of a replicated cache: HAProxy, which follows whoever is primary."""

from typing import Any, Final

from components.environment import Environment
from components.manifest import Object, manifest
from components.network import instance
from components.network import selector as app_selector
from components.pod_standard import apart, container_security, spread
from components.redis_configuration import CREDENTIALS, PORT, Redis
from components.redis_containers import digest_of, pod_security, resources

HEALTH_PORT: Final = 8404
PROXIES: Final = 2
CONNECTIONS: Final = 2000
"""Connections that one proxy carries; its memory is reckoned for them."""

STOP_SECONDS: Final = 30
DRAIN_SECONDS: Final = 5

_CONFIGURATION: Final = "/usr/local/etc/haproxy"


_START: Final = f"""\
# HAProxy reads a secret from a variable alone; here it gets it from a file, so that no pod's description has it.
REDIS_PROBE_PASSWORD="$(cat {CREDENTIALS}/probe)"
export REDIS_PROBE_PASSWORD
exec haproxy -W -db -f {_CONFIGURATION}/haproxy.cfg
"""


def proxy(redis: Redis) -> str:
    """What the Deployment of a cache's proxies is called."""
    return f"{redis.app}-proxy"


def render_haproxy(redis: Redis) -> str:
    """haproxy.cfg: connections go to the one Redis that is primary and that a replica follows.

    A primary that no replica follows is taken only where there is no other: it answers reads, and refuses writes
    by itself. It is also what a primary looks like that was cut off and does not know that it was replaced.
    """
    return f"""\
global
  maxconn {CONNECTIONS}
  hard-stop-after {STOP_SECONDS - 2 * DRAIN_SECONDS}s
  log stdout format raw local0 notice

defaults
  mode tcp
  log global
  timeout connect 3s
  timeout check 2s
  timeout client 1h
  timeout server 1h
  option clitcpka
  option srvtcpka

resolvers cluster
  parse-resolv-conf
  accepted_payload_size 8192
  hold valid 2s
  hold nx 2s

frontend redis
  bind :{PORT}
  use_backend alone if {{ nbsrv(primary) eq 0 }}
  default_backend primary

frontend health
  mode http
  bind :{HEALTH_PORT}
  monitor-uri /healthz
  timeout client 5s

{_backend(redis, "primary", "role:master", "min_slaves_good_slaves:[1-9]")}
{_backend(redis, "alone", "role:master")}"""


def _backend(redis: Redis, name: str, *expected: str) -> str:
    expect = "".join(f"  tcp-check expect rstring {text}\n" for text in expected)
    servers = "".join(f"  server {pod} {redis.host_of(pod)}:{PORT}\n" for pod in redis.pods)
    # QUIT: with the connection's end all of INFO is there, and what is not in it need not be waited for.
    return f"""\
backend {name}
  balance first
  option tcp-check
  tcp-check connect
  tcp-check send-lf "AUTH probe %[env(REDIS_PROBE_PASSWORD)]\\r\\n"
  tcp-check expect string +OK
  tcp-check send "INFO replication\\r\\nQUIT\\r\\n"
{expect}  default-server check inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
  default-server resolvers cluster resolve-prefer ipv4 init-addr none
{servers}"""


def render_proxy_service_account(redis: Redis, environment: Environment) -> Object:
    """Whom the proxies are to the cluster: somebody without a token."""
    return _object(redis, environment, "v1", "ServiceAccount", automountServiceAccountToken=False)


def render_proxy_configuration(redis: Redis, environment: Environment) -> Object:
    """The ConfigMap of the proxies."""
    return _object(redis, environment, "v1", "ConfigMap", data=_data(redis))


def _data(redis: Redis) -> dict[str, str]:
    return {"haproxy.cfg": render_haproxy(redis), "start.sh": _START}


def render_proxies(redis: Redis, environment: Environment, *, image: str, secret: str) -> Object:
    """The Deployment of the proxies, which are what applications take for Redis.

    Args:
        redis: the cache.
        environment: whose it is.
        image: HAProxy's.
        secret: the Secret with the key `probe`.
    """
    digest = digest_of(_data(redis))
    only_probe = {"items": [{"key": "probe", "path": "probe"}], "defaultMode": 0o440}
    labels = {**environment.labels, **app_selector(redis.app), **selector(redis)}
    return _object(
        redis,
        environment,
        "apps/v1",
        "Deployment",
        spec={
            "replicas": PROXIES,
            "selector": {"matchLabels": selector(redis)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {
                "metadata": {"labels": labels, "annotations": {"bulkhead.dev/configuration": digest}},
                "spec": {
                    "serviceAccountName": proxy(redis),
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": STOP_SECONDS,
                    "securityContext": pod_security(),
                    "topologySpreadConstraints": [spread(selector(redis))],
                    "affinity": apart(selector(redis)),
                    "containers": [_container(image)],
                    "volumes": [
                        {"name": "configuration", "configMap": {"name": proxy(redis)}},
                        {"name": "credentials", "secret": {**only_probe, "secretName": secret}},
                    ],
                },
            },
        },
    )


def _container(image: str) -> Object:
    health = {"httpGet": {"path": "/healthz", "port": "health"}}
    return {
        "name": "haproxy",
        "image": image,
        "imagePullPolicy": "Always",
        "command": ["sh", f"{_CONFIGURATION}/start.sh"],
        "ports": [{"name": "redis", "containerPort": PORT}, {"name": "health", "containerPort": HEALTH_PORT}],
        "resources": resources(cpu="50m", memory="64Mi", most_cpu="500m", most_memory="128Mi"),
        "securityContext": container_security(),
        "livenessProbe": {**health, "periodSeconds": 10, "timeoutSeconds": 2},
        "readinessProbe": {"tcpSocket": {"port": "redis"}, "periodSeconds": 2, "timeoutSeconds": 2},
        "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}},
        "volumeMounts": [
            {"name": "configuration", "mountPath": _CONFIGURATION, "readOnly": True},
            {"name": "credentials", "mountPath": CREDENTIALS, "readOnly": True},
        ],
    }


def render_proxy_disruption(redis: Redis, environment: Environment) -> Object:
    """The PodDisruptionBudget of the proxies: one may be missing."""
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": selector(redis)}}
    return _object(redis, environment, "policy/v1", "PodDisruptionBudget", spec=spec)


def selector(redis: Redis) -> dict[str, str]:
    """The label by which the proxies' pods are known within their namespace."""
    return instance(proxy(redis))


def _object(redis: Redis, environment: Environment, api_version: str, kind: str, **content: Any) -> Object:
    return manifest(
        environment,
        api_version,
        kind,
        proxy(redis),
        namespace=redis.namespace,
        labels={**app_selector(redis.app), **selector(redis)},
        **content,
    )
