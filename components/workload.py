"""Workload arguments: what an AppDeployment and a ScheduledJob are both told, and refuse alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pulumi

from components import lease
from components.config_files import ConfigFiles, render_files
from components.environment import Environment
from components.errors import InputError
from components.external_secret import Delivered
from components.links import Reachable, open_links, refuse_unreachable
from components.manifest import Manifest
from components.namespace import Namespace
from components.network import selector
from components.permissions import Permission, render_account, render_binding, render_role
from components.platform import Platform
from components.pod import Pod, full_resources, refuse_clashes, refuse_command
from components.validation import seconds
from components.values import Credentials, Workload


class Finished(Protocol):
    """What must be done before pods start: a SchemaMigration."""

    @property
    def environment(self) -> Environment:
        """Whose it is."""
        ...

    @property
    def done(self) -> pulumi.Resource:
        """What to wait for."""
        ...


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """What both are told.

    Args:
        environment: the environment that it belongs to.
        namespace: where it runs.
        workload: the image, and the stack's own values.
        command: the program and its arguments; empty for the image's own.
        variables: environment variables that the program derives; a stack file may add others and change none.
        secrets: credentials that become environment variables.
        files: texts that it reads, by absolute path; another text is another ConfigMap, so it rolls pods.
        reaches: the databases, applications, caches and outside services that it may open connections to.
        after: what must be done before it is there, such as a SchemaMigration.
        permissions: what it may do at the API server; none mounts no token.
    """

    environment: Environment
    namespace: Namespace
    workload: Workload
    command: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: tuple[Delivered, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    reaches: tuple[Reachable, ...] = ()
    after: tuple[Finished, ...] = ()
    permissions: tuple[Permission, ...] = ()

    @property
    def all_variables(self) -> dict[str, str]:
        """The program's variables and the stack's; none is in both."""
        return {**self.variables, **self.workload.variables}


def make_pod(app: str, args: WorkloadArgs, config_map: pulumi.Input[str]) -> Pod:
    """What each of its pods is, whatever makes them.

    Args:
        app: what the workload's objects are called.
        args: what it is told.
        config_map: the name of the ConfigMap of its files.
    """
    return Pod(
        environment=args.environment,
        app=app,
        account=app,
        image=args.workload.image,
        resources=args.workload.resources,
        command=args.command,
        variables=args.all_variables,
        secrets=args.secrets,
        files=config_files(args),
        config_map=config_map,
        token=bool(args.permissions),
    )


def config_files(args: WorkloadArgs) -> ConfigFiles | None:
    """The files, where there are any."""
    return ConfigFiles(texts=args.files) if args.files else None


def refuse_contradictions(name: str, args: WorkloadArgs, platform: Platform) -> None:
    """Refuse what belongs to another environment, cannot be reached, or is given twice.

    Args:
        name: what a stack file calls the workload.
        args: what it is told.
        platform: what it stands on.

    Raises:
        InputError: which of them.
    """
    owners = {f"after[{index}]": finished.environment for index, finished in enumerate(args.after)}
    owners |= {f"secret {secret.secret}": secret.environment for secret in args.secrets}
    args.environment.refuse_foreign(namespace=args.namespace.environment, **owners)
    refuse_unreachable(args.environment, args.reaches, platform)
    _refuse_unknown_user(args)
    _refuse_derived(name, args)
    refuse_command("command", args.command)
    refuse_clashes(args.all_variables, args.secrets)
    full_resources(args.workload.resources)
    config_files(args)


def _refuse_derived(name: str, args: WorkloadArgs) -> None:
    """Refuse a stack's own value of what the program derives: it would be another environment's as easily."""
    for variable in args.workload.variables:
        if variable in args.variables:
            raise InputError(
                f"bulkhead:apps.{name}.variables.{variable} is given, and the program derives that variable; "
                "leave it out of the stack file"
            )


def _refuse_unknown_user(args: WorkloadArgs) -> None:
    """Refuse a login whose budget and lease were reckoned for others than this workload."""
    for secret in args.secrets:
        if secret.users is not None and args.workload not in secret.users:
            raise InputError(
                f"secret {secret.secret} is used by {args.workload.image}, which is not among its used_by; "
                "name every workload there, so that its connections and its roll-out are reckoned with"
            )


def leases(secrets: tuple[Delivered, ...]) -> list[tuple[str, Credentials]]:
    """The Secrets whose credentials are leased, with the times."""
    known = ((secret.secret, secret.credentials) for secret in secrets)
    return [(name, how) for name, how in known if how and how.mode == "dynamic"]


def refuse_slow_stop(args: WorkloadArgs, stop_seconds: int) -> None:
    """Refuse pods that may live longer than the credential that they started with.

    Raises:
        InputError: the sum, and what would do.
    """
    for secret, how in leases(args.secrets):
        roll_out = args.workload.most_replicas * lease.READY_SECONDS
        needed = seconds(how.refresh) + roll_out + 2 * stop_seconds
        if seconds(how.ttl) < needed:
            raise InputError(
                f"stop_seconds is {stop_seconds!r}, so credentials.ttl {how.ttl!r} is too short for Secret "
                f"{secret}; use at least {needed}s: refresh, the roll-out of all replicas, the time to stop twice"
            )


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What is there before any pod.

    Args:
        ready: what pods wait for.
        config_map: the name of the ConfigMap of the files; empty where there are none.
    """

    ready: list[pulumi.Resource]
    config_map: pulumi.Input[str]


def make_surroundings(
    parent: pulumi.ComponentResource, name: str, app: str, args: WorkloadArgs, platform: Platform
) -> Surroundings:
    """What is there before any pod: account, rights, files, links, Secrets, and what must be done first.

    Args:
        parent: the component whose children these are.
        name: what their logical names begin with.
        app: what the workload's objects are called.
        args: what it is told; it was looked at before.
        platform: the database's end points.
    """
    environment, namespace = args.environment, args.namespace.name
    inside = pulumi.ResourceOptions(parent=parent, depends_on=[args.namespace.object])
    made: list[pulumi.Resource] = [
        Manifest(f"{name}-account", render_account(environment, namespace, app, selector(app)), inside)
    ]
    if args.permissions:
        role = Manifest(f"{name}-role", render_role(environment, namespace, app, args.permissions), inside)
        bound = pulumi.ResourceOptions(parent=parent, depends_on=[role])
        made += [role, Manifest(f"{name}-binding", render_binding(environment, namespace, app), bound)]
    config_map: pulumi.Input[str] = ""
    if files := config_files(args):
        kept = Manifest(f"{name}-files", render_files(environment, namespace, files), inside)
        config_map = kept.id.apply(lambda whole: whole.rpartition("/")[2])
        made.append(kept)
    made += open_links(parent, app, args.namespace, args.reaches, platform)
    made += args.namespace.baseline
    made += [secret.ready for secret in args.secrets]
    return Surroundings(ready=[*made, *(finished.done for finished in args.after)], config_map=config_map)
