"""KeyBuzz: the same program for every stack; what an environment has of its own is in Pulumi.<stack>.yaml."""

from typing import Any

import pulumi

from components import (
    AppDeployment,
    AppDeploymentArgs,
    EnvironmentDatabase,
    EnvironmentDatabaseArgs,
    Ingress,
    IngressArgs,
    Namespace,
    NamespaceArgs,
    Probes,
    Settings,
    VaultDbSecret,
    VaultDbSecretArgs,
    connect,
)

APPS, DATABASES = ("api", "backend", "client", "worker"), ("api", "backend")

settings = Settings.load(apps=APPS, databases=DATABASES)
env, platform = settings.environment, connect(settings)
namespaces = {app: Namespace(app, NamespaceArgs(environment=env, part=app), platform) for app in APPS}


def database(name: str, **more: Any) -> EnvironmentDatabase:
    args = EnvironmentDatabaseArgs(environment=env, values=settings.database(name), **more)
    return EnvironmentDatabase(name, args, platform)


def credential(app: str, opens: EnvironmentDatabase, secret: str, **more: Any) -> VaultDbSecret:
    where, user, how = namespaces[app], settings.workload(app), settings.credentials
    args = VaultDbSecretArgs(
        environment=env, database=opens, namespace=where, secret=secret, used_by=user, credentials=how, **more
    )
    return VaultDbSecret(app, args, platform)


def application(name: str, **more: Any) -> AppDeployment:
    args = AppDeploymentArgs(environment=env, namespace=namespaces[name], workload=settings.workload(name), **more)
    return AppDeployment(name, args, platform)


keybuzz, keybuzz_backend = database("api", bears_system_name=True), database("backend")
api_login = credential("api", keybuzz, "keybuzz-api-postgres")
backend_login = credential("backend", keybuzz_backend, "keybuzz-backend-db", database_url=True)
worker_login = credential("worker", keybuzz_backend, "keybuzz-worker-db", database_url=True)

api = application("api", port=3001, probes=Probes(), secrets=(api_login,), reaches=(keybuzz,))
backend = application("backend", port=4000, probes=Probes(), secrets=(backend_login,), reaches=(keybuzz_backend,))
application("worker", secrets=(worker_login,), reaches=(keybuzz_backend, backend))
public = {"NEXT_PUBLIC_API_URL": env.url("api"), "NEXT_PUBLIC_APP_ENV": env.stage}
client = application("client", port=3000, probes=Probes(ready="/login"), variables=public, reaches=(api,))
hosts = {"api": api, "backend": backend, "client": client}
pulumi.export("urls", Ingress("public", IngressArgs(environment=env, hosts=hosts), platform).urls)
