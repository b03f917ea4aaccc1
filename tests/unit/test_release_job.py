"""What runs once before a new version's pods."""

from dataclasses import replace
from typing import Any

import pytest

from components import InputError
from components.config_files import ConfigFiles
from components.probes import Probes
from components.release_job import ReleaseJob, release_pod, render_release
from tests.unit.test_pod import pod

MIGRATE = ReleaseJob(command=("migrate", "--all"), deadline="15m", retries=1)


def job(**more: Any) -> dict[str, Any]:
    return render_release("keybuzz-api-dev", release_pod(pod(**more), MIGRATE), MIGRATE)


def test_a_release_runs_to_its_end_in_the_applications_image() -> None:
    spec = job()["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert (container["command"], container["image"]) == (["migrate", "--all"], pod().image)
    assert (spec["activeDeadlineSeconds"], spec["backoffLimit"]) == (900, 1)
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["template"]["spec"]["serviceAccountName"] == "api"


def test_pulumi_waits_for_it_longer_than_it_may_take() -> None:
    assert int(job()["metadata"]["annotations"]["pulumi.com/timeoutSeconds"]) > 900


def test_another_image_makes_another_job_and_the_same_one_the_same() -> None:
    names = {job()["metadata"]["name"], job(image="registry.example.com/api:v2")["metadata"]["name"]}
    assert len(names) == 2
    assert job()["metadata"]["name"] in names
    assert all(name.startswith("api-release-") for name in names)


def test_another_text_of_a_file_makes_another_job_whatever_its_config_map_is_called() -> None:
    def named(text: str, config_map: str) -> str:
        files = ConfigFiles(texts={"/etc/app.yaml": text})
        return str(job(files=files, config_map=config_map)["metadata"]["name"])

    assert named("a: 1", "x") == named("a: 1", "y") != named("a: 2", "x")


def test_its_pods_count_for_no_service_and_serve_nothing() -> None:
    own = release_pod(pod(port=80, metrics_port=90, probes=Probes(), token=True), MIGRATE)
    assert own.app == "api-release"
    assert (own.port, own.metrics_port, own.probes, own.token) == (None, None, None, False)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"command": ()}, r"release\.command is \(\)"),
        ({"command": "migrate"}, "use a tuple of texts"),
        ({"deadline": "soon"}, r"release\.deadline is 'soon'"),
        ({"retries": 11}, r"release\.retries is 11; use 0 to 10"),
        ({"retries": True}, r"release\.retries is True"),
    ],
)
def test_what_cannot_run_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        replace(MIGRATE, **given)
