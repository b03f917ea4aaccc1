"""Manifests: what programs register on the cluster, as files, and what kube-score and checkov say of them."""

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from sandbox.toolbox.catalogue import binary
from tests.recording import Recording

SECONDS = 240
FINE = 10
"""kube-score's grade of what it has nothing against."""

OPTIONAL = ("container-ports-check", "container-seccomp-profile")
"""kube-score's checks that are off by default; those left out want requests equal to limits."""


@dataclass(frozen=True, order=True)
class Finding:
    """Something that a judge has against an object.

    Args:
        check: the check's own name: `pod-probes`, `CKV_K8S_43`.
        thing: the object: `Deployment keybuzz-api-dev/api`.
        says: the judge's words.
    """

    check: str
    thing: str
    says: str = ""


@dataclass(frozen=True)
class Excepted:
    """A finding that is there on purpose.

    Args:
        check: the check's own name.
        things: the objects, as a pattern: `Deployment */worker`.
        reason: why it is better so.
    """

    check: str
    things: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        return self.check == finding.check and fnmatchcase(finding.thing, self.things)


def objects(recording: Recording) -> list[dict[str, Any]]:
    """All objects on the cluster, without what is said to Pulumi alone."""
    found = [dict(made.inputs) for made in recording.objects()]
    for made, one in zip(recording.objects(), found, strict=True):
        # What Pulumi names itself has the name that a recording's references have.
        one["metadata"] = {"name": f"{made.name}-id", **one["metadata"]}
    return found


def judged(things: Iterable[Mapping[str, Any]], folder: Path) -> list[Finding]:
    """What both have against these objects of one cluster.

    Args:
        things: the objects.
        folder: an empty one for the file.
    """
    file = folder / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(map(dict, things), sort_keys=False), encoding="utf-8")
    return sorted({*_kube_score(file), *_checkov(file)})


def _kube_score(file: Path) -> list[Finding]:
    options = [word for name in OPTIONAL for word in ("--enable-optional-test", name)]
    answer = _asked([str(binary("kube-score")), "score", "--output-format", "json", *options, str(file)])
    assert answer, "kube-score has looked at nothing"
    return [
        Finding(check["check"]["id"], _thing(one["type_meta"]["kind"], one["object_meta"]), _comments(check))
        for one in answer
        for check in one["checks"] or []
        if not check["skipped"] and check["grade"] < FINE
    ]


def _comments(check: Mapping[str, Any]) -> str:
    return "; ".join(f"{one['path']} {one['summary']}".strip() for one in check["comments"] or [])


def _checkov(file: Path) -> list[Finding]:
    words = [
        "--framework",
        "kubernetes",
        "--output",
        "json",
        "--compact",
        "--quiet",
        "--skip-download",
        "--soft-fail",
    ]
    answer = _asked([str(binary("checkov")), "--file", str(file), *words])
    assert answer["summary"]["resource_count"], answer["summary"]
    assert not answer["summary"]["parsing_errors"], answer["summary"]
    return [
        Finding(one["check_id"], _named(one["resource"]), one["check_name"])
        for one in answer["results"]["failed_checks"]
    ]


def _asked(command: list[str]) -> Any:
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.stdout.strip(), f"{command[0]} says nothing: {done.stderr[-2000:]}"
    return json.loads(done.stdout)


def _thing(kind: str, metadata: Mapping[str, Any]) -> str:
    return f"{kind} {metadata.get('namespace', '')}/{metadata['name']}"


def _named(resource: str) -> str:
    """Checkov's `Deployment.keybuzz-api-dev.api` in the words of this module; a pod template has more words."""
    kind, namespace, name = resource.split(".")[:3]
    return f"{kind} {namespace}/{name}"
