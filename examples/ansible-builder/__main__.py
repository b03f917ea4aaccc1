"""Ansible Builder: the same program for every stack; what an environment has is in Pulumi.<stack>.yaml."""

from typing import Any

import pulumi

from components import (
    AppDeployment,
    AppDeploymentArgs,
    AppSecret,
    AppSecretArgs,
    Cache,
    CacheArgs,
    EnvironmentDatabase,
    EnvironmentDatabaseArgs,
    From,
    Generated,
    Ingress,
    IngressArgs,
    Metrics,
    Namespace,
    NamespaceArgs,
    Probes,
    Route,
    Settings,
    VaultDbSecret,
    VaultDbSecretArgs,
    connect,
)

APPS = ("backend", "frontend")

settings = Settings.load(apps=APPS, databases=("backend",), caches=("cache",))
env, platform, how = settings.environment, connect(settings), settings.credentials
here = Namespace("shared", NamespaceArgs(environment=env, quota=settings.quota), platform)


def application(name: str, **more: Any) -> AppDeployment:
    args = AppDeploymentArgs(environment=env, namespace=here, workload=settings.workload(name), **more)
    return AppDeployment(name, args, platform)


database = EnvironmentDatabase(
    "backend",
    EnvironmentDatabaseArgs(environment=env, values=settings.database("backend"), bears_system_name=True),
    platform,
)
login = VaultDbSecret(
    "backend",
    VaultDbSecretArgs(
        environment=env,
        database=database,
        namespace=here,
        secret=None,
        used_by=settings.workload("backend"),
        credentials=how,
    ),
    platform,
)
cache = Cache(
    "cache",
    CacheArgs(environment=env, namespace=here, values=settings.cache("cache"), credentials=how),
    platform,
)
secrets = AppSecret(
    "app",
    AppSecretArgs(
        environment=env,
        namespace=here,
        secret="ansible-builder-secrets",
        credentials=how,
        used_by=settings.workload("backend"),
        values={
            "database-url": From(login, "DATABASE_URL"),
            "redis-url": From(cache, "REDIS_URL"),
            "secret-key": Generated(length=64),
        },
    ),
    platform,
)

backend = application(
    "backend",
    port=8000,
    probes=Probes(live="/api/health", ready="/api/health"),
    secrets=(secrets,),
    reaches=(database, cache),
    metrics=Metrics(),
)
frontend = application("frontend", port=8080, probes=Probes(live="/", ready="/"), reaches=(backend,))

routes = (
    Route(to=frontend, path="/ansible-builder", rewrite="/"),
    Route(to=backend, path="/ansible-builder/api", rewrite="/api"),
    Route(to=backend, path="/ansible-builder/docs", rewrite="/docs"),
)
public = Ingress("public", IngressArgs(environment=env, routes=routes, body="20Mi"), platform)
pulumi.export("urls", public.urls)
