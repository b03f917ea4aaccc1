"""Workloads: one of every kind in a shared namespace, and how the cluster holds them to their rules."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.permissions import VERBS
from tests.e2e.engine import CHECKOUT, Project
from tests.e2e.servers import Servers
from tests.e2e.waiting import eventually

STACKS = ("dev", "prod")
every_stack = pytest.mark.parametrize("stack", STACKS)

DECLARED = {
    **{(verb, "", "configmaps", ""): True for verb in ("get", "list", "watch")},
    **{(verb, "apps", "deployments", "shop-api"): True for verb in ("get", "patch")},
}
"""All that the worker's account may do: verb, group, resource, name."""

OWN = {"selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"}
"""What every account may ask about itself."""


@pytest.fixture(scope="module")
def shop(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The program with DEV and PROD applied, gone afterwards."""
    folder = tmp_path_factory.mktemp("shop") / "shop"
    shutil.copytree(Path(__file__).parent / "workloads", folder, ignore=shutil.ignore_patterns("__init__.py"))
    shutil.copytree(CHECKOUT / "components", folder / "components")
    (folder / ".venv").symlink_to(CHECKOUT / ".venv")
    project = Project(folder, {**os.environ, **servers.environment})
    for stack in STACKS:
        project.init(stack)
    try:
        for stack in STACKS:
            project.up(stack)
        yield project
    finally:
        for stack in STACKS:
            project.remove(stack)


def spec(servers: Servers, group: str, stack: str, kind: str, name: str) -> dict[str, Any]:
    """What the cluster has stored of an object in the environment's namespace."""
    prefix = "/api/v1" if group == "v1" else f"/apis/{group}"
    return servers.object(f"{prefix}/namespaces/shop-{stack}/{kind}/{name}")["spec"]


@every_stack
def test_a_second_preview_shows_no_change(shop: Project, stack: str) -> None:
    """What was applied is what is declared."""
    assert shop.changes(stack) == []


@every_stack
def test_a_preview_after_a_refresh_shows_no_change(shop: Project, stack: str) -> None:
    """Quota, limits, scaler, schedule: all of it in the API server's own spelling."""
    assert shop.changes(stack, "--refresh") == []


@pytest.mark.parametrize(
    ("stack", "hard"),
    [
        ("dev", {"limits.cpu": "4", "limits.memory": "8Gi", "pods": "20"}),
        ("prod", {"limits.cpu": "1k", "limits.memory": "1Ti", "pods": "1k"}),
    ],
)
def test_a_namespace_has_its_quota_and_its_limits(
    shop: Project, servers: Servers, stack: str, hard: dict[str, str]
) -> None:
    """The stack's own values, and a default for what says nothing."""
    assert spec(servers, "v1", stack, "resourcequotas", "quota")["hard"] == hard
    (limits,) = spec(servers, "v1", stack, "limitranges", "limits")["limits"]
    assert limits["default"] == {"cpu": "500m", "memory": "512Mi", "ephemeral-storage": "1Gi"}
    assert limits["max"] == {"cpu": hard["limits.cpu"], "memory": hard["limits.memory"]}


@every_stack
def test_t1_the_deployment_has_its_name_its_port_and_its_probes(
    shop: Project, servers: Servers, stack: str
) -> None:
    """Liveness first after 30 s, every 10 s; readiness 5 s, 5 s; the Service leads from 80 to 3000."""
    (container,) = spec(servers, "apps/v1", stack, "deployments", "shop-api")["template"]["spec"]["containers"]
    live, ready = container["livenessProbe"], container["readinessProbe"]
    assert (live["httpGet"]["path"], live["initialDelaySeconds"], live["periodSeconds"]) == ("/health", 30, 10)
    assert (ready["httpGet"]["path"], ready["initialDelaySeconds"], ready["periodSeconds"]) == ("/ready", 5, 5)
    assert "startupProbe" not in container
    assert {"containerPort": 3000, "name": "http", "protocol": "TCP"} in container["ports"]
    service = spec(servers, "v1", stack, "services", "shop-api")
    assert {port["name"]: (port["port"], port["targetPort"]) for port in service["ports"]} == {
        "http": (80, "http"),
        "metrics": (9090, "metrics"),
    }


def test_t8_the_scaler_keeps_below_both_targets_and_goes_up_tenfold(shop: Project, servers: Servers) -> None:
    """70 % of the processor time, 80 % of the memory, 3 to 30 pods."""
    scaler = spec(servers, "autoscaling/v2", "prod", "horizontalpodautoscalers", "shop-api")
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 30)
    targets = {
        one["resource"]["name"]: one["resource"]["target"]["averageUtilization"] for one in scaler["metrics"]
    }
    assert targets == {"cpu": 70, "memory": 80}
    assert scaler["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 300
    budget = spec(servers, "policy/v1", "prod", "poddisruptionbudgets", "shop-api")
    assert budget["maxUnavailable"] == 1


@every_stack
def test_prometheus_finds_the_metrics_and_is_let_in_there_alone(
    shop: Project, servers: Servers, stack: str
) -> None:
    """A ServiceMonitor that the real definition accepts, and one port for the monitoring namespace."""
    monitor = spec(servers, "monitoring.coreos.com/v1", stack, "servicemonitors", "shop-api")
    assert monitor["endpoints"] == [{"port": "metrics", "path": "/metrics", "interval": "30s"}]
    (rule,) = spec(servers, "networking.k8s.io/v1", stack, "networkpolicies", "shop-api-metrics")["ingress"]
    assert rule["ports"] == [{"port": 9090, "protocol": "TCP"}]


@every_stack
def test_a_job_is_scheduled_and_never_runs_twice_at_once(shop: Project, servers: Servers, stack: str) -> None:
    """Its clock is the declared time zone's."""
    job = spec(servers, "batch/v1", stack, "cronjobs", "shop-report")
    assert (job["schedule"], job["timeZone"]) == ("30 2 * * MON-FRI", "Europe/Paris")
    assert job["concurrencyPolicy"] == "Forbid"
    assert job["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 1800


def releases(servers: Servers, stack: str) -> list[Any]:
    jobs = client.BatchV1Api(servers.kubernetes).list_namespaced_job(f"shop-{stack}").items
    return [job for job in jobs if job.metadata.labels.get("app.kubernetes.io/name") == "shop-api-release"]


def replica_sets(servers: Servers, stack: str) -> dict[str, Any]:
    """The sets of the api that have pods, by name."""
    apps = client.AppsV1Api(servers.kubernetes)
    listed = apps.list_namespaced_replica_set(f"shop-{stack}", label_selector="app.kubernetes.io/name=shop-api")
    return {one.metadata.name: one for one in listed.items if one.spec.replicas}


def test_a_release_runs_to_its_end_before_the_pods(shop: Project, servers: Servers) -> None:
    """The Job is complete when the Deployment comes, and counts neither for the Service nor for the budget."""
    (job,) = releases(servers, "prod")
    deployment = client.AppsV1Api(servers.kubernetes).read_namespaced_deployment("shop-api", "shop-prod")
    assert job.status.succeeded == 1
    assert job.status.completion_time <= deployment.metadata.creation_timestamp
    assert job.spec.template.metadata.labels["app.kubernetes.io/name"] != "shop-api"


def test_another_text_and_another_image_roll_the_pods_and_run_the_release_anew(
    shop: Project, servers: Servers
) -> None:
    """New names for what cannot change, and nothing left of the old ones."""
    before, (job,) = replica_sets(servers, "dev"), releases(servers, "dev")
    configured = config_maps(servers)
    program, values = shop.folder / "__main__.py", shop.folder / "Pulumi.dev.yaml"
    texts = {file: file.read_text(encoding="utf-8") for file in (program, values)}
    try:
        program.write_text(texts[program].replace("EUR,1.0", "EUR,1.1"), encoding="utf-8")
        values.write_text(texts[values].replace("shop/api:v1", "shop/api:v2"), encoding="utf-8")
        shop.up("dev")
        (newer,) = releases(servers, "dev")
        assert newer.metadata.name != job.metadata.name
        assert newer.spec.template.spec.containers[0].image.endswith(":v2")
        (name,) = config_maps(servers)
        assert {name} != configured
        eventually(lambda: not before.keys() & replica_sets(servers, "dev").keys(), "the old pods to go")
        (running,) = replica_sets(servers, "dev").values()
        volumes = {volume.name: volume for volume in running.spec.template.spec.volumes}
        assert volumes["files"].config_map.name == name
    finally:
        for file, text in texts.items():
            file.write_text(text, encoding="utf-8")
        shop.up("dev")


def test_a_release_that_fails_leaves_the_old_version_running(shop: Project, servers: Servers) -> None:
    """No pod of the new version starts, the failure is said, and going back is an ordinary `up`."""
    program, values = shop.folder / "__main__.py", shop.folder / "Pulumi.dev.yaml"
    texts = {file: file.read_text(encoding="utf-8") for file in (program, values)}
    before = replica_sets(servers, "dev").keys()
    try:
        failing = texts[program].replace('("migrate", "--all")', '("false",), retries=0')
        program.write_text(failing.replace("EUR,1.0", "EUR,1.2"), encoding="utf-8")
        # The sandbox runs the Jobs of images of this name for real.
        image = texts[values].replace("shop/api:v1", "shop/postgres:v3")
        values.write_text(image, encoding="utf-8")
        failed = shop.up("dev", check=False)
        assert failed.status != 0
        assert "api-release" in failed.output
        assert replica_sets(servers, "dev").keys() == before
        assert len(config_maps(servers)) == 2, "the old pods' texts are still there"
    finally:
        for file, text in texts.items():
            file.write_text(text, encoding="utf-8")
        shop.up("dev")
    assert shop.changes("dev", "--refresh") == []
    assert len(releases(servers, "dev")) == len(config_maps(servers)) == 1


def config_maps(servers: Servers) -> set[str]:
    listed = servers.core.list_namespaced_config_map("shop-dev").items
    assert all(one.immutable for one in listed if one.metadata.name != "kube-root-ca.crt")
    return {one.metadata.name for one in listed} - {"kube-root-ca.crt"}


def pod(name: str, *, privileged: bool = False, limits: dict[str, str] | None = None) -> dict[str, Any]:
    security: dict[str, Any] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "it",
        "image": "registry.example.com/it:v1",
        "securityContext": {"privileged": True} if privileged else security,
        **({"resources": {"limits": limits}} if limits else {}),
    }
    restricted = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"securityContext": restricted, "containers": [container]},
    }


def test_a_pod_that_says_nothing_of_limits_gets_the_namespaces(shop: Project, servers: Servers) -> None:
    """No pod takes what it likes."""
    made = servers.core.create_namespaced_pod("shop-dev", pod("modest"))
    servers.core.delete_namespaced_pod("modest", "shop-dev", grace_period_seconds=0)
    (container,) = made.spec.containers
    assert container.resources.limits == {"cpu": "500m", "memory": "512Mi", "ephemeral-storage": "1Gi"}
    assert container.resources.requests == {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "128Mi"}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"privileged": True}, 'violates PodSecurity "restricted'),
        ({"limits": {"cpu": "3900m", "memory": "1Gi"}}, "exceeded quota: quota"),
        ({"limits": {"cpu": "5", "memory": "1Gi"}}, "maximum cpu usage per Container is 4"),
    ],
)
def test_a_pod_beyond_the_rules_is_refused_by_the_namespace(
    shop: Project, servers: Servers, asked: dict[str, Any], says: str
) -> None:
    """A privileged one, and one for which there is no room."""
    with pytest.raises(ApiException) as refused:
        servers.core.create_namespaced_pod("shop-dev", pod("greedy", **asked))
    assert refused.value.status == 403
    assert says in str(refused.value.body).replace("\\", "")


def everything(servers: Servers) -> list[tuple[str, str]]:
    """Every resource that the API server knows, with its group."""
    known = [("", one.name) for one in servers.core.get_api_resources().resources]
    for group in client.ApisApi(servers.kubernetes).get_api_versions().groups:
        listed = servers.object(f"/apis/{group.preferred_version.group_version}")
        known += [(group.name, one["name"]) for one in listed["resources"]]
    return [(group, name) for group, name in known if name not in OWN]


def may(api: Any, verb: str, group: str, resource: str, *, namespace: str, name: str = "") -> bool:
    kind, _, part = resource.partition("/")
    asked = client.V1ResourceAttributes(
        verb=verb, group=group, resource=kind, subresource=part, namespace=namespace, name=name
    )
    review = client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=asked))
    return bool(api.create_self_subject_access_review(review).status.allowed)


def test_an_account_may_do_what_is_declared_and_nothing_more(shop: Project, servers: Servers) -> None:
    """Every verb on every kind that the API server knows, in its own namespace, in the other one, and nowhere."""
    verbs = (*VERBS, "escalate", "bind", "impersonate")
    mine = client.AuthorizationV1Api(servers.kubernetes_as(servers.token("shop-dev", "shop-worker")))
    found = {
        (verb, group, resource, name)
        for group, resource in everything(servers)
        for verb in verbs
        for name in (("shop-api", "") if resource == "deployments" else ("",))
        if may(mine, verb, group, resource, namespace="shop-dev", name=name)
    }
    assert found == set(DECLARED)
    for verb, group, resource, name in DECLARED:
        for namespace in ("shop-prod", "kube-system", ""):
            assert not may(mine, verb, group, resource, namespace=namespace, name=name)


@pytest.mark.parametrize("account", ["shop-api", "shop-report", "default"])
def test_an_account_without_declared_permissions_may_do_nothing(
    shop: Project, servers: Servers, account: str
) -> None:
    """Neither read a Secret nor make a pod; and its pods have no token to ask with."""
    mine = client.AuthorizationV1Api(servers.kubernetes_as(servers.token("shop-dev", account)))
    asked = client.V1SelfSubjectRulesReview(spec=client.V1SelfSubjectRulesReviewSpec(namespace="shop-dev"))
    rules = mine.create_self_subject_rules_review(asked).status.resource_rules
    assert {resource for rule in rules for resource in rule.resources} <= OWN


def test_only_the_pods_with_permissions_have_a_token(shop: Project, servers: Servers) -> None:
    """A token is mounted where one is needed."""
    mounts = {
        one.metadata.labels["app.kubernetes.io/name"]: one.spec.automount_service_account_token
        for one in servers.core.list_namespaced_pod("shop-prod").items
        if one.metadata.deletion_timestamp is None
    }
    assert mounts == {"shop-api": False, "shop-api-release": False, "shop-worker": True}
