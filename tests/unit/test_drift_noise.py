"""The list of known noise: each entry catches what it is about, and nothing that lies beside it."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from bulkhead.drift.compare import ABSENT, Delta
from bulkhead.drift.noise import KNOWN, Sight, Surroundings, entry, judge, seconds
from tests.stacks import ROOT

NAMED = {"name": "api", "namespace": "shop-api-dev"}
AROUND = Surroundings(
    scaled={("Deployment", "shop-api-dev", "api"): (2, 6)}, delivered=frozenset({("shop-api-dev", "api")})
)
REVISION = "deployment.kubernetes.io/revision"
RELOADED = "reloader.stakater.com/last-reloaded-from"
ANNOTATIONS = ("metadata", "annotations")
TEMPLATE = ("spec", "template", "metadata", "annotations")


@dataclass(frozen=True)
class Case:
    """One difference and the entry that it is on; no entry for drift."""

    entry: str
    kind: str
    path: tuple[Any, ...]
    live: Any
    declared: Any = ABSENT
    managers: tuple[str, ...] = ("kubectl-edit",)
    more: dict[str, Any] = field(default_factory=dict)

    def judged(self) -> str:
        document = {"kind": self.kind, "metadata": NAMED, **self.more}
        delta = Delta(self.path, self.declared, self.live)
        sight = Sight(delta=delta, declared=document, managers=self.managers, around=AROUND)
        found = judge(sight)
        return found.name if found else ""


CONTROLLER = ("kube-controller-manager",)
ASKS = {"metadata": {**NAMED, "annotations": {"secret.reloader.stakater.com/reload": "db"}}}
CASES = (
    Case("revision", "Deployment", (*ANNOTATIONS, REVISION), "3", managers=CONTROLLER),
    Case("revision", "Deployment", ANNOTATIONS, {REVISION: "3"}, managers=CONTROLLER),
    Case("", "Deployment", ANNOTATIONS, {REVISION: "3", "mine": "yes"}, managers=CONTROLLER),
    Case("", "Deployment", (*ANNOTATIONS, REVISION), "3"),
    Case("", "StatefulSet", (*ANNOTATIONS, REVISION), "3", managers=CONTROLLER),
    Case("reloader", "Deployment", (*TEMPLATE, RELOADED), "{}", more=ASKS),
    Case("reloader", "Deployment", TEMPLATE, {RELOADED: "{}"}, more=ASKS),
    Case("", "Deployment", TEMPLATE, {RELOADED: "{}", "sidecar.example/inject": "true"}, more=ASKS),
    Case("", "Deployment", (*TEMPLATE, RELOADED), "{}"),
    Case("scaled", "Deployment", ("spec", "replicas"), 6, declared=1),
    Case("", "Deployment", ("spec", "replicas"), 7, declared=1),
    Case("", "Deployment", ("spec", "replicas"), 0, declared=1),
    Case("", "Deployment", ("spec", "replicas"), 3, declared=2, more={"spec": {"replicas": 2}}),
    Case("", "StatefulSet", ("spec", "replicas"), 3, declared=1),
    Case(
        "external-secrets-finalizer",
        "ExternalSecret",
        ("metadata", "finalizers"),
        ["externalsecrets.external-secrets.io/externalsecret-cleanup"],
    ),
    Case("", "ExternalSecret", ("metadata", "finalizers"), ["somebody.example/keeps-it"]),
    Case("", "Deployment", ("metadata", "finalizers"), ["x.external-secrets.io/y"]),
    Case("duration-spelling", "ExternalSecret", ("spec", "refreshInterval"), "1m0s", declared="1m"),
    Case("", "ExternalSecret", ("spec", "refreshInterval"), "1h0m0s", declared="1m"),
    Case("", "ExternalSecret", ("spec", "refreshInterval"), "0", declared="1m"),
    Case(
        "empty-template",
        "ExternalSecret",
        ("spec", "target", "template", "metadata"),
        {},
        managers=("external-secrets",),
    ),
    Case("", "ExternalSecret", ("spec", "target", "template", "metadata"), {}),
    Case(
        "",
        "ExternalSecret",
        ("spec", "target", "template", "metadata"),
        {"labels": {"a": "b"}},
        managers=("external-secrets",),
    ),
    Case("delivered-data", "Secret", ("data", "PGUSER"), "eA==", managers=("external-secrets",)),
    Case("", "Secret", ("data", "PGUSER"), "eA=="),
    Case("", "Secret", ("data", "PGUSER"), "eA==", declared="eQ==", managers=("external-secrets",)),
    Case(
        "volume-binding",
        "PersistentVolumeClaim",
        (*ANNOTATIONS, "pv.kubernetes.io/bind-completed"),
        "yes",
        managers=CONTROLLER,
    ),
    Case("", "PersistentVolumeClaim", (*ANNOTATIONS, "mine"), "yes", managers=CONTROLLER),
    Case(
        "volume-binding",
        "PersistentVolumeClaim",
        ("metadata", "finalizers"),
        ["kubernetes.io/pvc-protection"],
        managers=CONTROLLER,
    ),
    Case("provider-annotation", "Ingress", (*ANNOTATIONS, "pulumi.com/skipAwait"), ABSENT, declared="true"),
    Case("", "Ingress", (*ANNOTATIONS, "other.example/pulumi.com"), ABSENT, declared="true"),
    Case(
        "template-generation",
        "DaemonSet",
        (*ANNOTATIONS, "deprecated.daemonset.template.generation"),
        "1",
    ),
    Case("", "Role", ("rules", 0, "verbs"), ["*"], declared=["get"], managers=CONTROLLER),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind} {case.path[-1]} {case.entry or 'is drift'}")
def test_a_difference_is_judged(case: Case) -> None:
    assert case.judged() == case.entry


def test_every_entry_of_kubernetes_has_a_case() -> None:
    assert {known.name for known in KNOWN if known.path} == {case.entry for case in CASES if case.entry}


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_every_entry_has_a_day_a_reason_and_a_link(known: Any) -> None:
    assert date.fromisoformat(known.since) >= date(2026, 1, 1)
    assert known.reason.endswith(".")
    assert known.link.startswith("https://")
    assert entry(known.name) is known


def test_no_entry_takes_everything() -> None:
    assert not [known.name for known in KNOWN if known.path and known.path in {".*", ".+"}]


@pytest.mark.parametrize(
    ("text", "value"), [("1m", 60.0), ("1m0s", 60.0), ("1h30m", 5400.0), ("0", None), ("a", None), (5, None)]
)
def test_a_time_is_read_as_go_spells_it(text: Any, value: float | None) -> None:
    assert seconds(text) == value


def test_the_documentation_has_the_list() -> None:
    page = (ROOT / "docs" / "drift.md").read_text(encoding="utf-8")
    rows = {line for line in page.splitlines() if line.startswith("| ") and "[source]" in line}
    assert rows == {f"| {one.name} | {one.since} | {one.reason} [source]({one.link}) |" for one in KNOWN}
