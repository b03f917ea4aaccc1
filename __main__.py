"""KeyBuzz: the same program for every stack; what an environment has of its own is in Pulumi.<stack>.yaml."""

from pathlib import Path
from typing import Any

import pulumi

import components as bulkhead

APPS, DATABASES = ("api", "backend", "client", "worker"), ("api", "backend")

settings = bulkhead.Settings.load(apps=APPS, databases=DATABASES)
env, platform, how = settings.environment, bulkhead.connect(settings), settings.credentials
parts = {app: bulkhead.NamespaceArgs(environment=env, part=app, quota=settings.quota) for app in APPS}
namespaces = {app: bulkhead.Namespace(app, args, platform) for app, args in parts.items()}


def database(name: str, **more: Any) -> bulkhead.EnvironmentDatabase:
    args = bulkhead.EnvironmentDatabaseArgs(environment=env, values=settings.database(name), **more)
    return bulkhead.EnvironmentDatabase(name, args, platform)


def schema(name: str, of: bulkhead.EnvironmentDatabase) -> bulkhead.SchemaMigration:
    here, files = namespaces[name], Path("database", name)
    args = bulkhead.SchemaMigrationArgs(
        environment=env, namespace=here, database=of, credentials=how, files=files, seeds=files / "seeds"
    )
    return bulkhead.SchemaMigration(name, args, platform)


def credential(app: str, opens: bulkhead.EnvironmentDatabase, secret: str, **more: Any) -> bulkhead.VaultDbSecret:
    here, user = namespaces[app], settings.workload(app)
    args = bulkhead.VaultDbSecretArgs(
        environment=env, namespace=here, database=opens, credentials=how, secret=secret, used_by=user, **more
    )
    return bulkhead.VaultDbSecret(app, args, platform)


def application(name: str, **more: Any) -> bulkhead.AppDeployment:
    here, workload = namespaces[name], settings.workload(name)
    args = bulkhead.AppDeploymentArgs(environment=env, namespace=here, workload=workload, **more)
    return bulkhead.AppDeployment(name, args, platform)


main, jobs = database("api", bears_system_name=True), database("backend")
tables, queue = schema("api", main), schema("backend", jobs)
api_login = credential("api", main, "keybuzz-api-postgres")
jobs_login = credential("backend", jobs, "keybuzz-backend-db", database_url=True)
worker_login = credential("worker", jobs, "keybuzz-worker-db", database_url=True)

live = bulkhead.Probes()
api = application("api", port=3001, probes=live, secrets=(api_login,), reaches=(main,), after=(tables,))
backend = application("backend", port=4000, probes=live, secrets=(jobs_login,), reaches=(jobs,), after=(queue,))
application("worker", secrets=(worker_login,), reaches=(jobs, backend), after=(queue,))
public = {"NEXT_PUBLIC_API_URL": env.url("api"), "NEXT_PUBLIC_APP_ENV": env.stage}
login = bulkhead.Probes(ready="/login")
client = application("client", port=3000, probes=login, variables=public, reaches=(api,))
routes = tuple(bulkhead.Route(to=app, host=app.app) for app in (api, backend, client))
args = bulkhead.IngressArgs(environment=env, routes=routes)
pulumi.export("urls", bulkhead.Ingress("public", args, platform).urls)
