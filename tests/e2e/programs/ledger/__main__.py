"""Ledger: a program of the tests' own; what a test asks of it stands in `asked.<stack>.json`."""

import json
from pathlib import Path

import pulumi

from components.environment_database import EnvironmentDatabase, EnvironmentDatabaseArgs
from components.namespace import Namespace, NamespaceArgs
from components.providers import connect
from components.publication import Publication, PublicationArgs
from components.role_settings import RoleSettings
from components.settings import Settings
from components.vault_db_secret import VaultDbSecret, VaultDbSecretArgs

asked = json.loads(Path(f"asked.{pulumi.get_stack()}.json").read_text(encoding="utf-8"))
settings = Settings.load(apps=("api", "report"), databases=("api", "archive"))
env, platform = settings.environment, connect(settings)
here = Namespace("ledger", NamespaceArgs(environment=env), platform)
session = RoleSettings(
    statement_timeout="30s",
    idle_in_transaction_session_timeout=asked["idle"],
    search_path=("public", "pg_catalog"),
)

ledger = EnvironmentDatabase(
    "api",
    EnvironmentDatabaseArgs(
        environment=env,
        values=settings.database("api"),
        bears_system_name=True,
        extensions={"vector": None, "pg_trgm": asked["trigram"]},
        role_settings=session,
    ),
    platform,
)
archive = EnvironmentDatabase(
    "archive", EnvironmentDatabaseArgs(environment=env, values=settings.database("archive")), platform
)
for app, database in (("api", ledger), ("report", archive)):
    VaultDbSecret(
        app,
        VaultDbSecretArgs(
            environment=env,
            database=database,
            namespace=here,
            secret=f"ledger-{app}-db",
            used_by=settings.workload(app),
            credentials=settings.credentials,
        ),
        platform,
    )
if asked["published"]:
    Publication(
        "ledger",
        PublicationArgs(
            environment=env,
            database=ledger,
            publication="ledger_pub",
            tables=("entry", "booking"),
            operations=("update", "insert"),
        ),
        platform,
    )
