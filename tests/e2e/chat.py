"""Chat: a small system whose schema wants all that SchemaMigration is for, as a Pulumi project of two stacks.

Row-level security, partitions, vectors, indexes built concurrently; and a second database that was made by hand.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.e2e.engine import CHECKOUT, Project
from tests.e2e.servers import Servers

SYSTEM = "chat"
STACKS = ("dev", "prod")
ME, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000009"

PROGRAM = """
from pathlib import Path

from components.app_deployment import AppDeployment, AppDeploymentArgs
from components.environment_database import EnvironmentDatabase, EnvironmentDatabaseArgs
from components.namespace import Namespace, NamespaceArgs
from components.providers import connect
from components.schema_migration import SchemaMigration, SchemaMigrationArgs
from components.settings import Settings
from components.vault_db_secret import VaultDbSecret, VaultDbSecretArgs

settings = Settings.load(apps=("api",), databases=("api", "crm"))
env, platform = settings.environment, connect(settings)
namespace = Namespace("chat", NamespaceArgs(environment=env), platform)
extensions = {"vector": None, "pg_trgm": None}


def database(name):
    args = EnvironmentDatabaseArgs(environment=env, extensions=extensions, values=settings.database(name))
    return EnvironmentDatabase(name, args, platform)


def migration(name, opens, **more):
    args = SchemaMigrationArgs(
        environment=env,
        database=opens,
        namespace=namespace,
        credentials=settings.credentials,
        files=Path("database") / name,
        **more,
    )
    return SchemaMigration(name, args, platform)


api, crm = database("api"), database("crm")
migrated = migration(
    "api", api, seeds=Path("database/api/seeds"), settings={"work_mem": "12MB", "ivfflat.probes": "10"}
)
if Path("database/crm").is_dir():
    migration("crm", crm)
login = VaultDbSecret(
    "api",
    VaultDbSecretArgs(
        environment=env,
        database=api,
        namespace=namespace,
        secret="chat-api-db",
        credentials=settings.credentials,
        used_by=settings.workload("api"),
    ),
    platform,
)
AppDeployment(
    "api",
    AppDeploymentArgs(
        environment=env,
        namespace=namespace,
        workload=settings.workload("api"),
        secrets=(login,),
        reaches=(api,),
        after=(migrated,),
    ),
    platform,
)
"""

CONFIG = """config:
  bulkhead:kind: {kind}
  bulkhead:platform: chat
  bulkhead:images: {{api: registry.example.org/chat/api:v1}}
"""

PLATFORM = """name: chat
domain: example.org
kubernetes: {context: none}
vault: {address: "https://vault.example.org:8200"}
postgresql: {write: {host: 10.0.0.10, port: 5432}, sslmode: require}
"""

PROJECT = """name: chat
runtime: {name: python, options: {virtualenv: .venv}}
config:
  pulumi:disable-default-providers: {value: ["*"]}
"""

TABLES = """
CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL);
CREATE TABLE conversations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id)
);
CREATE TABLE messages (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id),
    content text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE TABLE messages_2026 PARTITION OF messages FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE messages_2027 PARTITION OF messages FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
CREATE TABLE embeddings (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, embedding vector(3) NOT NULL);
CREATE PUBLICATION chat_pub FOR TABLE conversations, messages WITH (publish_via_partition_root = true);
"""

POLICIES = "".join(
    f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON {table} USING (user_id = nullif(current_setting('app.user_id', true), '')::uuid);
"""
    for table in ("conversations", "messages")
)

INDEXES = """-- bulkhead: no transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_name ON users USING gin (name gin_trgm_ops);
CREATE INDEX CONCURRENTLY IF NOT EXISTS embeddings_nearest
    ON embeddings USING ivfflat (embedding vector_cosine_ops) WITH (lists = 10);
"""

SEED = f"""
INSERT INTO users (id, name) VALUES ('{ME}', 'demo-seed-canary');
SET LOCAL app.user_id = '{ME}';
INSERT INTO conversations (user_id) VALUES ('{ME}');
INSERT INTO messages (user_id, content, created_at) VALUES ('{ME}', 'hello', '2026-05-06');
"""  # noqa: S608 - constants


LEGACY = """
SET ROLE chat_crm_owner_dev;
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL CHECK (name <> ''), mood mood);
CREATE INDEX customers_name ON customers USING gin (name gin_trgm_ops);
CREATE FUNCTION greet(c customers) RETURNS text LANGUAGE sql AS $$ SELECT 'hello; ' || c.name $$;
CREATE VIEW glad AS SELECT id, greet(c) AS said FROM customers AS c WHERE mood = 'glad';
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
CREATE POLICY everything ON customers TO chat_crm_dev USING (true);
CREATE PUBLICATION crm_pub FOR TABLE customers;
INSERT INTO customers (name) SELECT 'crm-row-canary-' || n FROM generate_series(1, 40) AS n;
RESET ROLE;
"""


def lay_out(folder: Path, environment: Mapping[str, str]) -> Project:
    """The project in a folder, nothing of it applied."""
    shutil.copytree(CHECKOUT / "components", folder / "components")
    (folder / "platforms").mkdir()
    (folder / "platforms" / "chat.yaml").write_text(PLATFORM)
    (folder / ".venv").symlink_to(CHECKOUT / ".venv")
    (folder / "__main__.py").write_text(PROGRAM)
    (folder / "Pulumi.yaml").write_text(PROJECT)
    for stack, kind in zip(STACKS, ("development", "production"), strict=True):
        (folder / f"Pulumi.{stack}.yaml").write_text(CONFIG.format(kind=kind))
    for name, text in (
        ("0001_tables", TABLES),
        ("0002_row_level_security", POLICIES),
        ("0003_indexes", INDEXES),
        ("seeds/0001_demo", SEED),
    ):
        write(folder, name, text)
    return Project(folder, {**os.environ, **environment})


def write(folder: Path, name: str, text: str, database: str = "api") -> Path:
    """One file of a database."""
    file = folder / "database" / database / f"{name}.sql"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def rows(servers: Servers, stack: str, query: str, database: str = "api") -> list[Any]:
    """What the administrator is answered."""
    with servers.database(f"{SYSTEM}_{database}_{stack}") as session:
        return session.execute(query).fetchall()


def application(servers: Servers, stack: str) -> Any:
    """A session of the application's own login."""
    given = servers.secret(f"{SYSTEM}-{stack}", "chat-api-db")
    return servers.database(given["PGDATABASE"], user=given["PGUSER"], password=given["PGPASSWORD"])


def image(servers: Servers, stack: str) -> str:
    """What the Deployment runs."""
    found = servers.object(f"/apis/apps/v1/namespaces/{SYSTEM}-{stack}/deployments/chat-api")
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def release(project: Project, stack: str, version: str) -> None:
    """Ask for another image of the application."""
    file = project.folder / f"Pulumi.{stack}.yaml"
    file.write_text(re.sub(r"chat/api:\w+", f"chat/api:{version}", file.read_text()))


def add(project: Project, name: str, text: str) -> Path:
    """The next migration."""
    number = len(list((project.folder / "database" / "api").glob("[0-9]*.sql"))) + 1
    return write(project.folder, f"{number:04}_{name}", text)


def job(servers: Servers, stack: str) -> dict[str, Any]:
    """The Job of the database's present version; after a failure the one before it is there as well."""
    jobs = servers.object(f"/apis/batch/v1/namespaces/{SYSTEM}-{stack}/jobs")["items"]
    own = [one for one in jobs if one["metadata"]["name"].startswith("chat-api-migration-")]
    return max(own, key=lambda one: one["metadata"]["creationTimestamp"])


def psql_process(servers: Servers) -> int | None:
    """The migration that the sandbox runs now."""
    home = str(servers.sandbox.layout.data / "jobs")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if words[0] == "psql" and any(home in word for word in words):
            return int(process.name)
    return None


def dump(project: Project, stack: str, file: Path) -> subprocess.CompletedProcess[str]:
    """`bulkhead structure dump` as a person runs it."""
    words = ["structure", "dump", "--stack", stack, "--database", "crm", "--output", str(file)]
    done = subprocess.run(
        [sys.executable, "-m", "bulkhead.cli", *words],
        cwd=project.folder,
        env={**project.environment, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done
