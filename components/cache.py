"""Cache: a Redis of this environment's own, with a password from Vault, that keeps what it was given.

One server, or three with Sentinel and a write end point that follows the primary; applications see one host and
one port in both forms. What may reach it is what declares that it does; nothing else comes in.
"""

from dataclasses import dataclass

import pulumi

from components import redis_pods, redis_proxy
from components.cache_checks import claim_of, refuse_unusable
from components.cache_credentials import for_applications, for_servers, make_passwords
from components.environment import Environment
from components.external_secret import Delivery, kv_source
from components.kv_secret import keep
from components.manifest import Manifest, Object
from components.namespace import Namespace
from components.network import render_egress, render_ingress_from, to_application
from components.providers import Connected
from components.redis_commands import DANGEROUS
from components.redis_configuration import PORT, SENTINEL_PORT, Append, Eviction, Redis
from components.secret_delivery import deliver
from components.validation import quantity, seconds
from components.values import CacheValues, Credentials

REDIS = "docker.io/library/redis:7.2.11-bookworm"
"""The last line of Redis under a BSD licence; before 7.2.11 a script could run code (CVE-2025-49844)."""

HAPROXY = "docker.io/library/haproxy:3.0.12"
"""A line that is mended until 2029."""

_USERS = {
    "users.acl": "USERS_ACL",
    "auth.conf": "AUTH_CONF",
    "internal": "INTERNAL_PASSWORD",
    "probe": "PROBE_PASSWORD",
}


@dataclass(frozen=True, kw_only=True)
class CacheArgs:
    """What a Cache needs.

    Args:
        environment: the environment that the cache belongs to.
        namespace: where it runs.
        values: the stack's own: memory, storage, and how many replicas.
        credentials: how often the operator looks, and the rotation; the password is static in every mode.
        eviction: which keys go when the memory is full.
        save: a snapshot after so many seconds, when there were so many changes.
        append: when the append-only file is written to disk; None for no such file.
        disabled: commands that applications may not use.
        image: Redis 7.0 or later, by digest or by a tag that does not move.
        proxy_image: HAProxy 2.6 or later, likewise.
        cluster_domain: what the cluster's own DNS names end with.
        protect: whether it refuses to be destroyed; by default production's does.
    """

    environment: Environment
    namespace: Namespace
    values: CacheValues
    credentials: Credentials
    eviction: Eviction = "allkeys-lru"
    save: tuple[tuple[int, int], ...] = ((900, 1), (300, 10), (60, 10000))
    append: Append | None = "everysec"
    disabled: tuple[str, ...] = DANGEROUS
    image: str = REDIS
    proxy_image: str = HAPROXY
    cluster_domain: str = "cluster.local"
    protect: bool | None = None


class Cache(pulumi.ComponentResource):
    """A Redis, or three of which one takes writes.

    Outputs: `host`, `port`, `path` (the KV secret with REDIS_URL, mount included).
    """

    def __init__(
        self,
        name: str,
        args: CacheArgs,
        platform: Connected,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        refuse_unusable(args)
        self.environment, self.namespace = args.environment, args.namespace
        self._name, self._args, self._platform = name, args, platform.platform
        self._redis = redis = Redis(
            app=args.namespace.workload(name),
            namespace=args.namespace.name,
            cluster_domain=args.cluster_domain,
            replicas=args.values.replicas,
            memory=int(quantity(args.values.memory)),
            eviction=args.eviction,
            save=tuple(args.save),
            append=args.append,
            disabled=tuple(args.disabled),
        )
        self.app, self.port, self.host = redis.app, PORT, redis.host
        self.path = args.environment.vault_path(f"cache_{name}")
        self.source = kv_source(self.path, "REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD", "REDIS_URL")
        self._claim()
        super().__init__(
            "bulkhead:index:Cache",
            name,
            {},
            pulumi.ResourceOptions.merge(platform.options, opts),
        )
        self._rotation = args.credentials.rotation
        passwords = make_passwords(self, name, self._rotation)
        self.ready, self.revision = self._keep("kv", self.path, for_applications(redis, PORT, passwords))
        servers_path = args.environment.vault_path(f"cache_{name}_server")
        kept, revision = self._keep("server-kv", servers_path, for_servers(redis, passwords))
        delivered = self._deliver(servers_path, kept, revision)
        self.servers = self._run(delivered)
        self.register_outputs(
            {"host": self.host, "port": self.port, "path": f"{self._platform.vault.kv_mount}/{self.path}"}
        )

    def _claim(self) -> None:
        """Take the pods' part of the quota, each workload under a name that is its own in the namespace."""
        redis = self._redis
        servers = claim_of(redis.servers if redis.is_replicated else redis.app, self._servers())
        for claim in [servers, *([claim_of(redis.app, self._proxies())] if redis.is_replicated else [])]:
            self.namespace.claim(claim)

    def _child(self, *after: pulumi.Resource, protect: bool | None = None) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(after), protect=protect)

    def _object(self, kind: str, rendered: Object, *after: pulumi.Resource) -> Manifest:
        return Manifest(f"{self._name}-{kind}", rendered, self._child(self.namespace.object, *after))

    def _keep(
        self, what: str, path: str, values: dict[str, pulumi.Input[str]]
    ) -> tuple[pulumi.Resource, pulumi.Output[str]]:
        """A KV secret, and a digest that tells its change."""
        mount, rotation = self._platform.vault.kv_mount, self._rotation
        return keep(f"{self._name}-{what}", mount, path, values, self._child(), rotation=rotation)

    def _deliver(self, path: str, kept: pulumi.Resource, revision: pulumi.Input[str]) -> pulumi.Resource:
        """The Secret whose files the servers read: what applications may do, and whom the servers trust."""
        source = kv_source(path, *_USERS.values())
        delivery = Delivery(
            environment=self.environment,
            namespace=self.namespace.name,
            secret=self._redis.servers,
            service_account=f"{self._redis.servers}-secrets",
            principal=self.environment.principal(self._name, "cache"),
            sources=(source,),
            data={file: source.template(key) for file, key in _USERS.items()},
            refresh=seconds(self._args.credentials.refresh),
        )
        return deliver(
            self,
            self._name,
            delivery,
            namespace=self.namespace,
            platform=self._platform.vault,
            revision=revision,
            after=(kept,),
        )

    def _servers(self) -> Object:
        described = redis_pods.Servers(
            environment=self.environment,
            image=self._args.image,
            secret=self._redis.servers,
            storage=self._args.values.storage,
            storage_class=self._platform.kubernetes.storage_class,
        )
        return redis_pods.render_stateful_set(self._redis, described)

    def _proxies(self) -> Object:
        return redis_proxy.render_proxies(
            self._redis, self.environment, image=self._args.proxy_image, secret=self._redis.servers
        )

    def _run(self, delivered: pulumi.Resource) -> pulumi.Resource:
        """The servers, and the end point that applications use."""
        redis, environment, name = self._redis, self.environment, self._name
        needed = [
            delivered,
            self._object("account", redis_pods.render_service_account(redis, environment)),
            self._object("configuration", redis_pods.render_configuration(redis, environment)),
            self._object("names", redis_pods.render_names(redis, environment)),
            *self._link(),
        ]
        protect = environment.is_production if self._args.protect is None else self._args.protect
        servers = Manifest(f"{name}-servers", self._servers(), self._child(*needed, protect=protect))
        front: pulumi.Resource = servers
        if redis.is_replicated:
            self._object("disruption", redis_pods.render_disruption(redis, environment), servers)
            front = self._run_proxies(servers)
        self._object("end-point", redis_pods.render_end_point(redis, environment), front)
        return servers

    def _run_proxies(self, servers: pulumi.Resource) -> pulumi.Resource:
        redis, environment = self._redis, self.environment
        needed = [
            self._object("proxy-account", redis_proxy.render_proxy_service_account(redis, environment)),
            self._object("proxy-configuration", redis_proxy.render_proxy_configuration(redis, environment)),
        ]
        proxies = self._object("proxies", self._proxies(), servers, *needed)
        self._object("proxy-disruption", redis_proxy.render_proxy_disruption(redis, environment), proxies)
        return proxies

    def _link(self) -> list[pulumi.Resource]:
        """The ways among the cache's own pods, where there are several; one alone needs no way out."""
        redis, environment, namespace = self._redis, self.environment, self.namespace.name
        if not redis.is_replicated:
            return []
        ways = [to_application(namespace, redis.servers, port) for port in (PORT, SENTINEL_PORT)]
        made: list[pulumi.Resource] = [
            self._object("egress", render_egress(environment, namespace, redis.servers, ways)),
            self._object("proxy-egress", render_egress(environment, namespace, redis.app, ways[:1])),
        ]
        for caller, source, port in (
            ("replicas", redis.servers, PORT),
            ("sentinels", redis.servers, SENTINEL_PORT),
            ("proxies", redis.app, PORT),
        ):
            way = render_ingress_from(
                environment,
                namespace,
                redis.servers,
                port,
                source=source,
                source_namespace=namespace,
                caller=caller,
            )
            made.append(self._object(f"from-{caller}", way))
        return made
