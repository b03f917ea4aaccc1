"""ScheduledJob: a workload that runs at set times, under the same rules as one that runs for ever."""

from dataclasses import dataclass, replace

import pulumi

from components import lease
from components.errors import InputError
from components.manifest import Manifest, Object, manifest
from components.network import selector
from components.pod import full_resources, render_template
from components.providers import Connected
from components.quota import Claim
from components.schedule import refuse_schedule, refuse_time_zone
from components.validation import parse_seconds, seconds
from components.workload import WorkloadArgs, leases, make_pod, make_surroundings, refuse_contradictions

MOST_RETRIES = 10
LATE_SECONDS = 300
"""Seconds after its time in which a run may still start; after that it waits for the next one."""


@dataclass(frozen=True, kw_only=True)
class ScheduledJobArgs(WorkloadArgs):
    """What a ScheduledJob needs.

    Args:
        schedule: when, in cron's five fields: minute, hour, day of the month, month, day of the week.
        time_zone: whose clock, such as `Europe/Paris`.
        deadline: how long one run may take, retries included, such as `1h`.
        retries: how often a run that failed is tried again.
    """

    schedule: str
    time_zone: str = "Etc/UTC"
    deadline: str = "1h"
    retries: int = 0


class ScheduledJob(pulumi.ComponentResource):
    """A CronJob and what belongs to it.

    Outputs: `namespace`, `image`, `schedule`.
    """

    port: int | None = None
    """None: it serves nothing, so nothing can reach it."""

    def __init__(
        self,
        name: str,
        args: ScheduledJobArgs,
        platform: Connected,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        self.environment, self.namespace = args.environment, args.namespace
        self.app = args.namespace.workload(name)
        _refuse_unusable(args)
        refuse_contradictions(name, args, platform.platform)
        limits = full_resources(args.workload.resources)["limits"]
        args.namespace.claim(Claim(what=self.app, pods=1, cpu=limits["cpu"], memory=limits["memory"]))
        super().__init__(
            "bulkhead:index:ScheduledJob", name, {}, pulumi.ResourceOptions.merge(platform.options, opts)
        )
        around = make_surroundings(self, name, self.app, args, platform.platform)
        started = pulumi.ResourceOptions(parent=self, depends_on=around.ready)
        rendered = render_cron_job(self.app, args, around.config_map)
        self.cron_job = Manifest(f"{name}-cron-job", rendered, started)
        self.register_outputs(
            {"namespace": args.namespace.name, "image": args.workload.image, "schedule": args.schedule}
        )


def _refuse_unusable(args: ScheduledJobArgs) -> None:
    refuse_schedule(args.schedule)
    refuse_time_zone(args.time_zone)
    if args.workload.replicas != 1:
        raise InputError(
            f"replicas is {args.workload.replicas!r} for a scheduled job; each run is one pod, so leave 1"
        )
    if type(args.retries) is not int or not 0 <= args.retries <= MOST_RETRIES:
        raise InputError(f"retries is {args.retries!r}; use 0 to {MOST_RETRIES}")
    deadline = parse_seconds("deadline", args.deadline)
    for secret, how in leases(args.secrets):
        lease.check_job(how, deadline=deadline + seconds(how.refresh), key=f"Secret {secret}")


def render_cron_job(app: str, args: ScheduledJobArgs, config_map: pulumi.Input[str]) -> Object:
    """The CronJob; a run that is not over keeps the next one from starting."""
    template = render_template(replace(make_pod(app, args, config_map), ends=True))
    return manifest(
        args.environment,
        "batch/v1",
        "CronJob",
        app,
        namespace=args.namespace.name,
        labels=selector(app),
        spec={
            "schedule": args.schedule,
            "timeZone": args.time_zone,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": LATE_SECONDS,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "metadata": {"labels": {**args.environment.labels, **selector(app)}},
                "spec": {
                    "backoffLimit": args.retries,
                    "activeDeadlineSeconds": parse_seconds("deadline", args.deadline),
                    "template": template,
                },
            },
        },
    )
