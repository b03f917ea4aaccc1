"""Providers: one explicit provider for each server, the same for all components of a stack."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes
import pulumi_postgresql
import pulumi_random
import pulumi_vault

from components import preflight
from components.platform import Platform
from components.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Connected:
    """A platform, and the providers that reach it."""

    platform: Platform
    kubernetes: pulumi_kubernetes.Provider
    vault: pulumi_vault.Provider
    postgresql: pulumi_postgresql.Provider
    random: pulumi_random.Provider

    @property
    def options(self) -> pulumi.ResourceOptions:
        """What a component's children inherit."""
        return pulumi.ResourceOptions(providers=[self.kubernetes, self.vault, self.postgresql, self.random])


def connect(settings: Settings) -> Connected:
    """Check the servers, then configure a provider for each.

    Credentials stay in the environment variables that the providers read for themselves (KUBECONFIG,
    VAULT_TOKEN, PGUSER, PGPASSWORD), so the state holds none of them.

    Raises:
        PlatformError: a server cannot be used, or a namespace belongs to somebody else.
    """
    platform = settings.platform
    preflight.check(platform)
    if not pulumi.runtime.is_dry_run():
        preflight.refuse_foreign_namespaces(platform, settings.environment, settings.namespaces)
    return configure(platform)


def configure(platform: Platform) -> Connected:
    """The providers of a platform, without a look at its servers."""
    return Connected(
        platform=platform,
        kubernetes=pulumi_kubernetes.Provider(
            "kubernetes",
            context=platform.kubernetes.context,
            enable_patch_force=True,  # what we declare wins over a change by hand, instead of a field conflict
        ),
        vault=pulumi_vault.Provider(
            "vault",
            address=platform.vault.address,
            skip_child_token=True,  # a child token lives 20 minutes, and leases end with it
        ),
        postgresql=pulumi_postgresql.Provider(
            "postgresql",
            host=platform.postgresql.write.host,
            port=platform.postgresql.write.port,
            sslmode=platform.postgresql.sslmode,
            superuser=False,
            connect_timeout=15,
            max_connections=4,
        ),
        random=pulumi_random.Provider("random"),
    )
