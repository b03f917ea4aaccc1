"""AppDeployment: a workload that runs restricted, reaches what it declares, and follows its credentials.

NetworkPolicies are made from declared links alone: whoever reaches an application opens its own way out and
the other's way in. A Secret that changes rolls the pods: the Deployment bears the annotation that the
cluster's Reloader (https://github.com/stakater/Reloader) looks for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from components.environment import Environment
from components.environment_database import EnvironmentDatabase
from components.errors import InputError
from components.manifest import Manifest, Object, manifest
from components.namespace import Namespace
from components.network import render_egress, render_ingress_from, to_addresses, to_application
from components.providers import Connected
from components.settings import Amount, Replicas, Workload
from components.vault_db_secret import VaultDbSecret

LAST_PORT = 65535

STOP_SECONDS = 30
"""Seconds that a pod has from SIGTERM to SIGKILL, Kubernetes' default, written so that it can be relied on."""

DRAIN_SECONDS = 5
"""Seconds before SIGTERM in which load balancers learn that the pod goes."""


@dataclass(frozen=True, kw_only=True)
class Probes:
    """The HTTP paths that answer 2xx or 3xx when the application lives and when it can serve."""

    live: str = "/health"
    ready: str = "/health"


@dataclass(frozen=True, kw_only=True)
class AppDeploymentArgs:
    """What an AppDeployment needs.

    Args:
        environment: the environment that the workload belongs to.
        namespace: where it runs.
        workload: the image, and the stack's own values.
        port: the container's HTTP port; None for a worker that serves nothing.
        probes: the paths to ask; None for a worker.
        variables: environment variables that the program derives; the stack's may add to them.
        secrets: credentials that become environment variables.
        reaches: the databases and applications that it may open connections to.
    """

    environment: Environment
    namespace: Namespace
    workload: Workload
    port: int | None = None
    probes: Probes | None = None
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: tuple[VaultDbSecret, ...] = ()
    reaches: "tuple[EnvironmentDatabase | AppDeployment, ...]" = ()


class AppDeployment(pulumi.ComponentResource):
    """A Deployment and what belongs to it.

    Outputs: `namespace`, `image`.
    """

    def __init__(
        self,
        name: str,
        args: AppDeploymentArgs,
        platform: Connected,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        _refuse_unusable(args)
        self.environment, self.namespace = args.environment, args.namespace
        self.app, self.port = args.environment.part(name), args.port
        super().__init__(
            "bulkhead:index:AppDeployment",
            name,
            {},
            pulumi.ResourceOptions.merge(platform.options, opts),
        )
        inside = pulumi.ResourceOptions(parent=self, depends_on=[args.namespace.object])
        account = Manifest(
            f"{name}-account",
            _object(name, args, "v1", "ServiceAccount", automountServiceAccountToken=False),
            inside,
        )
        links = self._link(args)
        started = pulumi.ResourceOptions(
            parent=self, depends_on=[account, *links, *(secret.ready for secret in args.secrets)]
        )
        self.deployment = Manifest(f"{name}-deployment", render_deployment(name, args), started)
        after = pulumi.ResourceOptions(parent=self, depends_on=[self.deployment])
        if args.port:
            Manifest(f"{name}-service", render_service(name, args), after)
        for kind, rendered in (
            ("scaler", render_scaler(name, args)),
            ("disruption", render_disruption(name, args)),
        ):
            if rendered:
                Manifest(f"{name}-{kind}", rendered, after)
        self.register_outputs({"namespace": args.namespace.name, "image": args.workload.image})

    def _link(self, args: AppDeploymentArgs) -> list[pulumi.Resource]:
        """The policies of all declared links: this application's way out, and the others' way in."""
        rules: list[Object] = []
        made: list[pulumi.Resource] = []
        for target in args.reaches:
            if isinstance(target, EnvironmentDatabase):
                rules.append(to_addresses(target.write.network, target.write.port))
            elif target.port:
                rules.append(to_application(target.namespace.name, target.app, target.port))
                made.append(
                    Manifest(
                        f"{self.app}-to-{target.app}",
                        render_ingress_from(
                            args.environment,
                            target.namespace.name,
                            target.app,
                            target.port,
                            source=self.app,
                            source_namespace=args.namespace.name,
                        ),
                        pulumi.ResourceOptions(parent=self, depends_on=[target.namespace.object]),
                    )
                )
        made.append(
            Manifest(
                f"{self.app}-egress",
                render_egress(args.environment, args.namespace.name, self.app, rules),
                pulumi.ResourceOptions(parent=self, depends_on=[args.namespace.object]),
            )
        )
        return made


def _refuse_unusable(args: AppDeploymentArgs) -> None:
    args.environment.refuse_foreign(
        namespace=args.namespace.environment,
        **{f"secret {secret.secret}": secret.environment for secret in args.secrets},
        **{f"reaches[{index}]": target.environment for index, target in enumerate(args.reaches)},
    )
    port: object = args.port
    if port is not None and (type(port) is not int or not 1 <= port <= LAST_PORT):
        raise InputError(f"port is {port!r}; use 1 to {LAST_PORT}, or None for a worker that serves nothing")
    if args.probes and port is None:
        raise InputError("probes are given without a port; use a port to ask at, or no probes")


def _object(name: str, args: AppDeploymentArgs, api_version: str, kind: str, **content: Any) -> Object:
    return manifest(
        args.environment,
        api_version,
        kind,
        name,
        namespace=args.namespace.name,
        labels=selector(name),
        **content,
    )


def selector(app: str) -> dict[str, str]:
    """The label by which an application's pods are known within their namespace."""
    return {"app.kubernetes.io/name": app}


def render_deployment(name: str, args: AppDeploymentArgs) -> Object:
    """The Deployment; without `replicas` where a scaler sets them."""
    replicas = args.workload.replicas
    rendered = _object(
        name,
        args,
        "apps/v1",
        "Deployment",
        spec={
            **({} if isinstance(replicas, Replicas) else {"replicas": replicas}),
            "selector": {"matchLabels": selector(name)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {
                "metadata": {"labels": {**args.environment.labels, **selector(name)}},
                "spec": _pod(name, args),
            },
        },
    )
    if args.secrets:
        watched = ",".join(sorted(secret.secret for secret in args.secrets))
        rendered["metadata"]["annotations"] = {"secret.reloader.stakater.com/reload": watched}
    return rendered


def _pod(name: str, args: AppDeploymentArgs) -> Object:
    return {
        "serviceAccountName": name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": STOP_SECONDS,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": selector(name)},
            }
        ],
        "containers": [_container(name, args)],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }


def _container(name: str, args: AppDeploymentArgs) -> Object:
    variables = {**args.variables, **args.workload.variables}
    resources = args.workload.resources
    container: Object = {
        "name": name,
        "image": args.workload.image,
        "resources": {"requests": _amount(resources.requests), "limits": _amount(resources.limits)},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - the container's own, in memory
    }
    if variables:
        container["env"] = [{"name": key, "value": value} for key, value in sorted(variables.items())]
    if args.secrets:
        container["envFrom"] = [{"secretRef": {"name": secret.secret}} for secret in args.secrets]
    if args.port:
        container["ports"] = [{"name": "http", "containerPort": args.port}]
    if args.probes:
        container["livenessProbe"] = _probe(args.probes.live, 10)
        container["readinessProbe"] = _probe(args.probes.ready, 5)
        container["startupProbe"] = {**_probe(args.probes.live, 2), "failureThreshold": 30}
    return container


def _probe(path: str, period: int) -> Object:
    return {"httpGet": {"path": path, "port": "http"}, "periodSeconds": period, "timeoutSeconds": 2}


def _amount(amount: Amount) -> dict[str, str]:
    return {key: value for key, value in (("cpu", amount.cpu), ("memory", amount.memory)) if value}


def render_service(name: str, args: AppDeploymentArgs) -> Object:
    """The Service: port 80 to the container's port."""
    return _object(
        name,
        args,
        "v1",
        "Service",
        spec={
            "type": "ClusterIP",
            "selector": selector(name),
            "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
        },
    )


def render_scaler(name: str, args: AppDeploymentArgs) -> Object | None:
    """The HorizontalPodAutoscaler, where the stack gives a range: 70 % of the processor time requested."""
    replicas = args.workload.replicas
    if not isinstance(replicas, Replicas):
        return None
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    return _object(
        name,
        args,
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": replicas.min,
            "maxReplicas": replicas.max,
            "metrics": [{"type": "Resource", "resource": cpu}],
        },
    )


def render_disruption(name: str, args: AppDeploymentArgs) -> Object | None:
    """The PodDisruptionBudget, where there is more than one pod to keep: one may be missing."""
    replicas = args.workload.replicas
    least = replicas.min if isinstance(replicas, Replicas) else replicas
    if least < 2:  # noqa: PLR2004 - with one pod, a budget would block every node's maintenance
        return None
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": selector(name)}}
    return _object(name, args, "policy/v1", "PodDisruptionBudget", spec=spec)
