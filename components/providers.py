"""Providers: one explicit provider for each server, the same for all components of a stack."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes
import pulumi_postgresql
import pulumi_random
import pulumi_vault

from components import identity, preflight
from components.adopted_database import Adoptions
from components.platform import Platform
from components.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Connected:
    """A platform, and the providers that reach it.

    Args:
        platform: the servers.
        kubernetes: the provider of the cluster.
        vault: the provider of Vault.
        postgresql: the provider of the database server.
        random: the provider of passwords.
        adoptions: how databases that were there before are declared.
        max_connections: how many connections the database server has for all; None where nobody has asked it.
        extensions: the versions of each extension that the database server has; None where nobody has asked it.
        databases: the part that has each database, by the database's name: no two may have the same.
        limits: the connection limit of each of them.
        hosts: the Ingress that has each public host.
    """

    platform: Platform
    kubernetes: pulumi_kubernetes.Provider
    vault: pulumi_vault.Provider
    postgresql: pulumi_postgresql.Provider
    random: pulumi_random.Provider
    adoptions: Adoptions
    max_connections: int | None = None
    extensions: Mapping[str, Sequence[str]] | None = None
    databases: dict[str, str] = field(default_factory=dict[str, str])
    limits: dict[str, int] = field(default_factory=dict[str, int])
    hosts: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def options(self) -> pulumi.ResourceOptions:
        """What a component's children inherit."""
        return pulumi.ResourceOptions(providers=[self.kubernetes, self.vault, self.postgresql, self.random])


def connect(
    settings: Settings,
    *,
    expects: Mapping[str, Sequence[str]] | None = None,
    parent: pulumi.Resource | None = None,
) -> Connected:
    """Check the servers, then configure a provider for each.

    Credentials stay in the environment variables that the providers read for themselves (KUBECONFIG,
    VAULT_TOKEN, PGUSER, PGPASSWORD), so the state holds none of them.

    Args:
        settings: the stack's.
        expects: keys that people have put into Vault, by application: `{"app": ("openai-api-key",)}`.
        parent: of the providers; by default the stack.

    Raises:
        PlatformError: a server cannot be used or is another one than before, a namespace belongs to somebody
            else, a database cannot be adopted, or Vault lacks what is expected.
    """
    platform, environment = settings.platform, settings.environment
    secrets = {environment.vault_path(f"app_{name}"): keys for name, keys in (expects or {}).items()}
    how = settings.credentials
    asked = preflight.Questions(platform=platform, environment=environment, secrets=secrets, credentials=how)
    found = preflight.check(asked)
    if not pulumi.runtime.is_dry_run():
        preflight.refuse_foreign_namespaces(platform, environment, settings.namespaces)
    return configure(platform, found, parent)


def configure(
    platform: Platform, found: preflight.Found | None = None, parent: pulumi.Resource | None = None
) -> Connected:
    """The providers of a platform, each configured once its server is known to be the stack's own.

    Args:
        platform: the servers.
        found: what they say; None to take them unseen.
        parent: of the providers; by default the stack.
    """
    proven, options = pulumi.Output.from_input(True), pulumi.ResourceOptions(parent=parent)  # noqa: FBT003
    above = f"{parent.pulumi_resource_name}-" if parent else ""  # a URN tells parents apart by type alone
    if found:
        for warning in found.warnings:
            pulumi.log.warn(warning)
        proven = identity.remember(found.identity, platform, parent)
    postgresql = pulumi_postgresql.Provider(
        f"{above}postgresql",
        host=proven.apply(lambda _: platform.postgresql.write.host),
        port=platform.postgresql.write.port,
        sslmode=platform.postgresql.sslmode,
        superuser=False,
        connect_timeout=15,
        max_connections=4,
        opts=options,
    )
    return Connected(
        platform=platform,
        kubernetes=pulumi_kubernetes.Provider(
            f"{above}kubernetes",
            context=proven.apply(lambda _: platform.kubernetes.context),
            enable_patch_force=True,  # what we declare wins over a change by hand, instead of a field conflict
            opts=options,
        ),
        vault=pulumi_vault.Provider(
            f"{above}vault",
            address=proven.apply(lambda _: platform.vault.address),
            skip_child_token=True,  # a child token lives 20 minutes, and leases end with it
            opts=options,
        ),
        postgresql=postgresql,
        random=pulumi_random.Provider(f"{above}random", opts=options),
        adoptions=Adoptions(
            platform=platform,
            plans=found.adoptions if found else {},
            proven=proven,
            options=pulumi.ResourceOptions(parent=parent, provider=postgresql),
        ),
        max_connections=found.max_connections if found else None,
        extensions=found.extensions if found else None,
    )
