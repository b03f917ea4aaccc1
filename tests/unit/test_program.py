"""KeyBuzz: what its program registers for DEV, PROD and a pull request, against the table of requirements."""

import json
from typing import Any

import pytest

from components import InputError
from tests.recording import Recording, Registration
from tests.stacks import configuration, keybuzz, run_program

STACKS = ("dev", "prod", "pr-7")
every_stack = pytest.mark.parametrize("stack", STACKS)

NODES = ("10.0.0.120", "10.0.0.121", "10.0.0.122")

NAMES = {"dev": ("development", "-dev"), "prod": ("production", ""), "pr-7": ("development", "-pr-7")}


def container(recording: Recording, app: str) -> dict[str, Any]:
    spec = recording.one("Deployment", f"{app}-deployment").inputs["spec"]["template"]["spec"]
    (only,) = spec["containers"]
    return only


def physical(made: Registration) -> str:
    """What a resource is called on its server, where two of one name would be one thing; empty if nowhere."""
    inputs = made.inputs
    if made.is_kubernetes:
        metadata = inputs["metadata"]
        return f"{made.kind} {metadata.get('namespace', '')}/{metadata['name']}"
    if made.type.startswith("postgresql:"):
        return f"{made.kind} {inputs.get('database', '')}/{inputs['name']}" if "name" in inputs else ""
    if made.type.startswith("vault:"):
        inside = inputs.get("backend", inputs.get("mount", ""))
        return f"{made.kind} {inside}/{inputs.get('roleName', inputs.get('path', inputs.get('name')))}"
    return ""


@pytest.mark.parametrize(
    ("stack", "api", "backend"),
    [
        ("dev", "keybuzz", "keybuzz_backend"),
        ("prod", "keybuzz_prod", "keybuzz_backend_prod"),
        ("pr-7", "keybuzz_pr__7", "keybuzz_backend_pr__7"),
    ],
)
def test_k1_databases_have_the_environments_names(stack: str, api: str, backend: str) -> None:
    recording = keybuzz(stack)
    assert recording.one("Database", "api-database").inputs["name"] == api
    assert recording.one("Database", "backend-database").inputs["name"] == backend
    assert len(recording.of("Database")) == 2


def test_k1_the_runtime_role_of_prods_api_is_a_group_that_cannot_log_in() -> None:
    group = keybuzz("prod").one("Role", "api-read-write")
    assert group.inputs["name"] == "keybuzz_api_prod"
    assert group.inputs["login"] is False


@every_stack
def test_k3_vault_holds_the_connection_at_the_environments_path(stack: str) -> None:
    for part, database in (("api", "api"), ("backend", "backend"), ("worker", "backend")):
        kept = keybuzz(stack).one("SecretV2", f"{part}-kv")
        assert (kept.inputs["mount"], kept.inputs["name"]) == ("secret", f"keybuzz/{stack}/db_{part}")
        values = json.loads(kept.inputs["dataJson"])
        assert (values["PGHOST"], values["PGPORT"]) == ("10.0.0.10", "5432")
        assert values["PGDATABASE"] == keybuzz(stack).one("Database", f"{database}-database").inputs["name"]


def test_k4_prod_is_leased_and_dev_is_static() -> None:
    assert not [made for made in keybuzz("prod").of("Role") if made.name.endswith("-login")]
    applications_and_migrations = 3 + 2
    leased = keybuzz("prod").of("SecretBackendRole"), keybuzz("prod").of("VaultDynamicSecret")
    assert [len(made) for made in leased] == [applications_and_migrations] * 2
    assert not keybuzz("dev").of("SecretBackendRole")
    logins = [made for made in keybuzz("dev").of("Role") if made.name.endswith("-login")]
    assert len(logins) == applications_and_migrations


@every_stack
@pytest.mark.parametrize("part", ["api", "backend"])
def test_k2_pods_wait_for_a_schema_that_begins_with_the_copied_structure(stack: str, part: str) -> None:
    made = keybuzz(stack)
    job, files = made.one("Job", f"{part}-migration"), made.one("ConfigMap", f"{part}-migration-files")
    made.require_after(made.one("Deployment", f"{part}-deployment"), job)
    assert "CREATE TABLE" in files.inputs["data"]["structure.sql"]
    assert "INSERT" not in files.inputs["data"]["structure.sql"], "a row"


def test_k2_seeds_are_in_dev_and_never_in_production() -> None:
    seeds = {stack: [made for made in keybuzz(stack) if made.name.endswith("-seeds")] for stack in ("dev", "prod")}
    assert len(seeds["dev"]) == 2
    assert not seeds["prod"]
    assert not [made for made in keybuzz("prod").objects() if "demo@example.com" in str(made.inputs)]


@every_stack
@pytest.mark.parametrize(
    ("part", "secret", "has_url"),
    [
        ("api", "keybuzz-api-postgres", False),
        ("backend", "keybuzz-backend-db", True),
        ("worker", "keybuzz-worker-db", True),
    ],
)
def test_k5_an_external_secret_yields_the_secret_in_the_parts_namespace(
    stack: str, part: str, secret: str, *, has_url: bool
) -> None:
    external = keybuzz(stack).one("ExternalSecret", f"{part}-external-secret").inputs
    assert external["metadata"]["namespace"] == f"keybuzz-{part}-{stack}"
    assert external["spec"]["target"]["name"] == secret
    assert ("DATABASE_URL" in external["spec"]["target"]["template"]["data"]) == has_url
    assert container(keybuzz(stack), part)["envFrom"] == [{"secretRef": {"name": secret}}]


@every_stack
def test_k6_hosts_are_the_environments(stack: str) -> None:
    suffix = NAMES[stack][1]
    hosts = {host for made in keybuzz(stack).of("Certificate") for host in made.inputs["spec"]["dnsNames"]}
    assert hosts == {f"{part}{suffix}.keybuzz.io" for part in ("api", "backend", "client")}
    assert keybuzz(stack).exports()["urls"] == {
        part: f"https://{part}{suffix}.keybuzz.io" for part in ("api", "backend", "client")
    }


@every_stack
def test_k7_the_clients_public_settings_are_its_own_environments(stack: str) -> None:
    stage, suffix = NAMES[stack]
    assert container(keybuzz(stack), "client")["env"] == [
        {"name": "NEXT_PUBLIC_API_URL", "value": f"https://api{suffix}.keybuzz.io"},
        {"name": "NEXT_PUBLIC_APP_ENV", "value": stage},
    ]


@pytest.mark.parametrize(
    ("stack", "app", "image"),
    [
        ("dev", "client", "ghcr.io/keybuzzio/keybuzz-client:v0.5.33-replacement"),
        ("dev", "api", "ghcr.io/keybuzzio/keybuzz-api:v0.4.31-replacement"),
        ("prod", "client", "ghcr.io/keybuzzio/keybuzz-client:prod-2026-02-01"),
        ("prod", "api", "ghcr.io/keybuzzio/keybuzz-api:v0.4.31-replacement"),
    ],
)
def test_k8_images_are_the_stacks(stack: str, app: str, image: str) -> None:
    assert container(keybuzz(stack), app)["image"] == image


def test_k9_no_two_environments_share_a_physical_name() -> None:
    owners: dict[str, str] = {}
    for stack in STACKS:
        for made in keybuzz(stack):
            name = physical(made)
            if not name:
                continue
            assert owners.setdefault(name, stack) == stack, f"{name} is made by {owners[name]} and {stack}"
    assert len(owners) > 200


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_k9_nothing_of_one_environment_names_a_thing_of_another(stack: str) -> None:
    other = "prod" if stack == "dev" else "dev"
    foreign = [f"-{other}", f"_{other}", f"/{other}/"]
    if stack == "dev":
        foreign += ["//api.keybuzz.io", "//client.keybuzz.io", '"api.keybuzz.io', '"client.keybuzz.io']
    for made in keybuzz(stack):
        text = json.dumps(made.inputs).replace("letsencrypt-prod", "")  # the platform's issuer, for all of them
        assert not [name for name in foreign if name in text], made.name


@every_stack
def test_k12_no_resource_names_a_node_of_the_database(stack: str) -> None:
    for made in keybuzz(stack):
        assert not [node for node in NODES if node in json.dumps(made.inputs)], made.name


@every_stack
def test_k9_every_namespace_is_closed_restricted_and_has_its_quota(stack: str) -> None:
    recording = keybuzz(stack)
    homes = {made.inputs["metadata"]["name"] for made in recording.of("Namespace") if made.is_kubernetes}
    for kind, called in (("NetworkPolicy", "default-deny"), ("ResourceQuota", "quota"), ("LimitRange", "limits")):
        found = [made.inputs["metadata"] for made in recording.of(kind)]
        assert {one["namespace"] for one in found if one["name"] == called} == homes


@every_stack
def test_k11_applications_are_asked_at_the_paths_that_they_answer(stack: str) -> None:
    ready = {"api": "/health", "backend": "/health", "client": "/login"}
    for app, path in ready.items():
        asked = container(keybuzz(stack), app)
        assert asked["readinessProbe"]["httpGet"]["path"] == path
        assert asked["livenessProbe"]["httpGet"]["path"] == "/health"
    assert not {"livenessProbe", "readinessProbe", "ports"} & set(container(keybuzz(stack), "worker"))


@every_stack
def test_every_resource_has_an_explicit_provider_of_its_own_kind(stack: str) -> None:
    for made in keybuzz(stack):
        if not made.is_component and not made.is_provider and not made.is_engines:
            package = made.type.split(":")[0]
            assert made.provider.endswith(f"::pulumi:providers:{package}::{package}"), made.name


@every_stack
def test_every_resource_belongs_to_a_component_and_every_component_to_the_stack(stack: str) -> None:
    components = {made.urn for made in keybuzz(stack) if made.is_component}
    for made in keybuzz(stack):
        if made.is_component or made.is_provider or made.is_engines:
            assert "::pulumi:pulumi:Stack::" in made.parent, made.name
        else:
            assert made.parent in components, made.name


@every_stack
def test_every_object_on_the_cluster_says_whose_it_is(stack: str) -> None:
    objects = keybuzz(stack).objects()
    assert objects
    for made in objects:
        labels = made.inputs["metadata"]["labels"]
        assert (labels["bulkhead.dev/system"], labels["bulkhead.dev/environment"]) == ("keybuzz", stack), made.name
        assert labels["app.kubernetes.io/managed-by"] == "pulumi"


@every_stack
def test_every_object_on_the_cluster_is_in_a_namespace_of_the_program(stack: str) -> None:
    own = {f"keybuzz-{part}-{stack}" for part in ("api", "backend", "client", "worker")}
    objects = [made for made in keybuzz(stack).objects() if made.kind != "Namespace"]
    assert {made.inputs["metadata"]["namespace"] for made in objects} == own
    assert {
        made.inputs["metadata"]["name"] for made in keybuzz(stack).of("Namespace") if made.is_kubernetes
    } == own


def test_prods_databases_and_their_owners_are_protected_and_nothing_else() -> None:
    protected = {made.name for made in keybuzz("prod") if made.options.get("protect")}
    assert protected == {"api-database", "api-owner", "backend-database", "backend-owner"}


def test_a_pull_requests_environment_has_nothing_that_refuses_to_be_destroyed() -> None:
    assert not [made.name for made in keybuzz("pr-7") if made.options.get("protect")]
    assert not [made.name for made in keybuzz("pr-7") if made.options.get("retainOnDelete")]


@every_stack
def test_no_logical_name_is_given_twice(stack: str) -> None:
    urns = [made.urn for made in keybuzz(stack)]
    assert len(urns) == len(set(urns))


@every_stack
def test_no_secret_is_registered_in_the_clear(stack: str) -> None:
    seen = 0
    for made in keybuzz(stack):
        text = json.dumps(made.inputs)
        if "generated-password" in text:
            assert made.secrets, made.name
            assert made.kind in {"Role", "SecretV2", "SecretBackendConnection"}, made.name
            seen += 1
    assert seen


@every_stack
def test_every_selector_of_a_policy_finds_an_applications_pods(stack: str) -> None:
    recording = keybuzz(stack)
    pods = {
        (made.inputs["metadata"]["namespace"], made.inputs["metadata"]["labels"]["app.kubernetes.io/name"])
        for made in (*recording.of("Deployment"), *recording.of("Job"))
    }
    links = [made for made in recording.of("NetworkPolicy") if made.inputs["spec"]["podSelector"]]
    assert links
    for made in links:
        app = made.inputs["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        assert (made.inputs["metadata"]["namespace"], app) in pods, made.name


def test_a_preview_registers_what_the_update_will() -> None:
    assert {made.urn for made in run_program("dev", preview=True)} == {made.urn for made in keybuzz("dev")}


def test_dev_prod_and_a_pull_request_have_the_same_structure_but_for_credentials_and_scale() -> None:
    differing = {
        "Role",
        "SecretBackendRole",
        "SecretBackendConnection",
        "Mount",
        "GrantRole",
        "VaultDynamicSecret",
    }
    differing |= {"HorizontalPodAutoscaler", "PodDisruptionBudget"}

    def structure(stack: str) -> set[tuple[str, str]]:
        seeds = "-migration-seeds"  # K2: production gets none
        kept = (made for made in keybuzz(stack) if made.kind not in differing and not made.name.endswith(seeds))
        return {(made.type, made.name) for made in kept}

    assert structure("dev") == structure("prod") == structure("pr-7")


def test_a_fault_in_the_configuration_ends_the_program_before_anything_is_registered() -> None:
    config = configuration("dev")
    config["bulkhead:apps"] = {"api": {"replicas": 0}}
    with pytest.raises(InputError, match=r"bulkhead:apps\.api\.replicas is 0; use at least 1"):
        run_program("dev", config)
