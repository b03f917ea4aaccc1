"""Shop: one of every kind of workload in a namespace that all share."""

from typing import Any

from components import AppDeployment, AppDeploymentArgs, Namespace, NamespaceArgs, Probes, Settings, connect
from components.links import External
from components.permissions import Permission
from components.pod import InitContainer
from components.release_job import ReleaseJob
from components.scheduled_job import ScheduledJob, ScheduledJobArgs
from components.service_monitor import Metrics

settings = Settings.load(apps=("api", "worker", "report"))
env, platform = settings.environment, connect(settings)
here = Namespace("shop", NamespaceArgs(environment=env, quota=settings.quota), platform)


def application(name: str, **more: Any) -> AppDeployment:
    args = AppDeploymentArgs(environment=env, namespace=here, workload=settings.workload(name), **more)
    return AppDeployment(name, args, platform)


FILES = {"/etc/shop/shop.yaml": f"stage: {env.stage}\n", "/etc/shop/rates.csv": "EUR,1.0\n"}
probes = Probes(live="/health", live_delay=30, live_period=10, ready="/ready", ready_delay=5, ready_period=5)
api = application(
    "api",
    port=3000,
    probes=probes,
    files=FILES,
    metrics=Metrics(port=9090),
    reaches=(External(),),
    release=ReleaseJob(command=("migrate", "--all")),
    initial=(InitContainer(name="warm", command=("warm-cache",)),),
    stop_seconds=45,
)
watch = Permission(resources=("configmaps",), verbs=("get", "list", "watch"))
restart = Permission(api_group="apps", resources=("deployments",), verbs=("get", "patch"), names=(api.app,))
application("worker", reaches=(api,), permissions=(watch, restart))
runs = {"schedule": "30 2 * * MON-FRI", "time_zone": "Europe/Paris", "deadline": "30m", "reaches": (api,)}
report = ScheduledJobArgs(environment=env, namespace=here, workload=settings.workload("report"), **runs)
ScheduledJob("report", report, platform)
