"""The example systems, each as DEV and PROD: what its operations document asks for, as programs register it."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from components.platform import load_platform
from tests.recording import Recording
from tests.stacks import ROOT, forget_surroundings, run_program

EXAMPLES = ("minimal", "ansible-builder", "twinme")
STACKS = ("dev", "prod")
TWINME_HOSTS = [("dev", "api-dev.twinme.ai"), ("prod", "api.twinme.ai")]


@cache
def recorded(example: str, stack: str) -> Recording:
    return run_program(stack, folder=ROOT / "examples" / example)


def spec(recording: Recording, kind: str, name: str) -> Any:
    """The spec of the object of that kind and name on the cluster."""
    found = [one for one in recording.of(kind) if one.is_kubernetes and one.inputs["metadata"]["name"] == name]
    assert len(found) == 1, [one.inputs["metadata"]["name"] for one in recording.of(kind)]
    return found[0].inputs["spec"]


def container(recording: Recording, deployment: str) -> Any:
    return spec(recording, "Deployment", deployment)["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_complete_project_on_explicit_providers(example: str, stack: str) -> None:
    recording = recorded(example, stack)
    assert recording.exports()["urls"]
    managed = [one for one in recording if not (one.is_component or one.is_provider or one.is_engines)]
    assert [one.name for one in managed if not one.provider] == []


def physical_names(recording: Recording) -> set[tuple[str, str]]:
    """What two environments must not share: objects on the cluster with their namespaces, and names elsewhere."""
    objects = {
        (one.kind, f"{one.inputs['metadata'].get('namespace', '')}/{one.inputs['metadata']['name']}")
        for one in recording.objects()
    }
    others = {
        (one.kind, str(one.inputs[key]))
        for one in recording
        if not (one.is_kubernetes or one.is_component or one.is_provider)
        for key in ("path", "roleName", "name")
        if isinstance(one.inputs.get(key), str) and one.kind in {"Database", "Role", "Policy", "Mount", "SecretV2"}
    }
    return objects | others


@pytest.mark.parametrize("example", EXAMPLES)
def test_two_environments_of_a_system_share_no_physical_name(example: str) -> None:
    dev, prod = (physical_names(recorded(example, stack)) for stack in STACKS)
    assert dev
    assert not dev & prod


def test_no_two_systems_share_a_physical_name() -> None:
    seen: dict[tuple[str, str], str] = {}
    for example in EXAMPLES:
        for stack in STACKS:
            for name in physical_names(recorded(example, stack)):
                assert seen.setdefault(name, f"{example}/{stack}") == f"{example}/{stack}", name


def test_t1_three_replicas_on_port_3000_with_the_probes_and_resources_of_the_document() -> None:
    made = recorded("twinme", "prod")
    api = container(made, "twinme-api")
    live, ready = api["livenessProbe"], api["readinessProbe"]
    assert (live["httpGet"]["path"], live["initialDelaySeconds"], live["periodSeconds"]) == ("/health", 30, 10)
    assert (ready["httpGet"]["path"], ready["initialDelaySeconds"], ready["periodSeconds"]) == ("/ready", 5, 5)
    assert subset({"cpu": "250m", "memory": "256Mi"}, api["resources"]["requests"])
    assert subset({"cpu": "500m", "memory": "512Mi"}, api["resources"]["limits"])
    assert api["ports"] == [{"name": "http", "containerPort": 3000}]
    service = spec(made, "Service", "twinme-api")
    assert service["ports"][0]["port"] == 80
    assert {one.inputs["metadata"]["name"] for one in made.of("Namespace") if one.is_kubernetes} == {"twinme-prod"}


def subset(wanted: Mapping[str, str], given: Mapping[str, str]) -> bool:
    return wanted.items() <= given.items()


@pytest.mark.parametrize("stack", STACKS)
def test_t2_one_secret_has_all_six_keys_from_vault(stack: str) -> None:
    external = spec(recorded("twinme", stack), "ExternalSecret", "twinme-secrets")
    assert set(external["target"]["template"]["data"]) == {
        "database-url",
        "redis-url",
        "openai-api-key",
        "anthropic-api-key",
        "jwt-secret",
        "encryption-key",
    }
    variables = {entry["name"] for entry in container(recorded("twinme", stack), "twinme-api")["env"]}
    assert {"DATABASE_URL", "REDIS_URL", "OPENAI_API_KEY", "JWT_SECRET", "ENCRYPTION_KEY"} <= variables


@pytest.mark.parametrize(("stack", "host"), TWINME_HOSTS)
def test_t3_the_host_is_the_environment_s(stack: str, host: str) -> None:
    assert recorded("twinme", stack).exports()["urls"] == {"api": f"https://{host}"}


def specs(recording: Recording, kind: str) -> dict[str, Any]:
    """The specs of all objects of a kind, by name."""
    return {one.inputs["metadata"]["name"]: one.inputs["spec"] for one in recording.of(kind) if one.is_kubernetes}


@pytest.mark.parametrize("stack", STACKS)
def test_t3_rates_headers_compression_and_redirect_are_the_document_s(stack: str) -> None:
    assert specs(recorded("twinme", stack), "Middleware") == {
        "public-api-rate-limit-0": {"rateLimit": {"average": 100, "period": "60s", "burst": 100}},
        "public-api-rate-limit-1": {"rateLimit": {"average": 10, "period": "1s", "burst": 20}},
        "public-api-headers": {
            "headers": {
                "customResponseHeaders": {
                    "X-Frame-Options": "DENY",
                    "X-Content-Type-Options": "nosniff",
                    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
                    "Content-Security-Policy": (
                        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
                        "img-src 'self' data: https:"
                    ),
                }
            }
        },
        "public-api-compress": {"compress": {"minResponseBodyBytes": 1024, "encodings": ["gzip"]}},
        "public-api-to-https": {"redirectScheme": {"scheme": "https", "permanent": True}},
    }


@pytest.mark.parametrize("stack", STACKS)
def test_t3_tls_versions_and_time_outs_are_the_document_s(stack: str) -> None:
    made = recorded("twinme", stack)
    assert specs(made, "TLSOption") == {"public-api": {"minVersion": "VersionTLS12", "maxVersion": "VersionTLS13"}}
    assert specs(made, "ServersTransport") == {
        "public-api": {"forwardingTimeouts": {"dialTimeout": "60s", "responseHeaderTimeout": "60s"}}
    }


@pytest.mark.parametrize(("stack", "host"), TWINME_HOSTS)
def test_t3_every_rule_stands_on_the_way_to_the_application(stack: str, host: str) -> None:
    service = {"kind": "Service", "name": "twinme-api", "port": "http"}
    rule = {"kind": "Rule", "match": f"Host(`{host}`)"}
    before = ("headers", "rate-limit-0", "rate-limit-1", "compress")
    assert specs(recorded("twinme", stack), "IngressRoute") == {
        "public-api": {
            "entryPoints": ["websecure"],
            "routes": [
                {
                    **rule,
                    "middlewares": [{"name": f"public-api-{name}"} for name in before],
                    "services": [{**service, "serversTransport": "public-api"}],
                }
            ],
            "tls": {
                "secretName": "public-api-tls",
                "options": {"name": "public-api", "namespace": f"twinme-{stack}"},
            },
        },
        "public-api-http": {
            "entryPoints": ["web"],
            "routes": [{**rule, "middlewares": [{"name": "public-api-to-https"}], "services": [service]}],
        },
    }


@pytest.mark.parametrize(("stack", "host"), TWINME_HOSTS)
def test_t3_the_certificate_is_letsencrypt_s(stack: str, host: str) -> None:
    certificate = spec(recorded("twinme", stack), "Certificate", "public-api")
    issuer = {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": "letsencrypt-prod"}
    assert certificate["issuerRef"] == issuer
    assert (certificate["dnsNames"], certificate["secretName"]) == ([host], "public-api-tls")


@pytest.mark.parametrize("stack", STACKS)
def test_t4_both_extensions_are_declared(stack: str) -> None:
    made = recorded("twinme", stack)
    assert {one.inputs["name"] for one in made.of("Extension")} == {"vector", "pg_trgm"}


def test_t4_the_settings_of_the_server_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_surroundings(monkeypatch)
    platform = load_platform("twinme", ROOT / "examples" / "twinme" / "platforms")
    assert platform.postgresql.requires == {
        "max_connections": ">= 200",
        "shared_buffers": ">= 256MB",
        "log_statement": "mod",
        "log_min_duration_statement": "1000",
        "log_connections": "on",
        "log_disconnections": "on",
        "log_lock_waits": "on",
        "wal_level": "logical",
    }


@pytest.mark.parametrize("stack", STACKS)
def test_t4_the_publication_has_the_tables(stack: str) -> None:
    (made,) = [one for one in recorded("twinme", stack).of("Publication") if not one.is_component]
    assert (made.inputs["name"], made.inputs["database"]) == ("twinme_pub", f"twinme_{stack}")
    assert set(made.inputs["tables"]) == {
        "public.users",
        "public.conversations",
        "public.messages",
        "public.embeddings",
    }


@pytest.mark.parametrize("stack", STACKS)
def test_t4_the_schema_is_there_before_the_pods(stack: str) -> None:
    made = recorded("twinme", stack)
    (deployment,) = [one for one in made.of("Deployment") if one.inputs["metadata"]["name"] == "twinme-api"]
    made.require_after(deployment, *made.of("Job"))
    assert made.of("Job")


def test_t4_seeds_reach_development_and_never_production() -> None:
    (file,) = (ROOT / "examples" / "twinme" / "database" / "seeds").iterdir()
    seeds = file.read_text(encoding="utf-8")
    texts = {stack: str([one.inputs for one in recorded("twinme", stack).objects()]) for stack in STACKS}
    for text in ("INSERT INTO users", "demo@example.org", "First steps"):
        assert text in seeds
        assert text in texts["dev"]
        assert text not in texts["prod"]


def test_t5_the_cache_is_as_large_and_as_durable_as_the_document_says() -> None:
    texts = "\n".join(str(one.inputs.get("data")) for one in recorded("twinme", "prod").of("ConfigMap"))
    for line in ("maxmemory 2147483648", "maxmemory-policy allkeys-lru", "appendfsync everysec", "save 900 1"):
        assert line in texts


def test_t8_it_scales_to_ten_times_on_processor_time_and_memory() -> None:
    scaler = spec(recorded("twinme", "prod"), "HorizontalPodAutoscaler", "twinme-api")
    targets = {
        one["resource"]["name"]: one["resource"]["target"]["averageUtilization"] for one in scaler["metrics"]
    }
    assert (scaler["minReplicas"], scaler["maxReplicas"], targets) == (3, 30, {"cpu": 70, "memory": 80})


@pytest.mark.parametrize("part", ["ansible-builder-backend", "ansible-builder-frontend"])
def test_a1_two_replicas_with_their_limits(part: str) -> None:
    made = recorded("ansible-builder", "prod")
    assert spec(made, "Deployment", part)["replicas"] == 2
    assert subset({"cpu": "500m", "memory": "1Gi"}, container(made, part)["resources"]["limits"])


@pytest.mark.parametrize(("stack", "host"), [("dev", "dev.ansible-builder.coupel.net"), ("prod", "coupel.net")])
def test_a_three_paths_of_one_host_lead_to_two_applications(stack: str, host: str) -> None:
    text = str([one.inputs for one in recorded("ansible-builder", stack).objects()])
    for path in ("/ansible-builder/api", "/ansible-builder/docs", "/ansible-builder"):
        assert path in text
    assert f"'{host}'" in text


def test_a_production_s_cache_survives_the_loss_of_a_server() -> None:
    made = recorded("ansible-builder", "prod")
    (servers,) = made.of("StatefulSet")
    assert servers.inputs["spec"]["replicas"] == 3
