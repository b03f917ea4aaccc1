"""VaultDbSecret: from a database to a Kubernetes Secret that an application can use.

Static: a generated password, kept in Vault's KV engine. Dynamic: Vault leases a login of its own at every
refresh. Either way External Secrets delivers it, as a service account that may read this one path.
"""

import hashlib
import json
import re
from dataclasses import dataclass

import pulumi
import pulumi_postgresql as postgresql
import pulumi_random as random
import pulumi_vault as vault

from components import lease
from components.environment import Environment
from components.environment_database import EnvironmentDatabase, connection_url
from components.errors import InputError
from components.external_secret import (
    Delivery,
    render_external_secret,
    render_generator,
    render_secret_store,
)
from components.manifest import Manifest, manifest
from components.namespace import Namespace
from components.providers import Connected
from components.settings import Credentials, Workload
from components.validation import DNS_LABEL, seconds

LOGIN_SECONDS = 600
"""Seconds that External Secrets' login at Vault lives where no lease hangs on it."""


@dataclass(frozen=True, kw_only=True)
class VaultDbSecretArgs:
    """What a VaultDbSecret needs.

    Args:
        environment: the environment that the credential belongs to.
        database: what the credential opens.
        namespace: where the Secret is delivered.
        secret: the Secret's name.
        credentials: static or dynamic, and the times.
        used_by: the workload that uses it; its lease must outlast that one's roll-out.
        database_url: the Secret has DATABASE_URL as well as PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD.
    """

    environment: Environment
    database: EnvironmentDatabase
    namespace: Namespace
    secret: str
    credentials: Credentials
    used_by: Workload
    database_url: bool = False


class VaultDbSecret(pulumi.ComponentResource):
    """A database credential, delivered and renewed.

    Outputs: `secret` (the Secret's name), `path` (the KV secret, mount included).
    """

    def __init__(
        self,
        name: str,
        args: VaultDbSecretArgs,
        platform: Connected,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        _refuse_unusable(args)
        lease.check(args.credentials, replicas=args.used_by.most_replicas, key=f"Secret {args.secret}")
        self.environment, self.secret = args.environment, args.secret
        self.path = args.environment.vault_path(f"db_{name}")
        self._name, self._args, self._vault = name, args, platform.platform.vault
        self._leased = args.credentials.mode == "dynamic"
        self._delivery = Delivery(
            environment=args.environment,
            namespace=args.namespace.name,
            secret=args.secret,
            service_account=f"{name}-secrets",
            principal=args.environment.principal(name),
            kv_path=self.path,
            creds_path=f"{self.path}/creds/{name}" if self._leased else None,
            refresh=seconds(args.credentials.refresh),
            sslmode=args.database.sslmode,
            database_url=args.database_url,
        )
        super().__init__(
            "bulkhead:index:VaultDbSecret",
            name,
            {},
            pulumi.ResourceOptions.merge(platform.options, opts),
        )
        write = args.database.write
        values: dict[str, pulumi.Input[str]] = {
            "PGHOST": write.host,
            "PGPORT": str(write.port),
            "PGDATABASE": args.database.names.database,
        }
        source = self._lease() if self._leased else self._static(values)
        kept, revision = self._keep(values)
        self.ready = self._deliver(revision, after=[source, kept])
        self.register_outputs({"secret": self.secret, "path": f"{self._vault.kv_mount}/{self.path}"})

    def _child(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(after))

    def _generate(self) -> pulumi.Output[str]:
        return random.RandomPassword(f"{self._name}-password", length=40, special=False, opts=self._child()).result

    def _static(self, values: dict[str, pulumi.Input[str]]) -> pulumi.Resource:
        """A login with a generated password; what it is goes into `values`."""
        password = self._generate()
        login = postgresql.Role(
            f"{self._name}-login",
            name=self._args.environment.login(self._name),
            login=True,
            password=password,
            roles=[self._args.database.read_write.name],
            opts=self._child(self._args.database.ready),
        )
        values |= {"PGUSER": login.name, "PGPASSWORD": password}
        return login

    def _lease(self) -> pulumi.Resource:
        """Vault's own login, and the engine that leases logins to the application.

        The engine is one mount a credential, so that destroying it ends every lease while Vault can still
        reach the database: its connection and its role go with it and not before it.
        """
        name, database, times = self._name, self._args.database, self._args.credentials
        password = self._generate()
        administrator = postgresql.Role(
            f"{name}-vault",
            name=self._args.environment.vault_administrator(name),
            login=True,
            create_role=True,
            password=password,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[database.ready],
                # GrantRole owns the membership, which an update of the Role would revoke; and after rotate-root
                # only Vault knows the password.
                ignore_changes=["roles", "password"],
            ),
        )
        member = postgresql.GrantRole(
            f"{name}-vault-membership",
            role=administrator.name,
            grant_role=database.read_write.name,
            with_admin_option=True,  # so that it may make members of the group, and of no other role
            opts=self._child(),
        )
        mount = vault.Mount(
            f"{name}-engine",
            path=self.path,
            type="database",
            default_lease_ttl_seconds=seconds(times.ttl),
            max_lease_ttl_seconds=seconds(times.max_ttl),
            opts=self._child(member, database.ready),
        )
        inside = pulumi.ResourceOptions(parent=self, deleted_with=mount)
        connection = vault.database.SecretBackendConnection(
            f"{name}-connection",
            backend=mount.path,
            name=database.names.database,
            allowed_roles=[name],
            postgresql={
                "connection_url": connection_url(database),
                "username": administrator.name,
                "password": password,
                "password_authentication": "scram-sha-256",
                "username_template": lease.username_template(database.names.read_write),
            },
            # Vault never gives the password back, and `vault write -f …/rotate-root/…` changes it.
            opts=pulumi.ResourceOptions.merge(
                inside, pulumi.ResourceOptions(ignore_changes=["postgresql.password"])
            ),
        )
        return vault.database.SecretBackendRole(
            f"{name}-lease",
            backend=mount.path,
            name=name,
            db_name=connection.name,
            creation_statements=lease.creation_statements(
                database.names.read_write, self._args.environment.vault_administrator(name)
            ),
            revocation_statements=lease.revocation_statements(),
            default_ttl=seconds(times.ttl),
            max_ttl=seconds(times.max_ttl),
            opts=inside,
        )

    def _keep(self, values: dict[str, pulumi.Input[str]]) -> tuple[pulumi.Resource, pulumi.Output[str]]:
        """The KV secret, sorted and compact as Vault's provider stores it, and a digest that tells its change."""
        data = pulumi.Output.secret(
            pulumi.Output.all(**values).apply(
                lambda known: json.dumps(known, sort_keys=True, separators=(",", ":"))
            )
        )
        kept = vault.kv.SecretV2(
            f"{self._name}-kv",
            mount=self._vault.kv_mount,
            name=self.path,
            data_json=data,
            delete_all_versions=True,
            opts=self._child(),
        )
        # 40 random characters cannot be guessed from a digest, so it may be seen.
        revision = data.apply(lambda text: hashlib.sha256(text.encode()).hexdigest()[:16])
        return kept, pulumi.Output.unsecret(revision)

    def _reader(self) -> tuple[pulumi.Resource, pulumi.Resource]:
        """The service account that may read this credential, and nothing else."""
        delivery, times = self._delivery, self._args.credentials
        account = Manifest(
            f"{self._name}-service-account",
            manifest(
                delivery.environment,
                "v1",
                "ServiceAccount",
                delivery.service_account,
                namespace=delivery.namespace,
                automountServiceAccountToken=False,
            ),
            self._child(self._args.namespace.object),
        )
        policy = vault.Policy(
            f"{self._name}-policy",
            name=delivery.principal,
            policy=render_policy(self._vault.kv_mount, delivery),
            opts=self._child(),
        )
        lifetime = seconds(times.ttl) + delivery.refresh if self._leased else LOGIN_SECONDS
        role = vault.kubernetes.AuthBackendRole(
            f"{self._name}-auth-role",
            backend=self._vault.kubernetes_auth,
            role_name=delivery.principal,
            bound_service_account_names=[delivery.service_account],
            bound_service_account_namespaces=[delivery.namespace],
            token_policies=[policy.name],
            token_no_default_policy=True,
            token_ttl=lifetime,  # a lease ends with the token that asked for it
            token_max_ttl=lifetime,
            opts=self._child(),
        )
        return account, role

    def _deliver(self, revision: pulumi.Input[str], after: list[pulumi.Resource]) -> pulumi.Resource:
        delivery, name = self._delivery, self._name
        ready = [*self._reader(), *after]
        store = Manifest(f"{name}-secret-store", render_secret_store(delivery, self._vault), self._child(*ready))
        sources: list[pulumi.Resource] = [store]
        if self._leased:
            sources.append(
                Manifest(f"{name}-generator", render_generator(delivery, self._vault), self._child(*ready))
            )
        return Manifest(
            f"{name}-external-secret", render_external_secret(delivery, revision), self._child(*sources)
        )


def _refuse_unusable(args: VaultDbSecretArgs) -> None:
    args.environment.refuse_foreign(database=args.database.environment, namespace=args.namespace.environment)
    _require_label("secret", args.secret)


def _require_label(what: str, value: object) -> None:
    if not isinstance(value, str) or not re.fullmatch(DNS_LABEL, value):
        raise InputError(f"{what} is {value!r}; use a DNS label: lower-case letters, digits and hyphens")


def render_policy(kv_mount: str, delivery: Delivery) -> str:
    """The Vault policy that reads this credential: its KV secret and, where logins are leased, its lease.

    External Secrets looks its own token up and gives it back; without the `default` policy that is said here.
    """
    rules = {f"{kv_mount}/data/{delivery.kv_path}": "read"}
    if delivery.creds_path:
        rules[delivery.creds_path] = "read"
    rules |= {"auth/token/lookup-self": "read", "auth/token/revoke-self": "update"}
    return "".join(f'path "{path}" {{\n  capabilities = ["{may}"]\n}}\n' for path, may in rules.items())
