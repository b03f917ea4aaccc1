"""SchemaMigration: what a database's schema is to be, file by file, before the pods that need it start.

The files run in a Job on the cluster, as psql runs them, with a login that is the owner role from its first
statement. Each file runs once; what was done is written down in the database itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pulumi

from components import database_settings, lease, migration_files
from components.connections import MIGRATION, Reservation
from components.database_login import LoginArgs, login_source, make_login
from components.environment import Environment
from components.environment_database import EnvironmentDatabase
from components.errors import InputError
from components.external_secret import Delivery
from components.manifest import Manifest
from components.migration_job import Run, render_config_map, render_job, without_seeds
from components.migration_script import WAIT_SECONDS, Plan
from components.namespace import Namespace
from components.network import render_egress, to_addresses
from components.permissions import render_account
from components.pod import Pod, full_resources
from components.providers import Connected
from components.quota import Claim
from components.secret_delivery import deliver
from components.validation import checked, parse_seconds, seconds
from components.values import Credentials, Image, Resources, Workload

IMAGE = "docker.io/library/postgres:16.14"

_PURPOSE = "migration"
_VALUES = ("PGDATABASE", "PGHOST", "PGPASSWORD", "PGPORT", "PGUSER")
_RESOURCES = Resources.model_validate(
    {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}}
)


@dataclass(frozen=True, kw_only=True)
class SchemaMigrationArgs:
    """What a SchemaMigration needs.

    Args:
        environment: the environment that the database belongs to.
        database: what is migrated.
        namespace: where the Job runs.
        credentials: static or dynamic, and the times.
        files: the folder of `structure.sql` and of the migrations, `0001_tables.sql` and on.
        settings: what every session in the database begins with, by the names of `SHOW`.
        seeds: the folder of rows to begin with, in the same form; never for production or where the stack says no.
        image: an image that has psql, of the server's version or later.
        deadline: how long a migration may take.
    """

    environment: Environment
    database: EnvironmentDatabase
    namespace: Namespace
    credentials: Credentials
    files: Path
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    seeds: Path | None = None
    image: str = IMAGE
    deadline: str = "30m"


@dataclass(frozen=True)
class _Login:
    """The migration's Secret, as a pod takes it."""

    environment: Environment
    secret: str
    ready: pulumi.Resource
    variables: Mapping[str, str] | None
    credentials: Credentials | None = None
    users: tuple[Workload, ...] | None = None


class SchemaMigration(pulumi.ComponentResource):
    """The schema of one database at one version; `done` is what the pods that need it wait for.

    Outputs: `database`, `job` (the Job's name, which changes with the version).
    """

    def __init__(
        self,
        name: str,
        args: SchemaMigrationArgs,
        platform: Connected,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        self.environment = args.environment
        app = f"{args.namespace.workload(name)}-{_PURPOSE}"
        _refuse_unusable(args, app)
        self._run = _plan(args, app)
        self._login = LoginArgs(
            environment=args.environment,
            database=args.database,
            credentials=args.credentials,
            path=args.environment.vault_path(f"db_{name}_{_PURPOSE}"),
            part=name,
            purpose=_PURPOSE,
            users=(Reservation(what=f"the migration {app}", connections=MIGRATION),),
            group="owner",
        )
        self._login.reserve()
        limits = full_resources(_RESOURCES)["limits"]
        args.namespace.claim(Claim(what=app, pods=1, cpu=limits["cpu"], memory=limits["memory"]))
        super().__init__(
            "bulkhead:index:SchemaMigration",
            name,
            {},
            pulumi.ResourceOptions.merge(platform.options, opts),
        )
        self._name, self._args, self._platform = f"{name}-{_PURPOSE}", args, platform
        secret = self._deliver()
        files = self._files()
        self.done: pulumi.Resource = Manifest(
            self._name,
            render_job(self._run, self._pod(secret)),
            self._of_version(self._account(), self._way_out(), secret.ready, *files),
        )
        self.register_outputs({"database": args.database.names.database, "job": self._run.name})

    def _child(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=[self._args.namespace.object, *after])

    def _of_version(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of what bears a version's name: the old goes first.

        Otherwise the old would wait for its deletion when an update fails, and be in the way of going back to it.
        """
        return pulumi.ResourceOptions.merge(
            self._child(*after), pulumi.ResourceOptions(delete_before_replace=True)
        )

    def _deliver(self) -> _Login:
        """The login, and its Secret: one of each version's own, so that nothing is leased between two versions."""
        args, platform = self._args, self._platform.platform.vault
        made = make_login(self, self._name, self._login, platform)
        source = login_source(self._name, self._login)
        delivery = Delivery(
            environment=args.environment,
            namespace=args.namespace.name,
            secret=self._run.name,
            service_account=f"{self._run.app}-secrets",
            principal=args.environment.principal(self._login.part, _PURPOSE),
            sources=(source,),
            data={key: source.template(key) for key in _VALUES},
            refresh=seconds(args.credentials.refresh),
            once=True,
        )
        ready = deliver(
            self,
            self._name,
            delivery,
            namespace=args.namespace,
            platform=platform,
            revision=made.revision,
            after=made.ready,
        )
        return _Login(args.environment, delivery.secret, ready, {key: key for key in _VALUES})

    def _files(self) -> list[pulumi.Resource]:
        run = self._run
        files = [Manifest(f"{self._name}-files", render_config_map(run, run.name, run.files), self._of_version())]
        if run.seeds:
            rendered = render_config_map(run, run.seeds_name, run.seeds)
            files.append(Manifest(f"{self._name}-seeds", rendered, self._of_version()))
        return [*files]

    def _account(self) -> pulumi.Resource:
        run = self._run
        return Manifest(
            f"{self._name}-account", render_account(run.environment, run.namespace, run.app), self._child()
        )

    def _way_out(self) -> pulumi.Resource:
        run, write = self._run, self._platform.platform.postgresql.write
        rules = [to_addresses(write.network, write.port)]
        rendered = render_egress(run.environment, run.namespace, run.app, rules)
        return Manifest(f"{self._name}-egress", rendered, self._child())

    def _pod(self, secret: _Login) -> Pod:
        run = self._run
        return Pod(
            environment=run.environment,
            app=run.app,
            account=run.app,
            image=run.image,
            resources=_RESOURCES,
            command=run.command,
            variables=run.variables,
            secrets=(secret,),
            ends=True,
        )


def _plan(args: SchemaMigrationArgs, app: str) -> Run:
    """What is to be done, known before anything is registered; seeds are read where they are left out too."""
    migrations = migration_files.read(args.files, args.seeds)
    if not args.environment.takes_seeds:
        migrations = without_seeds(migrations)
    return Run(
        environment=args.environment,
        namespace=args.namespace.name,
        app=app,
        plan=Plan(names=args.database.names, migrations=migrations, settings=args.settings),
        image=args.image,
        sslmode=args.database.sslmode,
        deadline=seconds(args.deadline),
    )


def _refuse_unusable(args: SchemaMigrationArgs, app: str) -> None:
    args.environment.refuse_foreign(database=args.database.environment, namespace=args.namespace.environment)
    checked(Image, args.image, f"image of {app}")
    deadline = parse_seconds(f"deadline of {app}", args.deadline)
    if deadline <= WAIT_SECONDS:
        raise InputError(
            f"deadline of {app} is {args.deadline!r}; use more than {WAIT_SECONDS}s, which it may have to wait "
            "for the end of another migration"
        )
    _refuse_unverifiable(app, args.database.sslmode, args.image)
    database_settings.refuse_unusable(args.settings)
    lease.check_job(args.credentials, deadline=deadline, key=app)


def _refuse_unverifiable(app: str, sslmode: str, image: str) -> None:
    """Refuse a check of the server's certificate for which psql would find no authority: it would always fail."""
    instead = (
        "image: one with psql and with the authority of the server's certificate in its system store, "
        "and postgresql.sslmode verify-full"
    )
    if sslmode == "verify-ca":
        raise InputError(
            f"postgresql.sslmode is 'verify-ca', for which psql takes no authority of an image's system store, "
            f"and {app} has no other; use {instead}"
        )
    if sslmode == "verify-full" and image == IMAGE:
        raise InputError(
            f"postgresql.sslmode is 'verify-full', and the image of {app} is {image!r}, which has no "
            f"certificate authorities; use {instead}"
        )
