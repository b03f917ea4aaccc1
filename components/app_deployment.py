"""AppDeployment: a workload that runs restricted, reaches what it declares, and follows its credentials.

NetworkPolicies are made from declared links alone: whoever reaches an application opens its own way out and
the other's way in. A Secret that changes rolls the pods: the Deployment bears the annotation that the
cluster's Reloader (https://github.com/stakater/Reloader) looks for.
"""

from dataclasses import dataclass, replace

import pulumi

from components.errors import InputError
from components.links import External, open_links
from components.manifest import Manifest, Object, manifest
from components.network import render_ingress_from_monitoring, selector
from components.permissions import Permission
from components.pod import (
    DRAIN_SECONDS,
    STOP_SECONDS,
    InitContainer,
    Pod,
    full_resources,
    render_template,
)
from components.probes import Probes
from components.providers import Connected
from components.quota import Claim
from components.release_job import ReleaseJob, release_pod, render_release
from components.scaling import render_disruption, render_scaler
from components.service_monitor import Metrics, render_service_monitor
from components.validation import refuse_port
from components.values import Replicas
from components.workload import (
    WorkloadArgs,
    make_pod,
    make_surroundings,
    refuse_contradictions,
    refuse_slow_stop,
)

__all__ = ["AppDeployment", "AppDeploymentArgs", "External", "InitContainer", "Metrics", "Permission", "Probes"]

LONGEST_STOP = 3600

SERVICE_PORT = 80
"""Where the Service listens, whatever the container's port is."""


@dataclass(frozen=True, kw_only=True)
class AppDeploymentArgs(WorkloadArgs):
    """What an AppDeployment needs.

    Args:
        port: the container's HTTP port; None for a worker that serves nothing.
        probes: the paths to ask; None for a worker.
        initial: what runs to its end in each pod before the application.
        release: what runs once before a new version's pods.
        metrics: where Prometheus finds its metrics.
        stop_seconds: from the order to stop until it is killed; the first five are the load balancers'.
    """

    port: int | None = None
    probes: Probes | None = None
    initial: tuple[InitContainer, ...] = ()
    release: ReleaseJob | None = None
    metrics: Metrics | None = None
    stop_seconds: int = STOP_SECONDS


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
        self.environment, self.namespace = args.environment, args.namespace
        self.app, self.port = args.namespace.workload(name), args.port
        _refuse_unusable(self.app, args)
        refuse_contradictions(name, args, platform.platform)
        refuse_slow_stop(args, args.stop_seconds)
        _claim(self.app, args)
        super().__init__(
            "bulkhead:index:AppDeployment",
            name,
            {},
            pulumi.ResourceOptions.merge(platform.options, opts),
        )
        around = make_surroundings(self, name, self.app, args, platform.platform)
        ready, pod = around.ready, _pod(self.app, args, around.config_map)
        if args.release:
            own = release_pod(pod, args.release)
            ready = [*ready, self._release(name, args, args.release, own, platform, ready)]
        started = pulumi.ResourceOptions(parent=self, depends_on=ready)
        self.deployment = Manifest(f"{name}-deployment", render_deployment(self.app, args, pod), started)
        self._surround(name, args, platform)
        self.register_outputs({"namespace": args.namespace.name, "image": args.workload.image})

    def _release(
        self,
        name: str,
        args: AppDeploymentArgs,
        release: ReleaseJob,
        pod: Pod,
        platform: Connected,
        ready: list[pulumi.Resource],
    ) -> Manifest:
        """The Job before the pods, with links of its own, since no Service may count its pods."""
        links = open_links(self, pod.app, args.namespace, args.reaches, platform.platform)
        # The last one goes first: after one that failed, the way back makes a Job of a name that was there before.
        options = pulumi.ResourceOptions(parent=self, depends_on=[*ready, *links], delete_before_replace=True)
        return Manifest(f"{name}-release", render_release(args.namespace.name, pod, release), options)

    def _surround(self, name: str, args: AppDeploymentArgs, platform: Connected) -> None:
        """What stands around the Deployment: its Service, its scaling, and the way to its metrics."""
        where, after = args.namespace.name, pulumi.ResourceOptions(parent=self, depends_on=[self.deployment])
        made: dict[str, Object | None] = {
            "service": render_service(self.app, args),
            "scaler": render_scaler(args.environment, where, self.app, args.workload),
            "disruption": render_disruption(args.environment, where, self.app, args.workload),
        }
        if args.metrics:
            monitoring = platform.platform.kubernetes.monitoring_namespace
            port = _scraped_port(args, args.metrics)
            called = "metrics" if _metrics_port(args) else "http"
            made["from-monitoring"] = render_ingress_from_monitoring(
                args.environment, where, self.app, port, monitoring
            )
            made["monitor"] = render_service_monitor(args.environment, where, self.app, args.metrics, port=called)
        for kind, rendered in made.items():
            if rendered:
                Manifest(f"{name}-{kind}", rendered, after)


def _refuse_unusable(app: str, args: AppDeploymentArgs) -> None:
    if args.port is not None:
        refuse_port(args.port, ", or None for a worker that serves nothing")
    if args.probes and args.port is None:
        raise InputError("probes are given without a port; use a port to ask at, or no probes")
    if args.metrics:
        _scraped_port(args, args.metrics)
    if args.port and _metrics_port(args) == SERVICE_PORT:
        raise InputError(f"metrics.port is {SERVICE_PORT}, which the Service has for the application; use another")
    names = [app, *(one.name for one in args.initial)]
    twice = [name for index, name in enumerate(names) if name in names[:index]]
    if twice:
        raise InputError(f"initial has the name {twice[0]!r} twice, or it is the application's; use another")
    if type(args.stop_seconds) is not int or not DRAIN_SECONDS < args.stop_seconds <= LONGEST_STOP:
        raise InputError(
            f"stop_seconds is {args.stop_seconds!r}; use {DRAIN_SECONDS + 1} to {LONGEST_STOP}: the first "
            f"{DRAIN_SECONDS} are the load balancers'"
        )


def _claim(app: str, args: AppDeploymentArgs) -> None:
    """The part of the namespace's quota that all pods take, with the one that a roll-out has more."""
    limits, most = full_resources(args.workload.resources)["limits"], args.workload.most_replicas
    reason = f"{most} replicas + 1 at a roll-out"
    args.namespace.claim(Claim(what=app, pods=most + 1, cpu=limits["cpu"], memory=limits["memory"], reason=reason))


def _scraped_port(args: AppDeploymentArgs, metrics: Metrics) -> int:
    """Where Prometheus asks: at the metrics' own port, or at the application's."""
    port = metrics.port or args.port
    if port is None:
        raise InputError("metrics are given without a port; use a port to ask at, or no metrics")
    return port


def _metrics_port(args: AppDeploymentArgs) -> int | None:
    """The port of the metrics, where it is not the application's own."""
    own = args.metrics.port if args.metrics else None
    return None if own == args.port else own


def _pod(app: str, args: AppDeploymentArgs, config_map: pulumi.Input[str]) -> Pod:
    """What each of its pods is."""
    return replace(
        make_pod(app, args, config_map),
        port=args.port,
        metrics_port=_metrics_port(args),
        probes=args.probes,
        initial=args.initial,
        stop_seconds=args.stop_seconds,
    )


def render_deployment(app: str, args: AppDeploymentArgs, pod: Pod) -> Object:
    """The Deployment; without `replicas` where a scaler sets them."""
    replicas = args.workload.replicas
    watched = ",".join(sorted(secret.secret for secret in args.secrets))
    return manifest(
        args.environment,
        "apps/v1",
        "Deployment",
        app,
        namespace=args.namespace.name,
        labels=selector(app),
        annotations={"secret.reloader.stakater.com/reload": watched} if watched else None,
        spec={
            **({} if isinstance(replicas, Replicas) else {"replicas": replicas}),
            "selector": {"matchLabels": selector(app)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": render_template(pod),
        },
    )


def render_service(app: str, args: AppDeploymentArgs) -> Object | None:
    """The Service: port 80 to the container's port, and the metrics' own; none for a worker without either."""
    ports: list[Object] = [{"name": "http", "port": SERVICE_PORT, "targetPort": "http"}] if args.port else []
    if own := _metrics_port(args):
        ports.append({"name": "metrics", "port": own, "targetPort": "metrics"})
    if not ports:
        return None
    return manifest(
        args.environment,
        "v1",
        "Service",
        app,
        namespace=args.namespace.name,
        labels=selector(app),
        spec={"type": "ClusterIP", "selector": selector(app), "ports": ports},
    )
