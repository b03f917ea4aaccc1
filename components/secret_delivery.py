"""Delivery of one Secret: who may read its sources at Vault, and the operator's objects on the cluster.

What composes it is a component; the resources made here are that component's children.
"""

import pulumi
import pulumi_vault as vault

from components.external_secret import (
    Delivery,
    render_external_secret,
    render_generators,
    render_secret_store,
)
from components.manifest import Manifest
from components.namespace import Namespace
from components.permissions import render_account
from components.platform import Vault

LOGIN_SECONDS = 600
"""Seconds that External Secrets' login at Vault lives where no lease hangs on it."""


def deliver(
    parent: pulumi.ComponentResource,
    name: str,
    delivery: Delivery,
    *,
    namespace: Namespace,
    platform: Vault,
    revision: pulumi.Input[str],
    after: tuple[pulumi.Resource, ...] = (),
) -> Manifest:
    """Let one service account read the sources, and have the operator make the Secret of them.

    Args:
        parent: the component whose children these are.
        name: what their logical names begin with.
        delivery: the Secret, and what it is made of.
        namespace: where it is delivered.
        platform: the Vault that holds the sources.
        revision: a text that changes with the values, so that the operator looks at once.
        after: what must be there first: the sources.

    Returns:
        What to wait for: with it the Secret is there.
    """

    def child(*waits_for: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=parent, depends_on=list(waits_for))

    def named(*waits_for: pulumi.Resource) -> pulumi.ResourceOptions:
        # What is delivered once bears the name of a version: the old goes first, or it would be in the way of
        # going back to it. What is delivered for good is there under its new name before the old one goes.
        first = pulumi.ResourceOptions(delete_before_replace=True) if delivery.once else None
        return pulumi.ResourceOptions.merge(child(*waits_for), first)

    reader = _reader(name, delivery, platform, child(namespace.object), child())
    ready = [*reader, *after]
    store = Manifest(f"{name}-secret-store", render_secret_store(delivery, platform), named(*ready))
    parts: list[pulumi.Resource] = [store]
    for source, generator in zip(delivery.leased, render_generators(delivery, platform), strict=True):
        of = f"{source.prefix.replace('_', '-').strip('-')}-" if source.prefix else ""
        parts.append(Manifest(f"{name}-{of}generator", generator, named(*ready)))
    return Manifest(f"{name}-external-secret", render_external_secret(delivery, revision), named(*parts))


def _reader(
    name: str,
    delivery: Delivery,
    platform: Vault,
    inside: pulumi.ResourceOptions,
    options: pulumi.ResourceOptions,
) -> tuple[pulumi.Resource, pulumi.Resource]:
    """The service account that may read these sources, and nothing else."""
    account = Manifest(
        f"{name}-service-account",
        render_account(delivery.environment, delivery.namespace, delivery.service_account),
        inside,
    )
    policy = vault.Policy(
        f"{name}-policy",
        name=delivery.principal,
        policy=render_policy(platform.kv_mount, delivery),
        opts=options,
    )
    lifetime = token_seconds(delivery)
    role = vault.kubernetes.AuthBackendRole(
        f"{name}-auth-role",
        backend=platform.kubernetes_auth,
        role_name=delivery.principal,
        bound_service_account_names=[delivery.service_account],
        bound_service_account_namespaces=[delivery.namespace],
        token_policies=[policy.name],
        token_no_default_policy=True,
        token_ttl=lifetime,
        token_max_ttl=lifetime,
        opts=options,
    )
    return account, role


def token_seconds(delivery: Delivery) -> int:
    """How long External Secrets' token lives: longer than any lease, which would end with the token."""
    lease = max((source.lease for source in delivery.leased), default=0)
    return lease + delivery.refresh if lease else LOGIN_SECONDS


def render_policy(kv_mount: str, delivery: Delivery) -> str:
    """The Vault policy that reads these sources: their KV secrets and, where logins are leased, their leases.

    External Secrets looks its own token up and gives it back; without the `default` policy that is said here.
    """
    rules: dict[str, str] = {}
    for source in delivery.sources:
        rules[f"{kv_mount}/data/{source.kv_path}"] = "read"
        if source.creds_path:
            rules[source.creds_path] = "read"
    rules |= {"auth/token/lookup-self": "read", "auth/token/revoke-self": "update"}
    return "".join(f'path "{path}" {{\n  capabilities = ["{may}"]\n}}\n' for path, may in rules.items())
