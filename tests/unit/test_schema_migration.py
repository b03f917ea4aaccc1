"""SchemaMigration: what it registers, in which order, and what it refuses before anything is registered."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from components import Connected
from components.errors import InputError
from components.schema_migration import SchemaMigration, SchemaMigrationArgs
from components.values import Credentials, Database
from tests.making import build, database, environment, namespace
from tests.recording import Recording, Registration

APP = "api-migration"


@cache
def sql() -> Path:
    """A database's files, with seeds."""
    folder = Path(mkdtemp(prefix="bulkhead-test-"))
    (folder / "seeds").mkdir()
    (folder / "0001_tables.sql").write_text("CREATE TABLE t ();\n")
    (folder / "seeds" / "0001_demo.sql").write_text("INSERT INTO t DEFAULT VALUES; -- seed-canary\n")
    return folder


def built(name: str = "dev", *, preview: bool = False, sslmode: str = "require", **more: Any) -> Recording:
    of = environment(name)

    def make(usual: Connected) -> None:
        postgresql = usual.platform.postgresql.model_copy(update={"sslmode": sslmode})
        connected = replace(usual, platform=usual.platform.model_copy(update={"postgresql": postgresql}))
        opens = more.pop("database", None) or database(connected, of)
        given: dict[str, Any] = {
            "environment": of,
            "database": opens,
            "namespace": namespace(connected, of),
            "credentials": Credentials(mode="dynamic" if of.is_production else "static"),
            "files": sql(),
            "seeds": sql() / "seeds",
            **more,
        }
        SchemaMigration("api", SchemaMigrationArgs(**given), connected)

    return build(make, preview=preview)


@cache
def dev() -> Recording:
    return built()


@cache
def prod() -> Recording:
    return built("prod")


BOTH: list[Callable[[], Recording]] = [dev, prod]
EITHER = pytest.mark.parametrize("made", BOTH, ids=["dev", "prod"])


def job(recording: Recording) -> Registration:
    return recording.one("Job", APP)


@EITHER
def test_the_job_waits_for_its_login_its_files_and_its_way_out(made: Callable[[], Recording]) -> None:
    recording = made()
    recording.require_after(
        job(recording),
        recording.one("ExternalSecret", f"{APP}-external-secret"),
        recording.one("ConfigMap", f"{APP}-files"),
        recording.one("NetworkPolicy", f"{APP}-egress"),
        recording.one("ServiceAccount", f"{APP}-account"),
        recording.one("Namespace", "api-namespace"),
    )


@EITHER
def test_the_login_becomes_the_owner_and_is_nothing_else(made: Callable[[], Recording]) -> None:
    recording = made()
    if recording.has("Role", f"{APP}-login"):
        login = recording.one("Role", f"{APP}-login").inputs
        assert login["name"] == "keybuzz_api_migration_login_dev"
        assert (login["roles"], login["assumeRole"]) == (["keybuzz_api_owner_dev"], "keybuzz_api_owner_dev")
        return
    lease = recording.one("SecretBackendRole", f"{APP}-lease").inputs
    statements = " ".join(lease["creationStatements"])
    assert 'IN ROLE "keybuzz_api_owner_prod"' in statements
    assert "SET role = 'keybuzz_api_owner_prod'" in statements


@EITHER
def test_a_secret_of_its_own_is_taken_once(made: Callable[[], Recording]) -> None:
    """What is leased for one version ends with its lease; between two versions nothing is leased."""
    recording = made()
    spec = recording.one("ExternalSecret", f"{APP}-external-secret").inputs["spec"]
    assert spec["refreshPolicy"] == "OnChange"
    assert "refreshInterval" not in spec
    name = job(recording).inputs["metadata"]["name"]
    assert spec["target"]["name"] == name
    assert spec["target"]["template"]["data"].keys() == {"PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD"}


@EITHER
def test_the_pod_is_restricted_and_takes_its_password_from_the_secret(made: Callable[[], Recording]) -> None:
    recording = made()
    spec = job(recording).inputs["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["limits"].keys() >= {"cpu", "memory"}
    password = next(entry for entry in container["env"] if entry["name"] == "PGPASSWORD")
    reference = {"name": job(recording).inputs["metadata"]["name"], "key": "PGPASSWORD"}
    assert password["valueFrom"] == {"secretKeyRef": reference}
    assert "generated-password" not in json.dumps(job(recording).inputs)


@EITHER
def test_it_reaches_the_write_end_point_and_names_alone(made: Callable[[], Recording]) -> None:
    policy = made().one("NetworkPolicy", f"{APP}-egress").inputs["spec"]
    assert policy["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": APP}}
    names, write = policy["egress"]
    assert write == {
        "to": [{"ipBlock": {"cidr": "10.0.0.10/32"}}],
        "ports": [{"protocol": "TCP", "port": 5432}],
    }
    assert {port["port"] for port in names["ports"]} == {53}


def test_seeds_are_nowhere_in_production() -> None:
    assert dev().one("ConfigMap", f"{APP}-seeds").inputs["data"].keys() == {"0001_demo.sql"}
    assert not prod().has("ConfigMap", f"{APP}-seeds")
    everything = json.dumps([dict(made.inputs) for made in prod() if made.is_kubernetes], default=str)
    assert "seed" not in everything


def test_production_names_the_faults_of_seeds_as_well() -> None:
    """So that a program that works for PROD works for DEV."""
    with pytest.raises(InputError, match="is no folder"):
        built("prod", seeds=sql() / "nowhere")


def test_logical_names_stay_and_the_names_on_the_cluster_change_with_the_version() -> None:
    other = built(settings={"work_mem": "8MB"})
    assert {made.urn for made in other} == {made.urn for made in dev()}
    assert job(other).inputs["metadata"]["name"] != job(dev()).inputs["metadata"]["name"]


def test_a_preview_of_the_first_update_registers_the_same() -> None:
    assert {made.urn for made in built("prod", preview=True)} == {made.urn for made in prod()}


def test_the_outputs_are_the_database_and_the_job() -> None:
    (outputs,) = [given for urn, given in prod().outputs.items() if "SchemaMigration" in urn]
    assert outputs == {"database": "keybuzz_api_prod", "job": job(prod()).inputs["metadata"]["name"]}


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("dev", {"files": Path("/nowhere")}, "'/nowhere' is no folder"),
        ("dev", {"settings": {"log_statement": "all"}}, r"settings\.log_statement"),
        ("dev", {"image": "postgres"}, r"image of api-migration is 'postgres'; use registry/repository:tag"),
        ("dev", {"image": "docker.io/library/postgres:latest"}, "moves"),
        ("dev", {"deadline": "soon"}, "deadline of api-migration is 'soon'"),
        ("dev", {"deadline": "5m"}, "use more than 300s"),
        ("prod", {"credentials": Credentials(mode="dynamic", ttl="30m")}, "use at least 1860s"),
        ("dev", {"environment": environment("prod")}, "belongs to keybuzz/dev"),
    ],
)
def test_what_cannot_be_used_is_refused(name: str, more: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        built(name, **more)


@pytest.mark.parametrize(
    ("sslmode", "more", "said"),
    [
        ("verify-ca", {}, r"sslmode is 'verify-ca', .* api-migration has no other; use image: one with psql"),
        ("verify-ca", {"image": "registry.example.com/psql:16"}, r"sslmode is 'verify-ca'"),
        ("verify-full", {}, r"image of api-migration is 'docker.io/library/postgres:.*no certificate authorities"),
    ],
)
def test_a_certificate_that_the_job_could_never_check_is_refused_at_preview(
    sslmode: str, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        built(sslmode=sslmode, **more)


def test_an_image_with_authorities_checks_the_servers_certificate() -> None:
    made = built(sslmode="verify-full", image="registry.example.com/psql:16")
    (container,) = job(made).inputs["spec"]["template"]["spec"]["containers"]
    assert {"name": "PGSSLROOTCERT", "value": "system"} in container["env"]


def test_nothing_is_registered_before_a_refusal() -> None:
    def make(connected: Any) -> None:
        of = environment()
        opens, where = database(connected, of), namespace(connected, of)
        with pytest.raises(InputError):
            SchemaMigration(
                "api",
                SchemaMigrationArgs(
                    environment=of,
                    database=opens,
                    namespace=where,
                    credentials=Credentials(mode="static"),
                    files=Path("/nowhere"),
                ),
                connected,
            )

    assert not [made for made in build(make) if "SchemaMigration" in made.urn]


def test_its_connections_are_within_the_databases_limit() -> None:
    def make(connected: Any) -> None:
        of = environment()
        opens = database(connected, of, values=Database.model_validate({"connectionLimit": 5}))
        SchemaMigration(
            "api",
            SchemaMigrationArgs(
                environment=of,
                database=opens,
                namespace=namespace(connected, of),
                credentials=Credentials(mode="static"),
                files=sql(),
            ),
            connected,
        )

    with pytest.raises(InputError, match="the migration api-migration 2"):
        build(make)
