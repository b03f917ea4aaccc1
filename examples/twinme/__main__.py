"""TwinMe: the same program for every stack; what an environment has of its own is in Pulumi.<stack>.yaml."""

from pathlib import Path

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
    Expected,
    External,
    From,
    Generated,
    Ingress,
    IngressArgs,
    Metrics,
    Namespace,
    NamespaceArgs,
    Probes,
    Publication,
    PublicationArgs,
    RateLimit,
    Route,
    SchemaMigration,
    SchemaMigrationArgs,
    SecurityHeaders,
    Settings,
    VaultDbSecret,
    VaultDbSecretArgs,
    connect,
)

KEYS = ("openai-api-key", "anthropic-api-key")  # a person puts them into Vault; nothing else can make them
CSP = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:"

settings = Settings.load(apps=("api",), databases=("api",), caches=("cache",))
env, platform, how = settings.environment, connect(settings, expects={"app": KEYS}), settings.credentials
runs, here = (
    settings.workload("api"),
    Namespace("twinme", NamespaceArgs(environment=env, quota=settings.quota), platform),
)

database = EnvironmentDatabase(
    "api",
    EnvironmentDatabaseArgs(
        environment=env,
        values=settings.database("api"),
        bears_system_name=True,
        extensions={"vector": None, "pg_trgm": None},
    ),
    platform,
)
schema = SchemaMigration(
    "api",
    SchemaMigrationArgs(
        environment=env,
        database=database,
        namespace=here,
        credentials=how,
        files=Path("database"),
        seeds=Path("database/seeds"),
        settings={"random_page_cost": "1.1", "effective_io_concurrency": "200"},
    ),
    platform,
)
Publication(
    "api",
    PublicationArgs(
        environment=env,
        database=database,
        publication="twinme_pub",
        tables=("users", "conversations", "messages", "embeddings"),
        after=(schema,),
    ),
    platform,
)
login = VaultDbSecret(
    "api",
    VaultDbSecretArgs(
        environment=env, database=database, namespace=here, secret=None, used_by=runs, credentials=how
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
        secret="twinme-secrets",
        credentials=how,
        used_by=runs,
        values={
            "database-url": From(login, "DATABASE_URL"),
            "redis-url": From(cache, "REDIS_URL"),
            **{key: Expected() for key in KEYS},
            "jwt-secret": Generated(length=64),
            "encryption-key": Generated(length=32, encoding="base64", irreplaceable=True),
        },
    ),
    platform,
)
api = AppDeployment(
    "api",
    AppDeploymentArgs(
        environment=env,
        namespace=here,
        workload=runs,
        port=3000,
        probes=Probes(
            live="/health", live_delay=30, live_period=10, ready="/ready", ready_delay=5, ready_period=5
        ),
        secrets=(secrets,),
        reaches=(database, cache, External(port=443)),
        after=(schema,),
        metrics=Metrics(),
    ),
    platform,
)
public = Ingress(
    "public",
    IngressArgs(
        environment=env,
        routes=(Route(to=api, host="api"),),
        rate_limits=(RateLimit(average=100, period="1m"), RateLimit(average=10, period="1s", burst=20)),
        headers=SecurityHeaders(csp=CSP),
        compression=True,
        timeouts="60s",
    ),
    platform,
)
pulumi.export("urls", public.urls)
