"""Every object that the programs register, judged by kube-score and checkov: no finding but the explained ones."""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.manifests import Excepted, Finding, judged, objects
from tests.making import build, environment, namespace
from tests.stacks import ROOT, run_program

PROGRAMS = (".", "examples/minimal", "examples/ansible-builder", "examples/twinme", "tests/e2e/workloads")
"""The folders of the programs whose manifests are judged, for DEV and PROD."""

STACKS = ("dev", "prod")

EXCEPTED = (
    Excepted(
        "CKV_K8S_43",
        "*",
        "The systems promote by tags that do not move (K8, A, K10); moving ones such as latest are refused by the "
        "settings, and a digest is taken wherever a stack gives one, as TwinMe's CI does (T11).",
    ),
    Excepted(
        "CKV_K8S_35",
        "*",
        "The applications read libpq's variables and DATABASE_URL from their environment (K5, T2), and their "
        "images are not ours to change. A variable is seen by child processes and may end in a crash report, "
        "which a file is not; short leases, and rotation that rolls the pods, limit what that costs.",
    ),
    Excepted("CKV_K8S_8", "Deployment */*worker", "A worker has no port, so there is nothing to ask it at."),
    Excepted(
        "CKV_K8S_9", "Deployment */*worker", "No Service leads to a worker, so it is never ready or unready."
    ),
    Excepted(
        "CKV_K8S_8",
        "StatefulSet *-cache-redis",
        "The container beside Redis keeps its users' file up to date and serves nothing; Redis itself has probes.",
    ),
    Excepted(
        "CKV_K8S_9",
        "StatefulSet *-cache-redis",
        "The container beside Redis keeps its users' file up to date and serves nothing; Redis itself has probes.",
    ),
    Excepted(
        "CKV_K8S_38",
        "Deployment shop-*/shop-worker",
        "It declares permissions at the API server; the token is what it uses them with, and only it has one.",
    ),
    Excepted(
        "deployment-replicas",
        "Deployment *-dev/*",
        "DEV runs one pod where the stack asks for no more; production's numbers are judged without exception.",
    ),
    Excepted(
        "pod-probes-identical",
        "Deployment *",
        "Some applications answer at one path alone, as KeyBuzz's api does at /health (K11); the two probes "
        "differ in when they ask and in what follows. One that has a path for readiness is asked there (T1).",
    ),
)


@cache
def registered(folder: str, stack: str) -> list[dict[str, Any]]:
    return objects(run_program(stack, folder=ROOT / folder))


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    """What is said of all programs' stacks, which share no name and so fit on one cluster."""
    everything = [one for folder in PROGRAMS for stack in STACKS for one in registered(folder, stack)]
    return judged(everything, tmp_path_factory.mktemp("manifests"))


def test_no_object_has_an_unexplained_finding(findings: list[Finding]) -> None:
    """Both judges are content, or it is said why not."""
    assert [one for one in findings if not any(each.covers(one) for each in EXCEPTED)] == []


@pytest.mark.parametrize("excepted", EXCEPTED, ids=lambda excepted: f"{excepted.check} {excepted.things}")
def test_every_exception_is_still_needed_and_says_why(findings: list[Finding], excepted: Excepted) -> None:
    """What no longer occurs is taken from the list."""
    assert any(excepted.covers(one) for one in findings)
    assert len(excepted.reason.split()) >= 10


def test_no_two_objects_of_all_programs_are_one_on_a_cluster() -> None:
    """So judging them together hides nothing."""
    names = [
        (one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"])
        for folder in PROGRAMS
        for stack in STACKS
        for one in registered(folder, stack)
    ]
    assert len(names) == len(set(names)) > 200


@pytest.mark.parametrize("folder", PROGRAMS)
def test_every_kind_of_workload_was_judged(folder: str) -> None:
    """The files are not empty."""
    kinds = Counter(one["kind"] for one in registered(folder, "prod"))
    assert kinds["Deployment"] >= 1
    assert kinds["NetworkPolicy"] >= 3
    assert json.dumps(registered(folder, "prod")), "nothing in them is unknown"


def test_a_planted_bad_deployment_is_caught_by_both(tmp_path: Path) -> None:
    """Privileged, without limits, by a tag that moves: the judges do look."""
    home = build(lambda connected: namespace(connected, environment()))
    container = {
        "name": "bad",
        "image": "registry.example.com/bad:latest",
        "securityContext": {"privileged": True},
    }
    selector = {"app.kubernetes.io/name": "bad"}
    bad = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "bad", "namespace": "keybuzz-api-dev"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": selector},
            "template": {"metadata": {"labels": selector}, "spec": {"containers": [container]}},
        },
    }
    checks = {one.check for one in judged([*objects(home), bad], tmp_path) if "/bad" in one.thing}
    assert {"container-resources", "container-security-context-privileged", "container-image-tag"} <= checks
    assert {"CKV_K8S_16", "CKV_K8S_11", "CKV_K8S_13", "CKV_K8S_14"} <= checks
