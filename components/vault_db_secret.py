"""VaultDbSecret: from a database to a Kubernetes Secret that an application can use.

Static: a generated password, kept in Vault's KV engine. Dynamic: Vault leases a login of its own at every
refresh. Either way External Secrets delivers it, as a service account that may read this one path.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components import connections, lease
from components.database_login import LoginArgs, make_login
from components.environment import Environment
from components.environment_database import EnvironmentDatabase
from components.errors import InputError
from components.external_secret import Delivery, Source
from components.namespace import Namespace
from components.providers import Connected
from components.secret_delivery import deliver
from components.validation import require_label, seconds
from components.values import Credentials, Workload


@dataclass(frozen=True, kw_only=True)
class VaultDbSecretArgs:
    """What a VaultDbSecret needs.

    Args:
        environment: the environment that the credential belongs to.
        database: what the credential opens.
        namespace: where the Secret is delivered.
        secret: the Secret's name; None where an AppSecret delivers the credential as a part of its own.
        credentials: static or dynamic, and the times.
        used_by: the workload that uses it, or several; its lease must outlast every one's roll-out.
        database_url: the Secret has DATABASE_URL as well as PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD.
    """

    environment: Environment
    database: EnvironmentDatabase
    namespace: Namespace
    secret: str | None
    credentials: Credentials
    used_by: Workload | tuple[Workload, ...]
    database_url: bool = False


class VaultDbSecret(pulumi.ComponentResource):
    """A database credential, delivered and renewed.

    Outputs: `secret` (the Secret's name), `path` (the KV secret, mount included).
    """

    variables: Mapping[str, str] | None = None
    """None: the Secret's keys are the environment variables."""

    def __init__(
        self,
        name: str,
        args: VaultDbSecretArgs,
        platform: Connected,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        _refuse_unusable(name, args)
        self.environment, self._name, self._secret = args.environment, name, args.secret
        self.credentials, self.users = args.credentials, _users(args.used_by)
        self.path = args.environment.vault_path(f"db_{name}")
        vault = platform.platform.vault
        opens = LoginArgs(
            environment=args.environment,
            database=args.database,
            credentials=args.credentials,
            path=self.path,
            part=name,
            users=tuple(
                connections.of_workload(f"{args.secret or name} for {user.image.partition('@')[0]}", user)
                for user in self.users
            ),
        )
        opens.reserve()
        super().__init__(
            "bulkhead:index:VaultDbSecret",
            name,
            {},
            pulumi.ResourceOptions.merge(platform.options, opts),
        )
        login = make_login(self, name, opens, vault)
        self.source: Source = login.source
        self.revision: pulumi.Output[str] = login.revision
        self.ready: pulumi.Resource = self
        if args.secret is not None:
            keys = [key for key in self.source.keys if key != "DATABASE_URL" or args.database_url]
            delivery = Delivery(
                environment=args.environment,
                namespace=args.namespace.name,
                secret=args.secret,
                service_account=f"{name}-secrets",
                principal=args.environment.principal(name),
                sources=(self.source,),
                data={key: self.source.template(key) for key in keys},
                refresh=seconds(args.credentials.refresh),
            )
            self.ready = deliver(
                self,
                name,
                delivery,
                namespace=args.namespace,
                platform=vault,
                revision=self.revision,
                after=login.ready,
            )
        self.register_outputs({"secret": args.secret, "path": f"{vault.kv_mount}/{self.path}"})

    @property
    def secret(self) -> str:
        """The Secret's name.

        Raises:
            InputError: this credential is not delivered on its own.
        """
        if self._secret is None:
            raise InputError(
                f"secret of {self._name!r} is None, so it is no Secret of its own; give it one, or use the "
                "AppSecret that it is a part of"
            )
        return self._secret


def _users(used_by: Workload | tuple[Workload, ...]) -> tuple[Workload, ...]:
    return (used_by,) if isinstance(used_by, Workload) else used_by


def _refuse_unusable(name: str, args: VaultDbSecretArgs) -> None:
    args.environment.refuse_foreign(database=args.database.environment, namespace=args.namespace.environment)
    if args.secret is not None:
        require_label("secret", args.secret)
    users = _users(args.used_by)
    if not users:
        raise InputError("used_by is empty; name the workload that uses the credential, or several")
    most = max(user.most_replicas for user in users)
    lease.check(args.credentials, replicas=most, key=f"Secret {args.secret or name}")
