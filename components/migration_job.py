"""The Job that migrates a database, and the ConfigMaps that it reads: all named after what they do."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from components.environment import Environment
from components.manifest import Object, manifest
from components.migration_files import Migrations
from components.migration_script import SCRIPT, SEEDS, Plan, render_files, seed_files
from components.network import selector
from components.pod import Pod, render_template

FOLDER = "/migrations"

_PATIENCE_SECONDS = 60
"""How long after the Job's own deadline the provider goes on looking: until Kubernetes has said how it ended."""

_SESSION = {
    "statement_timeout": "0",  # the Job's deadline is the limit
    "lock_timeout": "10s",  # whoever waits for a lock holds up all who come after
    "idle_in_transaction_session_timeout": "60s",
    "client_connection_check_interval": "5s",  # a statement ends soon after the Job that sent it
}
"""What a migration's session begins with, and comes back to after each file."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One version of a database, to be reached by one Job.

    Args:
        environment: whose it is.
        namespace: where the Job runs.
        app: what the Job's pods are known by there.
        plan: what the database is to become.
        image: what has psql.
        sslmode: libpq's.
        deadline: seconds that the Job may take.
    """

    environment: Environment
    namespace: str
    app: str
    plan: Plan
    image: str
    sslmode: str
    deadline: int

    @property
    def files(self) -> dict[str, str]:
        """The script and the files that it includes, but for the seeds."""
        return render_files(self.plan)

    @property
    def seeds(self) -> dict[str, str]:
        """The seeds, where there are any to be applied."""
        return seed_files(self.plan.migrations.seeds)

    @property
    def name(self) -> str:
        """What this version's Job, ConfigMaps and Secret are called; another version has another name."""
        what = json.dumps([self.files, self.seeds, self.image, self.sslmode, self.deadline], sort_keys=True)
        return f"{self.app}-{hashlib.sha256(what.encode()).hexdigest()[:10]}"

    @property
    def seeds_name(self) -> str:
        """What the seeds' ConfigMap is called."""
        return f"{self.name}-seeds"

    @property
    def variables(self) -> dict[str, str]:
        """The variables of psql that are no secret."""
        options = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
        variables = {
            "PGAPPNAME": self.app,
            "PGCONNECT_TIMEOUT": "10",
            "PGOPTIONS": options,
            "PGSSLMODE": self.sslmode,
            "PGTARGETSESSIONATTRS": "read-write",
        }
        return {**variables, "PGSSLROOTCERT": "system"} if self.sslmode == "verify-full" else variables

    @property
    def command(self) -> tuple[str, ...]:
        """What is run: psql alone, so that any image that has it will do."""
        flags = ("--no-psqlrc", "--no-password", "--quiet", "--set=ON_ERROR_STOP=1")
        return ("psql", *flags, f"--file={FOLDER}/{SCRIPT}")


def without_seeds(migrations: Migrations) -> Migrations:
    """The same files without rows to begin with, as production takes them."""
    return Migrations(structure=migrations.structure, contained=migrations.contained, files=migrations.files)


def render_config_map(run: Run, name: str, data: Mapping[str, str]) -> Object:
    """Files, which nobody can change while a Job reads them."""
    return manifest(
        run.environment, "v1", "ConfigMap", name, namespace=run.namespace, immutable=True, data=dict(data)
    )


def render_job(run: Run, pod: Pod) -> Object:
    """The Job: it runs once, and again only where it failed and the next `up` asks for it."""
    template = render_template(pod)
    spec = template["spec"]
    (container,) = spec["containers"]
    container["terminationMessagePolicy"] = "FallbackToLogsOnError"  # PostgreSQL's message is the error's text
    container["volumeMounts"].append({"name": "migrations", "mountPath": FOLDER, "readOnly": True})
    spec["volumes"].append({"name": "migrations", "projected": {"sources": _sources(run)}})
    return manifest(
        run.environment,
        "batch/v1",
        "Job",
        run.name,
        namespace=run.namespace,
        labels=selector(run.app),
        annotations={
            "pulumi.com/replaceUnready": "true",
            "pulumi.com/timeoutSeconds": str(run.deadline + _PATIENCE_SECONDS),
        },
        spec={
            "backoffLimit": 0,  # what PostgreSQL refused once it refuses again
            "activeDeadlineSeconds": run.deadline,
            "podFailurePolicy": {
                "rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
                ]
            },
            "template": template,
        },
    )


def _sources(run: Run) -> list[Object]:
    sources: list[Object] = [{"configMap": {"name": run.name}}]
    if run.seeds:
        items = [{"key": name, "path": f"{SEEDS}/{name}"} for name in sorted(run.seeds)]
        sources.append({"configMap": {"name": run.seeds_name, "items": items}})
    return sources
