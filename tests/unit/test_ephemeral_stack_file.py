"""Stack files of ephemeral environments: the same program and images, in small sizes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bulkhead.ephemeral import stack_file
from bulkhead.ephemeral.stack_file import SourceError, derived, read, write
from components.settings import Stack
from components.validation import parse
from tests.stacks import ROOT, configuration, run_program

PROGRAMS = (ROOT, *sorted(file.parent for file in ROOT.glob("examples/*/__main__.py")))


def dev(**more: Any) -> dict[str, Any]:
    """A stack's configuration with something of everything."""
    return {
        "bulkhead:kind": "development",
        "bulkhead:platform": "keybuzz",
        "bulkhead:images": {"api": "ghcr.io/a/api:v1", "web": "ghcr.io/a/web:v1"},
        "bulkhead:apps": {
            "api": {
                "replicas": {"min": 2, "max": 6},
                "pool": 5,
                "resources": {"requests": {"cpu": "1", "memory": "32Mi"}, "limits": {"memory": "2Gi"}},
                "variables": {"LOG": "debug"},
            }
        },
        "bulkhead:databases": {"api": {"connectionLimit": 60, "protect": True}, "web": {"protect": True}},
        "bulkhead:caches": {"api": {"replicas": 3, "memory": "1Gi", "storage": "2Gi"}},
        **more,
    }


def test_each_workload_has_one_pod_and_small_requests() -> None:
    apps = derived(dev(), "dev", seeds=True)["bulkhead:apps"]
    assert apps["api"]["replicas"] == apps["web"]["replicas"] == 1
    assert apps["api"]["resources"]["requests"] == {"cpu": "25m", "memory": "32Mi"}
    assert apps["web"]["resources"]["requests"] == {"cpu": "25m", "memory": "64Mi"}


def test_an_application_keeps_the_memory_that_it_needs_and_what_is_no_size() -> None:
    app = derived(dev(), "dev", seeds=True)["bulkhead:apps"]["api"]
    assert app["resources"]["limits"] == {"cpu": "250m", "memory": "2Gi"}
    assert (app["pool"], app["variables"]) == (5, {"LOG": "debug"})


def test_it_is_ephemeral_and_nothing_of_it_is_protected() -> None:
    found = derived(dev(), "dev", seeds=True)
    assert found["bulkhead:kind"] == "ephemeral"
    assert found["bulkhead:databases"] == {"api": {"connectionLimit": 60}}
    assert found["bulkhead:caches"] == {"api": {"replicas": 1, "memory": "64Mi", "storage": "2Gi"}}


def test_the_quota_has_room_for_every_pod_twice_and_never_more_than_before() -> None:
    assert derived(dev(), "dev", seeds=True)["bulkhead:quota"] == {"cpu": "5", "memory": "9Gi", "pods": 14}
    little = dev(**{"bulkhead:quota": {"cpu": "2", "memory": "1Gi", "pods": 5}})
    assert derived(little, "dev", seeds=True)["bulkhead:quota"] == {"cpu": "2", "memory": "1Gi", "pods": 5}


def test_seeds_are_left_out_only_when_asked() -> None:
    assert "bulkhead:seeds" not in derived(dev(), "dev", seeds=True)
    assert derived(dev(), "dev", seeds=False)["bulkhead:seeds"] is False


@pytest.mark.parametrize("kind", ["production", "ephemeral", None])
def test_only_a_stack_of_kind_development_is_a_model(kind: str | None) -> None:
    with pytest.raises(SourceError, match="use a stack of kind 'development'"):
        derived(dev(**{"bulkhead:kind": kind}), "prod", seeds=True)


def test_an_encrypted_value_is_not_carried_over() -> None:
    with pytest.raises(SourceError, match="bulkhead:x encrypted"):
        derived(dev(**{"bulkhead:x": {"secure": "v1:abc"}}), "dev", seeds=True)


@pytest.mark.parametrize("folder", PROGRAMS, ids=lambda folder: folder.name)
def test_every_program_takes_the_file_that_is_made_from_its_dev(folder: Path) -> None:
    """Its quota, connections and leases fit: the whole program runs, in each of the repository's projects."""
    config = derived(configuration("dev", folder), "dev", seeds=False)
    parse(Stack, {key.removeprefix("bulkhead:"): value for key, value in config.items()}, key="bulkhead:")
    made = run_program("pr-71", config, folder=folder)
    assert len([one for one in made if one.type.startswith("kubernetes:core/v1:Namespace")]) > 0


def test_without_seeds_no_row_is_written_and_with_them_those_of_the_program() -> None:
    """The seeds' ConfigMaps are there or not; the structure always is."""
    source = configuration("dev")
    made = {seeds: run_program("pr-71", derived(source, "dev", seeds=seeds)) for seeds in (True, False)}
    names = {seeds: {one.name for one in made[seeds]} for seeds in made}
    assert names[True] - names[False] == {"api-migration-seeds", "backend-migration-seeds"}
    assert {"api-migration-files", "backend-migration-files"} <= names[False]
    assert "demo@example.com" not in str([one.inputs for one in made[False]])
    assert "demo@example.com" in str([one.inputs for one in made[True]])


def test_a_file_is_written_whole_and_keeps_what_pulumi_put_there(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.pr-7.yaml").write_text("encryptionsalt: v1:abc\n", encoding="utf-8")
    assert read(tmp_path, "pr-7") is None
    config = derived(dev(), "dev", seeds=False)
    file = write(tmp_path, "pr-7", "dev", "bulkhead:expires", config)
    assert yaml.safe_load(file.read_text(encoding="utf-8")) == {"encryptionsalt": "v1:abc", "config": config}
    assert read(tmp_path, "pr-7") == config
    assert [one.name for one in tmp_path.iterdir()] == ["Pulumi.pr-7.yaml"]


def test_a_stack_without_a_file_has_none(tmp_path: Path) -> None:
    assert read(tmp_path, "pr-7") is None


@pytest.mark.parametrize("text", ["config: [1]", "- a", "a: b: c", "\x00"])
def test_a_file_that_is_no_stack_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=r"Pulumi\.dev\.yaml"):
        read(tmp_path, "dev")


def test_what_the_scheduler_sets_aside_is_small() -> None:
    assert stack_file.REQUESTS == {"cpu": "25m", "memory": "64Mi"}
