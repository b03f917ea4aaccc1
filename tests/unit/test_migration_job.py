"""The migration's Job and ConfigMaps: named after what they do, and without seeds where there are none."""

from dataclasses import replace
from typing import Any

import pytest

from components.environment import Environment
from components.migration_files import Migrations, SqlFile
from components.migration_job import Run, render_config_map, render_job, without_seeds
from components.migration_script import Plan
from components.pod import Pod
from components.values import Resources
from tests.making import environment
from tests.unit.test_migration_script import NAMES

FILE, SEED = SqlFile(name="0001_a.sql", text="SELECT 1;"), SqlFile(name="0001_demo.sql", text="SELECT 2;")


def run(of: Environment | None = None, **more: Any) -> Run:
    files = more.pop("migrations", Migrations(files=(FILE,), seeds=(SEED,)))
    given = {
        "environment": of or environment(),
        "namespace": "keybuzz-api-dev",
        "app": "api-migration",
        "plan": Plan(names=NAMES, migrations=files, settings=more.pop("settings", {})),
        "image": "docker.io/library/postgres:16.14",
        "sslmode": "require",
        "deadline": 1800,
        **more,
    }
    return Run(**given)


def rendered(of: Run) -> dict[str, Any]:
    pod = Pod(
        environment=of.environment,
        app=of.app,
        account=of.app,
        image=of.image,
        resources=Resources.model_validate({}),
        command=of.command,
        variables=of.variables,
        ends=True,
    )
    return render_job(of, pod)


@pytest.mark.parametrize(
    "change",
    [
        {"migrations": Migrations(files=(replace(FILE, text="SELECT 3;"),), seeds=(SEED,))},
        {"migrations": Migrations(files=(FILE,), seeds=(replace(SEED, text="SELECT 3;"),))},
        {"migrations": Migrations(files=(FILE,))},
        {"settings": {"work_mem": "8MB"}},
        {"image": "docker.io/library/postgres:17.1"},
        {"deadline": 900},
        {"sslmode": "verify-full"},
    ],
    ids=["a file", "a seed", "no seeds", "a setting", "the image", "the deadline", "sslmode"],
)
def test_each_version_has_a_name_of_its_own(change: dict[str, Any]) -> None:
    assert run(**change).name != run().name


def test_the_same_version_keeps_its_name() -> None:
    assert run().name == run().name
    assert run().name.startswith("api-migration-")
    assert len(run().name) == len("api-migration-") + 10


def test_the_job_runs_once_and_anew_only_where_it_failed() -> None:
    job = rendered(run())
    assert job["metadata"]["annotations"] == {
        "pulumi.com/replaceUnready": "true",
        "pulumi.com/timeoutSeconds": "1860",
    }
    spec = job["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (0, 1800)
    assert "ttlSecondsAfterFinished" not in spec, "it would drift"
    assert spec["template"]["spec"]["restartPolicy"] == "Never"


def test_only_a_disruption_is_no_failure() -> None:
    """The official provider takes no failure by policy for one, and would wait until its time-out."""
    (rule,) = rendered(run())["spec"]["podFailurePolicy"]["rules"]
    assert (rule["action"], rule["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")


def test_what_postgresql_said_last_is_the_errors_text() -> None:
    (container,) = rendered(run())["spec"]["template"]["spec"]["containers"]
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert container["command"] == [
        "psql",
        "--no-psqlrc",
        "--no-password",
        "--quiet",
        "--set=ON_ERROR_STOP=1",
        "--file=/migrations/migrate.sql",
    ]


def test_the_pod_reads_the_files_and_the_seeds_below_them() -> None:
    spec = rendered(run())["spec"]["template"]["spec"]
    (volume,) = (one for one in spec["volumes"] if one["name"] == "migrations")
    files, seeds = volume["projected"]["sources"]
    assert files == {"configMap": {"name": run().name}}
    items = [{"key": "0001_demo.sql", "path": "seeds/0001_demo.sql"}]
    assert seeds == {"configMap": {"name": run().seeds_name, "items": items}}


def test_without_seeds_the_job_has_no_word_of_them() -> None:
    bare = run(migrations=without_seeds(Migrations(files=(FILE,), seeds=(SEED,))))
    assert bare.seeds == {}
    assert "seed" not in str(rendered(bare))


def test_a_config_map_cannot_be_changed_while_a_job_reads_it() -> None:
    made = render_config_map(run(), run().name, run().files)
    assert made["immutable"] is True
    assert made["data"]["0001_a.sql"] == "SELECT 1;"


def test_a_session_waits_neither_for_locks_nor_for_a_client_that_is_gone() -> None:
    options = run().variables["PGOPTIONS"]
    assert "-c lock_timeout=10s" in options
    assert "-c client_connection_check_interval=5s" in options
    assert run().variables["PGTARGETSESSIONATTRS"] == "read-write"


def test_the_servers_certificate_is_checked_by_the_images_authorities() -> None:
    assert "PGSSLROOTCERT" not in run().variables
    assert run(sslmode="verify-full").variables["PGSSLROOTCERT"] == "system"
